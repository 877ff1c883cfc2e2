use std::sync::Arc;

use secrecy::{ExposeSecret, SecretSlice};
use strongroom_core::{Algorithm, Key, KeyBackend, KeyError, Provider, PublicKey, Random, Stored};
use strongroom_keys::RustCrypto;

use crate::faulty_key::FaultyKey;

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
    HasShortCodes,
    TakesEverySignature,
    SignsWithEveryKey,
    SignsAnotherMessage,
    SignsWithAnotherKey,
    KnowsOneHash,
    KnowsOnePadding,
    KnowsOneEncoding,
    HashesDigests,
    TakesDigestsOfAnyLength,
    SealsWithSha1,
    ForgetsLabels,
    OpensEverything,
    AgreesWithEverything,
    AgreesOnTheSame,
    DecapsulatesWhatWasChanged,
    ImportsAnotherPublicHalf,
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

    fn import_public(&self, public: &PublicKey) -> Result<Stored, KeyError> {
        let other = match self.1 {
            Fault::ImportsAnotherPublicHalf => self.0.software().generate(public.algorithm)?.public,
            _ => None,
        };
        self.0.software().import_public(other.as_ref().unwrap_or(public))
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
        let other = match self.1 {
            Fault::SignsWithAnotherKey => {
                let other = self.0.software().generate(stored.algorithm)?;
                self.0.software().load(&other)?
            }
            _ => key.clone(),
        };
        Ok(Arc::new(FaultyKey::new(key, other, self.1)))
    }

    fn export(&self, stored: &Stored) -> Result<SecretSlice<u8>, KeyError> {
        let mut secret = self.0.software().export(stored)?.expose_secret().to_vec();
        if self.1 == Fault::ExportsWrongly {
            secret.reverse();
        }
        Ok(SecretSlice::from(secret))
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
