use std::sync::Arc;

use hpke::{
    Deserializable, Kem, OpModeR, OpModeS, Serializable, aead::AesGcm256, kdf::HkdfSha256, single_shot_open,
    single_shot_seal_with_rng,
};
use strongroom_core::{Algorithm, Key, KeyError, Plaintext, PublicKey, Random, SealOptions};
use zeroize::Zeroizing;

use super::{draws::draw, kinds::Family};
use crate::SecretRng;

/// RFC 9180 in base mode, one message to an encapsulated key.
pub(super) struct Hpke<K: Kem> {
    secret: K::PrivateKey,
    half: HpkePublic<K>,
}

pub(super) struct HpkePublic<K: Kem> {
    key: K::PublicKey,
    public: PublicKey,
    random: Arc<dyn Random>,
}

impl<K: Kem> HpkePublic<K> {
    fn new(algorithm: Algorithm, key: K::PublicKey, random: &Arc<dyn Random>) -> Self {
        let bytes = key.to_bytes().to_vec();
        Self { key, public: PublicKey { algorithm, bytes }, random: random.clone() }
    }
}

/// KEMs whose keys are threads' to share.
pub(super) trait SharedKem: Kem<PrivateKey: Send + Sync, PublicKey: Send + Sync> + 'static {}

impl<K: Kem<PrivateKey: Send + Sync, PublicKey: Send + Sync> + 'static> SharedKem for K {}

impl<K: SharedKem> Family for Hpke<K> {
    type Public = HpkePublic<K>;

    fn parse(algorithm: Algorithm, material: &[u8], random: &Arc<dyn Random>) -> Result<Self, KeyError> {
        let secret = K::PrivateKey::from_bytes(material).map_err(|_| KeyError::Invalid)?;
        Ok(Self { half: HpkePublic::new(algorithm, K::sk_to_pk(&secret), random), secret })
    }

    fn parse_public(
        algorithm: Algorithm,
        bytes: &[u8],
        random: &Arc<dyn Random>,
    ) -> Result<Self::Public, KeyError> {
        let key = K::PublicKey::from_bytes(bytes).map_err(|_| KeyError::Invalid)?;
        Ok(HpkePublic::new(algorithm, key, random))
    }

    /// DeriveKeyPair (RFC 9180, section 7.1) of new bytes.
    fn generate(_: Algorithm, random: &dyn Random) -> Result<Zeroizing<Vec<u8>>, KeyError> {
        let seed = draw(random, K::PrivateKey::size())?;
        let (secret, _) = K::derive_keypair(&seed);
        Ok(Zeroizing::new(secret.to_bytes().to_vec()))
    }
}

impl<K: SharedKem> Key for Hpke<K> {
    fn algorithm(&self) -> Algorithm {
        self.half.public.algorithm
    }

    fn public(&self) -> Option<&PublicKey> {
        self.half.public()
    }

    fn seal(&self, plaintext: &[u8], options: &SealOptions<'_>) -> Result<Vec<u8>, KeyError> {
        self.half.seal(plaintext, options)
    }

    fn open(&self, sealed: &[u8], options: &SealOptions<'_>) -> Result<Plaintext, KeyError> {
        let (info, aad) = bound(options)?;
        let parts = sealed.split_at_checked(K::EncappedKey::size()).ok_or(KeyError::Failed)?;
        let encapsulated = K::EncappedKey::from_bytes(parts.0).map_err(|_| KeyError::Failed)?;
        let opened = single_shot_open::<AesGcm256, HkdfSha256, K>(
            &OpModeR::Base,
            &self.secret,
            &encapsulated,
            info,
            parts.1,
            aad,
        );
        Ok(Plaintext::new(opened.map_err(|_| KeyError::Failed)?))
    }
}

impl<K: SharedKem> Key for HpkePublic<K> {
    fn algorithm(&self) -> Algorithm {
        self.public.algorithm
    }

    fn public(&self) -> Option<&PublicKey> {
        Some(&self.public)
    }

    fn seal(&self, plaintext: &[u8], options: &SealOptions<'_>) -> Result<Vec<u8>, KeyError> {
        let (info, aad) = bound(options)?;
        let mut rng = SecretRng::new(&*self.random);
        let sealed = single_shot_seal_with_rng::<AesGcm256, HkdfSha256, K>(
            &OpModeS::Base,
            &self.key,
            info,
            plaintext,
            aad,
            &mut rng,
        );
        let (encapsulated, ciphertext) = sealed.map_err(|_| KeyError::Failed)?;
        if rng.failed() {
            return Err(KeyError::Random);
        }
        Ok([encapsulated.to_bytes().as_slice(), &ciphertext].concat())
    }
}

fn bound<'a>(options: &SealOptions<'a>) -> Result<(&'a [u8], &'a [u8]), KeyError> {
    match *options {
        SealOptions::Hpke { info, aad } => Ok((info, aad)),
        SealOptions::Oaep { .. } => Err(KeyError::Unsupported),
    }
}
