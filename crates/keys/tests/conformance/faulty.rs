use std::sync::Arc;

use secrecy::{ExposeSecret, SecretSlice};
use strongroom_core::{
    Algorithm, Encapsulated, Key, KeyBackend, KeyError, Mac, Plaintext, Provider, PublicKey, Random,
    SealOptions, SignOptions, Stored,
};
use strongroom_keys::RustCrypto;
use zeroize::Zeroizing;

/// What a backend does wrong.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Fault {
    None,
    GeneratesOneKey,
    LoadsAnotherKey,
    LoadsWhatItDidNotMake,
    ImportsAnyLength,
    ExportsWrongly,
    IgnoresAdditionalData,
    LosesWhatWasThere,
    SaysWhyItDoesNotOpen,
    IsDeterministic,
    TakesTruncatedCodes,
    TakesEveryCode,
    RunsLabelAndContextTogether,
    TakesEverySignature,
    SignsWithEveryKey,
    SupportsNothing,
}

/// The software keys, with a fault.
pub(crate) struct Faulty(RustCrypto, Fault);

impl Faulty {
    pub(crate) fn new(fault: Fault) -> Self {
        Self(RustCrypto::new(), fault)
    }

    /// Always the same key.
    fn fixed(&self, algorithm: Algorithm) -> Result<Stored, KeyError> {
        let length = algorithm.secret_lengths().map_or(32, |lengths| *lengths.start());
        self.0.software().import(algorithm, &vec![7; length])
    }
}

impl KeyBackend for Faulty {
    fn name(&self) -> &'static str {
        "faulty"
    }

    fn supports(&self, _: Algorithm) -> bool {
        self.1 != Fault::SupportsNothing
    }

    fn generate(&self, algorithm: Algorithm) -> Result<Stored, KeyError> {
        match self.1 {
            Fault::GeneratesOneKey => self.fixed(algorithm),
            _ => self.0.software().generate(algorithm),
        }
    }

    fn import(&self, algorithm: Algorithm, material: &[u8]) -> Result<Stored, KeyError> {
        match (self.1, algorithm.secret_lengths()) {
            (Fault::ImportsAnyLength, Some(lengths)) if !lengths.contains(&material.len()) => {
                self.fixed(algorithm)
            }
            _ => self.0.software().import(algorithm, material),
        }
    }

    fn load(&self, stored: &Stored) -> Result<Arc<dyn Key>, KeyError> {
        let key = match self.1 {
            Fault::LoadsAnotherKey => {
                let other = self.0.software().generate(stored.algorithm)?;
                self.0.software().load(&other)
            }
            Fault::LoadsWhatItDidNotMake => self
                .0
                .software()
                .load(stored)
                .or_else(|_| self.0.software().load(&self.fixed(stored.algorithm)?)),
            Fault::IsDeterministic => RustCrypto::with_random(Box::new(Still)).software().load(stored),
            _ => self.0.software().load(stored),
        }?;
        Ok(Arc::new(FaultyKey(key, self.1)))
    }

    fn export(&self, stored: &Stored) -> Result<SecretSlice<u8>, KeyError> {
        let mut secret = self.0.software().export(stored)?.expose_secret().to_vec();
        if self.1 == Fault::ExportsWrongly {
            secret.reverse();
        }
        Ok(SecretSlice::from(secret))
    }
}

struct FaultyKey(Arc<dyn Key>, Fault);

impl Key for FaultyKey {
    fn algorithm(&self) -> Algorithm {
        self.0.algorithm()
    }

    fn public(&self) -> Option<&PublicKey> {
        self.0.public()
    }

    fn mac(&self) -> Option<&dyn Mac> {
        self.0.mac()
    }

    fn encrypt(&self, aad: &[u8], plaintext: &[u8], out: &mut Vec<u8>) -> Result<(), KeyError> {
        match self.1 {
            Fault::IgnoresAdditionalData => self.0.encrypt(b"", plaintext, out),
            Fault::LosesWhatWasThere => {
                out.clear();
                self.0.encrypt(aad, plaintext, out)
            }
            _ => self.0.encrypt(aad, plaintext, out),
        }
    }

    fn decrypt(&self, aad: &[u8], ciphertext: &[u8]) -> Result<Plaintext, KeyError> {
        match self.1 {
            Fault::IgnoresAdditionalData => self.0.decrypt(b"", ciphertext),
            Fault::SaysWhyItDoesNotOpen if ciphertext.len() < 28 => Err(KeyError::Invalid),
            _ => self.0.decrypt(aad, ciphertext),
        }
    }

    fn compute_mac(&self, message: &[u8]) -> Result<Zeroizing<Vec<u8>>, KeyError> {
        self.0.compute_mac(message)
    }

    fn verify_mac(&self, message: &[u8], code: &[u8]) -> Result<bool, KeyError> {
        match self.1 {
            Fault::TakesTruncatedCodes => Ok(code.len() > 3 && self.compute_mac(message)?.starts_with(code)),
            Fault::TakesEveryCode => self.0.verify_mac(message, code).map(|_| true),
            _ => self.0.verify_mac(message, code),
        }
    }

    fn derive(&self, label: &[u8], context: &[u8], length: usize) -> Result<Zeroizing<Vec<u8>>, KeyError> {
        match self.1 {
            Fault::RunsLabelAndContextTogether if !label.contains(&0) => {
                self.0.derive(b"", &[label, context].concat(), length)
            }
            _ => self.0.derive(label, context, length),
        }
    }

    fn sign(&self, message: &[u8], options: &SignOptions) -> Result<Vec<u8>, KeyError> {
        match self.1 {
            Fault::SignsWithEveryKey => Ok(self.0.sign(message, options).unwrap_or_default()),
            _ => self.0.sign(message, options),
        }
    }

    fn seal(&self, plaintext: &[u8], options: &SealOptions<'_>) -> Result<Vec<u8>, KeyError> {
        self.0.seal(plaintext, options)
    }

    fn open(&self, sealed: &[u8], options: &SealOptions<'_>) -> Result<Plaintext, KeyError> {
        self.0.open(sealed, options)
    }

    fn agree(&self, peer: &[u8]) -> Result<Zeroizing<Vec<u8>>, KeyError> {
        self.0.agree(peer)
    }

    fn encapsulate(&self) -> Result<Encapsulated, KeyError> {
        self.0.encapsulate()
    }

    fn decapsulate(&self, ciphertext: &[u8]) -> Result<Zeroizing<Vec<u8>>, KeyError> {
        self.0.decapsulate(ciphertext)
    }

    fn verify(&self, message: &[u8], signature: &[u8], options: &SignOptions) -> Result<bool, KeyError> {
        match self.1 {
            Fault::TakesEverySignature => self.0.verify(message, signature, options).map(|_| true),
            _ => self.0.verify(message, signature, options),
        }
    }
}

/// A source that draws the same every time.
struct Still;

impl Random for Still {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.fill(7);
    }

    fn fill_secret(&self, bytes: &mut [u8]) -> Result<(), KeyError> {
        bytes.fill(7);
        Ok(())
    }
}
