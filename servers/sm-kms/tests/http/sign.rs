//! `transit/sign` and `verify`.

use serde_json::{Value, json};

use crate::support::{Vault, b64};

fn valid(vault: &Vault, path: &str, body: &Value) -> Value {
    vault.write(&format!("transit/verify/{path}"), body.clone()).data()["valid"].clone()
}

#[test]
fn a_signature_verifies_its_message_and_no_other() {
    let vault = Vault::with_rings();
    vault.write("transit/keys/ed2", json!({ "type": "ed25519" }));
    for name in ["ed", "p256"] {
        let signature = vault.sign(name, "message");
        assert!(signature.starts_with("vault:v1:"));
        assert_eq!(vault.verify(name, "message", &signature).data(), json!({ "valid": true }));
        for other in ["", "messages", "Message"] {
            assert_eq!(vault.verify(name, other, &signature).data(), json!({ "valid": false }));
        }
    }
    let signature = vault.sign("ed", "message");
    assert_eq!(vault.verify("ed2", "message", &signature).data(), json!({ "valid": false }));
}

#[test]
fn a_signature_that_is_none_is_refused() {
    let vault = Vault::with_rings();
    for name in ["ed", "p256"] {
        let good = vault.sign(name, "message");
        let body = good.strip_prefix("vault:v1:").unwrap();
        for wrong in [
            "",
            "x",
            "vault:v1",
            "vault:v1:",
            "vault:v1:!!",
            "vault:vx:AAAA",
            "vault:v-1:AAAA",
            "vault:v99999999999:AAAA",
            body,
            &format!("vault:v2:{body}"),
            &format!("vault:v01:{body}"),
            &format!("vault:v+1:{body}"),
            &format!("vault:v1:{body}AAAA"),
            &format!(" {good}"),
            &good.to_uppercase(),
        ] {
            let answer = vault.verify(name, "message", wrong);
            assert!(answer.status == 400 || answer.data()["valid"] == json!(false), "{name} {wrong}");
        }
        for wrong in [json!(5), json!(null), json!([good])] {
            let body = json!({ "input": b64("message"), "signature": wrong });
            assert_eq!(vault.write(&format!("transit/verify/{name}"), body).error().0, 400);
        }
    }
}

#[test]
fn the_hash_is_that_of_the_path_then_of_the_body() {
    let vault = Vault::with_rings();
    let input = b64("message");
    let sign = |path: &str, body: Value| {
        vault.write(&format!("transit/sign/{path}"), body).data()["signature"].clone()
    };
    for (path, body, hash) in [
        ("p256", json!({ "input": input }), "sha2-256"),
        ("p256", json!({ "input": input, "hash_algorithm": "sha2-384" }), "sha2-384"),
        ("p256", json!({ "input": input, "algorithm": "sha2-512" }), "sha2-512"),
        ("p256", json!({ "input": input, "hash_algorithm": "", "algorithm": "sha2-512" }), "sha2-512"),
        (
            "p256",
            json!({ "input": input, "hash_algorithm": "sha2-384", "algorithm": "sha2-512" }),
            "sha2-384",
        ),
        ("p256/sha2-512", json!({ "input": input, "hash_algorithm": "sha2-256" }), "sha2-512"),
    ] {
        let signature = sign(path, body.clone());
        for asked in ["sha2-256", "sha2-384", "sha2-512"] {
            let check = json!({ "input": input, "signature": signature });
            assert_eq!(
                valid(&vault, &format!("p256/{asked}"), &check),
                json!(asked == hash),
                "{path} {body} {asked}"
            );
        }
    }
    for hash in ["nope", "none", "sha1", "SHA2-256"] {
        assert_eq!(
            vault.write("transit/sign/p256", json!({ "input": input, "hash_algorithm": hash })).error().0,
            400
        );
        assert_eq!(
            vault.write(&format!("transit/sign/p256/{hash}"), json!({ "input": input })).error().0,
            400
        );
    }
}

#[test]
fn ecdsa_signs_what_was_hashed_before_and_ed25519_does_not() {
    let vault = Vault::with_rings();
    let digest = b64([7; 32]);
    let body = json!({ "input": digest, "prehashed": true, "marshaling_algorithm": "jws" });
    let signature = vault.write("transit/sign/p256", body).data()["signature"].clone();
    let mut check = json!({ "input": digest, "signature": signature, "prehashed": "true", "marshaling_algorithm": "jws" });
    assert_eq!(valid(&vault, "p256", &check), json!(true));
    check["prehashed"] = json!(false);
    assert_eq!(valid(&vault, "p256", &check), json!(false));
    for wrong in [b64([7; 31]), b64([7; 1000]), String::new()] {
        let body = json!({ "input": wrong, "prehashed": true });
        let status = vault.write("transit/sign/p256", body).status;
        assert!(status == 400 || wrong.len() > 100, "{wrong}: {status}");
    }
    assert_eq!(vault.write("transit/sign/ed", json!({ "input": digest, "prehashed": true })).error().0, 400);
}

#[test]
fn a_signature_of_one_writing_is_not_read_as_the_other() {
    let vault = Vault::with_rings();
    let input = b64("message");
    for (made, read) in [("asn1", "jws"), ("jws", "asn1")] {
        let body = json!({ "input": input, "marshaling_algorithm": made });
        let signature = vault.write("transit/sign/p256", body).data()["signature"].clone();
        let check = |how: &str| {
            let body = json!({ "input": input, "signature": signature, "marshaling_algorithm": how });
            vault.write("transit/verify/p256", body)
        };
        assert_eq!(check(made).data()["valid"], json!(true));
        let other = check(read);
        assert!(other.status == 400 || other.data()["valid"] == json!(false));
        assert_eq!(check("nope").error().0, 400);
    }
}
