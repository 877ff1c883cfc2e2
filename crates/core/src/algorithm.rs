use std::ops::RangeInclusive;

use minicbor::{Decode, Encode};

use crate::Cost;

/// Lengths of HMAC keys, in bytes: from the 112 bits that SP 800-131Ar2, section 10, asks for.
const HMAC_KEYS: RangeInclusive<usize> = 14..=512;

/// What a key is for and how it computes. The algorithm comes from the key, never from a request.
///
/// The number of each stands in records and is never used again.
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

    /// AES-128-GCM (SP 800-38D) under the key itself, with random nonces of 96 bits.
    #[n(20)]
    RawAes128Gcm = 20,
    /// AES-192-GCM in the same way.
    #[n(21)]
    RawAes192Gcm = 21,
    /// AES-256-GCM in the same way.
    #[n(22)]
    RawAes256Gcm = 22,
    /// ChaCha20-Poly1305 (RFC 8439) under the key itself, with random nonces of 96 bits.
    #[n(23)]
    RawChaCha20Poly1305 = 23,
    /// XChaCha20-Poly1305 (draft-irtf-cfrg-xchacha-03) under the key itself, with random nonces of 192 bits: for any
    /// number of messages.
    #[n(24)]
    RawXChaCha20Poly1305 = 24,
    /// AES-SIV with two keys of 256 bits (RFC 5297, AEAD_AES_SIV_CMAC_512), without a nonce: the same plaintext with
    /// the same additional data gives the same ciphertext, which shows that they are the same.
    #[n(25)]
    Aes256Siv = 25,
    /// HMAC (FIPS 198-1) with SHA-224.
    #[n(30)]
    HmacSha224 = 30,
    /// HMAC with SHA-256.
    #[n(31)]
    HmacSha256 = 31,
    /// HMAC with SHA-384.
    #[n(32)]
    HmacSha384 = 32,
    /// HMAC with SHA-512.
    #[n(33)]
    HmacSha512 = 33,
    /// HMAC with SHA3-224.
    #[n(34)]
    HmacSha3_224 = 34,
    /// HMAC with SHA3-256.
    #[n(35)]
    HmacSha3_256 = 35,
    /// HMAC with SHA3-384.
    #[n(36)]
    HmacSha3_384 = 36,
    /// HMAC with SHA3-512.
    #[n(37)]
    HmacSha3_512 = 37,
    /// CMAC (SP 800-38B) with AES-128.
    #[n(40)]
    CmacAes128 = 40,
    /// CMAC with AES-192.
    #[n(41)]
    CmacAes192 = 41,
    /// CMAC with AES-256.
    #[n(42)]
    CmacAes256 = 42,
    /// Derives further keys: the KDF in counter mode of SP 800-108r1 with HMAC-SHA-256.
    #[n(50)]
    KbkdfHmacSha256 = 50,

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
    /// SLH-DSA-SHA2-128s (FIPS 205), pure, with an empty context.
    #[n(104)]
    SlhDsaSha2_128s = 104,
    /// SLH-DSA-SHA2-128f.
    #[n(105)]
    SlhDsaSha2_128f = 105,
    /// SLH-DSA-SHA2-192s.
    #[n(106)]
    SlhDsaSha2_192s = 106,
    /// SLH-DSA-SHA2-192f.
    #[n(107)]
    SlhDsaSha2_192f = 107,
    /// SLH-DSA-SHA2-256s.
    #[n(108)]
    SlhDsaSha2_256s = 108,
    /// SLH-DSA-SHA2-256f.
    #[n(109)]
    SlhDsaSha2_256f = 109,
    /// SLH-DSA-SHAKE-128f.
    #[n(110)]
    SlhDsaShake128f = 110,
    /// SLH-DSA-SHAKE-192f.
    #[n(111)]
    SlhDsaShake192f = 111,
    /// SLH-DSA-SHAKE-256f.
    #[n(112)]
    SlhDsaShake256f = 112,
}

