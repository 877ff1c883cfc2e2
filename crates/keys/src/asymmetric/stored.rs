use secrecy::SecretSlice;
use strongroom_core::{Algorithm, KeyError, Stored};
use zeroize::Zeroizing;

/// The form in which the secrets of all but the first algorithms are kept: this byte, and the material.
const FORM: u8 = 1;
/// What is kept of a key of which there is the public half alone: a secret that got lost is not taken for one.
const PUBLIC_ONLY: [u8; 1] = [2];

/// Kept as 32 bytes without a number of the form, as they always were.
const fn is_bare(algorithm: Algorithm) -> bool {
    matches!(algorithm, Algorithm::Ed25519 | Algorithm::EcdsaP256)
}

/// The bytes to keep of a material.
pub(super) fn secret(algorithm: Algorithm, material: &[u8]) -> SecretSlice<u8> {
    if is_bare(algorithm) {
        return SecretSlice::from(material.to_vec());
    }
    // One allocation of the right size: no copy is left behind by a growing vector.
    let mut bytes = Zeroizing::new(Vec::with_capacity(1 + material.len()));
    bytes.push(FORM);
    bytes.extend_from_slice(material);
    SecretSlice::from(std::mem::take(&mut *bytes))
}

/// The bytes to keep where there is no secret.
pub(super) fn no_secret() -> SecretSlice<u8> {
    SecretSlice::from(PUBLIC_ONLY.to_vec())
}

pub(super) fn has_no_secret(stored: &Stored) -> bool {
    stored.expose() == PUBLIC_ONLY
}

/// The material that [`secret`] kept.
pub(crate) fn material(stored: &Stored) -> Result<&[u8], KeyError> {
    match stored.expose() {
        _ if has_no_secret(stored) => Err(KeyError::Unsupported),
        bare if is_bare(stored.algorithm) => Ok(bare),
        [FORM, material @ ..] => Ok(material),
        _ => Err(KeyError::Invalid),
    }
}
