//! Every secret that a route takes carries a mark, which then stands in no event, log line, metric or refusal.

use serde_json::{Value, json};

use crate::{
    events::taken,
    routes::{self, Route},
    support::{Vault, b64, log},
};

/// A text that is like no other.
const MARK: &str = "canary-Qx81";

fn marked(what: &str) -> String {
    format!("{MARK} {what} of 32 bytes or more, so that it is long enough")
}

/// A body for a route, in which whatever may be secret is marked; nothing for a route that takes no secret. A route
/// that is not named here fails the test.
fn body(route: &Route) -> Option<Vec<Value>> {
    if !route.writes() {
        return Some(vec![Value::Null]);
    }
    let path: Vec<_> = route.path.split('/').filter(|part| !part.is_empty()).collect();
    let text = || marked("text");
    let encoded = || b64(text());
    let passphrase = json!({
        "kind": "passphrase", "passphrase": text(), "memory_kib": 8192, "passes": 1, "lanes": 1,
    });
    let secret = json!({ "kind": "secret", "secret": encoded() });
    Some(match path[..] {
        ["sys", "unseal"] => vec![json!({ "key": text() }), json!({ "passphrase": text() })],
        ["sys", "slots"] | ["sys", "slots", _, "replace"] => vec![passphrase, secret],
        ["sys", "slots", "verify"] => {
            vec![
                json!({ "secret": encoded() }),
                json!({ "passphrase": text() }),
                json!({ "shares": [text()] }),
            ]
        }
        ["audit", "events"] => {
            let event = json!({ "service": "kms", "action": text(), "resource": text() });
            vec![
                json!({ "producer": text(), "number": 1, "events": [event] }),
                json!({ "producer": "0e".repeat(16), "number": 1, "events": [event] }),
            ]
        }
        ["audit", "producer", _] => vec![
            json!({ "services": [text()] }),
            json!({ "services": ["kms"], "actor": text() }),
            json!({ "services": ["kms"], "secret": text() }),
        ],
        ["audit", consistency] if consistency.starts_with("consistency") => {
            vec![json!({ "checkpoint": text() })]
        }
        ["sys", "audit-hash", _] => vec![json!({ "input": text() })],
        ["sys", "slots", _, "confirm"] => vec![json!({ "key": text() })],
        ["transit", "keys", _, "import" | "import_version"] => {
            vec![json!({ "public_key": text(), "type": "ed25519" }), json!({ "ciphertext": encoded() })]
        }
        ["transit", "restore", ..] => vec![json!({ "backup": encoded() })],
        ["transit", "encrypt", _] => vec![
            json!({ "plaintext": encoded(), "associated_data": encoded()}),
            json!({ "batch_input": [{ "plaintext": encoded()}, { "plaintext": text() }] }),
        ],
        ["transit", "decrypt" | "rewrap", _] => vec![
            json!({ "ciphertext": route.body["ciphertext"], "associated_data": encoded() }),
            json!({ "ciphertext": format!("vault:v1:{}", encoded()) }),
        ],
        ["transit", "sign" | "hmac" | "cmac" | "hash", ..] => {
            vec![json!({ "input": encoded() }), json!({ "batch_input": [{ "input": encoded() }] })]
        }
        ["transit", "datakey", ..] => {
            vec![json!({ "context": encoded() }), json!({ "associated_data": encoded() })]
        }
        ["transit", "agree", _] => {
            vec![json!({ "peer_public_key": encoded() }), json!({ "peer_public_key": text() })]
        }
        ["transit", "decapsulate", _] => {
            vec![route.body.clone(), json!({ "ciphertext": format!("vault:v1:{}", encoded()) })]
        }
        ["transit", "derive", _] => vec![json!({ "label": encoded(), "context": encoded() })],
        ["transit", "verify", ..] => {
            vec![
                json!({ "input": encoded(), "signature": route.body["signature"] }),
                json!({ "input": encoded(), "signature": text() }),
                json!({ "input": encoded(), "hmac": format!("vault:v1:{}", encoded()) }),
                json!({ "input": encoded(), "cmac": text() }),
            ]
        }
        // What these take is a name, a number, an id or nothing: the mark comes as a member that nobody asked for.
        ["sys", "init" | "rotate" | "reseal" | "scrub" | "renew" | "backup" | "seal"]
        | ["sys", "audit", _]
        | ["audit", "retention" | "prune"]
        | ["audit", "hold", _]
        | ["sys", "rotate", "keyring" | "root"]
        | ["sys", "rotation", "config"]
        | ["sys", "slots", _]
        | ["sys", "slots", _, "cancel"]
        | ["sys", "tenants", _, "shred"]
        | ["transit", "keys", _]
        | [
            "transit",
            "keys",
            _,
            "rotate"
            | "config"
            | "disable"
            | "enable"
            | "soft-delete-restore"
            | "trim"
            | "schedule-deletion"
            | "cancel-deletion",
        ]
        | ["transit", "keys", _, "versions", ..]
        | ["transit", "cache-config" | "random" | "encapsulate", ..]
        | ["transit", "config", "keys"] => {
            let mut body = if route.body.is_object() { route.body.clone() } else { json!({}) };
            body["secret"] = json!(encoded());
            body["passphrase"] = json!(text());
            vec![body]
        }
        _ => return None,
    })
}

fn check(place: &str, text: &str) {
    let hex: String = MARK.bytes().map(|byte| format!("{byte:02x}")).collect();
    // In base64 a mark at the front has these letters, whatever follows.
    let front = &b64(marked(""))[..14];
    for spelling in [MARK, &hex, front] {
        assert!(!text.contains(spelling), "{spelling} in {place}: {text}");
    }
}

#[test]
fn what_a_route_takes_as_a_secret_is_in_no_event_no_log_no_metric_and_no_refusal() {
    let vault = Vault::with_rings();
    let routes = routes::all(&vault).into_iter().chain(routes::seal());
    let (mut sent, mut seen) = (0, Vec::new());
    vault.decrypt("aes", &vault.encrypt("aes", &marked("kept"))).data();
    for route in routes {
        let bodies =
            body(&route).unwrap_or_else(|| panic!("a route without a row: {} {}", route.method, route.path));
        for body in bodies {
            let with = |token: &str| {
                let request = crate::support::Request::new(route.method, &route.path).token(token);
                if body.is_null() { request } else { request.json(&body) }
            };
            for token in [marked("token").replace(' ', "-"), vault.token.clone()] {
                let answer = vault.send(&with(&token));
                if answer.status >= 400 {
                    check(&route.path, &format!("{}{}", answer.head, answer.text()));
                }
                sent += 1;
            }
        }
        if vault.node.open().is_none() {
            // The shares were replaced by then; a slot with this passphrase was added.
            let opened = vault.anyone("PUT", "sys/unseal", json!({ "passphrase": marked("text") }));
            assert_eq!(opened.status, 200);
        }
        seen.extend(taken(&vault));
    }
    assert!(sent > 150 && seen.len() > 70, "{sent} requests, {} events", seen.len());
    for event in seen {
        check("an event", &format!("{event:?}"));
        check("an event", &String::from_utf8_lossy(&event.to_bytes().unwrap()));
    }
    vault.node.tend();
    check("the log", &log().text());
    check("the metrics", &vault.metrics.render());
}

#[test]
fn the_mark_would_be_found() {
    for text in [marked("x"), b64(marked("x"))] {
        assert!(std::panic::catch_unwind(|| check("here", &text)).is_err());
    }
}
