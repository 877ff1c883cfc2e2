use std::sync::Arc;

use secrecy::SecretSlice;
use strongroom_core::{Algorithm, Key, KeyBackend, KeyError, Mac, PublicKey, Random, Stored};
use zeroize::Zeroizing;

use crate::{asymmetric, mac::HmacSha256, pairwise, symmetric::Symmetric};

const SECRET: usize = 32;

/// Keys in the memory of the process.
pub(crate) struct Software {
    random: Arc<dyn Random>,
}

impl Software {
    pub(crate) fn new(random: Arc<dyn Random>) -> Self {
        Self { random }
    }

    fn draw_key(&self, algorithm: Algorithm) -> Result<Stored, KeyError> {
        let mut secret = Zeroizing::new([0; SECRET]);
        self.random.fill_secret(secret.as_mut_slice())?;
        self.import(algorithm, secret.as_slice())
    }
}

impl KeyBackend for Software {
    fn name(&self) -> &'static str {
        "software"
    }

    fn supports(&self, algorithm: Algorithm) -> bool {
        Algorithm::ALL.contains(&algorithm) || asymmetric::supports(algorithm)
    }

    /// What was made is used once before anybody gets it.
    fn generate(&self, algorithm: Algorithm) -> Result<Stored, KeyError> {
        if algorithm.is_asymmetric() {
            return asymmetric::generate(algorithm, &self.random);
        }
        let made = match Symmetric::of(algorithm) {
            Some(kind) => kind.generate(&*self.random)?,
            None => self.draw_key(algorithm)?,
        };
        pairwise::check(&*self.load(&made)?)?;
        Ok(made)
    }

    fn import(&self, algorithm: Algorithm, material: &[u8]) -> Result<Stored, KeyError> {
        if algorithm.is_asymmetric() {
            return asymmetric::import(algorithm, material, &self.random);
        }
        if let Some(kind) = Symmetric::of(algorithm) {
            return kind.import(material);
        }
        expand(algorithm, material)?;
        Ok(Stored { algorithm, secret: SecretSlice::from(material.to_vec()), public: None })
    }

    fn import_public(&self, public: &PublicKey) -> Result<Stored, KeyError> {
        asymmetric::import_public(public, &self.random)
    }

    fn export(&self, stored: &Stored) -> Result<SecretSlice<u8>, KeyError> {
        if stored.algorithm.is_asymmetric() {
            self.load(stored)?;
            return Ok(SecretSlice::from(asymmetric::material(stored)?.to_vec()));
        }
        if let Some(kind) = Symmetric::of(stored.algorithm) {
            return kind.export(stored);
        }
        self.load(stored)?;
        Ok(stored.secret.clone())
    }

    fn load(&self, stored: &Stored) -> Result<Arc<dyn Key>, KeyError> {
        if stored.algorithm.is_asymmetric() {
            return asymmetric::load(stored, &self.random);
        }
        if let Some(kind) = Symmetric::of(stored.algorithm) {
            return kind.load(stored, &self.random);
        }
        match stored.public {
            None => expand(stored.algorithm, stored.expose()),
            Some(_) => Err(KeyError::Invalid),
        }
    }
}

fn expand(algorithm: Algorithm, material: &[u8]) -> Result<Arc<dyn Key>, KeyError> {
    match algorithm {
        Algorithm::Aes256Gcm => {
            Ok(Arc::new(EnvelopeKey::new(material.try_into().map_err(|_| KeyError::Invalid)?)))
        }
        _ => Err(KeyError::Unsupported),
    }
}

/// The K of envelopes: it serves nothing but their HMAC.
struct EnvelopeKey(HmacSha256);

impl EnvelopeKey {
    fn new(key: &[u8; SECRET]) -> Self {
        Self(HmacSha256::new(key))
    }
}

impl Key for EnvelopeKey {
    fn algorithm(&self) -> Algorithm {
        Algorithm::Aes256Gcm
    }

    fn mac(&self) -> Option<&dyn Mac> {
        Some(&self.0)
    }
}
