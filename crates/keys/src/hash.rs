use sha2::{Digest, Sha224, Sha256, Sha384, Sha512};
use sha3::{Sha3_224, Sha3_256, Sha3_384, Sha3_512};
use strongroom_core::HashAlgorithm;

/// A hash function for what has no provider at hand (FIPS 180-4).
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
        let hash = match self {
            Self::Sha256 => HashAlgorithm::Sha256,
            Self::Sha384 => HashAlgorithm::Sha384,
            Self::Sha512 => HashAlgorithm::Sha512,
        };
        digest_of(hash, &[message])
    }
}

/// The digest of the parts, one after the other.
pub(crate) fn digest_of(hash: HashAlgorithm, parts: &[&[u8]]) -> Vec<u8> {
    match hash {
        HashAlgorithm::Sha224 => digest::<Sha224>(parts).to_vec(),
        HashAlgorithm::Sha256 => digest::<Sha256>(parts).to_vec(),
        HashAlgorithm::Sha384 => digest::<Sha384>(parts).to_vec(),
        HashAlgorithm::Sha512 => digest::<Sha512>(parts).to_vec(),
        HashAlgorithm::Sha3_224 => digest::<Sha3_224>(parts).to_vec(),
        HashAlgorithm::Sha3_256 => digest::<Sha3_256>(parts).to_vec(),
        HashAlgorithm::Sha3_384 => digest::<Sha3_384>(parts).to_vec(),
        HashAlgorithm::Sha3_512 => digest::<Sha3_512>(parts).to_vec(),
    }
}

pub(crate) fn digest<D: Digest>(parts: &[&[u8]]) -> sha2::digest::Output<D> {
    let mut hash = D::new();
    for part in parts {
        hash.update(part);
    }
    hash.finalize()
}