/// What keys do. Those of one purpose have the same operations, and those of another answer
/// [`KeyError::Unsupported`](crate::KeyError::Unsupported) to them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Purpose {
    /// Seals in envelopes: [`Key::mac`](crate::Key::mac).
    Envelope,
    /// Encrypts with the key itself: [`Key::encrypt`](crate::Key::encrypt) and
    /// [`Key::decrypt`](crate::Key::decrypt).
    Aead,
    /// Authenticates: [`Key::compute_mac`](crate::Key::compute_mac) and
    /// [`Key::verify_mac`](crate::Key::verify_mac).
    Mac,
    /// Derives: [`Key::derive`](crate::Key::derive).
    Derive,
    /// Signs: [`Key::sign`](crate::Key::sign) and [`Key::verify`](crate::Key::verify).
    Sign,
    /// Signs and opens: those of [`Purpose::Sign`] and of [`Purpose::Open`]. Which of both, a ring's policy says.
    SignAndOpen,
    /// Opens what its public half sealed: [`Key::seal`](crate::Key::seal) and [`Key::open`](crate::Key::open).
    Open,
    /// Agrees on a secret with another key of its kind: [`Key::agree`](crate::Key::agree).
    Agree,
    /// Decapsulates what its public half encapsulated: [`Key::encapsulate`](crate::Key::encapsulate) and
    /// [`Key::decapsulate`](crate::Key::decapsulate).
    Decapsulate,
}

/// How many messages one key may encrypt while its nonces are random and of 96 bits: SP 800-38D, section 8.3, allows 2³²,
/// at which two of them are the same with a probability of 2⁻³³.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UseLimit {
    /// From this many on, it is time to rotate.
    pub warn: u64,
    /// The last one allowed.
    pub stop: u64,
}

impl UseLimit {
    /// The limit of a key with random nonces of 96 bits.
    pub const RANDOM_96: Self = Self { warn: 1 << 31, stop: 1 << 32 };
}

