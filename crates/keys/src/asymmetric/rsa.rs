use std::sync::Arc;

use rsa::{
    BoxedUint, PrivateKey,
    pkcs1::{
        DecodeRsaPrivateKey as _, DecodeRsaPublicKey as _, EncodeRsaPrivateKey as _, EncodeRsaPublicKey as _,
    },
    traits::PublicKeyParts as _,
};
use strongroom_core::{
    Algorithm, Cost, Key, KeyError, Plaintext, PublicKey, Random, SealOptions, SignOptions,
};
use zeroize::Zeroizing;

use super::{
    draws::Draws,
    kinds::Family,
    rsa_checks,
    rsa_options::{self, Signing},
};

/// The public exponent of every key, F4: any other is refused.
const EXPONENT: u64 = 65_537;

/// RFC 8017 with two primes, by the Chinese remainder theorem. Private operations are blinded (base, exponent and the
/// primes), and checked with the public exponent before their result comes out.
pub(super) struct Rsa {
    key: PrivateKey,
    half: RsaPublic,
}

pub(super) struct RsaPublic {
    key: rsa::PublicKey,
    public: PublicKey,
    random: Arc<dyn Random>,
}

impl RsaPublic {
    fn new(algorithm: Algorithm, key: rsa::PublicKey, random: &Arc<dyn Random>) -> Result<Self, KeyError> {
        let bits = algorithm.modulus_bits().ok_or(KeyError::Unsupported)?;
        if key.n().bit_width() as usize != bits || *key.e() != BoxedUint::from(EXPONENT) {
            return Err(KeyError::Invalid);
        }
        let bytes = key.to_pkcs1_der().map_err(|_| KeyError::Invalid)?.into_vec();
        Ok(Self { key, public: PublicKey { algorithm, bytes }, random: random.clone() })
    }
}

impl Family for Rsa {
    type Public = RsaPublic;

    fn parse(algorithm: Algorithm, material: &[u8], random: &Arc<dyn Random>) -> Result<Self, KeyError> {
        let key = PrivateKey::from_pkcs1_der(material).map_err(|_| KeyError::Invalid)?;
        Ok(Self { half: RsaPublic::new(algorithm, key.to_public_key(), random)?, key })
    }

    fn parse_public(
        algorithm: Algorithm,
        bytes: &[u8],
        random: &Arc<dyn Random>,
    ) -> Result<RsaPublic, KeyError> {
        let key = rsa::PublicKey::from_pkcs1_der(bytes).map_err(|_| KeyError::Invalid)?;
        RsaPublic::new(algorithm, key, random)
    }

    fn generate(algorithm: Algorithm, random: &dyn Random) -> Result<Zeroizing<Vec<u8>>, KeyError> {
        let bits = algorithm.modulus_bits().ok_or(KeyError::Unsupported)?;
        to_der(&PrivateKey::new(&mut Draws(random), bits).map_err(|_| KeyError::Random)?)
    }

    fn canonical(
        algorithm: Algorithm,
        material: &[u8],
        random: &Arc<dyn Random>,
    ) -> Result<Zeroizing<Vec<u8>>, KeyError> {
        let key = Self::parse(algorithm, material, random)?.key;
        rsa_checks::private(algorithm, material)?;
        to_der(&key)
    }
}

fn to_der(key: &PrivateKey) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    let der = key.to_pkcs1_der().map_err(|_| KeyError::Invalid)?;
    Ok(Zeroizing::new(der.as_bytes().to_vec()))
}

impl Key for Rsa {
    fn algorithm(&self) -> Algorithm {
        self.half.public.algorithm
    }

    fn cost(&self) -> Cost {
        Cost::Slow
    }

    fn public(&self) -> Option<&PublicKey> {
        self.half.public()
    }

    fn sign(&self, message: &[u8], options: &SignOptions) -> Result<Vec<u8>, KeyError> {
        Signing::new(message, options)?.sign(&self.key, &*self.half.random)
    }

    fn verify(&self, message: &[u8], signature: &[u8], options: &SignOptions) -> Result<bool, KeyError> {
        self.half.verify(message, signature, options)
    }

    fn seal(&self, plaintext: &[u8], options: &SealOptions<'_>) -> Result<Vec<u8>, KeyError> {
        self.half.seal(plaintext, options)
    }

    fn open(&self, sealed: &[u8], options: &SealOptions<'_>) -> Result<Plaintext, KeyError> {
        rsa_options::open(&self.key, &*self.half.random, sealed, options)
    }
}

impl Key for RsaPublic {
    fn algorithm(&self) -> Algorithm {
        self.public.algorithm
    }

    fn public(&self) -> Option<&PublicKey> {
        Some(&self.public)
    }

    fn verify(&self, message: &[u8], signature: &[u8], options: &SignOptions) -> Result<bool, KeyError> {
        Signing::new(message, options)?.verify(&self.key, signature)
    }

    fn seal(&self, plaintext: &[u8], options: &SealOptions<'_>) -> Result<Vec<u8>, KeyError> {
        rsa_options::seal(&self.key, &*self.random, plaintext, options)
    }
}
