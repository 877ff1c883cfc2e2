use std::sync::Arc;

use ed25519_dalek::Signer as _;
use p256::ecdsa::{self, signature::hazmat::PrehashSigner as _};
use secrecy::SecretSlice;
use strongroom_core::{Algorithm, Key, KeyBackend, KeyError, Mac, PublicKey, Random, Stored};
use zeroize::Zeroizing;

use crate::{hash::is_digest, mac::HmacSha256, pairwise, symmetric::Symmetric, verifier::Verifier};

const SECRET: usize = 32;

/// How often a P-256 scalar is drawn. One that is zero or not less than n is drawn again (rejection sampling, FIPS
/// 186-5, section A.2.2), which happens once in 2^32 draws: a source that needs a fourth draw is broken.
const DRAWS: usize = 3;

/// Keys in the memory of the process. What is stored of the first three types is the 32 bytes that `import` takes, of
/// each other one what its module says.
pub(crate) struct Software {
    random: Arc<dyn Random>,
}

impl Software {
    pub(crate) fn new(random: Arc<dyn Random>) -> Self {
        Self { random }
    }

    fn draw(&self) -> Result<Zeroizing<[u8; SECRET]>, KeyError> {
        let mut secret = Zeroizing::new([0; SECRET]);
        self.random.fill_secret(secret.as_mut_slice())?;
        Ok(secret)
    }

    fn draw_key(&self, algorithm: Algorithm) -> Result<Stored, KeyError> {
        for _ in 0..DRAWS {
            match self.import(algorithm, self.draw()?.as_slice()) {
                Err(KeyError::Invalid) => {}
                made => return made,
            }
        }
        Err(KeyError::Random)
    }
}

impl KeyBackend for Software {
    fn name(&self) -> &'static str {
        "software"
    }

    fn supports(&self, algorithm: Algorithm) -> bool {
        matches!(algorithm, Algorithm::Aes256Gcm | Algorithm::Ed25519 | Algorithm::EcdsaP256)
            || Symmetric::of(algorithm).is_some()
    }

    /// What was made is used once before anybody gets it.
    fn generate(&self, algorithm: Algorithm) -> Result<Stored, KeyError> {
        let made = match Symmetric::of(algorithm) {
            Some(kind) => kind.generate(&*self.random)?,
            None => self.draw_key(algorithm)?,
        };
        pairwise::check(&*self.load(&made)?)?;
        Ok(made)
    }

    fn import(&self, algorithm: Algorithm, material: &[u8]) -> Result<Stored, KeyError> {
        if let Some(kind) = Symmetric::of(algorithm) {
            return kind.import(material);
        }
        let public = expand(algorithm, material)?.public().cloned();
        Ok(Stored { algorithm, secret: SecretSlice::from(material.to_vec()), public })
    }

    fn load(&self, stored: &Stored) -> Result<Arc<dyn Key>, KeyError> {
        if let Some(kind) = Symmetric::of(stored.algorithm) {
            return kind.load(stored, &self.random);
        }
        let key = expand(stored.algorithm, stored.expose())?;
        // A public half that is not of this secret: the record was put together wrongly.
        if stored.public.is_some() && stored.public.as_ref() != key.public() {
            return Err(KeyError::Invalid);
        }
        Ok(key)
    }

    fn export(&self, stored: &Stored) -> Result<SecretSlice<u8>, KeyError> {
        if let Some(kind) = Symmetric::of(stored.algorithm) {
            return kind.export(stored);
        }
        self.load(stored)?;
        Ok(stored.secret.clone())
    }
}

fn expand(algorithm: Algorithm, material: &[u8]) -> Result<Arc<dyn Key>, KeyError> {
    let invalid = |_| KeyError::Invalid;
    match algorithm {
        Algorithm::Aes256Gcm => Ok(Arc::new(EnvelopeKey::new(material.try_into().map_err(invalid)?))),
        Algorithm::Ed25519 => Ok(Arc::new(Ed25519Key::new(material.try_into().map_err(invalid)?))),
        Algorithm::EcdsaP256 => Ok(Arc::new(P256Key::new(material.try_into().map_err(invalid)?)?)),
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

/// RFC 8032, section 5.1.
struct Ed25519Key {
    signing: ed25519_dalek::SigningKey,
    verifier: Verifier,
    public: PublicKey,
}

impl Ed25519Key {
    fn new(seed: &[u8; SECRET]) -> Self {
        let signing = ed25519_dalek::SigningKey::from_bytes(seed);
        let bytes = signing.verifying_key().to_bytes().to_vec();
        Self {
            verifier: Verifier::Ed25519(signing.verifying_key()),
            public: PublicKey { algorithm: Algorithm::Ed25519, bytes },
            signing,
        }
    }
}

impl Key for Ed25519Key {
    fn algorithm(&self) -> Algorithm {
        Algorithm::Ed25519
    }

    fn public(&self) -> Option<&PublicKey> {
        Some(&self.public)
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, KeyError> {
        let signature = self.signing.try_sign(message).map_err(|_| KeyError::Failed)?;
        Ok(signature.to_bytes().to_vec())
    }

    fn verify(&self, message: &[u8], signature: &[u8]) -> Result<bool, KeyError> {
        Ok(self.verifier.verify(message, signature))
    }
}

/// FIPS 186-5, section 6, with the deterministic k of RFC 6979.
struct P256Key {
    signing: ecdsa::SigningKey,
    verifier: Verifier,
    public: PublicKey,
}

impl P256Key {
    fn new(scalar: &[u8; SECRET]) -> Result<Self, KeyError> {
        let signing = ecdsa::SigningKey::from_bytes(scalar.into()).map_err(|_| KeyError::Invalid)?;
        let bytes = signing.verifying_key().to_sec1_point(false).as_bytes().to_vec();
        Ok(Self {
            verifier: Verifier::P256(*signing.verifying_key()),
            public: PublicKey { algorithm: Algorithm::EcdsaP256, bytes },
            signing,
        })
    }

    fn encode(signature: Result<ecdsa::Signature, ecdsa::Error>) -> Result<Vec<u8>, KeyError> {
        Ok(signature.map_err(|_| KeyError::Failed)?.to_bytes().to_vec())
    }
}

impl Key for P256Key {
    fn algorithm(&self) -> Algorithm {
        Algorithm::EcdsaP256
    }

    fn public(&self) -> Option<&PublicKey> {
        Some(&self.public)
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, KeyError> {
        Self::encode(self.signing.try_sign(message))
    }

    fn sign_digest(&self, digest: &[u8]) -> Result<Vec<u8>, KeyError> {
        if !is_digest(digest) {
            return Err(KeyError::Invalid);
        }
        Self::encode(self.signing.sign_prehash(digest))
    }

    fn verify(&self, message: &[u8], signature: &[u8]) -> Result<bool, KeyError> {
        Ok(self.verifier.verify(message, signature))
    }

    fn verify_digest(&self, digest: &[u8], signature: &[u8]) -> Result<bool, KeyError> {
        self.verifier.verify_digest(digest, signature)
    }
}
