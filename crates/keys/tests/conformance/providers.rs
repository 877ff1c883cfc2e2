//! Providers that compute wrongly, and that the self-test finds each.

use strongroom_core::{
    Aead, Argon2Cost, HashAlgorithm, KeyBackend, KeyError, Mac, Plaintext, Provider, Random,
};
use strongroom_keys::{RustCrypto, self_test_of};
use zeroize::Zeroizing;

use crate::faulty::{Fault, Faulty};

#[derive(Debug, Clone, Copy, PartialEq)]
enum Wrong {
    Nothing,
    Hash(HashAlgorithm),
    ShortHash,
    Hmac,
    Hkdf,
    Argon2,
    AeadOpensEverything,
    AeadHasNoAad,
    Random,
    Keys,
}

struct Broken {
    inner: RustCrypto,
    keys: Faulty,
    wrong: Wrong,
}

impl Broken {
    fn new(wrong: Wrong) -> Self {
        Self { inner: RustCrypto::new(), keys: Faulty::new(Fault::TakesEverySignature), wrong }
    }

    fn is(&self, wrong: Wrong) -> bool {
        self.wrong == wrong
    }
}

impl Provider for Broken {
    fn random(&self) -> &dyn Random {
        if self.is(Wrong::Random) { self } else { self.inner.random() }
    }

    fn hash(&self, algorithm: HashAlgorithm, parts: &[&[u8]]) -> Vec<u8> {
        let mut digest = self.inner.hash(algorithm, parts);
        if self.is(Wrong::Hash(algorithm)) {
            digest.reverse();
        }
        digest
    }

    fn sha256(&self, parts: &[&[u8]]) -> [u8; 32] {
        if self.is(Wrong::ShortHash) { [7; 32] } else { self.inner.sha256(parts) }
    }

    fn hmac(&self, key: &[u8; 32]) -> Box<dyn Mac> {
        let other = [7; 32];
        self.inner.hmac(if self.is(Wrong::Hmac) { &other } else { key })
    }

    fn hkdf(&self, secret: &[u8], salt: &[u8], info: &[u8]) -> Zeroizing<[u8; 32]> {
        self.inner.hkdf(secret, if self.is(Wrong::Hkdf) { b"" } else { salt }, info)
    }

    fn argon2id(
        &self,
        passphrase: &[u8],
        salt: &[u8; 16],
        cost: Argon2Cost,
    ) -> Result<Zeroizing<[u8; 32]>, KeyError> {
        let other = [7; 16];
        self.inner.argon2id(passphrase, if self.is(Wrong::Argon2) { &other } else { salt }, cost)
    }

    fn aead(&self) -> &dyn Aead {
        self
    }

    fn software(&self) -> &dyn KeyBackend {
        if self.is(Wrong::Keys) { &self.keys } else { self.inner.software() }
    }
}

impl Aead for Broken {
    fn seal(&self, key: &[u8; 32], aad: &[u8], plaintext: &[u8], out: &mut Vec<u8>) -> Result<(), KeyError> {
        let aad = if self.is(Wrong::AeadHasNoAad) { b"" } else { aad };
        self.inner.aead().seal(key, aad, plaintext, out)
    }

    fn open(&self, key: &[u8; 32], aad: &[u8], sealed: &[u8]) -> Result<Plaintext, KeyError> {
        let aad = if self.is(Wrong::AeadHasNoAad) { b"" } else { aad };
        match self.inner.aead().open(key, aad, sealed) {
            Err(_) if self.is(Wrong::AeadOpensEverything) => Ok(Plaintext::new(Vec::new())),
            opened => opened,
        }
    }
}

/// Draws the same every time.
impl Random for Broken {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.fill(7);
    }

    fn fill_secret(&self, bytes: &mut [u8]) -> Result<(), KeyError> {
        bytes.fill(7);
        Ok(())
    }
}

fn failed(wrong: Wrong) -> Vec<&'static str> {
    self_test_of(&Broken::new(wrong)).map_or_else(|failure| failure.failed, |()| Vec::new())
}

#[test]
fn a_provider_that_computes_wrongly_fails_and_what_it_does_wrongly_is_named() {
    let names = [
        (Wrong::ShortHash, "SHA-256"),
        (Wrong::Hmac, "HMAC-SHA-256 for envelopes"),
        (Wrong::Hkdf, "HKDF-SHA-256"),
        (Wrong::Argon2, "Argon2id"),
        (Wrong::AeadOpensEverything, "AES-256-GCM for envelopes"),
        (Wrong::AeadHasNoAad, "AES-256-GCM for envelopes"),
        (Wrong::Random, "Random source"),
        (Wrong::Keys, "Software keys"),
    ];
    for (wrong, name) in names {
        assert_eq!(failed(wrong), [name], "{wrong:?}");
    }
    for hash in HashAlgorithm::ALL {
        assert_eq!(failed(Wrong::Hash(hash)).len(), 1, "{hash:?}");
    }
    assert_eq!(failed(Wrong::Nothing), Vec::<&str>::new());
}
