use std::sync::Arc;

use strongroom_core::{Algorithm, Key, KeyError, Provider, Random};
use strongroom_keys::RustCrypto;

/// The key of these bytes.
pub(crate) fn key(algorithm: Algorithm, bytes: &[u8]) -> Result<Arc<dyn Key>, KeyError> {
    key_drawing(algorithm, bytes, Vec::new())
}

/// The key of these bytes, which draws this nonce every time.
pub(crate) fn key_drawing(
    algorithm: Algorithm,
    bytes: &[u8],
    nonce: Vec<u8>,
) -> Result<Arc<dyn Key>, KeyError> {
    let provider = RustCrypto::with_random(Box::new(Fixed(nonce)));
    provider.software().load(&provider.software().import(algorithm, bytes)?)
}

pub(crate) fn encrypted(key: &dyn Key, aad: &[u8], plaintext: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    key.encrypt(aad, plaintext, &mut out).unwrap();
    out
}

/// What a ciphertext holds, or nothing if it does not decrypt.
pub(crate) fn decrypted(key: &dyn Key, aad: &[u8], ciphertext: &[u8]) -> Option<Vec<u8>> {
    match key.decrypt(aad, ciphertext) {
        Ok(plaintext) => Some(plaintext.to_vec()),
        Err(error) => {
            assert_eq!(error, KeyError::Failed);
            None
        }
    }
}

pub(crate) fn unhex(text: &str) -> Vec<u8> {
    let digits: Vec<_> = text.chars().map(|digit| digit.to_digit(16).unwrap() as u8).collect();
    digits.as_chunks::<2>().0.iter().map(|[high, low]| high << 4 | low).collect()
}

/// A source whose draws end with the same bytes.
struct Fixed(Vec<u8>);

impl Random for Fixed {
    fn fill(&self, bytes: &mut [u8]) {
        for (byte, fixed) in bytes.iter_mut().rev().zip(self.0.iter().rev()) {
            *byte = *fixed;
        }
    }

    fn fill_secret(&self, _: &mut [u8]) -> Result<(), KeyError> {
        Err(KeyError::Random)
    }
}
