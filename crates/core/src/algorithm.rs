use minicbor::{Decode, Encode};

/// What a key is for and how it computes. The algorithm comes from the key, never from a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Encode, Decode)]
#[cbor(index_only)]
#[non_exhaustive]
pub enum Algorithm {
    /// Authenticated encryption in envelopes of format 1: AES-256-GCM under a new key for every message.
    #[n(1)]
    Aes256Gcm,
    /// EdDSA over edwards25519 (RFC 8032).
    #[n(2)]
    Ed25519,
    /// ECDSA over NIST P-256 (FIPS 186-5).
    #[n(3)]
    EcdsaP256,
}

impl Algorithm {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Aes256Gcm, Self::Ed25519, Self::EcdsaP256];

    /// Whether it signs; otherwise it encrypts.
    pub const fn signs(self) -> bool {
        match self {
            Self::Aes256Gcm => false,
            Self::Ed25519 | Self::EcdsaP256 => true,
        }
    }
}

/// A hash function of FIPS 180-4.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum HashAlgorithm {
    /// SHA-256.
    Sha256,
    /// SHA-384.
    Sha384,
    /// SHA-512.
    Sha512,
}

impl HashAlgorithm {
    /// The length of a digest, in bytes.
    pub const fn size(self) -> usize {
        match self {
            Self::Sha256 => 32,
            Self::Sha384 => 48,
            Self::Sha512 => 64,
        }
    }
}
