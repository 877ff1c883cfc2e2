//! Keys with one byte changed, or of another length: refused, or keys that work. Never a panic.

use secrecy::ExposeSecret as _;
use strongroom_core::{Algorithm, KeyError, Purpose, SignOptions};
use strongroom_keys::{private_from_der, private_to_der, public_der, public_from_der, verify};

use crate::support::{asymmetric, generate, import, import_public, sealing, software};

const TEXT: &[u8] = b"a message";

fn quick() -> impl Iterator<Item = Algorithm> {
    asymmetric().filter(|algorithm| !matches!(algorithm, Algorithm::Rsa3072 | Algorithm::Rsa4096))
}

fn variants(bytes: &[u8], samples: usize) -> Vec<Vec<u8>> {
    let step = (bytes.len() / samples).max(1);
    let mut all = Vec::new();
    for place in (0..bytes.len()).step_by(step) {
        for value in [bytes[place] ^ 1, bytes[place] ^ 0x80, 0, 0xff] {
            let mut changed = bytes.to_vec();
            changed[place] = value;
            all.push(changed);
        }
        all.push(bytes[..place].to_vec());
    }
    all.push([bytes, &[0]].concat());
    all
}

#[test]
fn a_public_key_with_a_changed_byte_is_refused_or_verifies_nothing_of_the_first() {
    for algorithm in quick() {
        let (_, key, half) = generate(algorithm);
        let good = &half.public().unwrap().bytes;
        let signature = key.sign(TEXT, &SignOptions::default());
        for bytes in variants(good, 20).into_iter().filter(|bytes| bytes != good) {
            let Ok(other) = import_public(algorithm, &bytes) else { continue };
            if let Ok(signature) = &signature {
                let found = other.verify(TEXT, signature, &SignOptions::default());
                assert_eq!(found, Ok(false), "{algorithm:?}");
                assert_eq!(verify(other.public().unwrap(), TEXT, signature), Ok(false));
            }
            let _ = other.seal(TEXT, &sealing(algorithm));
            if algorithm.purpose() == Purpose::Decapsulate {
                let made = other.encapsulate().unwrap();
                assert_ne!(key.decapsulate(&made.ciphertext).ok(), Some(made.secret), "{algorithm:?}");
            }
        }
    }
}

/// X25519 does not look at some bits of a scalar; half of a seed of ML-KEM is for implicit rejection alone; and of RSA
/// what follows from the rest is made anew.
fn has_other_bytes(algorithm: Algorithm) -> bool {
    let kem = matches!(algorithm, Algorithm::MlKem512 | Algorithm::MlKem768 | Algorithm::MlKem1024);
    algorithm.modulus_bits().is_some()
        || kem
        || matches!(algorithm, Algorithm::X25519 | Algorithm::HpkeX25519)
}

#[test]
fn material_with_a_changed_byte_is_refused_or_another_key() {
    for algorithm in quick() {
        let (stored, ..) = generate(algorithm);
        let good = software().export(&stored).unwrap();
        let good = good.expose_secret();
        for bytes in variants(good, 4).into_iter().filter(|bytes| bytes != good) {
            match import(algorithm, &bytes) {
                Ok(key) => assert!(
                    key.public() != stored.public.as_ref() || has_other_bytes(algorithm),
                    "{algorithm:?}"
                ),
                Err(error) => assert_eq!(error, KeyError::Invalid, "{algorithm:?}"),
            }
        }
    }
}

#[test]
fn documents_with_a_changed_byte_are_refused_or_documents() {
    for algorithm in quick().filter(|algorithm| !matches!(algorithm, Algorithm::XWing | Algorithm::HpkeXWing))
    {
        let (stored, ..) = generate(algorithm);
        let material = software().export(&stored).unwrap();
        let private = private_to_der(algorithm, material.expose_secret()).unwrap();
        for bytes in variants(private.expose_secret(), 40) {
            let read = private_from_der(algorithm, &bytes);
            assert!(matches!(read, Ok(_) | Err(KeyError::Invalid)), "{algorithm:?}");
        }
        let public = public_der(&stored.public.unwrap()).unwrap();
        for bytes in variants(&public, 40) {
            let read = public_from_der(algorithm, &bytes);
            assert!(matches!(read, Ok(_) | Err(KeyError::Invalid)), "{algorithm:?}");
        }
    }
}
