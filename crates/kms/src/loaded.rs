use std::sync::{Arc, OnceLock};

use strongroom_core::{Key, KeyError, Plaintext, Provider, Purpose, StoreError, Stored};
use strongroom_keys::envelope::{self, Context, Header, KeyId};

use crate::{KmsError, Ring, Signature, budget::Budget, raw, record::RingRecord, uses::Meter};

/// A ring in memory: its state as of one moment, and the keys that this state allows to be used. An operation
/// takes one of these and looks at no other, so that it sees one state from its beginning to its end.
pub(crate) struct Loaded {
    pub(crate) view: Ring,
    /// By version, without gaps. None below the least version that opens, and none of a disabled ring.
    keys: Vec<VersionKey>,
    /// The context of a ciphertext without additional data.
    empty: Context,
    /// Where the uses of a key are reserved, if they are counted.
    meter: Option<Meter>,
}

/// One version's key, parsed and expanded once: at its first use, so that a ring of many versions costs no more
/// than the versions that are used.
struct VersionKey {
    version: u32,
    stored: Stored,
    ready: OnceLock<Arc<dyn Key>>,
    /// The uses that it may still make, if they are counted.
    budget: Budget,
}

impl Loaded {
    pub(crate) fn new(
        provider: &dyn Provider,
        ring: &RingRecord,
        meter: Option<Meter>,
    ) -> Result<Self, KmsError> {
        let ready =
            |(version, stored)| VersionKey { version, stored, ready: OnceLock::new(), budget: Budget::new() };
        let keys = ring.usable().map(ready).collect();
        Ok(Self { view: ring.view(), keys, empty: Context::new(provider, &[b"kms", b""])?, meter })
    }

    pub(crate) fn encrypt(
        &self,
        provider: &dyn Provider,
        version: Option<u32>,
        plaintext: &[u8],
        additional: &[u8],
    ) -> Result<Vec<u8>, KmsError> {
        let raw = self.encrypts_itself()?;
        let version = self.sealing(version)?;
        let key = self.key(provider, version)?;
        if raw {
            self.take_use(version)?;
            return raw::encrypt(key, version, plaintext, additional);
        }
        let mac = key.mac().ok_or(KmsError::WrongType)?;
        let context = self.context(provider, additional)?;
        let id = KeyId { id: self.view.id, version };
        Ok(envelope::seal(provider, mac, id, &context, plaintext)?)
    }

    pub(crate) fn decrypt(
        &self,
        provider: &dyn Provider,
        ciphertext: &[u8],
        additional: &[u8],
    ) -> Result<Plaintext, KmsError> {
        if self.encrypts_itself()? {
            let (version, sealed) = raw::parse(self.view.algorithm, ciphertext)?;
            return raw::decrypt(self.opening(provider, version)?, sealed, additional);
        }
        let named = Header::parse(ciphertext)?.key;
        if named.id != self.view.id {
            return Err(KmsError::OpenFailed);
        }
        let mac = self.opening(provider, named.version)?.mac().ok_or(KmsError::WrongType)?;
        let context = self.context(provider, additional)?;
        Ok(envelope::open(provider, mac, named, &context, ciphertext)?)
    }

    pub(crate) fn sign(
        &self,
        provider: &dyn Provider,
        version: Option<u32>,
        sign: impl FnOnce(&dyn Key) -> Result<Vec<u8>, KeyError>,
    ) -> Result<Signature, KmsError> {
        self.signs()?;
        let version = self.sealing(version)?;
        Ok(Signature { version, bytes: sign(self.key(provider, version)?)? })
    }

    /// What the newest version, or the one asked for, makes, and its number.
    pub(crate) fn make<T>(
        &self,
        provider: &dyn Provider,
        purpose: Purpose,
        version: Option<u32>,
        make: impl FnOnce(&dyn Key) -> Result<T, KeyError>,
    ) -> Result<(u32, T), KmsError> {
        self.is_for(purpose)?;
        let version = self.sealing(version)?;
        Ok((version, make(self.key(provider, version)?)?))
    }

