//! Keys that come in, go out and come back over HTTP, as Vault's clients ask for it.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use strongroom_core::{Algorithm, KeyBackend, Name, OaepHash, Provider as _};
use strongroom_keys::{KeyFormat, RustCrypto, Transport, public_from_pem};
use strongroom_kms::{Import, NewRing};

use crate::support::{Vault, b64};

/// A new key outside: as it is written, and its public half as PEM.
fn foreign(algorithm: Algorithm) -> (Vec<u8>, Option<String>) {
    let provider = RustCrypto::new();
    let backend: &dyn KeyBackend = provider.software();
    let stored = backend.generate(algorithm).unwrap();
    let material = backend.export(&stored).unwrap();
    let written = KeyFormat::of(algorithm).write_private(algorithm, material.expose_secret()).unwrap();
    let public = stored
        .public
        .as_ref()
        .map(|public| String::from_utf8(KeyFormat::Pem.write_public(public).unwrap()).unwrap());
    (written.expose_secret().to_vec(), public)
}

/// What a client makes of a key and the server's PEM.
fn wrapped(pem: &str, hash: OaepHash, key: &[u8]) -> Vec<u8> {
    let provider = RustCrypto::new();
    let public = public_from_pem(Algorithm::Rsa4096, pem).unwrap();
    let backend = provider.software();
    let recipient = backend.load(&backend.import_public(&public).unwrap()).unwrap();
    Transport::AesKwp(hash).wrap(&*recipient, provider.random(), key).unwrap()
}

const TYPES: [(&str, Algorithm, &str); 3] = [
    ("aes256-gcm96", Algorithm::Aes256Gcm, "encryption-key"),
    ("ed25519", Algorithm::Ed25519, "signing-key"),
    ("ecdsa-p256", Algorithm::EcdsaP256, "signing-key"),
];

/// One wrapping key serves all, as it takes a while to be made.
#[test]
fn a_key_that_was_wrapped_for_the_server_is_used_exported_and_wrapped_for_another() {
    let vault = Vault::open();
    let pem = vault.read("transit/wrapping_key").data()["public_key"].as_str().unwrap().to_owned();
    assert_eq!(vault.read("transit/wrapping_key").data()["public_key"], pem);
    for (kind, algorithm, export) in TYPES {
        let (written, _) = foreign(algorithm);
        let import = |name: &str, more: Value| {
            let ciphertext = b64(wrapped(&pem, OaepHash::Sha256, &written));
            let mut body = json!({ "ciphertext": ciphertext, "type": kind, "exportable": true });
            body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            vault.write(&format!("transit/keys/{name}/import"), body)
        };
        assert_eq!(import(kind, json!({})).status, 204);
        assert_eq!(import(kind, json!({})).status, 400, "it is there");
        let lower = import(&format!("{kind}-lower"), json!({ "hash_function": "sha256" }));
        assert_eq!(lower.status, 204, "the name of a hash is read in any case");
        assert_eq!(import("other", json!({ "hash_function": "SHA512" })).status, 400, "another hash");
        assert_eq!(import("other", json!({ "hash_function": "SHA1" })).status, 400);
        assert_eq!(import("other", json!({ "hash_function": "MD5" })).status, 400);
        assert_eq!(import("other", json!({ "version": 1 })).status, 400);
        assert_eq!(import("other", json!({ "public_key": "both" })).status, 400);
        let ring = vault.read(&format!("transit/keys/{kind}")).data();
        assert_eq!((&ring["type"], &ring["latest_version"]), (&json!(kind), &json!(1)));
        let exported = vault.read(&format!("transit/export/{export}/{kind}/latest")).data();
        let format = if algorithm.is_asymmetric() { KeyFormat::Pem } else { KeyFormat::Raw };
        let text = exported["keys"]["1"].as_str().unwrap();
        let text = if format == KeyFormat::Raw { STANDARD.decode(text).unwrap() } else { text.into() };
        let (ours, theirs) = (
            format.private(algorithm, &text).unwrap(),
            KeyFormat::of(algorithm).private(algorithm, &written),
        );
        assert_eq!(ours.expose_secret(), theirs.unwrap().expose_secret());
        let next = b64(wrapped(&pem, OaepHash::Sha384, &foreign(algorithm).0));
        let body = json!({ "ciphertext": next, "hash_function": "SHA384" });
        assert_eq!(vault.write(&format!("transit/keys/{kind}/import_version"), body).status, 204);
        assert_eq!(vault.read(&format!("transit/keys/{kind}")).data()["latest_version"], 2);
    }
    // The public key of a server is a ring of another, for which keys are wrapped.
    let rings = vault.node.open().unwrap();
    let rings = rings.kms.without_caller(rings.unsealed.first_tenant());
    let half = Import::Public { format: KeyFormat::Pem, written: pem.as_bytes() };
    rings.import(&Name::parse("there").unwrap(), &NewRing::of(Algorithm::Rsa4096), &half).unwrap();
    let out = vault.read("transit/byok-export/there/ed25519").data();
    assert_eq!(out["keys"].as_object().unwrap().len(), 2);
    let body = json!({ "ciphertext": out["keys"]["1"], "type": "ed25519" });
    assert_eq!(vault.write("transit/keys/came/import", body).status, 204);
    let signature = vault.sign("came", "text");
    assert_eq!(vault.verify("ed25519", "text", &signature).data()["valid"], true);
    assert_eq!(vault.read("transit/byok-export/ed25519/ed25519").status, 400, "nobody wraps for a signer");
    assert_eq!(vault.read("transit/byok-export/there/came").status, 400, "it is not exportable");
}

