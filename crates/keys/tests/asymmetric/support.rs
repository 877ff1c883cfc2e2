use std::sync::{Arc, LazyLock};

use secrecy::SecretSlice;
use strongroom_core::{
    Algorithm, Cost, Key, KeyBackend, KeyError, OaepHash, Provider, PublicKey, SealOptions, Stored,
};
use strongroom_keys::RustCrypto;

use crate::golden::kept;

pub(crate) static PROVIDER: LazyLock<RustCrypto> = LazyLock::new(RustCrypto::new);

pub(crate) fn software() -> &'static dyn KeyBackend {
    PROVIDER.software()
}

pub(crate) fn unhex(text: &str) -> Vec<u8> {
    let digit = |pair: &[u8]| u8::from_str_radix(str::from_utf8(pair).unwrap(), 16).unwrap();
    text.as_bytes().chunks(2).map(digit).collect()
}

pub(crate) fn import(algorithm: Algorithm, material: &[u8]) -> Result<Arc<dyn Key>, KeyError> {
    software().load(&software().import(algorithm, material)?)
}

/// A key of material that is not to be checked any further.
pub(crate) fn load(algorithm: Algorithm, material: &[u8]) -> Arc<dyn Key> {
    let secret = SecretSlice::from([&[1], material].concat());
    software().load(&Stored { algorithm, secret, public: None }).unwrap()
}

pub(crate) fn import_public(algorithm: Algorithm, bytes: &[u8]) -> Result<Arc<dyn Key>, KeyError> {
    software().load(&software().import_public(&PublicKey { algorithm, bytes: bytes.to_vec() })?)
}

/// A key and its public half alone. A new one, but of RSA, which takes its time: that one was made before.
pub(crate) fn generate(algorithm: Algorithm) -> (Stored, Arc<dyn Key>, Arc<dyn Key>) {
    let mut stored = match algorithm.generation() {
        Cost::Inline => software().generate(algorithm).unwrap(),
        Cost::Slow => kept(algorithm),
    };
    let key = software().load(&stored).unwrap();
    stored.public = key.public().cloned();
    let half = import_public(algorithm, &key.public().unwrap().bytes).unwrap();
    (stored, key, half)
}

/// All with a public half.
pub(crate) fn asymmetric() -> impl Iterator<Item = Algorithm> {
    Algorithm::ALL.into_iter().filter(|algorithm| algorithm.is_asymmetric())
}

/// How a plaintext is sealed to a key of this kind.
pub(crate) fn sealing(algorithm: Algorithm) -> SealOptions<'static> {
    match algorithm.modulus_bits() {
        Some(_) => SealOptions::Oaep { hash: OaepHash::Sha256, label: b"" },
        None => SealOptions::Hpke { info: b"info", aad: b"aad" },
    }
}
