//! Canaries: what was sent as a secret stands in no error answer and in no log.

use std::sync::Arc;

use serde_json::{Value, json};
use strongroom_core::{
    Store,
    fault::{Fault, FaultStore},
    memory::MemoryStore,
};

use crate::{
    routes::{self, Route},
    support::{Answer, Request, Vault, b64, log},
};

/// A secret that is like no other text.
struct Canary(String);

impl Canary {
    fn new(name: &str) -> Self {
        Self(format!("canary-{name}-7f3a9c"))
    }

    /// Its spellings.
    fn all(&self) -> [String; 3] {
        let hex = self.0.bytes().map(|byte| format!("{byte:02x}")).collect();
        [self.0.clone(), b64(&self.0), hex]
    }

    fn check(&self, place: &str, text: &str) {
        for spelling in self.all() {
            assert!(!text.contains(&spelling), "{spelling} in {place}: {text}");
        }
    }
}

fn all(vault: &Vault) -> Vec<Route> {
    routes::all(vault).into_iter().chain(routes::seal()).collect()
}

fn check(canary: &Canary, route: &Route, answer: &Answer) {
    assert!(answer.status >= 400, "{} {} {}", route.method, route.path, answer.status);
    canary.check(&format!("{} {}", route.method, route.path), &format!("{}{}", answer.head, answer.text()));
}

#[test]
fn a_wrong_token_is_never_echoed() {
    let canary = Canary::new("token");
    for vault in [Vault::bare(), Vault::sealed(), Vault::with_rings()] {
        for route in all(&vault) {
            for request in [
                route.request().token(&canary.0),
                route.request().header("Authorization", &format!("Bearer {}", canary.0)),
                route.request().token(&canary.0).header("Authorization", "Bearer other"),
                route.request().token(&canary.0).token(&canary.0),
                route.request().header("X-Vault-Namespace", &canary.0),
            ] {
                let answer = vault.send(&request);
                canary.check(&route.path, &format!("{}{}", answer.head, answer.text()));
            }
        }
        vault.node.tend();
    }
    canary.check("the log", &log().text());
}

/// CVE-2025-4166 and CVE-2025-52893: a malformed body was quoted in the answer and in the log.
#[test]
fn a_body_that_is_refused_is_never_echoed() {
    let canary = Canary::new("body");
    let (text, encoded) = (&canary.0, b64(&canary.0));
    let vault = Vault::with_rings();
    for route in all(&vault).into_iter().filter(Route::writes) {
        for body in [
            format!("{{\"plaintext\":\"{text}"),
            format!("{{\"plaintext\":\"{encoded}\""),
            format!("{{\"plaintext\": {text}}}"),
            format!("{{\"{text}\":1,\"{text}\":2}}"),
            format!("{{\"plaintext\":\"{encoded}\",\"plaintext\":\"{encoded}\"}}"),
            format!("[\"{text}\"]"),
            format!("\"{text}\""),
            text.clone(),
            format!("{{\"x\":{}\"{text}\"{}}}", "[".repeat(40), "]".repeat(40)),
            format!("{{\"plaintext\":\"\\{text}\"}}"),
        ] {
            check(&canary, &route, &vault.send(&route.request().token(&vault.token).body(body)));
        }
        let raw = [b"{\"plaintext\":\"\xff", text.as_bytes()].concat();
        check(&canary, &route, &vault.send(&route.request().token(&vault.token).body(raw)));
    }
    canary.check("the log", &log().text());
}

