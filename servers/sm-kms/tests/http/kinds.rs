//! Every kind of key through every operation.

use serde_json::{Value, json};
use strongroom_core::{Algorithm, Purpose};
use strongroom_sm_kms::type_name;

use crate::support::{Vault, b64};

/// The name of each kind and what the keys of it do.
fn kinds() -> Vec<(&'static str, Algorithm)> {
    Algorithm::ALL.into_iter().map(|algorithm| (type_name(algorithm), algorithm)).collect()
}

fn made(vault: &Vault, kind: &str) {
    assert_eq!(vault.write(&format!("transit/keys/{kind}"), json!({ "type": kind })).status, 200, "{kind}");
}

fn write(vault: &Vault, path: &str, body: Value) -> Value {
    vault.write(&format!("transit/{path}"), body).data()
}

/// What is made is taken back under the newest version and, after a rotation, under the old one.
fn round_trip(vault: &Vault, kind: &str, algorithm: Algorithm) {
    let (input, purpose) = (b64("input"), algorithm.purpose());
    if algorithm.signs() {
        let signature = write(vault, &format!("sign/{kind}"), json!({ "input": input }))["signature"].clone();
        write(vault, &format!("keys/{kind}/rotate"), Value::Null);
        for (message, valid) in [("input", true), ("other", false)] {
            let body = json!({ "input": b64(message), "signature": signature });
            assert_eq!(write(vault, &format!("verify/{kind}"), body)["valid"], json!(valid), "{kind}");
        }
    }
    if algorithm.opens() || matches!(purpose, Purpose::Envelope | Purpose::Aead) {
        let sealed = write(vault, &format!("encrypt/{kind}"), json!({ "plaintext": input }));
        let key = write(vault, &format!("datakey/plaintext/{kind}"), json!({ "bits": 128 }));
        write(vault, &format!("keys/{kind}/rotate"), Value::Null);
        let version = sealed["key_version"].as_u64().unwrap();
        let prefix = |version: u64| format!("vault:v{version}:");
        assert!(sealed["ciphertext"].as_str().unwrap().starts_with(&prefix(version)), "{kind}");
        let moved = write(vault, &format!("rewrap/{kind}"), json!({ "ciphertext": sealed["ciphertext"] }));
        assert!(moved["ciphertext"].as_str().unwrap().starts_with(&prefix(version + 1)), "{kind}");
        for (ciphertext, plaintext) in [
            (&sealed["ciphertext"], &json!(input)),
            (&moved["ciphertext"], &json!(input)),
            (&key["ciphertext"], &key["plaintext"]),
        ] {
            let opened = write(vault, &format!("decrypt/{kind}"), json!({ "ciphertext": ciphertext }));
            assert_eq!(&opened["plaintext"], plaintext, "{kind}");
        }
    }
    if purpose == Purpose::Decapsulate {
        let shared = write(vault, &format!("encapsulate/{kind}"), json!({}));
        write(vault, &format!("keys/{kind}/rotate"), Value::Null);
        let got = write(vault, &format!("decapsulate/{kind}"), json!({ "ciphertext": shared["ciphertext"] }));
        assert_eq!(got["shared_secret"], shared["shared_secret"], "{kind}");
    }
    if purpose == Purpose::Agree {
        agreement(vault, kind);
    }
    let (route, member) = match algorithm {
        Algorithm::CmacAes128 | Algorithm::CmacAes192 | Algorithm::CmacAes256 => ("cmac", "cmac"),
        _ => ("hmac", "hmac"),
    };
    let code = write(vault, &format!("{route}/{kind}"), json!({ "input": input }))[member].clone();
    write(vault, &format!("keys/{kind}/rotate"), Value::Null);
    for (message, valid) in [("input", true), ("other", false)] {
        let body = json!({ "input": b64(message), member: code });
        assert_eq!(write(vault, &format!("verify/{kind}"), body)["valid"], json!(valid), "{kind}");
    }
}

/// Two rings of a kind get the same secret from each other's public halves.
fn agreement(vault: &Vault, kind: &str) {
    let other = format!("{kind}-other");
    assert_eq!(vault.write(&format!("transit/keys/{other}"), json!({ "type": kind })).status, 200);
    let public =
        |name: &str| vault.read(&format!("transit/keys/{name}")).data()["keys"]["1"]["public_key"].clone();
    let agree = |name: &str, peer: &Value| {
        write(vault, &format!("agree/{name}"), json!({ "peer_public_key": peer, "key_version": 1 }))
    };
    let (one, two) = (agree(kind, &public(&other)), agree(&other, &public(kind)));
    assert_eq!(one["shared_secret"], two["shared_secret"], "{kind}");
    for peer in
        [json!(null), json!(""), json!("AAAA"), json!("-----BEGIN PUBLIC KEY-----"), public("stranger")]
    {
        let body = json!({ "peer_public_key": peer });
        assert_eq!(vault.write(&format!("transit/agree/{kind}"), body).error().0, 400, "{kind}");
    }
}

