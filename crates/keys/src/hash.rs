use sha2::Digest as _;

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

/// Whether something is as long as a digest of one of these.
pub(crate) fn is_digest(bytes: &[u8]) -> bool {
    matches!(bytes.len(), 32 | 48 | 64)
}
