//! Keys from elsewhere. Those of RSA take long to make: they were made once.

use std::sync::Arc;

use secrecy::{ExposeSecret as _, SecretSlice};
use strongroom_core::{
    Aead, Algorithm, Cost, HashAlgorithm, Key, KeyBackend, KeyError, Mac, OaepHash, Provider, PublicKey,
    Random, SealOptions, SealedStore, SignOptions, Stored,
};
use strongroom_keys::{KeyFormat, RustCrypto, Transport};
use strongroom_kms::{Import, Kms, NewRing, Rings, Settings};
use strongroom_store_postgres::testing::Engine;
use zeroize::Zeroizing;

use crate::support::{TENANT, base_with, name};

const KEPT: &str = include_str!("../../../../keys/tests/asymmetric/golden/keys-1.txt");

pub(super) const RING: &str = "ring";
pub(super) const OAEP: Transport = Transport::Oaep(OaepHash::Sha256);
pub(super) const KWP: Transport = Transport::AesKwp(OaepHash::Sha256);

/// The usual provider, but for new keys of RSA: they are the same each time, and so at once.
#[derive(Default)]
pub(super) struct Quick(RustCrypto);

impl Provider for Quick {
    fn random(&self) -> &dyn Random {
        self.0.random()
    }

    fn hash(&self, algorithm: HashAlgorithm, parts: &[&[u8]]) -> Vec<u8> {
        self.0.hash(algorithm, parts)
    }

    fn sha256(&self, parts: &[&[u8]]) -> [u8; 32] {
        self.0.sha256(parts)
    }

    fn hmac(&self, key: &[u8; 32]) -> Box<dyn Mac> {
        self.0.hmac(key)
    }

    fn hkdf(&self, secret: &[u8], salt: &[u8], info: &[u8]) -> Zeroizing<[u8; 32]> {
        self.0.hkdf(secret, salt, info)
    }

    fn aead(&self) -> &dyn Aead {
        self.0.aead()
    }

    fn software(&self) -> &dyn KeyBackend {
        self
    }
}

impl KeyBackend for Quick {
    fn name(&self) -> &'static str {
        self.0.software().name()
    }

    fn supports(&self, algorithm: Algorithm) -> bool {
        self.0.software().supports(algorithm)
    }

    fn generate(&self, algorithm: Algorithm) -> Result<Stored, KeyError> {
        match algorithm.generation() {
            Cost::Inline => self.0.software().generate(algorithm),
            Cost::Slow => Ok(kept(algorithm)),
        }
    }

    fn import(&self, algorithm: Algorithm, material: &[u8]) -> Result<Stored, KeyError> {
        self.0.software().import(algorithm, material)
    }

    fn import_public(&self, public: &PublicKey) -> Result<Stored, KeyError> {
        self.0.software().import_public(public)
    }

    fn load(&self, stored: &Stored) -> Result<Arc<dyn Key>, KeyError> {
        self.0.software().load(stored)
    }

    fn export(&self, stored: &Stored) -> Result<SecretSlice<u8>, KeyError> {
        self.0.software().export(stored)
    }
}

fn kept(algorithm: Algorithm) -> Stored {
    let known = format!("{algorithm:?} ");
    let line = KEPT.lines().find_map(|line| line.strip_prefix(&known)).unwrap();
    let hex = line.split(' ').next().unwrap().as_bytes();
    let digit = |pair: &[u8]| u8::from_str_radix(str::from_utf8(pair).unwrap(), 16).unwrap();
    let secret: Vec<u8> = hex.chunks(2).map(digit).collect();
    let mut stored = Stored { algorithm, secret: secret.into(), public: None };
    stored.public = RustCrypto::new().software().load(&stored).unwrap().public().cloned();
    stored
}

/// Rings over a store, with keys of RSA at once.
pub(super) fn rings_over(store: Arc<dyn SealedStore>) -> Rings {
    Kms::new(base_with(store, Arc::new(Quick::default()))).without_caller(TENANT)
}

pub(super) fn rings() -> Rings {
    rings_over(Arc::new(Engine::new()))
}

/// All types but the slow ones.
pub(super) fn quick() -> impl Iterator<Item = Algorithm> {
    Algorithm::ALL
        .into_iter()
        .filter(|algorithm| !matches!(algorithm, Algorithm::Rsa3072 | Algorithm::Rsa4096))
}

/// A key as it comes from elsewhere.
pub(super) struct Foreign {
    pub(super) algorithm: Algorithm,
    pub(super) format: KeyFormat,
    pub(super) written: Vec<u8>,
    pub(super) public: Option<Vec<u8>>,
    pub(super) key: Arc<dyn Key>,
}