impl Algorithm {
    /// All that the software provider has in every build: all but [`Self::SLH_DSA`].
    pub const ALL: [Self; 41] = [
        Self::Aes256Gcm,
        Self::Ed25519,
        Self::EcdsaP256,
        Self::RawAes128Gcm,
        Self::RawAes192Gcm,
        Self::RawAes256Gcm,
        Self::RawChaCha20Poly1305,
        Self::RawXChaCha20Poly1305,
        Self::Aes256Siv,
        Self::HmacSha224,
        Self::HmacSha256,
        Self::HmacSha384,
        Self::HmacSha512,
        Self::HmacSha3_224,
        Self::HmacSha3_256,
        Self::HmacSha3_384,
        Self::HmacSha3_512,
        Self::CmacAes128,
        Self::CmacAes192,
        Self::CmacAes256,
        Self::KbkdfHmacSha256,
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

    /// The parameter sets of FIPS 205 that are here, which a provider need not have. The small sets of SHAKE are left out:
    /// a signature takes seconds.
    pub const SLH_DSA: [Self; 9] = [
        Self::SlhDsaSha2_128s,
        Self::SlhDsaSha2_128f,
        Self::SlhDsaSha2_192s,
        Self::SlhDsaSha2_192f,
        Self::SlhDsaSha2_256s,
        Self::SlhDsaSha2_256f,
        Self::SlhDsaShake128f,
        Self::SlhDsaShake192f,
        Self::SlhDsaShake256f,
    ];

    /// Every one that has a number, whoever computes it.
    pub fn known() -> impl Iterator<Item = Self> {
        Self::ALL.into_iter().chain(Self::SLH_DSA)
    }

    /// The number that stands for it in records.
    pub const fn number(self) -> u8 {
        self as u8
    }

    /// What its keys do.
    pub const fn purpose(self) -> Purpose {
        match self {
            Self::Aes256Gcm => Purpose::Envelope,
            Self::Ed25519 | Self::EcdsaP256 | Self::EcdsaP384 | Self::EcdsaP521 | Self::EcdsaSecp256k1 => {
                Purpose::Sign
            }
            Self::MlDsa44 | Self::MlDsa65 | Self::MlDsa87 => Purpose::Sign,
            Self::SlhDsaSha2_128s
            | Self::SlhDsaSha2_128f
            | Self::SlhDsaSha2_192s
            | Self::SlhDsaSha2_192f
            | Self::SlhDsaSha2_256s
            | Self::SlhDsaSha2_256f
            | Self::SlhDsaShake128f
            | Self::SlhDsaShake192f
            | Self::SlhDsaShake256f => Purpose::Sign,
            Self::Rsa2048 | Self::Rsa3072 | Self::Rsa4096 => Purpose::SignAndOpen,
            Self::HpkeX25519 | Self::HpkeP256 | Self::HpkeXWing => Purpose::Open,
            Self::EcdhP256 | Self::EcdhP384 | Self::EcdhP521 | Self::X25519 => Purpose::Agree,
            Self::MlKem512 | Self::MlKem768 | Self::MlKem1024 | Self::XWing => Purpose::Decapsulate,
            Self::RawAes128Gcm
            | Self::RawAes192Gcm
            | Self::RawAes256Gcm
            | Self::RawChaCha20Poly1305
            | Self::RawXChaCha20Poly1305
            | Self::Aes256Siv => Purpose::Aead,
            Self::HmacSha224
            | Self::HmacSha256
            | Self::HmacSha384
            | Self::HmacSha512
            | Self::HmacSha3_224
            | Self::HmacSha3_256
            | Self::HmacSha3_384
            | Self::HmacSha3_512
            | Self::CmacAes128
            | Self::CmacAes192
            | Self::CmacAes256 => Purpose::Mac,
            Self::KbkdfHmacSha256 => Purpose::Derive,
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
        !matches!(self.purpose(), Purpose::Envelope | Purpose::Aead | Purpose::Mac | Purpose::Derive)
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

    /// Whether it is one of [`Self::SLH_DSA`].
    pub const fn is_slh_dsa(self) -> bool {
        self.number() >= Self::SlhDsaSha2_128s.number() && self.number() <= Self::SlhDsaShake256f.number()
    }

    /// Where a key may be made: of RSA two large primes have to be found, and of SLH-DSA a tree is hashed and a signature
    /// made, which takes up to seconds.
    pub const fn generation(self) -> Cost {
        if self.modulus_bits().is_some() || self.is_slh_dsa() { Cost::Slow } else { Cost::Inline }
    }

    /// The lengths of the secrets of a symmetric type, in bytes: the key itself. `None` where a secret has a form of its
    /// own.
    pub const fn secret_lengths(self) -> Option<RangeInclusive<usize>> {
        match self {
            Self::RawAes128Gcm | Self::CmacAes128 => Some(16..=16),
            Self::RawAes192Gcm | Self::CmacAes192 => Some(24..=24),
            Self::Aes256Gcm
            | Self::RawAes256Gcm
            | Self::RawChaCha20Poly1305
            | Self::RawXChaCha20Poly1305
            | Self::CmacAes256
            | Self::KbkdfHmacSha256 => Some(32..=32),
            Self::Aes256Siv => Some(64..=64),
            Self::HmacSha224
            | Self::HmacSha256
            | Self::HmacSha384
            | Self::HmacSha512
            | Self::HmacSha3_224
            | Self::HmacSha3_256
            | Self::HmacSha3_384
            | Self::HmacSha3_512 => Some(HMAC_KEYS),
            _ => None,
        }
    }

    /// Whether the same plaintext gives the same ciphertext.
    pub const fn is_deterministic(self) -> bool {
        matches!(self, Self::Aes256Siv)
    }

    /// How many messages one of its keys may encrypt; `None` where it does not matter.
    pub const fn use_limit(self) -> Option<UseLimit> {
        match self {
            Self::RawAes128Gcm | Self::RawAes192Gcm | Self::RawAes256Gcm | Self::RawChaCha20Poly1305 => {
                Some(UseLimit::RANDOM_96)
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_algorithm_has_one_number_in_records_and_elsewhere() {
        let mut numbers = HashSet::new();
        for algorithm in Algorithm::known() {
            let record = minicbor::to_vec(algorithm).unwrap();
            assert_eq!(minicbor::decode::<u8>(&record).unwrap(), algorithm.number(), "{algorithm:?}");
            assert_eq!(minicbor::decode::<Algorithm>(&record).unwrap(), algorithm);
            assert!(numbers.insert(algorithm.number()), "{algorithm:?}");
        }
        let known = (0..=u8::MAX)
            .filter(|number| minicbor::decode::<Algorithm>(&minicbor::to_vec(number).unwrap()).is_ok());
        assert_eq!(known.collect::<HashSet<_>>(), numbers, "an algorithm is missing in ALL");
    }

    #[test]
    fn those_of_fips_205_are_told_from_all_others() {
        let found: Vec<_> = Algorithm::known().filter(|algorithm| algorithm.is_slh_dsa()).collect();
        assert_eq!(found, Algorithm::SLH_DSA);
    }
}