#[test]
fn a_member_that_is_refused_is_never_echoed() {
    let canary = Canary::new("member");
    let vault = Vault::with_rings();
    let (text, encoded) = (json!(canary.0), json!(b64(&canary.0)));
    let (bad, items) = (json!(["x"]), |item: Value| json!({ "batch_input": [item] }));
    for (path, body) in [
        ("transit/encrypt/aes", json!({ "plaintext": text })),
        ("transit/encrypt/aes", json!({ "plaintext": encoded, "associated_data": text })),
        ("transit/encrypt/aes", json!({ "plaintext": encoded, "key_version": 99 })),
        ("transit/encrypt/aes", json!({ "plaintext": encoded, "key_version": text })),
        ("transit/encrypt/aes", json!({ "plaintext": encoded, "nonce": text })),
        ("transit/encrypt/aes", json!({ "plaintext": encoded, "context": encoded })),
        ("transit/encrypt/ed", json!({ "plaintext": encoded })),
        ("transit/encrypt/none", json!({ "plaintext": encoded })),
        ("transit/encrypt/aes", json!({ "plaintext": [encoded] })),
        ("transit/encrypt/aes", items(json!({ "plaintext": text }))),
        ("transit/encrypt/aes", items(json!({ "plaintext": encoded, "key_version": 99 }))),
        ("transit/encrypt/aes", items(text.clone())),
        ("transit/decrypt/aes", json!({ "ciphertext": text })),
        ("transit/decrypt/aes", json!({ "ciphertext": format!("vault:v1:{}", b64(&canary.0)) })),
        ("transit/decrypt/aes", items(json!({ "ciphertext": text }))),
        ("transit/rewrap/aes", json!({ "ciphertext": text })),
        ("transit/sign/ed", json!({ "input": text })),
        ("transit/sign/ed", json!({ "input": encoded, "hash_algorithm": text })),
        ("transit/sign/ed", json!({ "input": encoded, "marshaling_algorithm": text })),
        ("transit/sign/aes", json!({ "input": encoded })),
        ("transit/verify/ed", json!({ "input": encoded, "signature": text })),
        ("transit/verify/ed", json!({ "input": encoded, "signature": bad })),
        ("transit/keys/new", json!({ "type": text })),
        ("transit/keys/aes/config", json!({ "min_decryption_version": text })),
        ("transit/keys/aes/config", json!({ "auto_rotate_period": text })),
        ("sys/init", json!({ "secret_shares": text })),
        ("sys/init", json!({ "pgp_keys": [text], "secret_shares": 1, "secret_threshold": 1 })),
        ("sys/unseal", json!({ "reset": text })),
        ("sys/slots", json!({ "kind": text })),
        ("sys/slots", json!({ "kind": "secret", "secret": text })),
        ("sys/slots", json!({ "kind": "secret", "secret": encoded })),
        ("sys/slots", json!({ "kind": "secret", "secret": b64([7; 32]), "label": format!("{}!", canary.0) })),
        ("sys/slots", json!({ "kind": "passphrase", "passphrase": [text] })),
        ("sys/slots", json!({ "kind": "passphrase", "passphrase": text, "lanes": 99 })),
        ("sys/slots", json!({ "kind": "shamir", "shares": text })),
        ("sys/slots/verify", json!({ "key": text })),
        ("sys/slots/verify", json!({ "shares": [text] })),
        ("sys/slots/verify", json!({ "passphrase": text })),
        ("sys/slots/verify", json!({ "passphrase": text, "secret": encoded })),
        ("sys/rotation/config", json!({ "root_seconds": text })),
        ("sys/reseal", json!({ "tenant": text })),
        ("sys/renew", json!({ "again": text })),
    ] {
        let answer = vault.write(path, body.clone());
        assert!(
            answer.status >= 400 || path.contains("decrypt") || body["batch_input"].is_array(),
            "{path} {body}"
        );
        canary.check(path, answer.text());
    }
    canary.check("the log", &log().text());
}

#[test]
fn a_path_or_a_query_is_never_echoed() {
    let canary = Canary::new("path");
    let vault = Vault::with_rings();
    let text = &canary.0;
    for path in [
        text.clone(),
        format!("transit/{text}"),
        format!("transit/keys/{text}!"),
        format!("transit/keys/{text}"),
        format!("transit/keys/aes/{text}"),
        format!("transit/sign/ed/{text}"),
        format!("transit/keys/{text}//x"),
        format!("transit/keys?list={text}"),
        format!("transit/keys?list=true&limit={text}"),
        format!("transit/keys?list=true&after={text}!"),
        format!("sys/health?activecode={text}"),
        format!("sys/internal/ui/mounts/{text}"),
        format!("sys/slots/{text}"),
        format!("sys/slots/{text}/confirm"),
        format!("sys/renew/{text}"),
        format!("sys/tenants/{text}/shred"),
        format!("sys/backup/{text}"),
        format!("/{text}"),
    ] {
        for method in ["GET", "POST", "DELETE", "FOO"] {
            for token in [&*vault.token, "wrong"] {
                let request = Request::new(method, &path).token(token).json(&json!({ "type": "x" }));
                let answer = vault.send(&request);
                assert!(answer.status >= 400, "{method} {path} {}", answer.status);
                canary.check(&path, &format!("{}{}", answer.head, answer.text()));
            }
        }
    }
    canary.check("the log", &log().text());
}

#[test]
fn a_share_is_never_echoed() {
    let (vault, other) = (Vault::sealed(), Vault::sealed());
    let cut = &vault.hex[0][..vault.hex[0].len() - 2];
    let swapped = vault.shares[0].replacen(|letter: char| letter.is_ascii_lowercase(), "Q", 1);
    for share in [cut, &swapped, &other.shares[0], &other.hex[1], &format!("{}!", vault.shares[1])] {
        for body in [json!({ "key": share }), json!({ "key": [share] }), json!({ "reset": share })] {
            let answer = vault.anyone("PUT", "sys/unseal", body);
            assert!(answer.status == 400 && !answer.text().contains(share), "{}", answer.text());
        }
    }
    vault.unseal();
    for share in vault.shares.iter().chain(&vault.hex) {
        assert!(!vault.anyone("GET", "sys/seal-status", Value::Null).text().contains(share));
        assert!(!log().text().contains(share), "a share in the log");
    }
}

