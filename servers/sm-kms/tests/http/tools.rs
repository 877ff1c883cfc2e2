//! `transit/random`, `transit/hash` and the settings for all keys.

use serde_json::{Value, json};

use crate::support::{Vault, b64};

#[test]
fn random_bytes_come_in_the_length_and_the_form_that_is_asked_for_and_never_twice() {
    let vault = Vault::open();
    let ask = |path: &str, body: Value| {
        let answer = vault.write(&format!("transit/random{path}"), body).data();
        answer["random_bytes"].as_str().unwrap().to_owned()
    };
    for (path, body, length) in [
        ("", Value::Null, 44),
        ("", json!({ "bytes": "16" }), 24),
        ("/16", json!({ "bytes": 1 }), 24),
        ("/platform", json!({ "bytes": 1 }), 4),
        ("/seal/2", json!({ "format": "base64" }), 4),
        ("/all/2", json!({ "format": "hex" }), 4),
        ("", json!({ "bytes": 3, "format": "hex", "source": "all" }), 6),
        ("/131072", json!({ "format": "hex" }), 262_144),
    ] {
        let text = ask(path, body.clone());
        assert_eq!(text.len(), length, "{path} {body}");
        if body["format"] == "hex" {
            assert!(text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')), "{text}");
        }
    }
    assert_ne!(ask("", Value::Null), ask("", Value::Null));
}

#[test]
fn no_more_random_bytes_are_given_than_the_bound() {
    let vault = Vault::open();
    for (path, body) in [
        ("/0", Value::Null),
        ("/131073", Value::Null),
        ("/-1", Value::Null),
        ("/x", Value::Null),
        ("/99999999999999999999999", Value::Null),
        ("/vacuum/8", Value::Null),
        ("", json!({ "bytes": 0 })),
        ("", json!({ "bytes": -1 })),
        ("", json!({ "bytes": 131_073 })),
        ("", json!({ "bytes": i64::MAX })),
        ("", json!({ "bytes": "x" })),
        ("", json!({ "format": "binary" })),
        ("", json!({ "source": "vacuum" })),
    ] {
        assert_eq!(
            vault.write(&format!("transit/random{path}"), body.clone()).error().0,
            400,
            "{path} {body}"
        );
    }
}

/// The digests of "abc" from the examples of FIPS 180-4 and FIPS 202.
#[test]
fn hashes_are_those_of_the_standards() {
    let vault = Vault::open();
    let sum =
        |path: &str, body: Value| vault.write(&format!("transit/hash{path}"), body).data()["sum"].clone();
    let sha256 = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    let sha3_256 = "3a985da74fe225b2045c172d6bd390bd855f086e3e9d525b46bfe24511431532";
    let abc = b64("abc");
    assert_eq!(sum("", json!({ "input": abc })), json!(sha256));
    assert_eq!(sum("/sha3-256", json!({ "input": abc, "algorithm": "sha2-512" })), json!(sha3_256));
    assert_eq!(sum("", json!({ "input": abc, "algorithm": "sha3-256" })), json!(sha3_256));
    let base64 = sum("/sha2-256", json!({ "input": abc, "format": "base64" }));
    assert_eq!(base64, json!("ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0="));
    for (name, length) in [
        ("sha2-224", 56),
        ("sha2-384", 96),
        ("sha2-512", 128),
        ("sha3-224", 56),
        ("sha3-384", 96),
        ("sha3-512", 128),
    ] {
        let sum = sum(&format!("/{name}"), json!({ "input": abc }));
        assert_eq!(sum.as_str().unwrap().len(), length, "{name}");
    }
    for (path, body) in [
        ("/sha1", json!({ "input": abc })),
        ("/md5", json!({ "input": abc })),
        ("/none", json!({ "input": abc })),
        ("", json!({ "input": abc, "algorithm": "SHA2-256" })),
        ("", json!({ "input": "!!" })),
        ("", json!({})),
        ("", json!({ "input": abc, "format": "x" })),
    ] {
        assert_eq!(vault.write(&format!("transit/hash{path}"), body.clone()).error().0, 400, "{path} {body}");
    }
}

#[test]
fn settings_for_all_keys_say_what_holds_and_refuse_the_rest() {
    let vault = Vault::open();
    for (path, holds, other) in [
        ("transit/cache-config", json!({ "size": 0 }), json!({ "size": 100 })),
        ("transit/config/keys", json!({ "disable_upsert": true }), json!({ "disable_upsert": false })),
    ] {
        assert_eq!(vault.read(path).data(), holds);
        assert_eq!(vault.write(path, holds.clone()).data(), holds);
        assert_eq!(vault.write(path, Value::Null).data(), holds);
        assert_eq!(vault.write(path, other).error().0, 400, "{path}");
    }
}
