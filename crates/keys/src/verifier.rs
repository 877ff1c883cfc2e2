use std::sync::Arc;

use strongroom_core::{KeyError, PublicKey, Random, SignOptions};

use crate::{SystemRandom, asymmetric};

/// Whether a signature as [`Key::sign`](strongroom_core::Key::sign) makes it by default is right: for Ed25519 in the strict reading of RFC 8032
/// (no small-order points), for ECDSA r ‖ s.
///
/// ```
/// use strongroom_core::{Algorithm, PublicKey};
///
/// let public = PublicKey { algorithm: Algorithm::Ed25519, bytes: vec![0x66; 32] };
/// assert_eq!(strongroom_keys::verify(&public, b"a message", &[0; 64]), Ok(false));
/// ```
///
/// # Errors
/// As for [`verify_with`].
pub fn verify(public: &PublicKey, message: &[u8], signature: &[u8]) -> Result<bool, KeyError> {
    verify_with(public, message, signature, &SignOptions::default())
}

/// Whether a signature as [`Key::sign`](strongroom_core::Key::sign) makes it with these options is right. Who verifies often loads the public key
/// once instead, by [`KeyBackend::import_public`](strongroom_core::KeyBackend::import_public).
///
/// # Errors
/// [`KeyError::Invalid`] if the bytes are no public key; [`KeyError`] as for [`Key::verify`](strongroom_core::Key::verify); a wrong signature is
/// `Ok(false)`.
pub fn verify_with(
    public: &PublicKey,
    message: &[u8],
    signature: &[u8],
    options: &SignOptions,
) -> Result<bool, KeyError> {
    if !public.algorithm.is_asymmetric() {
        return Err(KeyError::Invalid);
    }
    let random: Arc<dyn Random> = Arc::new(SystemRandom);
    asymmetric::parse_public(public, &random)?.verify(message, signature, options)
}
