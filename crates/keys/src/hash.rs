use sha2::Digest as _;
use strongroom_core::{HashAlgorithm, KeyError};

/// A hash function for messages that are signed by their digest (FIPS 180-4).
///
/// ```
/// use strongroom_keys::Hash;
/// assert_eq!(Hash::Sha512.digest(b"message").len(), 64);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hash {
    /// SHA-256.
    Sha256,
    /// SHA-384.
    Sha384,
    /// SHA-512.
    Sha512,
}

impl Hash {
    /// The digest of a message.
    pub fn digest(self, message: &[u8]) -> Vec<u8> {
        match self {
            Self::Sha256 => sha2::Sha256::digest(message).to_vec(),
            Self::Sha384 => sha2::Sha384::digest(message).to_vec(),
            Self::Sha512 => sha2::Sha512::digest(message).to_vec(),
        }
    }
}

/// The digest of a message.
///
/// # Errors
/// [`KeyError::Unsupported`] for a hash that is not one of these.
pub(crate) fn digest_of(hash: HashAlgorithm, message: &[u8]) -> Result<Vec<u8>, KeyError> {
    match hash {
        HashAlgorithm::Sha256 => Ok(Hash::Sha256.digest(message)),
        HashAlgorithm::Sha384 => Ok(Hash::Sha384.digest(message)),
        HashAlgorithm::Sha512 => Ok(Hash::Sha512.digest(message)),
        _ => Err(KeyError::Unsupported),
    }
}