impl Foreign {
    pub(super) fn new(algorithm: Algorithm) -> Self {
        let backend = Quick::default();
        let stored = backend.generate(algorithm).unwrap();
        let (format, material) = (KeyFormat::of(algorithm), backend.export(&stored).unwrap());
        let written = format.write_private(algorithm, material.expose_secret()).unwrap();
        let public = stored.public.as_ref().map(|public| format.write_public(public).unwrap());
        let written = written.expose_secret().to_vec();
        Self { algorithm, format, written, public, key: backend.load(&stored).unwrap() }
    }

    pub(super) fn secret(&self) -> Import<'_> {
        Import::Secret { format: self.format, written: &self.written }
    }

    pub(super) fn half(&self) -> Import<'_> {
        Import::Public { format: self.format, written: self.public.as_deref().unwrap() }
    }

    /// As others wrap it for the rings of a tenant.
    pub(super) fn wrapped(&self, rings: &Rings, way: Transport) -> Vec<u8> {
        wrap(rings, way, &self.written)
    }
}

pub(super) fn wrap(rings: &Rings, way: Transport, bytes: &[u8]) -> Vec<u8> {
    let backend = Quick::default();
    let public = rings.wrapping_key().unwrap();
    let key = backend.load(&backend.import_public(&public).unwrap()).unwrap();
    way.wrap(&*key, backend.random(), bytes).unwrap()
}

/// A ring whose keys may go out, and whose backup may, too.
pub(super) fn open(algorithm: Algorithm) -> NewRing {
    let settings = Settings {
        exportable: Some(true),
        plaintext_backup: Some(true),
        deletion_allowed: Some(true),
        allow_rotation: Some(true),
        ..Settings::NONE
    };
    NewRing { settings, ..NewRing::of(algorithm) }
}

/// What a ring and the key outside say of the same: that they are the same key.
pub(super) fn agree(rings: &Rings, foreign: &Foreign) {
    use strongroom_core::Purpose::*;
    let (ring, key) = (name(RING), &*foreign.key);
    let hpke = SealOptions::Hpke { info: b"", aad: b"" };
    let oaep = SealOptions::Oaep { hash: OaepHash::Sha256, label: b"" };
    match foreign.algorithm.purpose() {
        // Envelopes name their ring: it opens its own, and the export shows the rest.
        Envelope => {
            let sealed = rings.encrypt(&ring, b"text", b"aad").unwrap();
            assert_eq!(*rings.decrypt(&ring, &sealed, b"aad").unwrap(), b"text");
        }
        Aead => {
            let sealed = rings.encrypt(&ring, b"text", b"aad").unwrap();
            assert_eq!(*key.decrypt(b"aad", &sealed[8..]).unwrap(), b"text");
        }
        Mac => {
            assert_eq!(rings.mac(&ring, None, b"text").unwrap().bytes, *key.compute_mac(b"text").unwrap())
        }
        Derive => {
            let ours = rings.derive(&ring, None, b"label", b"context", 32).unwrap();
            assert_eq!(*ours.secret, *key.derive(b"label", b"context", 32).unwrap());
        }
        Sign => {
            let signature = rings.sign(&ring, None, b"text").unwrap().bytes;
            assert_eq!(key.verify(b"text", &signature, &SignOptions::default()), Ok(true));
        }
        SignAndOpen => {
            let signature = rings.sign(&ring, None, b"text").unwrap().bytes;
            assert_eq!(key.verify(b"text", &signature, &SignOptions::default()), Ok(true));
            let sealed = rings.seal(&ring, None, b"text", &oaep).unwrap().bytes;
            assert_eq!(**key.open(&sealed, &oaep).unwrap(), *b"text");
        }
        Open => {
            let sealed = rings.seal(&ring, None, b"text", &hpke).unwrap().bytes;
            assert_eq!(**key.open(&sealed, &hpke).unwrap(), *b"text");
        }
        Agree => {
            let peer = Foreign::new(foreign.algorithm).key.public().unwrap().bytes.clone();
            assert_eq!(*rings.agree(&ring, None, &peer).unwrap(), *key.agree(&peer).unwrap());
        }
        Decapsulate => {
            let made = rings.encapsulate(&ring, None).unwrap();
            assert_eq!(*made.secret, *key.decapsulate(&made.ciphertext).unwrap());
        }
        other => unreachable!("{other:?}"),
    }
}
