use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use secrecy::SecretSlice;
use strongroom_core::{
    Aead, Algorithm, Argon2Cost, Clock, HashAlgorithm, Key, KeyBackend, KeyError, Mac, Provider, PublicKey,
    Random, Stored,
};
use zeroize::Zeroizing;

/// Without demand for so long, half as many keys are kept.
const IDLE: Duration = Duration::from_secs(3600);

/// A provider that has keys ready whose making takes long, which are those of RSA, and does everything else as the one
/// that it stands before.
///
/// Nothing is made before the first demand. Each demand that finds nothing ready raises by one what [`Ahead::fill`]
/// keeps ready of its kind, up to the bound; an hour without demand halves it. Each key is given out once.
///
/// ```
/// # use std::{sync::Arc, time::Duration};
/// # use strongroom_core::{Algorithm, Provider, SystemClock};
/// use strongroom_keys::{Ahead, RustCrypto};
///
/// # fn main() -> Result<(), strongroom_core::KeyError> {
/// let provider = Ahead::new(Arc::new(RustCrypto::new()), Arc::new(SystemClock), 8);
/// provider.software().generate(Algorithm::Rsa2048)?; // takes its time: it was never asked for before
/// provider.fill(Duration::from_secs(1))?; // in a thread that has time
/// provider.software().generate(Algorithm::Rsa2048)?; // takes none
/// # Ok(()) }
/// ```
pub struct Ahead {
    inner: Arc<dyn Provider>,
    clock: Arc<dyn Clock>,
    most: usize,
    stock: Mutex<Stock>,
}

#[derive(Default)]
struct Stock {
    shelves: BTreeMap<Algorithm, Shelf>,
    wiped: bool,
}

/// Keys of one kind.
#[derive(Default)]
struct Shelf {
    ready: Vec<Stored>,
    /// How many are being made.
    making: usize,
    /// How many are to be ready.
    wanted: usize,
    /// When one was last asked for, or `wanted` last became less.
    since: Duration,
}

impl Ahead {
    /// Stands before `inner`, with up to `most` keys of each kind.
    pub fn new(inner: Arc<dyn Provider>, clock: Arc<dyn Clock>, most: usize) -> Self {
        Self { inner, clock, most, stock: Mutex::default() }
    }

    /// Makes what is wanted and not ready, for at most `budget` (the key begun is ended), and lets go of what is not
    /// wanted any more; answers how many keys it made. To be called now and then from a thread that nobody waits for.
    ///
    /// # Errors
    /// What the provider answers to who makes a key.
    pub fn fill(&self, budget: Duration) -> Result<usize, KeyError> {
        let began = self.clock.elapsed();
        self.forget(began);
        let mut made = 0;
        while self.clock.elapsed().saturating_sub(began) < budget {
            let Some(algorithm) = self.begin() else { break };
            let key = self.inner.software().generate(algorithm);
            self.end(algorithm, key)?;
            made += 1;
        }
        Ok(made)
    }

    /// Wipes all keys that are ready. None is kept from now on, also not one that is being made.
    pub fn wipe(&self) {
        *self.stock() = Stock { wiped: true, ..Stock::default() };
    }

    /// How many keys of a kind are ready.
    pub fn ready(&self, algorithm: Algorithm) -> usize {
        self.stock().shelves.get(&algorithm).map_or(0, |shelf| shelf.ready.len())
    }

    fn stock(&self) -> MutexGuard<'_, Stock> {
        self.stock.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A key that is ready, which nobody else gets.
    fn take(&self, algorithm: Algorithm) -> Option<Stored> {
        let now = self.clock.elapsed();
        let mut stock = self.stock();
        if stock.wiped {
            return None;
        }
        let shelf = stock.shelves.entry(algorithm).or_default();
        shelf.since = now;
        let key = shelf.ready.pop();
        if key.is_none() {
            shelf.wanted = (shelf.wanted + 1).min(self.most);
        }
        key
    }

    /// Wants less of what nobody asked for.
    fn forget(&self, now: Duration) {
        for shelf in self.stock().shelves.values_mut() {
            while shelf.wanted > 0 && now.saturating_sub(shelf.since) >= IDLE {
                shelf.wanted /= 2;
                shelf.since += IDLE;
            }
            shelf.ready.truncate(shelf.wanted);
        }
    }

    /// What to make next.
    fn begin(&self) -> Option<Algorithm> {
        let mut stock = self.stock();
        let short = |shelf: &Shelf| shelf.ready.len() + shelf.making < shelf.wanted;
        let (algorithm, shelf) = stock.shelves.iter_mut().find(|(_, shelf)| short(shelf))?;
        shelf.making += 1;
        Some(*algorithm)
    }

    /// Keeps what was made, if it is still wanted.
    fn end(&self, algorithm: Algorithm, key: Result<Stored, KeyError>) -> Result<(), KeyError> {
        let mut stock = self.stock();
        // None where all was wiped meanwhile.
        if let Some(shelf) = stock.shelves.get_mut(&algorithm) {
            shelf.making = shelf.making.saturating_sub(1);
            if shelf.ready.len() < shelf.wanted {
                shelf.ready.push(key?);
                return Ok(());
            }
        }
        key.map(drop)
    }
}

impl Provider for Ahead {
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

    fn argon2id(
        &self,
        passphrase: &[u8],
        salt: &[u8; 16],
        cost: Argon2Cost,
    ) -> Result<Zeroizing<[u8; 32]>, KeyError> {
        self.inner.argon2id(passphrase, salt, cost)
    }

    fn aead(&self) -> &dyn Aead {
        self.inner.aead()
    }

    fn software(&self) -> &dyn KeyBackend {
        self
    }
}

impl KeyBackend for Ahead {
    fn name(&self) -> &'static str {
        self.inner.software().name()
    }

    fn supports(&self, algorithm: Algorithm) -> bool {
        self.inner.software().supports(algorithm)
    }

    fn generate(&self, algorithm: Algorithm) -> Result<Stored, KeyError> {
        let ready = if algorithm.modulus_bits().is_some() { self.take(algorithm) } else { None };
        ready.map_or_else(|| self.inner.software().generate(algorithm), Ok)
    }

    fn import(&self, algorithm: Algorithm, material: &[u8]) -> Result<Stored, KeyError> {
        self.inner.software().import(algorithm, material)
    }

    fn import_public(&self, public: &PublicKey) -> Result<Stored, KeyError> {
        self.inner.software().import_public(public)
    }

    fn load(&self, stored: &Stored) -> Result<Arc<dyn Key>, KeyError> {
        self.inner.software().load(stored)
    }

    fn export(&self, stored: &Stored) -> Result<SecretSlice<u8>, KeyError> {
        self.inner.software().export(stored)
    }
}

impl fmt::Debug for Ahead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ahead").field("most", &self.most).finish_non_exhaustive()
    }
}
