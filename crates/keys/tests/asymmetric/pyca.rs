//! The same work done by pyca/cryptography, both ways: ML-DSA, ML-KEM and HPKE, which OpenSSL's command has not yet
//! everywhere.

use std::{
    io::Write as _,
    path::PathBuf,
    process::{Command, Stdio},
    sync::OnceLock,
};

use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use strongroom_core::{Algorithm, OaepHash, Provider as _, SealOptions, SignOptions, Stored};
use strongroom_keys::{Transport, private_from_der, private_to_der, public_der, public_from_der};

use crate::{
    golden::hex,
    support::{PROVIDER, generate, import, import_public, software, unhex},
};

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/asymmetric/pyca.py");
const VENV: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../interop/.venv/bin/python");
const TEXT: &[u8] = b"a message for pyca";
const INFO: &[u8] = b"invoices";

fn run(python: &PathBuf, requests: &Value) -> Option<Vec<Value>> {
    let mut command = Command::new(python);
    command.arg(SCRIPT).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::inherit());
    let mut child = command.spawn().ok()?;
    child.stdin.take()?.write_all(requests.to_string().as_bytes()).ok()?;
    let end = child.wait_with_output().ok().filter(|end| end.status.success())?;
    serde_json::from_slice(&end.stdout).ok()
}

/// The answers, or nothing where no Python here has what it takes: of that the test speaks.
fn ask(requests: &Value) -> Option<Vec<Value>> {
    static PYTHON: OnceLock<Option<PathBuf>> = OnceLock::new();
    let python = PYTHON.get_or_init(|| {
        let found = [VENV, "python3"].map(PathBuf::from);
        found.into_iter().find(|python| run(python, &json!([])).is_some())
    });
    let Some(python) = python else {
        eprintln!("SKIPPED: needs a Python with pyca/cryptography 48 or later (interop/setup.sh makes one)");
        return None;
    };
    Some(run(python, requests).unwrap())
}

fn text(value: &Value) -> Vec<u8> {
    unhex(value.as_str().unwrap())
}

/// A key of ours as they read it.
fn documents(stored: &Stored) -> (String, String) {
    let material = software().export(stored).unwrap();
    let public = stored.public.as_ref().unwrap();
    if stored.algorithm == Algorithm::HpkeXWing {
        return (hex(material.expose_secret()), hex(&public.bytes));
    }
    let private = private_to_der(stored.algorithm, material.expose_secret()).unwrap();
    (hex(private.expose_secret()), hex(&public_der(public).unwrap()))
}

fn name(algorithm: Algorithm) -> String {
    format!("{algorithm:?}")
}

#[test]
fn keys_that_they_make_are_keys_of_ours() {
    let algorithms = [
        Algorithm::MlDsa44,
        Algorithm::MlDsa65,
        Algorithm::MlDsa87,
        Algorithm::MlKem768,
        Algorithm::MlKem1024,
        Algorithm::HpkeX25519,
        Algorithm::HpkeP256,
    ];
    let requests = algorithms.map(|algorithm| json!({ "do": "make", "algorithm": name(algorithm) }));
    let Some(made) = ask(&json!(requests)) else { return };
    for (algorithm, made) in algorithms.into_iter().zip(made) {
        let material = private_from_der(algorithm, &text(&made["private"])).unwrap();
        let key = import(algorithm, material.expose_secret()).unwrap();
        let public = public_from_der(algorithm, &text(&made["public"])).unwrap();
        assert_eq!(key.public(), Some(&public), "{algorithm:?}");
    }
}