#[test]
fn a_damaged_import_is_one_answer_and_makes_no_key() {
    let vault = Vault::open();
    let (_, public) = foreign(Algorithm::EcdsaP256);
    let import = |body: Value| vault.write("transit/keys/x/import", body);
    for body in [
        json!({}),
        json!({ "ciphertext": "" }),
        json!({ "ciphertext": "%" }),
        json!({ "public_key": "no document", "type": "ed25519" }),
        json!({ "public_key": public, "type": "ed25519" }),
        json!({ "public_key": public, "type": "aes256-gcm96" }),
        json!({ "public_key": public, "type": "unknown" }),
        json!({ "public_key": public, "type": "ecdsa-p256", "auto_rotate_period": "24h" }),
    ] {
        let answer = import(body.clone());
        assert_eq!(answer.status, 400, "{body}");
        assert!(!answer.errors()[0].is_empty());
    }
    assert_eq!(vault.read("transit/keys/x").status, 404);
}

#[test]
fn a_public_key_verifies_is_shown_and_goes_no_further() {
    let vault = Vault::open();
    let (_, public) = foreign(Algorithm::Ed25519);
    let body = json!({ "public_key": public, "type": "ed25519", "exportable": true });
    assert_eq!(vault.write("transit/keys/half/import", body.clone()).status, 204);
    let shown = vault.read("transit/export/public-key/half").data();
    let read = vault.read("transit/keys/half").data();
    assert_eq!(shown["keys"]["1"], read["keys"]["1"]["public_key"], "both ways show it in one form");
    assert_eq!(vault.read("transit/export/signing-key/half").status, 400);
    let signed = vault.write("transit/sign/half", json!({ "input": b64("text") }));
    assert_eq!(signed.status, 400, "the secret is not here");
    assert_eq!(vault.write("transit/keys/half/import_version", body).status, 204);
    assert_eq!(vault.read("transit/keys/half").data()["latest_version"], 2);
}

#[test]
fn the_public_half_of_an_archived_version_is_exported_again_once_it_is_allowed() {
    let vault = Vault::with_rings();
    let first = vault.read("transit/export/public-key/ed").data()["keys"]["1"].clone();
    vault.write("transit/keys/ed/rotate", json!({}));
    let keys_from = |lowest: u32| {
        let config = vault.write("transit/keys/ed/config", json!({ "min_decryption_version": lowest }));
        assert_eq!(config.status, 200);
        vault.read("transit/export/public-key/ed").data()["keys"].clone()
    };
    assert!(keys_from(2)["1"].is_null());
    let both = keys_from(1);
    assert!(first.is_string());
    assert_eq!(both["1"], first);
    assert!(both["2"].is_string());
    assert_eq!(vault.read("transit/export/public-key/ed/1").data()["keys"]["1"], first);
}

#[test]
fn nothing_is_exported_that_the_ring_does_not_allow_or_that_it_is_not() {
    let vault = Vault::with_rings();
    for (path, status) in [
        ("encryption-key/aes", 400),
        ("encryption-key/aes/1", 400),
        ("encryption-key/aes/latest", 400),
        ("signing-key/aes", 400),
        ("hmac-key/aes", 400),
        ("public-key/aes", 400),
        ("public-key/ed", 200),
        ("public-key/ed/1", 200),
        ("public-key/ed/v1", 200),
        ("public-key/ed/vv1", 400),
        ("public-key/ed?format=", 200),
        ("public-key/ed?format=der", 400),
        ("public-key/ed/2", 400),
        ("public-key/ed/second", 400),
        ("certificate/ed", 400),
        ("encryption-key/none", 404),
    ] {
        assert_eq!(vault.read(&format!("transit/export/{path}")).status, status, "{path}");
    }
    assert_eq!(vault.write("transit/export/public-key/ed", json!({})).status, 405);
    assert_eq!(vault.read("transit/restore").status, 405);
}

#[test]
fn a_ring_comes_back_from_its_backup_once_it_is_gone() {
    let vault = Vault::with_rings();
    let ciphertext = vault.encrypt("aes", "text");
    let backup = vault.read("transit/backup/aes").data()["backup"].clone();
    let restore = |path: &str, body: Value| vault.write(&format!("transit/{path}"), body).status;
    assert_eq!(restore("restore", json!({ "backup": backup })), 400, "it is there");
    assert_eq!(restore("restore/copy", json!({ "backup": backup })), 400, "under its own name");
    assert_eq!(restore("restore", json!({ "backup": backup, "force": true })), 204);
    vault.write("transit/keys/aes/config", json!({ "deletion_allowed": true }));
    assert_eq!(vault.delete("transit/keys/aes").status, 204);
    assert_eq!(restore("restore/back", json!({ "backup": backup })), 204);
    assert_eq!(vault.decrypt("back", &ciphertext).data()["plaintext"], b64("text"));
    for damaged in [json!(""), json!("%"), json!(b64("SRKB")), json!(b64([0; 99])), Value::Null] {
        assert_eq!(restore("restore/more", json!({ "backup": damaged })), 400);
    }
    assert_eq!(vault.read("transit/backup/none").status, 400);
}
