use std::fmt;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use sha2::{Digest as _, Sha256};

/// A hash of a Merkle tree: SHA-256, with the prefixes of RFC 6962, section 2.1, so that no leaf passes for a node.
///
/// Displays as base64, as in a checkpoint.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Hash([u8; 32]);

impl Hash {
    /// The length, in bytes.
    pub const LENGTH: usize = 32;

    /// The hash with these bytes.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The root of the tree without a leaf: the hash of nothing.
    pub fn empty() -> Self {
        Self(sha256(&[]))
    }

    /// Of a leaf: `0x00 ‖ leaf`.
    pub fn leaf(leaf: &[u8]) -> Self {
        Self(sha256(&[&[0], leaf]))
    }

    /// Of a node: `0x01 ‖ left ‖ right`.
    pub fn node(left: &Self, right: &Self) -> Self {
        Self(sha256(&[&[1], &left.0, &right.0]))
    }

    /// Reads what it displays as, in its one spelling.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        BASE64_STANDARD.decode(text).ok()?.try_into().ok().map(Self)
    }
}

/// SHA-256 of the parts, one after the other (FIPS 180-4). Whoever verifies a proof has no provider.
pub(crate) fn sha256(parts: &[&[u8]]) -> [u8; 32] {
    let mut hash = Sha256::new();
    parts.iter().for_each(|part| hash.update(part));
    hash.finalize().into()
}

/// The hashes that lie one after the other in `bytes`; nothing if one is cut off.
pub(crate) fn hashes(bytes: &[u8]) -> Option<Vec<Hash>> {
    let (whole, rest) = bytes.as_chunks::<{ Hash::LENGTH }>();
    rest.is_empty().then(|| whole.iter().copied().map(Hash).collect())
}

/// The bytes of hashes, one after the other.
pub(crate) fn concat(hashes: &[Hash]) -> Vec<u8> {
    hashes.iter().flat_map(|hash| hash.0).collect()
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&BASE64_STANDARD.encode(self.0))
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
