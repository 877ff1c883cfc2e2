//! A provider that remembers the secrets it made, counts the keys that it made ready and that still live, and lets
//! things happen in the middle of an operation.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicI64, AtomicU64, Ordering},
};

use secrecy::ExposeSecret;
use strongroom_core::{
    Aead, Algorithm, Encapsulated, HashAlgorithm, Key, KeyBackend, KeyError, Mac, Plaintext, Provider,
    PublicKey, Random, SealOptions, SignOptions, Stored,
};
use strongroom_keys::RustCrypto;
use zeroize::Zeroizing;

#[derive(Default)]
pub(crate) struct Spy {
    inner: RustCrypto,
    made: Mutex<Vec<Vec<u8>>>,
    loads: AtomicU64,
    alive: Arc<AtomicI64>,
    meanwhile: Mutex<Option<Box<dyn FnOnce() + Send>>>,
}

impl Spy {
    /// Runs this within the next encryption or decryption, after its ring was looked up.
    pub(crate) fn meanwhile(&self, run: impl FnOnce() + Send + 'static) {
        *self.meanwhile.lock().unwrap() = Some(Box::new(run));
    }

    /// The secrets of all keys made so far.
    pub(crate) fn made(&self) -> Vec<Vec<u8>> {
        self.made.lock().unwrap().clone()
    }

    /// Keys made ready since the last time that this was asked.
    pub(crate) fn loads(&self) -> u64 {
        self.loads.swap(0, Ordering::SeqCst)
    }

    /// Keys that are ready and not dropped.
    pub(crate) fn alive(&self) -> i64 {
        self.alive.load(Ordering::SeqCst)
    }
}

impl Provider for Spy {
    fn random(&self) -> &dyn Random {
        self.inner.random()
    }

    fn hash(&self, algorithm: HashAlgorithm, parts: &[&[u8]]) -> Vec<u8> {
        self.inner.hash(algorithm, parts)
    }

    fn sha256(&self, parts: &[&[u8]]) -> [u8; 32] {
        self.inner.sha256(parts)
    }

    fn hmac(&self, key: &[u8; 32]) -> Box<dyn Mac> {
        self.inner.hmac(key)
    }

    fn hkdf(&self, secret: &[u8], salt: &[u8], info: &[u8]) -> Zeroizing<[u8; 32]> {
        self.inner.hkdf(secret, salt, info)
    }

    fn aead(&self) -> &dyn Aead {
        let meanwhile = self.meanwhile.lock().unwrap().take();
        if let Some(run) = meanwhile {
            run();
        }
        self.inner.aead()
    }

    fn software(&self) -> &dyn KeyBackend {
        self
    }
}

impl KeyBackend for Spy {
    fn name(&self) -> &'static str {
        self.inner.software().name()
    }

    fn supports(&self, algorithm: Algorithm) -> bool {
        self.inner.software().supports(algorithm)
    }

    fn generate(&self, algorithm: Algorithm) -> Result<Stored, KeyError> {
        let stored = self.inner.software().generate(algorithm)?;
        // The secret itself, without what a backend puts around it.
        let secret = self.inner.software().export(&stored)?;
        self.made.lock().unwrap().push(secret.expose_secret().to_vec());
        Ok(stored)
    }

    fn import(&self, algorithm: Algorithm, material: &[u8]) -> Result<Stored, KeyError> {
        self.inner.software().import(algorithm, material)
    }

    fn load(&self, stored: &Stored) -> Result<Arc<dyn Key>, KeyError> {
        let key = self.inner.software().load(stored)?;
        self.loads.fetch_add(1, Ordering::SeqCst);
        self.alive.fetch_add(1, Ordering::SeqCst);
        Ok(Arc::new(Watched { key, alive: Arc::clone(&self.alive) }))
    }
}

struct Watched {
    key: Arc<dyn Key>,
    alive: Arc<AtomicI64>,
}

impl Drop for Watched {
    fn drop(&mut self) {
        self.alive.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Key for Watched {
    fn algorithm(&self) -> Algorithm {
        self.key.algorithm()
    }

    fn public(&self) -> Option<&PublicKey> {
        self.key.public()
    }

    fn mac(&self) -> Option<&dyn Mac> {
        self.key.mac()
    }

    fn encrypt(&self, aad: &[u8], plaintext: &[u8], out: &mut Vec<u8>) -> Result<(), KeyError> {
        self.key.encrypt(aad, plaintext, out)
    }

    fn decrypt(&self, aad: &[u8], ciphertext: &[u8]) -> Result<Plaintext, KeyError> {
        self.key.decrypt(aad, ciphertext)
    }

    fn compute_mac(&self, message: &[u8]) -> Result<Zeroizing<Vec<u8>>, KeyError> {
        self.key.compute_mac(message)
    }

    fn verify_mac(&self, message: &[u8], code: &[u8]) -> Result<bool, KeyError> {
        self.key.verify_mac(message, code)
    }

    fn derive(&self, label: &[u8], context: &[u8], length: usize) -> Result<Zeroizing<Vec<u8>>, KeyError> {
        self.key.derive(label, context, length)
    }

    fn seal(&self, plaintext: &[u8], options: &SealOptions<'_>) -> Result<Vec<u8>, KeyError> {
        self.key.seal(plaintext, options)
    }

    fn open(&self, sealed: &[u8], options: &SealOptions<'_>) -> Result<Plaintext, KeyError> {
        self.key.open(sealed, options)
    }

    fn agree(&self, peer: &[u8]) -> Result<Zeroizing<Vec<u8>>, KeyError> {
        self.key.agree(peer)
    }

    fn encapsulate(&self) -> Result<Encapsulated, KeyError> {
        self.key.encapsulate()
    }

    fn decapsulate(&self, ciphertext: &[u8]) -> Result<Zeroizing<Vec<u8>>, KeyError> {
        self.key.decapsulate(ciphertext)
    }

    fn sign(&self, message: &[u8], options: &SignOptions) -> Result<Vec<u8>, KeyError> {
        self.key.sign(message, options)
    }

    fn verify(&self, message: &[u8], signature: &[u8], options: &SignOptions) -> Result<bool, KeyError> {
        self.key.verify(message, signature, options)
    }
}
