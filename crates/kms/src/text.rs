//! The text form of Vault: `vault:v`, the version, `:`, standard base64.

use base64::{Engine, engine::general_purpose::STANDARD};
use strongroom_keys::envelope::{EnvelopeError, Header, MAX_PLAINTEXT, OVERHEAD};

use crate::KmsError;

/// The length of the longest ciphertext in base64.
const LONGEST: usize = (OVERHEAD + MAX_PLAINTEXT).div_ceil(3) * 4;

/// A ciphertext as Vault's clients know it: `vault:v<version>:<base64>`.
///
/// # Errors
/// [`KmsError::Invalid`] for bytes that are no ciphertext.
pub fn to_text(envelope: &[u8]) -> Result<String, KmsError> {
    let version = Header::parse(envelope)?.key.version;
    Ok(format!("vault:v{version}:{}", STANDARD.encode(envelope)))
}

/// The ciphertext that [`to_text`] wrote; the version in the text must be the one in the ciphertext.
///
/// # Errors
/// [`KmsError::Invalid`] says what is wrong.
pub fn from_text(text: &str) -> Result<Vec<u8>, KmsError> {
    let rest = text.strip_prefix("vault:v").ok_or(KmsError::Invalid("invalid ciphertext: no prefix"))?;
    let (version, base64) =
        rest.split_once(':').ok_or(KmsError::Invalid("invalid ciphertext: wrong number of fields"))?;
    if base64.len() > LONGEST {
        return Err(KmsError::Invalid("invalid ciphertext: longer than any"));
    }
    let envelope = STANDARD
        .decode(base64)
        .map_err(|_| KmsError::Invalid("invalid ciphertext: could not decode base64"))?;
    let header = Header::parse(&envelope).map_err(|error| match error {
        EnvelopeError::Malformed => KmsError::Invalid("invalid ciphertext: not one of this suite"),
        other => other.into(),
    })?;
    // One spelling of each number, as everywhere.
    if version != header.key.version.to_string() {
        return Err(KmsError::Invalid("invalid ciphertext: the version does not fit"));
    }
    Ok(envelope)
}
