//! The text form of Vault: `vault:v`, the version, `:`, standard base64.

use base64::{Engine, engine::general_purpose::STANDARD};
use strongroom_keys::envelope::{EnvelopeError, Header, MAX_PLAINTEXT, OVERHEAD};

use crate::{KmsError, raw};

/// The length of the longest ciphertext in base64.
const LONGEST: usize = (OVERHEAD + MAX_PLAINTEXT).div_ceil(3) * 4;

/// What a version of a ring made, as Vault's clients know it: `vault:v<version>:<base64>`. For signatures, codes and what was
/// sealed to a public half; [`to_text`] is for ciphertexts, which name their version themselves.
pub fn label(version: u32, bytes: &[u8]) -> String {
    format!("vault:v{version}:{}", STANDARD.encode(bytes))
}

/// The version and the bytes that [`label`] wrote. Numbers have one spelling, as everywhere.
///
/// # Errors
/// [`KmsError::Invalid`] says what is wrong.
pub fn parse_label(text: &str) -> Result<(u32, Vec<u8>), KmsError> {
    let rest = text.strip_prefix("vault:v").ok_or(KmsError::Invalid("invalid ciphertext: no prefix"))?;
    let (version, base64) =
        rest.split_once(':').ok_or(KmsError::Invalid("invalid ciphertext: wrong number of fields"))?;
    if base64.len() > LONGEST {
        return Err(KmsError::Invalid("invalid ciphertext: longer than any"));
    }
    let number = version.parse::<u32>().ok().filter(|number| number.to_string() == version);
    let number = number.ok_or(KmsError::Invalid("invalid ciphertext: the version is no number"))?;
    let bytes = STANDARD
        .decode(base64)
        .map_err(|_| KmsError::Invalid("invalid ciphertext: could not decode base64"))?;
    Ok((number, bytes))
}

/// A ciphertext of [`Rings::encrypt`](crate::Rings::encrypt) as Vault's clients know it.
///
/// # Errors
/// [`KmsError::Invalid`] for bytes that are no ciphertext.
pub fn to_text(ciphertext: &[u8]) -> Result<String, KmsError> {
    Ok(label(ciphertext_version(ciphertext)?, ciphertext))
}

/// The ciphertext that [`to_text`] wrote; the version in the text must be the one in the ciphertext.
///
/// # Errors
/// [`KmsError::Invalid`] says what is wrong.
pub fn from_text(text: &str) -> Result<Vec<u8>, KmsError> {
    let (version, ciphertext) = parse_label(text)?;
    let named = ciphertext_version(&ciphertext).map_err(|error| match error {
        KmsError::Invalid(_) => KmsError::Invalid("invalid ciphertext: not one of this suite"),
        other => other,
    })?;
    if version == named {
        Ok(ciphertext)
    } else {
        Err(KmsError::Invalid("invalid ciphertext: the version does not fit"))
    }
}

/// The version that a ciphertext of [`Rings::encrypt`](crate::Rings::encrypt) names, of whatever kind its ring is.
///
/// # Errors
/// [`KmsError::Invalid`] for bytes that are no ciphertext.
pub fn ciphertext_version(ciphertext: &[u8]) -> Result<u32, KmsError> {
    match raw::named_version(ciphertext) {
        Some(version) => Ok(version),
        None => Header::parse(ciphertext).map(|header| header.key.version).map_err(|error| match error {
            EnvelopeError::Malformed => KmsError::Invalid("not a ciphertext of this suite"),
            other => other.into(),
        }),
    }
}