    /// Does something with the version that made what is looked at.
    pub(crate) fn look<T>(
        &self,
        provider: &dyn Provider,
        purpose: Purpose,
        version: u32,
        look: impl FnOnce(&dyn Key) -> Result<T, KeyError>,
    ) -> Result<T, KmsError> {
        self.is_for(purpose)?;
        Ok(look(self.opening(provider, version)?)?)
    }

    pub(crate) fn verify(
        &self,
        provider: &dyn Provider,
        version: u32,
        verify: impl FnOnce(&dyn Key) -> Result<bool, KeyError>,
    ) -> Result<bool, KmsError> {
        self.signs()?;
        Ok(verify(self.opening(provider, version)?)?)
    }

    fn is_for(&self, purpose: Purpose) -> Result<(), KmsError> {
        if self.view.algorithm.purpose() == purpose { Ok(()) } else { Err(KmsError::WrongType) }
    }

    /// Whether its keys encrypt messages themselves, and not in envelopes.
    fn encrypts_itself(&self) -> Result<bool, KmsError> {
        match self.view.algorithm.purpose() {
            Purpose::Envelope => Ok(false),
            Purpose::Aead => Ok(true),
            _ => Err(KmsError::WrongType),
        }
    }

    /// Counts one encryption, if they are counted, before it happens.
    fn take_use(&self, version: u32) -> Result<(), KmsError> {
        match &self.meter {
            Some(meter) => self.found(version)?.budget.take(|block| meter.reserve(version, block)),
            None => Ok(()),
        }
    }

    fn signs(&self) -> Result<(), KmsError> {
        if self.view.algorithm.signs() { Ok(()) } else { Err(KmsError::WrongType) }
    }

    /// The version that encrypts and signs: the one asked for if the ring allows it, else the newest.
    pub(crate) fn sealing(&self, asked: Option<u32>) -> Result<u32, KmsError> {
        let latest = self.view.versions.last().map_or(0, |version| version.version);
        let version = asked.filter(|version| *version != 0).unwrap_or(latest);
        let lowest = self.view.min_encryption_version.max(self.view.min_decryption_version);
        if version < lowest { Err(KmsError::TooOld) } else { Ok(version) }
    }

    /// The key that made a ciphertext or signature, if the ring still allows it.
    fn opening(&self, provider: &dyn Provider, version: u32) -> Result<&dyn Key, KmsError> {
        self.allows_opening(version)?;
        self.key(provider, version)
    }

    /// Whether the ring still allows what a version made.
    pub(crate) fn allows_opening(&self, version: u32) -> Result<(), KmsError> {
        if version < self.view.min_decryption_version { Err(KmsError::TooOld) } else { Ok(()) }
    }

    /// A version's key as it is kept.
    pub(crate) fn stored(&self, version: u32) -> Result<&Stored, KmsError> {
        Ok(&self.found(version)?.stored)
    }

    fn found(&self, version: u32) -> Result<&VersionKey, KmsError> {
        let place = self.keys.binary_search_by_key(&version, |key| key.version);
        place.ok().and_then(|place| self.keys.get(place)).ok_or(KmsError::NoVersion)
    }

    fn key(&self, provider: &dyn Provider, version: u32) -> Result<&dyn Key, KmsError> {
        let found = self.found(version)?;
        if let Some(ready) = found.ready.get() {
            return Ok(&**ready);
        }
        let ready = provider.software().load(&found.stored).map_err(|_| StoreError::Corrupt)?;
        Ok(&**found.ready.get_or_init(|| ready))
    }

    fn context(&self, provider: &dyn Provider, additional: &[u8]) -> Result<Context, KmsError> {
        if additional.is_empty() {
            return Ok(self.empty);
        }
        Ok(Context::new(provider, &[b"kms", additional])?)
    }
}
