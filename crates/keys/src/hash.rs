use sha2::{Digest, digest::Output};
use strongroom_core::HashAlgorithm;

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
        digest_of(self.into(), &[message])
    }
}

impl From<Hash> for HashAlgorithm {
    fn from(hash: Hash) -> Self {
        match hash {
            Hash::Sha256 => Self::Sha256,
            Hash::Sha384 => Self::Sha384,
            Hash::Sha512 => Self::Sha512,
        }
    }
}

/// Evaluates an expression with `$digest` as the type of a hash function.
macro_rules! with_hash {
    ($hash:expr, $digest:ident => $body:expr) => {
        match $hash {
            strongroom_core::HashAlgorithm::Sha224 => with_hash!(@ sha2::Sha224, $digest => $body),
            strongroom_core::HashAlgorithm::Sha256 => with_hash!(@ sha2::Sha256, $digest => $body),
            strongroom_core::HashAlgorithm::Sha384 => with_hash!(@ sha2::Sha384, $digest => $body),
            strongroom_core::HashAlgorithm::Sha512 => with_hash!(@ sha2::Sha512, $digest => $body),
            strongroom_core::HashAlgorithm::Sha512_256 => with_hash!(@ sha2::Sha512_256, $digest => $body),
            strongroom_core::HashAlgorithm::Sha3_224 => with_hash!(@ sha3::Sha3_224, $digest => $body),
            strongroom_core::HashAlgorithm::Sha3_256 => with_hash!(@ sha3::Sha3_256, $digest => $body),
            strongroom_core::HashAlgorithm::Sha3_384 => with_hash!(@ sha3::Sha3_384, $digest => $body),
            strongroom_core::HashAlgorithm::Sha3_512 => with_hash!(@ sha3::Sha3_512, $digest => $body),
        }
    };
    (@ $type:ty, $digest:ident => $body:expr) => {{
        type $digest = $type;
        $body
    }};
}

pub(crate) use with_hash;

/// The digest of the parts, one after the other.
pub(crate) fn digest_of(hash: HashAlgorithm, parts: &[&[u8]]) -> Vec<u8> {
    with_hash!(hash, D => digest::<D>(parts).to_vec())
}

/// The same by a function that is known beforehand.
pub(crate) fn digest<D: Digest>(parts: &[&[u8]]) -> Output<D> {
    let mut hash = D::new();
    for part in parts {
        hash.update(part);
    }
    hash.finalize()
}
