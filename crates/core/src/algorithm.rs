use minicbor::{Decode, Encode};

use crate::Cost;

/// What a key is for and how it computes. The algorithm comes from the key, never from a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Encode, Decode)]
#[cbor(index_only)]
#[non_exhaustive]
pub enum Algorithm {
    /// Authenticated encryption in envelopes of format 1: AES-256-GCM under a new key for every message.
    #[n(1)]
    Aes256Gcm = 1,
    /// EdDSA over edwards25519 (RFC 8032).
    #[n(2)]
    Ed25519 = 2,
    /// ECDSA over NIST P-256 (FIPS 186-5).
    #[n(3)]
    EcdsaP256 = 3,
    // Asymmetric keys: 60 to 119.
    /// ECDSA over NIST P-384 (FIPS 186-5).
    #[n(60)]
    EcdsaP384 = 60,
    /// ECDSA over NIST P-521 (FIPS 186-5).
    #[n(61)]
    EcdsaP521 = 61,
    /// ECDSA over secp256k1 (SEC 2, section 2.4.1), made with the lower of the two values of s.
    #[n(62)]
    EcdsaSecp256k1 = 62,
    /// RSA (RFC 8017) with a modulus of 2048 bits: signatures, and OAEP.
    #[n(63)]
    Rsa2048 = 63,
    /// RSA with a modulus of 3072 bits.
    #[n(64)]
    Rsa3072 = 64,
    /// RSA with a modulus of 4096 bits.
    #[n(65)]
    Rsa4096 = 65,
    /// ML-DSA-44 (FIPS 204).
    #[n(66)]
    MlDsa44 = 66,
    /// ML-DSA-65 (FIPS 204).
    #[n(67)]
    MlDsa65 = 67,
    /// ML-DSA-87 (FIPS 204).
    #[n(68)]
    MlDsa87 = 68,
    /// Key agreement over NIST P-256 (SP 800-56A, ECC CDH).
    #[n(80)]
    EcdhP256 = 80,
    /// Key agreement over NIST P-384.
    #[n(81)]
    EcdhP384 = 81,
    /// Key agreement over NIST P-521.
    #[n(82)]
    EcdhP521 = 82,
    /// Key agreement over curve25519 (RFC 7748).
    #[n(83)]
    X25519 = 83,
    /// ML-KEM-512 (FIPS 203).
    #[n(90)]
    MlKem512 = 90,
    /// ML-KEM-768 (FIPS 203).
    #[n(91)]
    MlKem768 = 91,
    /// ML-KEM-1024 (FIPS 203).
    #[n(92)]
    MlKem1024 = 92,
    /// X-Wing: ML-KEM-768 and X25519 together (draft-connolly-cfrg-xwing-kem).
    #[n(93)]
    XWing = 93,
    /// HPKE (RFC 9180), base mode: DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, AES-256-GCM.
    #[n(100)]
    HpkeX25519 = 100,
    /// HPKE (RFC 9180), base mode: DHKEM(P-256, HKDF-SHA256), HKDF-SHA256, AES-256-GCM.
    #[n(101)]
    HpkeP256 = 101,
    /// HPKE (RFC 9180), base mode: X-Wing (0x647a), HKDF-SHA256, AES-256-GCM.
    #[n(102)]
    HpkeXWing = 102,
}

/// What keys of an algorithm do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Purpose {
    /// Encrypts and decrypts in envelopes.
    Envelope,
    /// Signs; its public half verifies.
    Sign,
    /// Signs and opens; its public half verifies and seals. Which of both, a ring's policy says.
    SignAndOpen,
    /// Opens what its public half sealed.
    Open,
    /// Agrees on a secret with another key of its kind.
    Agree,
    /// Decapsulates what its public half encapsulated.
    Decapsulate,
}

impl Algorithm {
    /// All of them.
    pub const ALL: [Self; 23] = [
        Self::Aes256Gcm,
        Self::Ed25519,
        Self::EcdsaP256,
        Self::EcdsaP384,
        Self::EcdsaP521,
        Self::EcdsaSecp256k1,
        Self::Rsa2048,
        Self::Rsa3072,
        Self::Rsa4096,
        Self::MlDsa44,
        Self::MlDsa65,
        Self::MlDsa87,
        Self::EcdhP256,
        Self::EcdhP384,
        Self::EcdhP521,
        Self::X25519,
        Self::MlKem512,
        Self::MlKem768,
        Self::MlKem1024,
        Self::XWing,
        Self::HpkeX25519,
        Self::HpkeP256,
        Self::HpkeXWing,
    ];

    /// What its keys do.
    pub const fn purpose(self) -> Purpose {
        match self {
            Self::Aes256Gcm => Purpose::Envelope,
            Self::Ed25519 | Self::EcdsaP256 | Self::EcdsaP384 | Self::EcdsaP521 | Self::EcdsaSecp256k1 => {
                Purpose::Sign
            }
            Self::MlDsa44 | Self::MlDsa65 | Self::MlDsa87 => Purpose::Sign,
            Self::Rsa2048 | Self::Rsa3072 | Self::Rsa4096 => Purpose::SignAndOpen,
            Self::EcdhP256 | Self::EcdhP384 | Self::EcdhP521 | Self::X25519 => Purpose::Agree,
            Self::MlKem512 | Self::MlKem768 | Self::MlKem1024 | Self::XWing => Purpose::Decapsulate,
            Self::HpkeX25519 | Self::HpkeP256 | Self::HpkeXWing => Purpose::Open,
        }
    }

    /// Whether it signs.
    pub const fn signs(self) -> bool {
        matches!(self.purpose(), Purpose::Sign | Purpose::SignAndOpen)
    }

    /// Whether its public half seals what the key opens.
    pub const fn opens(self) -> bool {
        matches!(self.purpose(), Purpose::Open | Purpose::SignAndOpen)
    }

    /// Whether its keys have a public half.
    pub const fn is_asymmetric(self) -> bool {
        !matches!(self.purpose(), Purpose::Envelope)
    }

    /// The bits of an RSA modulus.
    pub const fn modulus_bits(self) -> Option<usize> {
        match self {
            Self::Rsa2048 => Some(2048),
            Self::Rsa3072 => Some(3072),
            Self::Rsa4096 => Some(4096),
            _ => None,
        }
    }

    /// Where a key may be made: of RSA two large primes have to be found, which takes up to seconds.
    pub const fn generation(self) -> Cost {
        if self.modulus_bits().is_some() { Cost::Slow } else { Cost::Inline }
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
    /// The one of SHA-2 whose digests have this length.
    pub const fn of_size(size: usize) -> Option<Self> {
        match size {
            32 => Some(Self::Sha256),
            48 => Some(Self::Sha384),
            64 => Some(Self::Sha512),
            _ => None,
        }
    }

    /// The length of a digest, in bytes.
    pub const fn size(self) -> usize {
        match self {
            Self::Sha256 => 32,
            Self::Sha384 => 48,
            Self::Sha512 => 64,
        }
    }
}
