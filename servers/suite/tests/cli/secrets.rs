//! No secret gets into a log, an error, or the list of processes.

use std::fs;

use serde_json::{Value, json};

use crate::{
    server::Setup,
    support::{Client, Server, argument, private_file, run_with, text},
};

/// In base64, as a client sends it, and in the clear.
const PLAINTEXT: [&str; 2] = ["Y2FuYXJ5LW9mLWEtcGxhaW50ZXh0", "canary-of-a-plaintext"];
const PASSPHRASE: &str = "canary of a passphrase in words";
const SECRET: &str = "canary-of-a-secret-file-for-unsealing";

/// All that was printed, but for what `init` hands out.
#[derive(Default)]
struct Printed(String);

impl Printed {
    fn add(&mut self, output: &std::process::Output) {
        self.0 += &(text(&output.stdout) + &text(&output.stderr));
    }
}

/// Uses what there is, well and badly, with secrets in every place where one can stand.
fn use_it(setup: &Setup, server: &Server, shares: &[String], token: &str, printed: &mut Printed) {
    let damaged = shares[0].replace(['A', 'B', 'C', 'D'], "E");
    for share in [&damaged, &format!("{}x", shares[0]), &shares[0], &shares[0], &shares[1], &shares[2]] {
        printed.add(&setup.unseal(server, share));
        printed.add(&run_with(setup.operator(server, &["unseal", "--json"]), share));
    }
    for task in [&["rotate"][..], &["rotate", "--root"], &["rotate", "--json"]] {
        printed.add(&setup.with_token(server, token, task));
        printed.add(&setup.with_token(server, &format!("{token}x"), task));
        printed.add(&setup.with_token(server, &format!("{token}\n{}", shares[0]), task));
    }
    let mut client = setup.client(server, token);
    use_slots(&mut client);
    client.good("POST", "transit/keys/app", &json!({}));
    let sealed = client.good("POST", "transit/encrypt/app", &json!({ "plaintext": PLAINTEXT[0] }));
    client.good("POST", "transit/decrypt/app", &sealed);
    for (path, body) in [
        ("transit/encrypt/app", json!({ "plaintext": format!("{}!", PLAINTEXT[0]) })),
        ("transit/encrypt/app", json!({ "plaintext": [PLAINTEXT[0]] })),
        ("transit/encrypt/app", json!({ "plaintext": PLAINTEXT[0], "context": 7, "nonce": PLAINTEXT[0] })),
        ("transit/encrypt/none", json!({ "plaintext": PLAINTEXT[0] })),
        ("transit/decrypt/app", json!({ "ciphertext": PLAINTEXT[0] })),
        ("transit/keys/other", json!({ "type": PLAINTEXT[0] })),
        ("sys/unseal", json!({ "key": PLAINTEXT[0] })),
        ("sys/init", json!({ "secret_shares": PLAINTEXT[0] })),
        ("sys/unknown", json!(PLAINTEXT[0])),
    ] {
        let (status, answer) = client.ask("POST", path, &body).unwrap();
        assert!(status < 500, "{path}: {status} {answer}");
        // What was sent does not come back either.
        assert!(!answer.to_string().contains(PLAINTEXT[0]), "{answer}");
    }
    for path in ["audit/events?limit=1000", "audit/system/events?limit=1000"] {
        let told = client.good("GET", path, &Value::Null);
        assert!(!told["events"].as_array().unwrap().is_empty(), "{path}");
        printed.0 += &told.to_string();
    }
    printed.add(&setup.with_token(server, token, &["seal", "--json"]));
    client.ask("GET", "auth/token/lookup-self", &Value::Null).unwrap();
}

/// Slots of each kind, and what is wrong with them.
fn use_slots(client: &mut Client) {
    for (path, body) in [
        ("sys/slots", json!({ "kind": "passphrase", "passphrase": PASSPHRASE, "memory_kib": 8192 })),
        ("sys/slots", json!({ "kind": "passphrase", "passphrase": PASSPHRASE, "passes": 99 })),
        ("sys/slots", json!({ "kind": "secret", "secret": PLAINTEXT[0] })),
        ("sys/slots", json!({ "kind": "secret", "secret": format!("{}!", PLAINTEXT[0]) })),
        ("sys/slots/verify", json!({ "passphrase": PASSPHRASE })),
        ("sys/slots/verify", json!({ "passphrase": format!("{PASSPHRASE}-not") })),
        ("sys/slots/verify", json!({ "key": PASSPHRASE })),
        ("sys/unseal", json!({ "passphrase": PASSPHRASE })),
    ] {
        let (status, answer) = client.ask("POST", path, &body).unwrap();
        assert!(status < 500, "{path}: {status} {answer}");
        assert!(
            ![PASSPHRASE, PLAINTEXT[0]].iter().any(|secret| answer.to_string().contains(secret)),
            "{answer}"
        );
    }
}

#[test]
fn no_secret_is_printed_or_logged_or_in_the_list_of_processes() {
    for format in [&[][..], &["--log-json"]] {
        let setup = Setup::new();
        let secret = private_file(setup.folder.path(), "secret", SECRET.as_bytes());
        let mut server = setup.start(&[&["--unseal-secret", argument(&secret)], format].concat());
        let (shares, token) = setup.init(&server);
        let mut printed = Printed::default();
        use_it(&setup, &server, &shares, &token, &mut printed);
        let listed = fs::read(format!("/proc/{}/cmdline", server.pid())).unwrap();
        printed.0 += &String::from_utf8_lossy(&listed).replace('\0', " ");
        server.end();
        printed.0 += &server.said();
        assert!(
            printed.0.contains(r#""action":"rotate""#) && printed.0.contains("unsealed"),
            "{}",
            printed.0
        );
        let mut secrets =
            vec![token.strip_prefix("sr.").unwrap(), SECRET, PASSPHRASE, PLAINTEXT[0], PLAINTEXT[1]];
        // Behind the slot's name, which is public.
        secrets.extend(shares.iter().map(|share| &share[28..]));
        for secret in secrets {
            assert!(!printed.0.contains(secret), "{}", printed.0);
        }
    }
}
