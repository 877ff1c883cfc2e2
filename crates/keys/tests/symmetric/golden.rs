//! What earlier versions stored and made is read for all times.
//!
//! `symmetric.json` was made by pyca/cryptography, PyNaCl and Python's `hmac`: `stored` is 0x01 ‖ number of the algorithm
//! ‖ key, and `made` the ciphertext, the code, or the 100 bytes derived with the additional data as the label and the
//! message as the context.

use secrecy::SecretSlice;
use serde::Deserialize;
use strongroom_core::{Algorithm, KeyError, Provider, Purpose, Stored};
use strongroom_keys::RustCrypto;

use crate::support::unhex;

#[derive(Deserialize)]
struct Golden {
    additional: String,
    message: String,
    keys: Vec<GoldenKey>,
}

#[derive(Deserialize)]
struct GoldenKey {
    algorithm: String,
    stored: String,
    made: String,
}

fn golden() -> Golden {
    serde_json::from_str(include_str!("../vectors/symmetric.json")).unwrap()
}

impl GoldenKey {
    fn stored(&self) -> Stored {
        let named = |algorithm: &Algorithm| format!("{algorithm:?}") == self.algorithm;
        let algorithm = Algorithm::ALL.into_iter().find(named).unwrap();
        Stored { algorithm, secret: SecretSlice::from(unhex(&self.stored)), public: None }
    }
}

#[test]
fn what_was_stored_loads_and_does_what_it_did() {
    let (golden, provider) = (golden(), RustCrypto::new());
    let (additional, message) = (golden.additional.as_bytes(), golden.message.as_bytes());
    for row in &golden.keys {
        let (stored, made) = (row.stored(), unhex(&row.made));
        let key = provider.software().load(&stored).unwrap();
        match stored.algorithm.purpose() {
            Purpose::Aead => {
                assert_eq!(*key.decrypt(additional, &made).unwrap(), message, "{}", row.algorithm)
            }
            Purpose::Mac => assert_eq!(*key.compute_mac(message).unwrap(), made, "{}", row.algorithm),
            Purpose::Derive => assert_eq!(*key.derive(additional, message, 100).unwrap(), made),
            other => unreachable!("{other:?}"),
        }
    }
}

#[test]
fn what_is_stored_now_is_as_it_was() {
    let provider = RustCrypto::new();
    for row in &golden().keys {
        let stored = row.stored();
        let again = provider.software().import(stored.algorithm, &stored.expose()[2..]).unwrap();
        assert_eq!(again.expose(), stored.expose(), "{}", row.algorithm);
    }
}

#[test]
fn every_symmetric_type_has_a_golden_key() {
    let symmetric = |purpose| matches!(purpose, Purpose::Aead | Purpose::Mac | Purpose::Derive);
    let types = Algorithm::ALL.into_iter().filter(|algorithm| symmetric(algorithm.purpose()));
    let rows: Vec<_> = golden().keys.iter().map(|row| row.stored().algorithm).collect();
    assert_eq!(types.collect::<Vec<_>>(), rows);
}

#[test]
fn another_form_or_number_does_not_load() {
    let provider = RustCrypto::new();
    for row in &golden().keys {
        for (place, byte) in [(0, 0), (0, 2), (1, 1), (1, 0xff)] {
            let Stored { algorithm, secret: _, public } = row.stored();
            let mut bytes = unhex(&row.stored);
            bytes[place] = byte;
            let stored = Stored { algorithm, secret: SecretSlice::from(bytes), public };
            let loaded = provider.software().load(&stored).err();
            assert_eq!(loaded, Some(KeyError::Invalid), "{} {place} {byte}", row.algorithm);
        }
    }
}
