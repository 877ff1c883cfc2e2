use std::{
    fmt,
    sync::{Arc, OnceLock},
};

use sha2::Sha256;
use strongroom_core::{Aead, Argon2Cost, HashAlgorithm, KeyBackend, KeyError, Mac, Provider, Random};
use zeroize::Zeroizing;

use crate::{
    SelfTestFailed,
    aead::Aes256Gcm,
    hash::{digest, digest_of},
    mac::HmacSha256,
    passphrase::argon2id,
    random::SystemRandom,
    self_test,
    software::Software,
};

/// The provider on RustCrypto: the default one, in pure Rust.
///
/// ```
/// use strongroom_core::{Algorithm, Provider, SignOptions};
/// use strongroom_keys::RustCrypto;
///
/// # fn main() -> Result<(), strongroom_core::KeyError> {
/// let provider = RustCrypto::new();
/// let stored = provider.software().generate(Algorithm::Ed25519)?;
/// let key = provider.software().load(&stored)?;
/// let options = SignOptions::default();
/// let signature = key.sign(b"a message", &options)?;
/// assert!(key.verify(b"a message", &signature, &options)?);
/// # Ok(()) }
/// ```
pub struct RustCrypto {
    random: Arc<dyn Random>,
    aead: Aes256Gcm,
    software: Software,
}

impl RustCrypto {
    /// With randomness from [`SystemRandom`].
    pub fn new() -> Self {
        Self::with_random(Box::new(SystemRandom))
    }

    /// The same, after [`self_test`] has passed, once in each process: for programs that serve others.
    ///
    /// # Errors
    /// [`SelfTestFailed`].
    pub fn tested() -> Result<Self, SelfTestFailed> {
        static PASSED: OnceLock<Result<(), SelfTestFailed>> = OnceLock::new();
        PASSED.get_or_init(self_test).clone().map(|()| Self::new())
    }

    /// With randomness from elsewhere: salts, nonces and keys are only as good as this source.
    pub fn with_random(random: Box<dyn Random>) -> Self {
        let random: Arc<dyn Random> = Arc::from(random);
        Self { aead: Aes256Gcm::new(random.clone()), software: Software::new(random.clone()), random }
    }
}

impl Provider for RustCrypto {
    fn random(&self) -> &dyn Random {
        &*self.random
    }

    fn hash(&self, algorithm: HashAlgorithm, parts: &[&[u8]]) -> Vec<u8> {
        digest_of(algorithm, parts)
    }

    fn sha256(&self, parts: &[&[u8]]) -> [u8; 32] {
        digest::<Sha256>(parts).into()
    }

    fn hmac(&self, key: &[u8; 32]) -> Box<dyn Mac> {
        Box::new(HmacSha256::new(key))
    }

    /// RFC 5869, section 2: PRK = HMAC(salt, IKM), and for L = 32 the output is T(1) = HMAC(PRK, info ‖ 0x01).
    fn hkdf(&self, secret: &[u8], salt: &[u8], info: &[u8]) -> Zeroizing<[u8; 32]> {
        let prk = HmacSha256::new(salt).tag(&[secret]);
        HmacSha256::new(&*prk).tag(&[info, &[1]])
    }

    fn argon2id(
        &self,
        passphrase: &[u8],
        salt: &[u8; 16],
        cost: Argon2Cost,
    ) -> Result<Zeroizing<[u8; 32]>, KeyError> {
        argon2id(passphrase, salt, cost)
    }

    fn aead(&self) -> &dyn Aead {
        &self.aead
    }

    fn software(&self) -> &dyn KeyBackend {
        &self.software
    }
}

impl Default for RustCrypto {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for RustCrypto {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RustCrypto").finish_non_exhaustive()
    }
}
