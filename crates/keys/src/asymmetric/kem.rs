use std::sync::Arc;

use ml_kem::kem::{Decapsulate, Encapsulate, FromSeed, Kem, KeyExport as _, Seed, TryKeyInit as _};
use strongroom_core::{Algorithm, Encapsulated, Key, KeyError, PublicKey, Random};
use zeroize::Zeroizing;

use super::{draws::draw, kinds::Family};
use crate::SecretRng;

/// ML-KEM (FIPS 203), whose seed is d ‖ z, and X-Wing.
pub(super) struct KemKey<K: Kem> {
    secret: K::DecapsulationKey,
    half: KemPublic<K>,
}

pub(super) struct KemPublic<K: Kem> {
    key: K::EncapsulationKey,
    public: PublicKey,
    random: Arc<dyn Random>,
}

impl<K: Kem> KemPublic<K> {
    fn new(algorithm: Algorithm, key: K::EncapsulationKey, random: &Arc<dyn Random>) -> Self {
        let bytes = key.to_bytes().to_vec();
        Self { key, public: PublicKey { algorithm, bytes }, random: random.clone() }
    }
}

/// KEMs whose keys are threads' to share and come of a seed.
pub(super) trait SeededKem:
    FromSeed + Kem<DecapsulationKey: Decapsulate + Send + Sync, EncapsulationKey: Send + Sync>
{
}

impl<K> SeededKem for K where
    K: FromSeed + Kem<DecapsulationKey: Decapsulate + Send + Sync, EncapsulationKey: Send + Sync>
{
}

impl<K: SeededKem> Family for KemKey<K> {
    type Public = KemPublic<K>;

    fn parse(algorithm: Algorithm, seed: &[u8], random: &Arc<dyn Random>) -> Result<Self, KeyError> {
        let seed = <&Seed<K>>::try_from(seed).map_err(|_| KeyError::Invalid)?;
        let (secret, public) = K::from_seed(seed);
        Ok(Self { secret, half: KemPublic::new(algorithm, public, random) })
    }

    fn parse_public(
        algorithm: Algorithm,
        bytes: &[u8],
        random: &Arc<dyn Random>,
    ) -> Result<Self::Public, KeyError> {
        let key = K::EncapsulationKey::new_from_slice(bytes).map_err(|_| KeyError::Invalid)?;
        Ok(KemPublic::new(algorithm, key, random))
    }

    fn generate(_: Algorithm, random: &dyn Random) -> Result<Zeroizing<Vec<u8>>, KeyError> {
        draw(random, size_of::<Seed<K>>())
    }
}

impl<K: SeededKem> Key for KemKey<K> {
    fn algorithm(&self) -> Algorithm {
        self.half.public.algorithm
    }

    fn public(&self) -> Option<&PublicKey> {
        self.half.public()
    }

    fn encapsulate(&self) -> Result<Encapsulated, KeyError> {
        self.half.encapsulate()
    }

    fn decapsulate(&self, ciphertext: &[u8]) -> Result<Zeroizing<Vec<u8>>, KeyError> {
        let secret = self.secret.decapsulate_slice(ciphertext).map_err(|_| KeyError::Failed)?;
        Ok(Zeroizing::new(secret.to_vec()))
    }
}

impl<K: SeededKem> Key for KemPublic<K> {
    fn algorithm(&self) -> Algorithm {
        self.public.algorithm
    }

    fn public(&self) -> Option<&PublicKey> {
        Some(&self.public)
    }

    fn encapsulate(&self) -> Result<Encapsulated, KeyError> {
        let mut rng = SecretRng::new(&*self.random);
        let (ciphertext, secret) = self.key.encapsulate_with_rng(&mut rng);
        if rng.failed() {
            return Err(KeyError::Random);
        }
        Ok(Encapsulated { ciphertext: ciphertext.to_vec(), secret: Zeroizing::new(secret.to_vec()) })
    }
}