#[test]
fn every_kind_does_over_http_what_its_keys_do_also_after_a_rotation() {
    let vault = Vault::open();
    vault.write("transit/keys/stranger", json!({ "type": "ecdsa-secp256k1" }));
    for (kind, algorithm) in kinds() {
        // Larger moduli do the same and take seconds.
        if !matches!(algorithm, Algorithm::Rsa3072 | Algorithm::Rsa4096) {
            made(&vault, kind);
            round_trip(&vault, kind, algorithm);
        }
    }
}

/// GHSA-8w8f-r2xv-4q4j: a panic by an unusual pair of key type and flag or operation.
#[test]
fn no_operation_on_any_kind_of_key_panics_or_fails_on_our_side() {
    let vault = Vault::open();
    let garbage = "vault:v1:AAAA";
    let bodies = [
        json!({}),
        json!({ "input": b64("x"), "plaintext": b64("x"), "ciphertext": garbage, "signature": garbage }),
        json!({ "input": b64("x"), "hmac": garbage, "label": "AA==", "ciphertext": format!("vault:v9:{}", b64([0; 99])) }),
        json!({ "input": b64([7; 32]), "prehashed": true, "cmac": garbage, "context": b64("c"), "plaintext": "" }),
        json!({ "input": b64("x"), "plaintext": b64([7; 600]), "associated_data": b64("a"), "signature_algorithm": "pkcs1v15" }),
        json!({ "input": b64("x"), "salt_length": 65535, "key_version": 9, "bytes": 4097, "padding_scheme": "pkcs1v15" }),
        json!({ "batch_input": [{}, { "input": b64("x") }, { "plaintext": b64("x") }, { "ciphertext": garbage }] }),
    ];
    let operations = [
        "encrypt/N",
        "decrypt/N",
        "rewrap/N",
        "sign/N",
        "sign/N/sha3-512",
        "verify/N",
        "verify/N/sha2-224",
        "hmac/N",
        "hmac/N/sha2-384",
        "cmac/N",
        "datakey/plaintext/N",
        "datakey/wrapped/N",
        "agree/N",
        "encapsulate/N",
        "decapsulate/N",
        "derive/N",
        "keys/N",
        "keys/N/rotate",
        "keys/N/config",
    ];
    for (kind, algorithm) in kinds() {
        if matches!(algorithm, Algorithm::Rsa3072 | Algorithm::Rsa4096) {
            continue;
        }
        made(&vault, kind);
        let mut client = vault.connect();
        for operation in operations {
            let path = format!("transit/{}", operation.replace('N', kind));
            for body in &bodies {
                // A rotation of RSA takes its time; once is enough.
                if operation.ends_with("rotate") && *body != json!({}) {
                    continue;
                }
                let answer = client.exchange(&vault.request("POST", &path).json(body));
                assert!(
                    matches!(answer.status, 200 | 400),
                    "{path} {body}: {} {}",
                    answer.status,
                    answer.text()
                );
            }
        }
    }
    assert!(vault.node.open().is_some());
}

#[test]
fn a_key_does_nothing_that_its_kind_does_not() {
    let vault = Vault::open();
    for (kind, algorithm) in kinds() {
        if matches!(algorithm, Algorithm::Rsa3072 | Algorithm::Rsa4096) {
            continue;
        }
        made(&vault, kind);
        let encrypts = algorithm.opens() || matches!(algorithm.purpose(), Purpose::Envelope | Purpose::Aead);
        let cmac = kind.ends_with("cmac");
        for (operation, body, does) in [
            ("encrypt", json!({ "plaintext": b64("x") }), encrypts),
            ("sign", json!({ "input": b64("x") }), algorithm.signs()),
            ("hmac", json!({ "input": b64("x") }), !cmac),
            ("cmac", json!({ "input": b64("x") }), cmac),
            ("encapsulate", json!({}), algorithm.purpose() == Purpose::Decapsulate),
            ("derive", json!({ "label": b64("x") }), algorithm.purpose() == Purpose::Derive),
        ] {
            let answer = vault.write(&format!("transit/{operation}/{kind}"), body);
            assert_eq!(answer.status, if does { 200 } else { 400 }, "{operation} {kind} {}", answer.text());
        }
        let shown = vault.read(&format!("transit/keys/{kind}")).data();
        assert_eq!(shown["supports_encryption"], json!(encrypts), "{kind}");
        assert_eq!(shown["supports_signing"], json!(algorithm.signs()), "{kind}");
    }
}

