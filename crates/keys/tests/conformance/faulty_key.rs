use std::sync::Arc;

use strongroom_core::{
    Algorithm, Encapsulated, Encoding, Input, Key, KeyError, Mac, OaepHash, Padding, Plaintext, PublicKey,
    SealOptions, SignOptions,
};
use zeroize::Zeroizing;

use crate::faulty::Fault;

/// A software key, with a fault.
pub(crate) struct FaultyKey {
    key: Arc<dyn Key>,
    /// Another key, where the fault takes one.
    other: Arc<dyn Key>,
    fault: Fault,
}

impl FaultyKey {
    pub(crate) fn new(key: Arc<dyn Key>, other: Arc<dyn Key>, fault: Fault) -> Self {
        Self { key, other, fault }
    }

    fn options(&self, options: &SignOptions) -> SignOptions {
        let mut options = *options;
        match (self.fault, options.input) {
            (Fault::KnowsOneHash, Input::Message(_)) => options.input = Input::Message(None),
            (Fault::HashesDigests, Input::Digest(hash)) => options.input = Input::Message(Some(hash)),
            (Fault::KnowsOnePadding, _) => options.padding = Padding::default(),
            (Fault::KnowsOneEncoding, _) => options.encoding = Encoding::Fixed,
            _ => {}
        }
        options
    }

    fn input(&self, input: &[u8], options: &SignOptions) -> Vec<u8> {
        let mut input = input.to_vec();
        match (self.fault, options.input) {
            (Fault::TakesDigestsOfAnyLength, Input::Digest(hash)) => input.resize(hash.size(), 0),
            (Fault::SignsAnotherMessage, _) => input.truncate(3),
            _ => {}
        }
        input
    }

    fn sealing<'a>(&self, options: &SealOptions<'a>) -> SealOptions<'a> {
        match (self.fault, *options) {
            (Fault::ForgetsLabels, SealOptions::Oaep { hash, .. }) => SealOptions::Oaep { hash, label: b"" },
            (Fault::ForgetsLabels, SealOptions::Hpke { info, .. }) => SealOptions::Hpke { info, aad: b"" },
            (Fault::SealsWithSha1, SealOptions::Oaep { hash: OaepHash::LegacySha1, label }) => {
                SealOptions::Oaep { hash: OaepHash::Sha256, label }
            }
            (_, options) => options,
        }
    }
}

impl Key for FaultyKey {
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
        match self.fault {
            Fault::IgnoresAdditionalData => self.key.encrypt(b"", plaintext, out),
            Fault::LosesWhatWasThere => {
                out.clear();
                self.key.encrypt(aad, plaintext, out)
            }
            _ => self.key.encrypt(aad, plaintext, out),
        }
    }

    fn decrypt(&self, aad: &[u8], ciphertext: &[u8]) -> Result<Plaintext, KeyError> {
        match self.fault {
            Fault::IgnoresAdditionalData => self.key.decrypt(b"", ciphertext),
            Fault::SaysWhyItDoesNotOpen if ciphertext.len() < 28 => Err(KeyError::Invalid),
            _ => self.key.decrypt(aad, ciphertext),
        }
    }

    fn compute_mac(&self, message: &[u8]) -> Result<Zeroizing<Vec<u8>>, KeyError> {
        let mut code = self.key.compute_mac(message)?;
        if self.fault == Fault::HasShortCodes {
            code.truncate(12);
        }
        Ok(code)
    }

    fn verify_mac(&self, message: &[u8], code: &[u8]) -> Result<bool, KeyError> {
        match self.fault {
            Fault::TakesTruncatedCodes => Ok(code.len() > 3 && self.compute_mac(message)?.starts_with(code)),
            Fault::HasShortCodes => Ok(*self.compute_mac(message)? == code),
            Fault::TakesEveryCode => self.key.verify_mac(message, code).map(|_| true),
            _ => self.key.verify_mac(message, code),
        }
    }

    fn derive(&self, label: &[u8], context: &[u8], length: usize) -> Result<Zeroizing<Vec<u8>>, KeyError> {
        match self.fault {
            Fault::RunsLabelAndContextTogether if !label.contains(&0) => {
                self.key.derive(b"", &[label, context].concat(), length)
            }
            _ => self.key.derive(label, context, length),
        }
    }

    fn sign(&self, message: &[u8], options: &SignOptions) -> Result<Vec<u8>, KeyError> {
        let made = self.other.sign(&self.input(message, options), &self.options(options));
        match self.fault {
            Fault::SignsWithEveryKey => Ok(made.unwrap_or_default()),
            _ => made,
        }
    }

    fn verify(&self, message: &[u8], signature: &[u8], options: &SignOptions) -> Result<bool, KeyError> {
        let right = self.key.verify(&self.input(message, options), signature, &self.options(options));
        match self.fault {
            Fault::TakesEverySignature => right.map(|_| true),
            _ => right,
        }
    }

    fn seal(&self, plaintext: &[u8], options: &SealOptions<'_>) -> Result<Vec<u8>, KeyError> {
        self.key.seal(plaintext, &self.sealing(options))
    }

    fn open(&self, sealed: &[u8], options: &SealOptions<'_>) -> Result<Plaintext, KeyError> {
        match (self.fault, self.key.open(sealed, &self.sealing(options))) {
            (Fault::OpensEverything, Err(KeyError::Failed)) => Ok(Plaintext::new(Vec::new())),
            (_, opened) => opened,
        }
    }

    fn agree(&self, peer: &[u8]) -> Result<Zeroizing<Vec<u8>>, KeyError> {
        match (self.fault, self.key.agree(peer)) {
            (Fault::AgreesWithEverything, Err(KeyError::Failed)) => Ok(Zeroizing::new(vec![0; 32])),
            (Fault::AgreesOnTheSame, Ok(secret)) => Ok(Zeroizing::new(vec![7; secret.len()])),
            (_, secret) => secret,
        }
    }

    fn encapsulate(&self) -> Result<Encapsulated, KeyError> {
        self.key.encapsulate()
    }

    fn decapsulate(&self, ciphertext: &[u8]) -> Result<Zeroizing<Vec<u8>>, KeyError> {
        match self.fault {
            // It overlooks what follows the ciphertext.
            Fault::DecapsulatesWhatWasChanged => {
                self.key.decapsulate(ciphertext.get(..1088).unwrap_or(ciphertext))
            }
            _ => self.key.decapsulate(ciphertext),
        }
    }
}
