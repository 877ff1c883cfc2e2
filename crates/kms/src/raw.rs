//! Ciphertexts of rings whose keys encrypt themselves: `"SR" ‖ format 0x02 ‖ number of the algorithm ‖ version u32`, then
//! what [`Key::encrypt`](strongroom_core::Key::encrypt) makes. The head says which version to take and is proven by
//! nothing: with another version's key it does not open.

use strongroom_core::{Algorithm, Key, KeyError, Plaintext, Purpose};
use strongroom_keys::envelope::MAX_PLAINTEXT;

use crate::KmsError;

const HEAD: usize = 8;

/// "SR", format 2.
const MAGIC: [u8; 3] = *b"SR\x02";

/// More than any nonce and tag together.
const OVERHEAD: usize = 64;

pub(crate) fn encrypt(
    key: &dyn Key,
    version: u32,
    plaintext: &[u8],
    additional: &[u8],
) -> Result<Vec<u8>, KmsError> {
    if plaintext.len() > MAX_PLAINTEXT {
        return Err(KmsError::Invalid("a ciphertext holds at most 16 MiB"));
    }
    let mut out = Vec::with_capacity(HEAD + OVERHEAD + plaintext.len());
    out.extend_from_slice(&MAGIC);
    out.push(key.algorithm().number());
    out.extend_from_slice(&version.to_be_bytes());
    key.encrypt(additional, plaintext, &mut out)?;
    Ok(out)
}

/// The version that a ciphertext of this algorithm names, and what its key made.
pub(crate) fn parse(algorithm: Algorithm, ciphertext: &[u8]) -> Result<(u32, &[u8]), KmsError> {
    if ciphertext.len() > HEAD + OVERHEAD + MAX_PLAINTEXT {
        return Err(KmsError::Invalid("a ciphertext holds at most 16 MiB"));
    }
    match ciphertext.split_first_chunk::<HEAD>() {
        Some(([b'S', b'R', 2, number, version @ ..], sealed)) if *number == algorithm.number() => {
            Ok((u32::from_be_bytes(*version), sealed))
        }
        _ => Err(KmsError::Invalid("not a ciphertext of this suite")),
    }
}

/// The version that a ciphertext of any such algorithm names.
pub(crate) fn named_version(ciphertext: &[u8]) -> Option<u32> {
    match ciphertext.split_first_chunk::<HEAD>() {
        Some(([b'S', b'R', 2, number, version @ ..], _)) => {
            let encrypts = |of: Algorithm| of.number() == *number && of.purpose() == Purpose::Aead;
            Algorithm::known().any(encrypts).then(|| u32::from_be_bytes(*version))
        }
        _ => None,
    }
}

pub(crate) fn decrypt(key: &dyn Key, sealed: &[u8], additional: &[u8]) -> Result<Plaintext, KmsError> {
    key.decrypt(additional, sealed).map_err(|error| match error {
        KeyError::Failed => KmsError::OpenFailed,
        other => other.into(),
    })
}
