//! Known answers: each primitive that is in use computes one before anything relies on it.

mod foundation;
mod provider;
mod signature;
mod symmetric;

use strongroom_core::{KeyError, Provider, Random};

use crate::RustCrypto;

/// The name of a primitive, and whether it gave the answer that is known.
pub(crate) type KnownAnswer = (&'static str, fn() -> bool);

const KNOWN_ANSWERS: &[&[KnownAnswer]] = &[
    foundation::ROWS,
    symmetric::ROWS,
    signature::ROWS,
    crate::asymmetric::self_test::ROWS,
    #[cfg(feature = "slh-dsa")]
    crate::asymmetric::self_test::SLH_DSA_ROWS,
];

/// A primitive does not compute what it should: this build or this machine must not be trusted with a key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("these primitives failed their self-test: {}", failed.join(", "))]
pub struct SelfTestFailed {
    /// Those that failed, by name.
    pub failed: Vec<&'static str>,
}

/// Lets every primitive of this crate compute an answer that is known from its standard or from another implementation.
/// Takes some milliseconds. What serves others calls this at its start, and stops if it fails.
///
/// ```
/// # fn main() -> Result<(), strongroom_keys::SelfTestFailed> {
/// strongroom_keys::self_test()?;
/// # Ok(()) }
/// ```
///
/// # Errors
/// [`SelfTestFailed`] names those that computed something else.
pub fn self_test() -> Result<(), SelfTestFailed> {
    let own = KNOWN_ANSWERS.iter().copied().flatten().map(|(name, passes)| (*name, passes()));
    judge(of_provider(&RustCrypto::new()).chain(own))
}

/// Lets a provider compute the known answers of everything that it does itself, whoever made it. What serves others does
/// so before it relies on one.
///
/// ```
/// # fn main() -> Result<(), strongroom_keys::SelfTestFailed> {
/// strongroom_keys::self_test_of(&strongroom_keys::RustCrypto::new())?;
/// # Ok(()) }
/// ```
///
/// # Errors
/// [`SelfTestFailed`] names those that computed something else.
pub fn self_test_of(provider: &dyn Provider) -> Result<(), SelfTestFailed> {
    judge(of_provider(provider))
}

fn of_provider(provider: &dyn Provider) -> impl Iterator<Item = (&'static str, bool)> {
    provider::ROWS.iter().map(move |(name, passes)| (*name, passes(provider)))
}

fn judge(answers: impl Iterator<Item = (&'static str, bool)>) -> Result<(), SelfTestFailed> {
    let failed: Vec<_> = answers.filter(|(_, right)| !right).map(|(name, _)| name).collect();
    if failed.is_empty() { Ok(()) } else { Err(SelfTestFailed { failed }) }
}

/// The bytes of a text in hexadecimal, or none if it is not.
fn unhex(text: &str) -> Option<Vec<u8>> {
    let pair = |pair: &[u8]| u8::from_str_radix(str::from_utf8(pair).ok()?, 16).ok();
    text.as_bytes().chunks(2).map(pair).collect()
}

/// A source whose draws end with the same bytes, as a known answer with a nonce needs it.
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

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use strongroom_core::{Algorithm, HashAlgorithm};

    use super::*;

    fn names() -> Vec<&'static str> {
        let own = KNOWN_ANSWERS.iter().copied().flatten().map(|(name, _)| *name);
        provider::ROWS.iter().map(|(name, _)| *name).chain(own).collect()
    }

    #[test]
    fn everything_passes_here() {
        assert_eq!(self_test(), Ok(()));
        assert_eq!(names().iter().collect::<HashSet<_>>().len(), names().len());
    }

    #[test]
    fn those_that_fail_are_named_and_the_others_are_not() {
        let failed = judge([("A", true), ("B", false), ("C", true), ("D", false)].into_iter()).unwrap_err();
        assert_eq!(failed.failed, ["B", "D"]);
        assert_eq!(failed.to_string(), "these primitives failed their self-test: B, D");
    }

    #[test]
    fn every_algorithm_and_every_hash_has_a_known_answer() {
        let algorithms = [
            "Envelope",
            "Ed25519",
            "ECDSA P-256",
            "AES-128-GCM",
            "AES-192-GCM",
            "AES-256-GCM",
            "ChaCha20-Poly1305",
            "XChaCha20-Poly1305",
            "AES-256-SIV",
            "HMAC-SHA-224",
            "HMAC-SHA-256",
            "HMAC-SHA-384",
            "HMAC-SHA-512",
            "HMAC-SHA3-224",
            "HMAC-SHA3-256",
            "HMAC-SHA3-384",
            "HMAC-SHA3-512",
            "AES-128-CMAC",
            "AES-192-CMAC",
            "AES-256-CMAC",
            "Key derivation",
            "ECDSA P-384",
            "ECDSA P-521",
            "ECDSA secp256k1",
            "RSA PKCS#1 v1.5, PSS and OAEP",
            "ML-DSA-44",
            "ML-DSA-65",
            "ML-DSA-87",
            "ECDH P-256",
            "ECDH P-384",
            "ECDH P-521",
            "X25519",
            "ML-KEM-512",
            "ML-KEM-768",
            "ML-KEM-1024",
            "X-Wing",
            "HPKE X25519",
            "HPKE P-256",
            "HPKE X-Wing",
        ];
        // One row is for RSA of all three sizes.
        let kinds = Algorithm::ALL.len() - 2;
        let hashes = [
            "SHA-224",
            "SHA-256",
            "SHA-384",
            "SHA-512",
            "SHA-512/256",
            "SHA3-224",
            "SHA3-256",
            "SHA3-384",
            "SHA3-512",
        ];
        assert_eq!((algorithms.len(), hashes.len()), (kinds, HashAlgorithm::ALL.len()));
        for name in algorithms.iter().chain(&hashes) {
            assert!(names().contains(name), "{name}");
        }
    }
}