#[test]
fn what_works_writes_no_secret_to_the_log_and_to_no_public_text() {
    let canary = Canary::new("plaintext");
    let vault = Vault::with_rings();
    let ciphertext = vault.encrypt("aes", &canary.0);
    vault.decrypt("aes", &ciphertext).data();
    vault.sign("ed", &canary.0);
    vault.write(
        "transit/encrypt/aes",
        json!({ "batch_input": [{ "plaintext": b64(&canary.0), "reference": canary.0 }] }),
    );
    vault.write("transit/keys/logged-ring", Value::Null);
    for route in all(&vault) {
        vault.send(&route.request().token(&vault.token));
    }
    vault.node.tend();
    vault.unseal();
    vault.node.tend();
    tracing::info!("here it is");
    let text = log().text();
    assert!(text.contains("here it is"), "the log is there: {text}");
    canary.check("the log", &text);
    for secret in [&vault.token, &ciphertext].into_iter().chain(&vault.shares).chain(&vault.hex) {
        assert!(!text.contains(secret.as_str()), "{secret} in the log");
    }
    for public in [format!("{:?}", vault.node), format!("{:?}", vault.node.open())] {
        assert!(!public.contains(&vault.token) && public.len() < 200, "{public}");
    }
}

/// COSMIAN-2026-013: a failure inside was told to the caller.
#[test]
fn a_store_that_fails_tells_the_caller_nothing() {
    let canary = Canary::new("failing");
    let prepare = |at: u64| {
        let faulty = Arc::new(FaultStore::new(Arc::new(MemoryStore::new()), Fault::Crash, at));
        let vault = Vault::over(Arc::clone(&faulty) as Arc<dyn Store>).initialized();
        vault.unseal();
        for (name, kind) in [("aes", "aes256-gcm96"), ("ed", "ed25519"), ("p256", "ecdsa-p256")] {
            assert_eq!(vault.write(&format!("transit/keys/{name}"), json!({ "type": kind })).status, 200);
        }
        let operations = faulty.operations();
        (vault, operations)
    };
    let (_, operations) = prepare(u64::MAX);
    let (vault, _) = prepare(operations);
    let mut failed = 0;
    for path in [
        "transit/keys/other",
        "transit/keys/aes/rotate",
        "transit/keys/aes/disable",
        "sys/rotate",
        "sys/rotate/root",
    ] {
        let answer = vault.send(&vault.request("POST", path).header("X-Canary", &canary.0));
        let (status, text) = answer.error();
        assert!(matches!(status, 500 | 503), "{path} {status}");
        assert!(text == "internal error: see the server's log" || status == 503, "{path} {text}");
        failed += usize::from(status == 500);
        canary.check(path, answer.text());
    }
    let wrong = vault.send(&Request::new("GET", "sys/mounts").token(&canary.0));
    assert_eq!(wrong.error(), (500, "internal error: see the server's log".into()), "not known is not good");
    assert!(failed > 0);
    assert!(log().text().contains("a fault that the test asked for"), "the cause is in the log");
    canary.check("the log", &log().text());
    assert!(!log().text().contains(&vault.token));
}

/// COSMIAN-2026-015: a key in the clear was written back to the store.
#[test]
fn nothing_secret_lies_in_the_store_after_any_request() {
    let canary = Canary::new("store");
    let store = Arc::new(MemoryStore::new());
    let vault = Vault::over(Arc::clone(&store) as Arc<dyn Store>).initialized();
    vault.unseal();
    for (name, kind) in [("aes", "aes256-gcm96"), ("ed", "ed25519"), ("p256", "ecdsa-p256")] {
        vault.write(&format!("transit/keys/{name}"), json!({ "type": kind }));
    }
    vault.decrypt("aes", &vault.encrypt("aes", &canary.0)).data();
    vault.sign("ed", &canary.0);
    for route in routes::all(&vault) {
        vault.send(&route.request().token(&vault.token));
        vault.node.tend();
    }
    let texts = [&vault.token].into_iter().chain(&vault.shares).chain(&vault.hex).cloned();
    let rows = store.dump();
    assert!(rows.len() > 5);
    for secret in texts.chain(canary.all()) {
        let bare = base64_of(&secret).unwrap_or_else(|| secret.clone().into_bytes());
        for (key, value) in &rows {
            for place in [key, value] {
                assert!(
                    !contains(place, secret.as_bytes()) && !contains(place, &bare),
                    "{secret} in the store"
                );
            }
        }
    }
}

fn base64_of(text: &str) -> Option<Vec<u8>> {
    use base64::{Engine, engine::general_purpose::STANDARD};
    STANDARD.decode(text).ok()
}

fn contains(place: &[u8], bytes: &[u8]) -> bool {
    place.windows(bytes.len()).any(|window| window == bytes)
}
