use crate::Algorithm;

/// A hash function of FIPS 180-4 or FIPS 202. A provider has them all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum HashAlgorithm {
    /// SHA-224.
    Sha224,
    /// SHA-256.
    Sha256,
    /// SHA-384.
    Sha384,
    /// SHA-512.
    Sha512,
    /// SHA-512/256: SHA-512 from another start, cut to 256 bits.
    Sha512_256,
    /// SHA3-224.
    Sha3_224,
    /// SHA3-256.
    Sha3_256,
    /// SHA3-384.
    Sha3_384,
    /// SHA3-512.
    Sha3_512,
}

impl HashAlgorithm {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Sha224,
        Self::Sha256,
        Self::Sha384,
        Self::Sha512,
        Self::Sha512_256,
        Self::Sha3_224,
        Self::Sha3_256,
        Self::Sha3_384,
        Self::Sha3_512,
    ];

    /// HMAC with it, where there are keys for that.
    pub const fn hmac(self) -> Option<Algorithm> {
        Some(match self {
            Self::Sha224 => Algorithm::HmacSha224,
            Self::Sha256 => Algorithm::HmacSha256,
            Self::Sha384 => Algorithm::HmacSha384,
            Self::Sha512 => Algorithm::HmacSha512,
            Self::Sha512_256 => return None,
            Self::Sha3_224 => Algorithm::HmacSha3_224,
            Self::Sha3_256 => Algorithm::HmacSha3_256,
            Self::Sha3_384 => Algorithm::HmacSha3_384,
            Self::Sha3_512 => Algorithm::HmacSha3_512,
        })
    }

    /// The length of a digest, in bytes.
    pub const fn size(self) -> usize {
        match self {
            Self::Sha224 | Self::Sha3_224 => 28,
            Self::Sha256 | Self::Sha512_256 | Self::Sha3_256 => 32,
            Self::Sha384 | Self::Sha3_384 => 48,
            Self::Sha512 | Self::Sha3_512 => 64,
        }
    }
}
