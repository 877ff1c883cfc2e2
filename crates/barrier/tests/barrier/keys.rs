//! A provider that counts the keys in memory, and remembers what it drew for them.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicUsize, Ordering},
};

use strongroom_core::{Aead, Argon2Cost, HashAlgorithm, KeyBackend, KeyError, Mac, Provider, Random};
use strongroom_keys::RustCrypto;
use zeroize::Zeroizing;

#[derive(Default)]
pub(crate) struct Counting {
    inner: RustCrypto,
    live: Arc<AtomicUsize>,
    stretched: AtomicUsize,
    drawn: Mutex<Vec<Vec<u8>>>,
}

impl Counting {
    /// How often Argon2id was computed since this was asked last.
    pub(crate) fn stretched(&self) -> usize {
        self.stretched.swap(0, Ordering::SeqCst)
    }

    /// All 32-byte secrets that were drawn: keys.
    pub(crate) fn drawn(&self) -> Vec<Vec<u8>> {
        self.drawn.lock().unwrap().clone()
    }

    /// How many keys there are that were not dropped, and so wiped, yet.
    pub(crate) fn live(&self) -> usize {
        self.live.load(Ordering::SeqCst)
    }
}

struct Counted(Box<dyn Mac>, Arc<AtomicUsize>);

impl Mac for Counted {
    fn mac(&self, parts: &[&[u8]]) -> Result<Zeroizing<[u8; 32]>, KeyError> {
        self.0.mac(parts)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.1.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Random for Counting {
    fn fill(&self, bytes: &mut [u8]) {
        self.inner.random().fill(bytes);
    }

    fn fill_secret(&self, bytes: &mut [u8]) -> Result<(), KeyError> {
        self.inner.random().fill_secret(bytes)?;
        if bytes.len() == 32 {
            self.drawn.lock().unwrap().push(bytes.to_vec());
        }
        Ok(())
    }
}

impl Provider for Counting {
    fn random(&self) -> &dyn Random {
        self
    }

    fn hash(&self, algorithm: HashAlgorithm, parts: &[&[u8]]) -> Vec<u8> {
        self.inner.hash(algorithm, parts)
    }

    fn sha256(&self, parts: &[&[u8]]) -> [u8; 32] {
        self.inner.sha256(parts)
    }

    fn hmac(&self, key: &[u8; 32]) -> Box<dyn Mac> {
        self.live.fetch_add(1, Ordering::SeqCst);
        Box::new(Counted(self.inner.hmac(key), self.live.clone()))
    }

    fn hkdf(&self, secret: &[u8], salt: &[u8], info: &[u8]) -> Zeroizing<[u8; 32]> {
        self.inner.hkdf(secret, salt, info)
    }

    fn argon2id(
        &self,
        passphrase: &[u8],
        salt: &[u8; 16],
        cost: Argon2Cost,
    ) -> Result<Zeroizing<[u8; 32]>, KeyError> {
        self.stretched.fetch_add(1, Ordering::SeqCst);
        self.inner.argon2id(passphrase, salt, cost)
    }

    fn aead(&self) -> &dyn Aead {
        self.inner.aead()
    }

    fn software(&self) -> &dyn KeyBackend {
        self.inner.software()
    }
}