#[test]
fn ml_dsa_has_one_name_and_three_parameter_sets() {
    let vault = Vault::open();
    for set in ["44", "65", "87"] {
        let body = json!({ "type": "ml-dsa", "parameter_set": set });
        let shown = write(&vault, &format!("keys/ml{set}"), body.clone());
        assert_eq!((&shown["type"], &shown["parameter_set"]), (&json!("ml-dsa"), &json!(set)));
        assert_eq!(
            write(&vault, &format!("keys/ml{set}"), body)["latest_version"],
            json!(1),
            "the same again"
        );
        let other = json!({ "type": "ml-dsa", "parameter_set": if set == "44" { "65" } else { "44" } });
        assert_eq!(vault.write(&format!("transit/keys/ml{set}"), other).error().0, 400);
    }
}

#[test]
fn a_suspended_or_compromised_version_does_what_its_state_allows() {
    let vault = Vault::with_rings();
    let (ciphertext, signature) = (vault.encrypt("aes", "x"), vault.sign("ed", "x"));
    let state = |name: &str, verb: &str| {
        vault.write(&format!("transit/keys/{name}/versions/1/{verb}"), Value::Null).status
    };
    assert_eq!((state("aes", "suspend"), state("ed", "suspend")), (200, 200));
    assert_eq!(vault.decrypt("aes", &ciphertext).error().0, 400);
    assert_eq!(vault.verify("ed", "x", &signature).data()["valid"], json!(true));
    let shown = vault.read("transit/keys/aes").data();
    assert_eq!((&shown["version_states"]["1"], &shown["state"]), (&json!("suspended"), &json!("active")));
    assert_eq!(state("aes", "resume"), 200);
    assert_eq!(vault.decrypt("aes", &ciphertext).status, 200);
    vault.write("transit/keys/aes/rotate", Value::Null);
    assert_eq!(state("aes", "compromise"), 200);
    assert_eq!(vault.decrypt("aes", &ciphertext).error().0, 400);
    let moved = write(&vault, "rewrap/aes", json!({ "ciphertext": ciphertext }))["ciphertext"].clone();
    assert_eq!(vault.decrypt("aes", moved.as_str().unwrap()).data()["plaintext"], json!(b64("x")));
    assert_eq!((state("aes", "resume"), state("aes", "destroy"), state("aes", "destroy")), (400, 200, 400));
    for (path, status) in [("versions/9/suspend", 400), ("versions/x/suspend", 400), ("versions/1/melt", 404)]
    {
        assert_eq!(vault.write(&format!("transit/keys/ed/{path}"), Value::Null).status, status, "{path}");
    }
}

#[test]
fn a_policy_is_taken_whole_shown_and_enforced() {
    let vault = Vault::with_rings();
    let set = |policy: Value| vault.write("transit/keys/aes/config", json!({ "policy": policy }));
    let ciphertext = vault.encrypt("aes", "x");
    let shown =
        set(json!({ "operations": ["decrypt", "datakey"], "at_limit": "rotate", "use_limit": 9 })).data();
    assert_eq!(
        shown["policy"],
        json!({ "operations": ["decrypt", "datakey"], "not_after": null, "context": null, "use_limit": 9, "at_limit": "rotate" })
    );
    let status = |path: &str, body: Value| vault.write(&format!("transit/{path}"), body).status;
    assert_eq!(status("encrypt/aes", json!({ "plaintext": "" })), 400);
    assert_eq!(status("hmac/aes", json!({ "input": "" })), 400);
    assert_eq!(status("datakey/wrapped/aes", json!({})), 200);
    assert_eq!(vault.decrypt("aes", &ciphertext).status, 200);
    set(json!({ "context": b64("tenant 7") })).data();
    assert_eq!(status("encrypt/aes", json!({ "plaintext": "" })), 400);
    assert_eq!(
        status("encrypt/aes", json!({ "plaintext": "", "associated_data": b64("tenant 7, row 1") })),
        200
    );
    set(json!({ "not_after": crate::support::NEW_YEAR })).data();
    assert_eq!(status("encrypt/aes", json!({ "plaintext": "" })), 400);
    assert_eq!(vault.decrypt("aes", &ciphertext).status, 200);
    for wrong in [
        json!({ "operations": ["melt"] }),
        json!({ "operations": "encrypt" }),
        json!({ "use_limit": 0 }),
        json!({ "not_after": -1 }),
        json!({ "at_limit": "panic" }),
        json!({ "context": "!!" }),
        json!({ "operation": ["encrypt"] }),
        json!("none"),
    ] {
        assert_eq!(set(wrong.clone()).error().0, 400, "{wrong}");
    }
    assert_eq!(set(json!({})).data()["policy"], Value::Null);
    assert_eq!(vault.write("transit/keys/ed/csr", json!({})).error().0, 400);
}
