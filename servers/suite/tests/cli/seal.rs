//! Sealing while requests run: nothing succeeds after the answer, and no key is left in the memory of the process.

use std::{
    env, fs,
    path::Path,
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle, sleep},
    time::Duration,
};

use serde_json::{Value, json};
use strongroom_core::SystemClock;
use strongroom_sm_kms::{Node, SecretFile, listen, open_store, serve};

use crate::{
    recorder::{Recorder, recorded},
    scan::{Patterns, found},
    support::{Client, Server, argument, bare, private_file, strongroom},
};

const SECRET: [u8; 32] = *b"a secret of an unseal file, 32 b";
const RINGS: [(&str, &str); 3] = [("aes", "aes256-gcm96"), ("ed", "ed25519"), ("p256", "ecdsa-p256")];

/// Requests that are made in a loop, by several at once.
struct Users {
    sealed: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

impl Users {
    /// Some encrypt and sign, some make keys.
    fn start(server: &Server, token: &str) -> Self {
        let sealed = Arc::new(AtomicBool::new(false));
        let user = |number: usize| {
            let (client, sealed) = (server.client(token), Arc::clone(&sealed));
            thread::spawn(move || hammer(number, client, &sealed))
        };
        Self { threads: (0..8).map(user).collect(), sealed }
    }

