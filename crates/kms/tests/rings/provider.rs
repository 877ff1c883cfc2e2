//! Who computes is a value: rings on another implementation, whose keys never leave it, work like any others.

use std::sync::{Arc, Mutex};

use secrecy::{ExposeSecret, SecretSlice};
use strongroom_core::{
    Aead, Algorithm, HashAlgorithm, Key, KeyBackend, KeyError, Mac, Provider, PublicKey, Random, SealedStore,
    SignOptions, Stored,
};
use strongroom_keys::{RustCrypto, verify_with};
use strongroom_kms::{Kms, Rings};
use strongroom_store_postgres::testing::Engine;
use zeroize::Zeroizing;

use crate::support::{TENANT, base_with, name, verdict};

/// A module: it keeps its keys, and gives out their numbers. It computes in software, but whoever uses it cannot tell.
#[derive(Default)]
struct Module {
    inner: RustCrypto,
    keys: Mutex<Vec<Arc<dyn Key>>>,
    secrets: Mutex<Vec<Vec<u8>>>,
}

impl Module {
    fn keep(&self, made: &Stored) -> Result<Stored, KeyError> {
        let mut keys = self.keys.lock().unwrap();
        keys.push(self.inner.software().load(made)?);
        let secret = self.inner.software().export(made)?;
        self.secrets.lock().unwrap().push(secret.expose_secret().to_vec());
        let handle = format!("module/{}", keys.len() - 1).into_bytes();
        let public = made.public.clone();
        Ok(Stored { algorithm: made.algorithm, secret: SecretSlice::from(handle), public })
    }
}

impl KeyBackend for Module {
    fn name(&self) -> &'static str {
        "module"
    }

    fn supports(&self, algorithm: Algorithm) -> bool {
        self.inner.software().supports(algorithm)
    }

    fn generate(&self, algorithm: Algorithm) -> Result<Stored, KeyError> {
        self.keep(&self.inner.software().generate(algorithm)?)
    }

    fn import(&self, algorithm: Algorithm, material: &[u8]) -> Result<Stored, KeyError> {
        self.keep(&self.inner.software().import(algorithm, material)?)
    }

    fn load(&self, stored: &Stored) -> Result<Arc<dyn Key>, KeyError> {
        let number = str::from_utf8(stored.expose()).ok().and_then(|text| text.strip_prefix("module/"));
        let number: usize = number.and_then(|number| number.parse().ok()).ok_or(KeyError::Invalid)?;
        self.keys.lock().unwrap().get(number).cloned().ok_or(KeyError::Invalid)
    }
}

impl Provider for Module {
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
        self.inner.aead()
    }

    fn software(&self) -> &dyn KeyBackend {
        self
    }
}

/// What a process has: rings over this store, on this implementation.
fn rings(store: &Arc<Engine>, provider: Arc<dyn Provider>) -> Rings {
    let store: Arc<dyn SealedStore> = store.clone();
    Kms::new(base_with(store, provider)).without_caller(TENANT)
}

fn public(rings: &Rings, ring: &str) -> PublicKey {
    rings.read(&name(ring)).unwrap().versions[0].public.clone().unwrap()
}

#[test]
fn rings_on_another_implementation_do_all_that_rings_do_and_a_restart_changes_nothing() {
    let (store, module) = (Arc::new(Engine::new()), Arc::new(Module::default()));
    let before = rings(&store, module.clone());
    for (ring, algorithm) in [("aes", Algorithm::Aes256Gcm), ("p256", Algorithm::EcdsaP256)] {
        before.create(&name(ring), algorithm).unwrap();
        assert_eq!(before.rotate(&name(ring)).unwrap(), 2);
    }
    before.create(&name("x"), Algorithm::X25519).unwrap();
    before.create(&name("mac"), Algorithm::HmacSha256).unwrap();
    let sealed = before.encrypt_with(&name("aes"), Some(1), b"text", b"data").unwrap();
    let signature = before.sign(&name("p256"), Some(1), b"text").unwrap();
    let code = before.mac(&name("mac"), None, b"text").unwrap();

    let after = rings(&store, module.clone());
    assert_eq!(*after.decrypt(&name("aes"), &sealed, b"data").unwrap(), b"text");
    assert!(after.verify(&name("p256"), b"text", &signature).unwrap());
    assert!(after.verify_mac(&name("mac"), b"text", &code).unwrap());
    assert_eq!(module.keys.lock().unwrap().len(), 6, "each was made by the module");
    // What it signed is a signature by the standard, for everybody.
    let options = SignOptions::default();
    assert!(verify_with(&public(&after, "p256"), b"text", &signature.bytes, &options).unwrap());
    // Agreement with a key of another implementation gives both the same.
    let other = rings(&Arc::new(Engine::new()), Arc::new(RustCrypto::new()));
    other.create(&name("x"), Algorithm::X25519).unwrap();
    let [ours, theirs] = [public(&after, "x"), public(&other, "x")].map(|public| public.bytes);
    let agreed = after.agree(&name("x"), None, &theirs).unwrap();
    assert_eq!(*agreed, *other.agree(&name("x"), None, &ours).unwrap());
}

#[test]
fn of_a_module_the_store_has_the_names_of_its_keys_and_no_secret() {
    let (store, module) = (Arc::new(Engine::new()), Arc::new(Module::default()));
    let on_module = rings(&store, module.clone());
    for algorithm in [Algorithm::Ed25519, Algorithm::Aes256Gcm, Algorithm::MlKem768] {
        on_module.create(&name(&format!("{algorithm:?}")), algorithm).unwrap();
    }
    let holds =
        |bytes: &[u8]| store.dump().iter().any(|(_, row)| row.windows(bytes.len()).any(|at| at == bytes));
    let secrets = module.secrets.lock().unwrap().clone();
    assert_eq!(secrets.len(), 3);
    for (number, secret) in secrets.iter().enumerate() {
        assert!(holds(format!("module/{number}").as_bytes()) && !holds(secret));
    }
    // Another module does not know its keys, and software takes no name for a key.
    let strangers: [Arc<dyn Provider>; 2] = [Arc::new(Module::default()), Arc::new(RustCrypto::new())];
    for stranger in strangers {
        assert_eq!(verdict(rings(&store, stranger).sign(&name("Ed25519"), None, b"text")), "store");
    }
}
