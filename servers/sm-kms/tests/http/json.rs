//! Bodies that are no good, at every route that reads one.

use std::time::Instant;

use serde_json::json;

use crate::{
    routes::{self, Route},
    support::{Answer, LONG, Vault},
};

fn send(vault: &Vault, route: &Route, body: impl Into<Vec<u8>>) -> Answer {
    vault.send(&route.request().token(&vault.token).body(body))
}

fn writes(vault: &Vault) -> Vec<Route> {
    routes::all(vault).into_iter().chain(routes::seal()).filter(Route::writes).collect()
}

fn nested(depth: usize) -> String {
    format!("{{\"plaintext\":\"\",\"x\":{}1{}}}", "[".repeat(depth - 1), "]".repeat(depth - 1))
}

#[test]
fn a_body_that_is_no_object_is_refused_everywhere() {
    let vault = Vault::with_rings();
    for route in writes(&vault) {
        for body in [
            &b"{"[..],
            b"}",
            b"[]",
            b"[{}]",
            b"5",
            b"\"x\"",
            b"true",
            b"{}{}",
            b"{} x",
            b"{'a':1}",
            b"{a:1}",
            b"{\"a\":1,}",
            b"nul",
            b"{\"a\":NaN}",
            b"{\"a\":01}",
            b"{\"a\":\"\x01\"}",
            b"{\"a\":\"\\ud800\"}",
            b"{\"a\":\"\xff\"}",
            b"\xff\xfe{\0}\0",
            b"\xef\xbb\xbf{}",
            b"{\"\xc0\xaf\":1}",
            b"plaintext=eA==",
            b"<a/>",
            b"\0",
        ] {
            let (status, text) = send(&vault, &route, body).error();
            assert!(
                status == 400 && !text.is_empty(),
                "{} {} {body:?}: {status} {text}",
                route.method,
                route.path
            );
        }
    }
    assert!(vault.node.open().is_some(), "nothing was sealed by half a body");
    assert_eq!(vault.read("transit/keys/new").status, 404);
}

#[test]
fn a_member_named_twice_is_refused_everywhere() {
    let vault = Vault::with_rings();
    for route in writes(&vault) {
        for body in [
            r#"{"x":1,"x":1}"#,
            r#"{"plaintext":"","plaintext":"eA=="}"#,
            r#"{"plaintext":"","pl\u0061intext":"eA=="}"#,
            r#"{"batch_input":[{"plaintext":"","plaintext":""}]}"#,
            r#"{"type":"ed25519","type":"aes256-gcm96"}"#,
            r#"{"reset":false,"reset":true}"#,
        ] {
            let (status, text) = send(&vault, &route, body).error();
            assert_eq!((status, &*text), (400, "the body names a member twice"), "{} {body}", route.path);
        }
    }
}

#[test]
fn depth_beyond_32_is_refused_everywhere() {
    let vault = Vault::with_rings();
    for route in writes(&vault) {
        for body in [nested(33), nested(10_000), "[".repeat(60_000), "{\"a\":".repeat(10_000)] {
            let (status, text) = send(&vault, &route, body).error();
            assert_eq!((status, &*text), (400, "the body nests too deep"), "{}", route.path);
        }
    }
    let encrypt = vault.request("POST", "transit/encrypt/aes");
    assert_eq!(vault.send(&encrypt.body(nested(32))).status, 200);
}

/// CVE-2025-6203: a body below the limit of size that took many times its size of memory and time.
#[test]
fn a_million_small_members_are_refused_cheaply() {
    let vault = Vault::with_rings();
    let members: String = (0..1_000_000).map(|number| format!("\"{number}\":0,")).collect();
    let bodies = [
        format!("{{{members}\"plaintext\":\"\"}}"),
        format!("{{\"batch_input\":[{}{{}}]}}", "{},".repeat(1_000_000)),
        format!("{{\"x\":[{}0]}}", "0,".repeat(1_000_000)),
    ];
    let uses = ["encrypt/aes", "decrypt/aes", "rewrap/aes", "sign/ed", "verify/ed"];
    for (path, body) in uses.iter().zip(bodies.iter().cycle()) {
        let request = vault.request("POST", &format!("transit/{path}")).body(&**body);
        let begin = Instant::now();
        let (status, text) = vault.send(&request).error();
        assert_eq!((status, &*text), (400, "the body holds too many values"), "{path}");
        assert!(begin.elapsed() < LONG, "{:?}", begin.elapsed());
    }
}

#[test]
fn a_member_of_the_wrong_type_is_refused() {
    let vault = Vault::with_rings();
    let members = [
        ("transit/encrypt/aes", &["plaintext", "associated_data", "key_version", "batch_input"][..]),
        ("transit/decrypt/aes", &["ciphertext", "associated_data", "batch_input"]),
        ("transit/rewrap/aes", &["ciphertext", "key_version", "batch_input"]),
        (
            "transit/sign/ed",
            &["input", "key_version", "hash_algorithm", "prehashed", "marshaling_algorithm", "batch_input"],
        ),
        ("transit/verify/ed", &["input", "signature", "hash_algorithm", "batch_input"]),
        (
            "transit/keys/new",
            &["type", "derived", "convergent_encryption", "exportable", "allow_plaintext_backup"],
        ),
        (
            "transit/keys/aes/config",
            &["min_decryption_version", "min_encryption_version", "deletion_allowed", "exportable"],
        ),
        ("sys/init", &["secret_shares", "secret_threshold", "pgp_keys"]),
        ("sys/unseal", &["key", "passphrase", "reset"]),
        (
            "sys/slots",
            &[
                "kind",
                "label",
                "shares",
                "threshold",
                "secret",
                "passphrase",
                "memory_kib",
                "passes",
                "lanes",
            ],
        ),
        ("sys/slots/verify", &["key", "secret", "passphrase"]),
        ("sys/rotation/config", &["root_seconds", "tenant_seconds", "reseal"]),
        ("sys/reseal", &["tenant"]),
        ("sys/renew", &["again"]),
    ];
    for (path, names) in members {
        for name in names {
            for wrong in [json!({}), json!({ "a": 1 }), json!(["a"]), json!(1.5), json!([[]])] {
                let mut body = json!({ "plaintext": "", "input": "", "signature": "vault:v1:AAAA" });
                body[name] = wrong;
                assert_eq!(vault.write(path, body.clone()).error().0, 400, "{path} {body}");
            }
        }
    }
    assert_eq!(vault.read("transit/keys/new").status, 404);
}

#[test]
fn no_body_nothing_and_null_are_an_empty_object() {
    let vault = Vault::with_rings();
    let create = |body: &str| vault.send(&vault.request("POST", "transit/keys/x").body(body)).status;
    for body in ["", "{}", " {} \n", "null", " null ", " \t\r\n"] {
        assert_eq!(create(body), 200, "{body:?}");
    }
}

#[test]
fn the_content_type_of_a_request_means_nothing() {
    let vault = Vault::with_rings();
    for kind in ["application/json", "application/x-www-form-urlencoded", "text/plain; charset=utf-16", "x"] {
        let request = vault.request("POST", "transit/encrypt/aes").header("Content-Type", kind);
        assert_eq!(vault.send(&request.body(r#"{"plaintext":""}"#)).status, 200, "{kind}");
    }
}
