//! Derived rings: every operation has a context.

use serde_json::{Value, json};

use crate::support::{Vault, b64};

fn derived(vault: &Vault, name: &str, body: Value) {
    let mut body = body;
    body["derived"] = json!(true);
    let shown = vault.write(&format!("transit/keys/{name}"), body).data();
    assert_eq!(shown["derived"], json!(true));
}

fn encrypt(vault: &Vault, name: &str, context: &str, data: &str) -> Value {
    let body = json!({ "plaintext": b64("x"), "context": b64(context), "associated_data": b64(data) });
    vault.write(&format!("transit/encrypt/{name}"), body).data()["ciphertext"].clone()
}

const KINDS: [&str; 4] = ["aes256-gcm96", "aes128-gcm96", "xchacha20-poly1305", "aes256-siv"];

#[test]
fn a_ciphertext_of_one_context_does_not_open_under_another_nor_without() {
    let vault = Vault::open();
    for kind in KINDS {
        derived(&vault, kind, json!({ "type": kind }));
        let ciphertext = encrypt(&vault, kind, "user 7", "row");
        let open = |body: Value| {
            let mut body = body;
            body["ciphertext"] = ciphertext.clone();
            let [opened, moved] = ["decrypt", "rewrap"]
                .map(|verb| vault.write(&format!("transit/{verb}/{kind}"), body.clone()).status);
            assert_eq!(opened, moved, "{kind} {body}");
            opened
        };
        assert_eq!(open(json!({ "context": b64("user 7"), "associated_data": b64("row") })), 200);
        for wrong in [
            json!({ "context": b64("user 8"), "associated_data": b64("row") }),
            json!({ "context": b64("user 7") }),
            // The same bytes, cut elsewhere.
            json!({ "context": b64("user 7r"), "associated_data": b64("ow") }),
            json!({ "context": b64("user 7row") }),
            json!({ "context": "", "associated_data": b64("row") }),
            json!({ "associated_data": b64("row") }),
            json!({ "context": "!!" }),
            json!({}),
        ] {
            assert_eq!(open(wrong.clone()), 400, "{kind} {wrong}");
        }
    }
}

#[test]
fn without_a_context_a_derived_ring_makes_nothing() {
    let vault = Vault::open();
    for kind in KINDS {
        derived(&vault, kind, json!({ "type": kind }));
        for (path, body) in [
            (format!("encrypt/{kind}"), json!({ "plaintext": b64("x") })),
            (format!("encrypt/{kind}"), json!({ "plaintext": b64("x"), "associated_data": b64("a") })),
            (format!("datakey/wrapped/{kind}"), json!({})),
        ] {
            let (status, text) = vault.write(&format!("transit/{path}"), body).error();
            assert!(status == 400 && text.contains("context"), "{path} {text}");
        }
        let batch = json!({ "batch_input": [{ "plaintext": "", "context": b64("c") }, { "plaintext": "" }] });
        assert_eq!(vault.write(&format!("transit/encrypt/{kind}"), batch).status, 400);
        let key =
            vault.write(&format!("transit/datakey/plaintext/{kind}"), json!({ "context": b64("c") })).data();
        let body = json!({ "ciphertext": key["ciphertext"], "context": b64("c") });
        let opened = vault.write(&format!("transit/decrypt/{kind}"), body).data();
        assert_eq!(opened["plaintext"], key["plaintext"]);
    }
}

#[test]
fn convergent_encryption_repeats_itself_for_one_context_and_version_only() {
    let vault = Vault::open();
    derived(&vault, "siv", json!({ "convergent_encryption": true }));
    derived(&vault, "gcm", json!({}));
    let shown = vault.read("transit/keys/siv").data();
    assert_eq!((&shown["type"], &shown["convergent_encryption"]), (&json!("aes256-siv"), &json!(true)));
    let one = encrypt(&vault, "siv", "c", "");
    assert_eq!(one, encrypt(&vault, "siv", "c", ""));
    assert_ne!(one, encrypt(&vault, "siv", "d", ""));
    assert_ne!(one, encrypt(&vault, "siv", "c", "d"));
    assert_ne!(encrypt(&vault, "gcm", "c", ""), encrypt(&vault, "gcm", "c", ""));
    vault.write("transit/keys/siv/rotate", Value::Null);
    assert_ne!(one, encrypt(&vault, "siv", "c", ""));
    let again = vault.write("transit/keys/siv", json!({ "convergent_encryption": true, "derived": true }));
    assert_eq!(again.data()["latest_version"], json!(2));
    assert_eq!(vault.write("transit/keys/siv", json!({ "type": "aes256-siv" })).error().0, 400);
}
