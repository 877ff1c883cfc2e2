use std::{fmt, str::FromStr};

use strongroom_core::{Algorithm, KeyError, PublicKey, Signer, UseError};

use crate::text::{self, KeyTextError};

const PREFIX: &str = "strongroom-signer-";

/// The public key that a backup's signatures are checked with (Ed25519, RFC 8032).
///
/// Its text form is `strongroom-signer-…`, in one spelling. Keep it with the recovery keys: whoever restores after a
/// disaster needs to know whom to trust.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct SignerKey([u8; 32]);

impl SignerKey {
    /// The public half of a signer.
    ///
    /// # Errors
    /// [`UseError`]; a signer of another algorithm is [`KeyError::Unsupported`].
    pub fn of(signer: &dyn Signer) -> Result<Self, UseError> {
        let PublicKey { algorithm, bytes } = signer.public()?;
        if algorithm != Algorithm::Ed25519 {
            return Err(KeyError::Unsupported.into());
        }
        let bytes = bytes.try_into().map_err(|_| KeyError::Invalid)?;
        Ok(Self::from_bytes(bytes).ok_or(KeyError::Invalid)?)
    }

    /// Reads what [`SignerKey`] displays as.
    ///
    /// # Errors
    /// [`KeyTextError`].
    pub fn parse(text: &str) -> Result<Self, KeyTextError> {
        Self::from_bytes(*text::decode(PREFIX, text)?).ok_or(KeyTextError::Unusable)
    }

    /// None if no key has these bytes.
    pub(crate) fn from_bytes(bytes: [u8; 32]) -> Option<Self> {
        let key = Self(bytes);
        // Only a public key that is none makes the check itself fail.
        strongroom_keys::verify(&key.public(), &[], &[]).ok().map(|_| key)
    }

    pub(crate) const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    pub(crate) fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        strongroom_keys::verify(&self.public(), message, signature) == Ok(true)
    }

    fn public(&self) -> PublicKey {
        PublicKey { algorithm: Algorithm::Ed25519, bytes: self.0.to_vec() }
    }
}

impl FromStr for SignerKey {
    type Err = KeyTextError;
    fn from_str(text: &str) -> Result<Self, KeyTextError> {
        Self::parse(text)
    }
}

impl fmt::Display for SignerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&text::encode(PREFIX, &self.0))
    }
}

impl fmt::Debug for SignerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