    /// Seals. What is asked from the answer on is refused, until everybody gives up.
    fn seal(self, client: &mut Client) {
        client.good("PUT", "sys/seal", &Value::Null);
        self.sealed.store(true, Ordering::SeqCst);
        self.threads.into_iter().for_each(|thread| thread.join().unwrap());
    }
}

fn hammer(number: usize, mut client: Client, sealed: &AtomicBool) {
    let (mut refusals, mut done) = (0, 0);
    while refusals < 20 {
        let (path, body) = match (number % 2, done % 4) {
            (0, _) => used(done % 3),
            (_, 0) => (format!("transit/keys/of-{number}-{done}"), json!({ "type": RINGS[done % 3].1 })),
            (_, _) => {
                (format!("transit/keys/{}/config", RINGS[done % 3].0), json!({ "deletion_allowed": true }))
            }
        };
        let late = sealed.load(Ordering::SeqCst);
        let (status, answer) = client.ask("POST", &path, &body).unwrap();
        match status {
            200 if late => panic!("{path} after the answer: {answer}"),
            200 => done += 1,
            503 => refusals += 1,
            _ => panic!("{path}: {status} {answer}"),
        }
    }
    assert!(done > 0, "it was busy");
}

/// A use of a ring: path and body.
fn used(number: usize) -> (String, Value) {
    let (name, _) = RINGS[number];
    let (verb, member) = if number == 0 { ("encrypt", "plaintext") } else { ("sign", "input") };
    (format!("transit/{verb}/{name}"), json!({ member: "aGVsbG8=" }))
}

/// Initialises and unseals by shares; answers what was made.
fn begin(server: &Server) -> Value {
    let how = json!({ "secret_shares": 3, "secret_threshold": 2 });
    let made = server.client("").good("PUT", "sys/init", &how);
    // One share as hex, one as base64, each over a connection of its own.
    for share in [&made["keys"][0], &made["keys_base64"][2]] {
        server.client("").good("PUT", "sys/unseal", &json!({ "key": share }));
    }
    let mut client = server.client(made["root_token"].as_str().unwrap());
    for (name, kind) in RINGS {
        client.good("POST", &format!("transit/keys/{name}"), &json!({ "type": kind }));
        client.good("POST", &format!("transit/keys/{name}/rotate"), &json!({}));
    }
    made
}

/// The ways in: the secret of the file, and the shares in every form.
fn ways_in(made: &Value) -> Patterns {
    let mut patterns = Patterns::default();
    patterns.key("the secret of the file", &SECRET);
    for number in 0..3 {
        let hex = made["keys"][number].as_str().unwrap();
        let digits = hex.as_bytes().chunks(2).map(|pair| std::str::from_utf8(pair).unwrap());
        let bytes: Vec<_> = digits.map(|digits| u8::from_str_radix(digits, 16).unwrap()).collect();
        // Between the name of the slot, which is public, and the checksum.
        patterns.bytes("a share", &bytes[19..51]);
        patterns.bytes("a share in hex", &hex.as_bytes()[38..102]);
        patterns
            .bytes("a share in base64", &made["keys_base64"][number].as_str().unwrap().as_bytes()[28..68]);
    }
    patterns
}

#[test]
fn after_the_answer_nothing_succeeds_and_the_ways_in_are_forgotten() {
    let folder = tempfile::tempdir().unwrap();
    let secret = private_file(folder.path(), "secret", &SECRET);
    let mut command = strongroom();
    command.args([
        "server",
        "--insecure-http",
        "--listen",
        "127.0.0.1:0",
        "--unseal-secret",
        argument(&secret),
    ]);
    command.arg("--data").arg(folder.path().join("data"));
    let server = Server::start(command);
    let made = begin(&server);
    let token = made["root_token"].as_str().unwrap();
    let users = Users::start(&server, token);
    sleep(Duration::from_millis(300));
    users.seal(&mut server.client(token));
    let left = found(server.pid(), &ways_in(&made));
    assert!(left.is_empty(), "{left:#?}");
    // The search finds what is there: the shares again, once one waits for the next.
    server.client("").good("PUT", "sys/unseal", &json!({ "key": made["keys"][1] }));
    assert!(!found(server.pid(), &ways_in(&made)).is_empty());
}

/// Where the server that is searched has its files; only that process has this set.
const FOLDER: &str = "STRONGROOM_TEST_FOLDER";

/// The server as it is, but with primitives that tell their keys to a file.
fn watched_server(folder: &Path) {
    let provider = Arc::new(Recorder::new(&folder.join("keys")));
    let store = open_store(&folder.join("data")).unwrap();
    let secrets = vec![SecretFile::new(folder.join("secret"))];
    let node = Arc::new(Node::new(store, provider, Arc::new(SystemClock), secrets).unwrap());
    // So far there were those of the self-test, which everybody knows.
    fs::write(folder.join("keys"), "").unwrap();
    let server = listen("127.0.0.1:0".parse().unwrap(), None).unwrap();
    println!("listening address=http://{}", server.local_addr());
    serve(&node, server).unwrap();
}

/// Every key that the server made or used: of slots, roots, tenants, rings and messages, with what ciphers and
/// HMACs expand them to.
fn all_keys(folder: &Path, made: &Value) -> Patterns {
    let mut patterns = ways_in(made);
    recorded(&folder.join("keys")).iter().for_each(|(what, key)| patterns.key(what, key));
    patterns
}

#[test]
fn after_the_answer_no_key_is_left_in_memory() {
    if let Some(folder) = env::var_os(FOLDER) {
        return watched_server(Path::new(&folder));
    }
    let folder = tempfile::tempdir().unwrap();
    private_file(folder.path(), "secret", &SECRET);
    let mut command = bare(Command::new(env::current_exe().unwrap()));
    command.args(["--exact", "seal::after_the_answer_no_key_is_left_in_memory", "--nocapture"]);
    command.env(FOLDER, folder.path());
    let server = Server::start(command);
    let made = begin(&server);
    let token = made["root_token"].as_str().unwrap();
    let mut client = server.client(token);
    client.good("PUT", "sys/rotate", &Value::Null);
    client.good("PUT", "sys/rotate/root", &Value::Null);
    // Nobody changes the rings yet, so their keys stay in memory.
    (0..3).for_each(|number| drop(client.good("POST", &used(number).0, &used(number).1)));
    let before = found(server.pid(), &all_keys(folder.path(), &made));
    for kind in [
        "the key of an HMAC, inner state",  // the hierarchy
        "a random key, inner state",        // a ring that encrypts
        "a random key:",                    // the seed of Ed25519
        "a random key, as a little-endian", // the scalar of P-256
    ] {
        assert!(before.iter().any(|what| what.starts_with(kind)), "the search finds {kind}: {before:#?}");
    }
    let users = Users::start(&server, token);
    // Rewrapping is due work, which begins within a second.
    sleep(Duration::from_millis(1200));
    users.seal(&mut client);
    let left = found(server.pid(), &all_keys(folder.path(), &made));
    assert!(left.is_empty(), "{left:#?}");
}
