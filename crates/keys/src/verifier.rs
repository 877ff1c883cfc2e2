use p256::{
    ecdsa::{
        self,
        signature::{Verifier as _, hazmat::PrehashVerifier as _},
    },
    pkcs8::{EncodePublicKey as _, LineEnding},
};
use strongroom_core::{Algorithm, KeyError, PublicKey};

use crate::hash::is_digest;

/// The length of a SEC1 point of P-256 that is not compressed: 0x04 ‖ x ‖ y (SEC 1, section 2.3.3).
const POINT: usize = 65;

/// Whether a signature as [`Key::sign`](strongroom_core::Key::sign) makes it is right: 64 bytes, for Ed25519 in
/// the strict reading of RFC 8032 (no small-order points), for P-256 r ‖ s.
///
/// ```
/// use strongroom_core::{Algorithm, PublicKey};
///
/// let public = PublicKey { algorithm: Algorithm::Ed25519, bytes: vec![0x66; 32] };
/// assert_eq!(strongroom_keys::verify(&public, b"a message", &[0; 64]), Ok(false));
/// ```
///
/// # Errors
/// [`KeyError::Invalid`] if the bytes are no public key; a wrong signature is `Ok(false)`.
pub fn verify(public: &PublicKey, message: &[u8], signature: &[u8]) -> Result<bool, KeyError> {
    Ok(Verifier::parse(public)?.verify(message, signature))
}

/// Whether a signature as [`Key::sign_digest`](strongroom_core::Key::sign_digest) makes it is right.
///
/// # Errors
/// [`KeyError::Invalid`] if the bytes are no public key or the digest has not the length of a [`Hash`](crate::Hash),
/// [`KeyError::Unsupported`] for Ed25519; a wrong signature is `Ok(false)`.
pub fn verify_digest(public: &PublicKey, digest: &[u8], signature: &[u8]) -> Result<bool, KeyError> {
    Verifier::parse(public)?.verify_digest(digest, signature)
}

/// A public key as PEM of its SubjectPublicKeyInfo (RFC 5280, section 4.1): for Ed25519 by RFC 8410, for P-256
/// by RFC 5480. Lines end with `\n`.
///
/// # Errors
/// [`KeyError::Invalid`] if the bytes are no public key.
pub fn public_pem(public: &PublicKey) -> Result<String, KeyError> {
    let pem = match Verifier::parse(public)? {
        Verifier::Ed25519(key) => key.to_public_key_pem(LineEnding::LF),
        Verifier::P256(key) => key.to_public_key_pem(LineEnding::LF),
    };
    pem.map_err(|_| KeyError::Invalid)
}

/// A public key, parsed once.
pub(crate) enum Verifier {
    Ed25519(ed25519_dalek::VerifyingKey),
    P256(ecdsa::VerifyingKey),
}

impl Verifier {
    fn parse(public: &PublicKey) -> Result<Self, KeyError> {
        let bytes = public.bytes.as_slice();
        match public.algorithm {
            Algorithm::Ed25519 => {
                let bytes = bytes.try_into().map_err(|_| KeyError::Invalid)?;
                ed25519_dalek::VerifyingKey::from_bytes(bytes).map(Self::Ed25519)
            }
            Algorithm::EcdsaP256 if bytes.len() == POINT => {
                ecdsa::VerifyingKey::from_sec1_bytes(bytes).map(Self::P256)
            }
            _ => return Err(KeyError::Invalid),
        }
        .map_err(|_| KeyError::Invalid)
    }

    pub(crate) fn verify(&self, message: &[u8], signature: &[u8]) -> bool {
        match self {
            Self::Ed25519(key) => ed25519_dalek::Signature::from_slice(signature)
                .is_ok_and(|signature| key.verify_strict(message, &signature).is_ok()),
            Self::P256(key) => ecdsa::Signature::from_slice(signature)
                .is_ok_and(|signature| key.verify(message, &signature).is_ok()),
        }
    }

    pub(crate) fn verify_digest(&self, digest: &[u8], signature: &[u8]) -> Result<bool, KeyError> {
        let Self::P256(key) = self else {
            return Err(KeyError::Unsupported);
        };
        if !is_digest(digest) {
            return Err(KeyError::Invalid);
        }
        Ok(ecdsa::Signature::from_slice(signature)
            .is_ok_and(|signature| key.verify_prehash(digest, &signature).is_ok()))
    }
}
