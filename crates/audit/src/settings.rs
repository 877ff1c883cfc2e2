use std::sync::Arc;

use minicbor::{Decode, Encode};
use secrecy::SecretSlice;
use strongroom_core::{
    Algorithm, Key, KeyError, Name, Provider, PublicKey, RecordKey, SignOptions, Signer, StoreError, Stored,
    Time, UseError,
};
use zeroize::Zeroizing;

use crate::{LogId, Origin, VerifierKey, record, tables};

/// What all logs of a database have in common.
#[derive(Encode, Decode)]
pub(crate) struct Settings {
    #[n(0)]
    format: u8,
    #[n(1)]
    database: String,
    #[n(2)]
    made: Time,
    #[cbor(n(3), with = "strongroom_core::secret_bytes")]
    secret: Zeroizing<Vec<u8>>,
    #[cbor(n(4), with = "minicbor::bytes")]
    public: [u8; 32],
}

impl Settings {
    /// Settings with a new key.
    pub(crate) fn generate(provider: &dyn Provider, database: &Name, made: Time) -> Result<Self, KeyError> {
        let stored = provider.software().generate(Algorithm::Ed25519)?;
        let secret = Zeroizing::new(stored.expose().to_vec());
        let public =
            stored.public.and_then(|public| public.bytes.try_into().ok()).ok_or(KeyError::Invalid)?;
        Ok(Self { format: record::FORMAT, database: database.as_str().into(), made, secret, public })
    }

    pub(crate) fn key() -> Result<RecordKey, StoreError> {
        Ok(tables::single(tables::SETTINGS)?)
    }

    pub(crate) fn read(bytes: &[u8]) -> Result<Self, StoreError> {
        record::read(bytes)
    }

    pub(crate) fn to_bytes(&self) -> Result<Zeroizing<Vec<u8>>, StoreError> {
        record::write(self)
    }

    pub(crate) fn verifier(&self, log: LogId) -> Result<VerifierKey, StoreError> {
        let database = Name::parse(&self.database).map_err(|_| StoreError::Corrupt)?;
        VerifierKey::new(Origin { database, log }, self.public).ok_or(StoreError::Corrupt)
    }

    /// The key, ready to sign.
    pub(crate) fn signer(self, provider: &dyn Provider) -> Result<LogSigner, KeyError> {
        let public = PublicKey { algorithm: Algorithm::Ed25519, bytes: self.public.to_vec() };
        let secret = SecretSlice::from(self.secret.to_vec());
        let stored = Stored { algorithm: Algorithm::Ed25519, secret, public: Some(public) };
        provider.software().load(&stored).map(LogSigner)
    }
}

/// Signs checkpoints; lives for one step.
pub(crate) struct LogSigner(Arc<dyn Key>);

impl Signer for LogSigner {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, UseError> {
        Ok(self.0.sign(message, &SignOptions::default())?)
    }

    fn public(&self) -> Result<PublicKey, UseError> {
        self.0.public().cloned().ok_or(UseError::Unavailable)
    }
}