#[test]
fn ml_dsa() {
    for algorithm in [Algorithm::MlDsa44, Algorithm::MlDsa65, Algorithm::MlDsa87] {
        let ((stored, key, _), usual) = (generate(algorithm), SignOptions::default());
        let (private, public) = documents(&stored);
        let ours = key.sign(TEXT, &usual).unwrap();
        let check = |signature: &[u8]| {
            let (signature, message) = (hex(signature), hex(TEXT));
            json!({ "do": "verify", "algorithm": "", "public": public, "signature": signature, "message": message })
        };
        let mut wrong = ours.clone();
        wrong[0] ^= 1;
        let sign = json!({ "do": "sign", "algorithm": "", "private": private, "message": hex(TEXT) });
        let Some(said) = ask(&json!([sign, check(&ours), check(&wrong)])) else { return };
        assert_eq!(key.verify(TEXT, &text(&said[0]), &usual), Ok(true), "{algorithm:?}");
        assert_eq!(said[1..], [json!(true), json!(false)], "{algorithm:?}");
    }
}

#[test]
fn ml_kem() {
    for algorithm in [Algorithm::MlKem768, Algorithm::MlKem1024] {
        let (stored, key, half) = generate(algorithm);
        let (private, public) = documents(&stored);
        let ours = half.encapsulate().unwrap();
        let ciphertext = hex(&ours.ciphertext);
        let requests = json!([
            { "do": "encapsulate", "algorithm": "", "public": public },
            { "do": "decapsulate", "algorithm": "", "private": private, "ciphertext": ciphertext },
        ]);
        let Some(said) = ask(&requests) else { return };
        let secret = key.decapsulate(&text(&said[0]["ciphertext"])).unwrap();
        assert_eq!(*secret, text(&said[0]["secret"]), "{algorithm:?}");
        assert_eq!(*ours.secret, text(&said[1]), "{algorithm:?}");
    }
}

/// Vault's import, and AWS's `RSA_AES_KEY_WRAP_SHA_256`: RSA-OAEP of an AES key, then AES-KWP.
#[test]
fn keys_on_their_way() {
    let (stored, key, half) = generate(Algorithm::Rsa2048);
    let (private, public) = documents(&stored);
    for (hash, name) in
        [(OaepHash::Sha256, "sha256"), (OaepHash::Sha384, "sha384"), (OaepHash::Sha512, "sha512")]
    {
        for (way, how) in [(Transport::Oaep(hash), "oaep"), (Transport::AesKwp(hash), "kwp")] {
            let ours = hex(&way.wrap(&*half, PROVIDER.random(), TEXT).unwrap());
            let requests = json!([
                { "do": "wrap", "algorithm": "", "public": public, "hash": name, "how": how, "message": hex(TEXT) },
                { "do": "unwrap", "algorithm": "", "private": private, "hash": name, "how": how, "sealed": ours },
            ]);
            let Some(said) = ask(&requests) else { return };
            assert_eq!(*way.unwrap(&*key, PROVIDER.random(), &text(&said[0])).unwrap(), TEXT, "{way:?}");
            assert_eq!(text(&said[1]), TEXT, "{way:?}");
        }
    }
}

/// Their HPKE has no associated data.
#[test]
fn hpke_and_by_it_x_wing() {
    let options = SealOptions::Hpke { info: INFO, aad: b"" };
    for algorithm in [Algorithm::HpkeX25519, Algorithm::HpkeP256, Algorithm::HpkeXWing] {
        let (stored, key, half) = generate(algorithm);
        let (private, public) = documents(&stored);
        let (message, info) = (hex(TEXT), hex(INFO));
        let ours = hex(&half.seal(TEXT, &options).unwrap());
        let name = name(algorithm);
        let requests = json!([
            { "do": "seal", "algorithm": name, "public": public, "message": message, "info": info },
            { "do": "open", "algorithm": name, "private": private, "sealed": ours, "info": info },
        ]);
        let Some(said) = ask(&requests) else { return };
        assert_eq!(**key.open(&text(&said[0]), &options).unwrap(), *TEXT, "{algorithm:?}");
        assert_eq!(text(&said[1]), TEXT, "{algorithm:?}");
    }
    let (stored, ..) = generate(Algorithm::HpkeXWing);
    let public = &stored.public.unwrap().bytes;
    // The KEM alone has the same keys.
    assert!(import_public(Algorithm::XWing, public).is_ok());
}
