//! Primitives that write every key that they make or are given to a file, and keep nothing.

use std::{
    fs::{File, OpenOptions},
    io::Write,
    path::Path,
    sync::Arc,
};

use strongroom_core::{Aead, HashAlgorithm, KeyBackend, KeyError, Mac, Plaintext, Provider, Random};
use strongroom_keys::{RustCrypto, SystemRandom};
use zeroize::Zeroizing;

/// The usual provider, watched.
pub(crate) struct Recorder {
    inner: RustCrypto,
    aead: Keys,
    file: Arc<File>,
}

/// What is recorded: one byte, then 32.
#[derive(Clone, Copy)]
pub(crate) enum Kind {
    Drawn = b'r' as isize,
    Hmac = b'h' as isize,
    Derived = b'd' as isize,
    Message = b'm' as isize,
}

impl Recorder {
    pub(crate) fn new(path: &Path) -> Self {
        let file = Arc::new(OpenOptions::new().create(true).append(true).open(path).unwrap());
        let random = Draws(Arc::clone(&file));
        Self { inner: RustCrypto::with_random(Box::new(random)), aead: Keys::new(&file), file }
    }
}

/// All that was recorded.
pub(crate) fn recorded(path: &Path) -> Vec<(&'static str, [u8; 32])> {
    let bytes = std::fs::read(path).unwrap();
    let records = bytes.chunks_exact(33);
    records
        .map(|record| {
            let what = match record[0] {
                b'r' => "a random key",
                b'h' => "the key of an HMAC",
                b'd' => "a derived key",
                _ => "a message key",
            };
            (what, record[1..].try_into().unwrap())
        })
        .collect()
}

/// Straight to the file, without a copy in this process.
fn record(mut file: &File, kind: Kind, key: &[u8; 32]) {
    let kind = [kind as u8];
    // One call, so that records of two threads do not mix.
    let parts = [std::io::IoSlice::new(&kind), std::io::IoSlice::new(key)];
    assert_eq!(file.write_vectored(&parts).unwrap(), 33);
}

struct Draws(Arc<File>);

impl Random for Draws {
    fn fill(&self, bytes: &mut [u8]) {
        SystemRandom.fill(bytes);
    }

    fn fill_secret(&self, bytes: &mut [u8]) -> Result<(), KeyError> {
        SystemRandom.fill_secret(bytes)?;
        // Identifiers are shorter than keys.
        if let Ok(key) = (&*bytes).try_into() {
            record(&self.0, Kind::Drawn, key);
        }
        Ok(())
    }
}

struct Keys {
    inner: RustCrypto,
    file: Arc<File>,
}

impl Keys {
    fn new(file: &Arc<File>) -> Self {
        Self { inner: RustCrypto::new(), file: Arc::clone(file) }
    }
}

impl Aead for Keys {
    fn seal(&self, key: &[u8; 32], aad: &[u8], plaintext: &[u8], out: &mut Vec<u8>) -> Result<(), KeyError> {
        record(&self.file, Kind::Message, key);
        self.inner.aead().seal(key, aad, plaintext, out)
    }

    fn open(&self, key: &[u8; 32], aad: &[u8], sealed: &[u8]) -> Result<Plaintext, KeyError> {
        let plaintext = self.inner.aead().open(key, aad, sealed)?;
        record(&self.file, Kind::Message, key);
        Ok(plaintext)
    }
}

impl Provider for Recorder {
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
        record(&self.file, Kind::Hmac, key);
        self.inner.hmac(key)
    }

    fn hkdf(&self, secret: &[u8], salt: &[u8], info: &[u8]) -> Zeroizing<[u8; 32]> {
        let key = self.inner.hkdf(secret, salt, info);
        record(&self.file, Kind::Derived, &key);
        key
    }

    fn aead(&self) -> &dyn Aead {
        &self.aead
    }

    fn software(&self) -> &dyn KeyBackend {
        self.inner.software()
    }
}
