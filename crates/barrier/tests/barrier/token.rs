//! A key backend as a token is one: its keys compute, are counted, and can be taken away.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use strongroom_barrier::BackendKey;
use strongroom_core::{Algorithm, Key, KeyBackend, KeyError, Mac, Name, Provider, Stored};
use strongroom_keys::RustCrypto;
use zeroize::Zeroizing;

/// The backend, with one envelope key.
pub(crate) struct Token {
    software: RustCrypto,
    key: Arc<TokenKey>,
}

pub(crate) struct TokenKey {
    inner: Arc<dyn Key>,
    asked: AtomicUsize,
    removed: AtomicBool,
}

impl Token {
    /// With a key of these bytes.
    pub(crate) fn new(material: [u8; 32]) -> Self {
        let software = RustCrypto::new();
        let stored = software.software().import(Algorithm::Aes256Gcm, &material).unwrap();
        let inner = software.software().load(&stored).unwrap();
        let key = TokenKey { inner, asked: AtomicUsize::new(0), removed: AtomicBool::new(false) };
        Self { software, key: Arc::new(key) }
    }

    /// Its key, by a name.
    pub(crate) fn key(&self, name: &str) -> BackendKey {
        BackendKey::new(self, Name::parse(name).unwrap(), self.key.clone()).unwrap()
    }

    /// How often its key computed since this was asked last.
    pub(crate) fn asked(&self) -> usize {
        self.key.asked.swap(0, Ordering::SeqCst)
    }

    /// How many hold its key, the token included.
    pub(crate) fn holders(&self) -> usize {
        Arc::strong_count(&self.key)
    }

    pub(crate) fn remove(&self) {
        self.key.removed.store(true, Ordering::SeqCst);
    }
}

impl KeyBackend for Token {
    fn name(&self) -> &'static str {
        "token"
    }

    fn supports(&self, algorithm: Algorithm) -> bool {
        algorithm == Algorithm::Aes256Gcm
    }

    fn generate(&self, algorithm: Algorithm) -> Result<Stored, KeyError> {
        self.software.software().generate(algorithm)
    }

    fn import(&self, _: Algorithm, _: &[u8]) -> Result<Stored, KeyError> {
        Err(KeyError::Unsupported)
    }

    fn load(&self, _: &Stored) -> Result<Arc<dyn Key>, KeyError> {
        Ok(self.key.clone())
    }
}

impl Key for TokenKey {
    fn algorithm(&self) -> Algorithm {
        Algorithm::Aes256Gcm
    }

    fn mac(&self) -> Option<&dyn Mac> {
        Some(self)
    }
}

impl Mac for TokenKey {
    fn mac(&self, parts: &[&[u8]]) -> Result<Zeroizing<[u8; 32]>, KeyError> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        if self.removed.load(Ordering::SeqCst) {
            return Err(KeyError::Failed);
        }
        self.inner.mac().ok_or(KeyError::Unsupported)?.mac(parts)
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token")
    }
}
