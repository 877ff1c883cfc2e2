use std::sync::Arc;

use minicbor::{Decode, Encode};
use secrecy::SecretSlice;
use strongroom_core::{
    Algorithm, Key, KeyBackend, Name, Provider, PublicKey, RecordKey, Segment, Store, StoreError, Stored,
    Table, Tenant, Time,
};
use strongroom_keys::envelope::Context;
use zeroize::{Zeroize, Zeroizing};

use crate::KmsError;

/// Rings, by name: one record each, with all versions.
const RINGS: Table = Table::new(0x0101);
const FORMAT: u8 = 1;
/// Versions that a ring's record holds.
pub(crate) const VERSIONS: usize = 1_000;

/// What a ring shows: all but its secrets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ring {
    /// The id that stands in its ciphertexts.
    pub id: [u8; 16],
    /// What its keys are for.
    pub algorithm: Algorithm,
    /// The oldest version that decrypts and verifies.
    pub min_decryption_version: u32,
    /// The oldest version that encrypts and signs; 0 means only the newest.
    pub min_encryption_version: u32,
    /// Whether it may be deleted.
    pub deletion_allowed: bool,
    /// Whether it is disabled: then it does nothing.
    pub disabled: bool,
    /// All versions, oldest first.
    pub versions: Vec<RingVersion>,
}

/// One version of a ring.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RingVersion {
    /// Its number, from 1.
    pub version: u32,
    /// When it was made.
    pub made: Time,
    /// Its public half, where it has one.
    pub public: Option<PublicKey>,
}

/// What is to change in a ring; nothing where it stays.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Settings {
    /// The oldest version that decrypts and verifies: from 1 to the newest.
    pub min_decryption_version: Option<u32>,
    /// The oldest version that encrypts and signs: 0 for only the newest, else from `min_decryption_version`
    /// to the newest.
    pub min_encryption_version: Option<u32>,
    /// Whether the ring may be deleted.
    pub deletion_allowed: Option<bool>,
}

/// A ring as its record has it.
#[derive(Encode, Decode)]
pub(crate) struct RingRecord {
    #[n(0)]
    format: u8,
    #[cbor(n(1), with = "minicbor::bytes")]
    pub(crate) id: [u8; 16],
    #[n(2)]
    pub(crate) algorithm: Algorithm,
    #[n(3)]
    pub(crate) min_decryption: u32,
    #[n(4)]
    pub(crate) min_encryption: u32,
    #[n(5)]
    pub(crate) deletion_allowed: bool,
    #[n(6)]
    pub(crate) disabled: bool,
    #[n(7)]
    versions: Vec<VersionRecord>,
}

#[derive(Encode, Decode)]
struct VersionRecord {
    #[n(0)]
    version: u32,
    #[n(1)]
    made: Time,
    #[cbor(n(2), with = "minicbor::bytes")]
    secret: Vec<u8>,
    #[cbor(n(3), with = "minicbor::bytes")]
    public: Option<Vec<u8>>,
}

impl Drop for VersionRecord {
    fn drop(&mut self) {
        self.secret.zeroize();
    }
}

pub(crate) fn key(tenant: Tenant, name: &str) -> Result<RecordKey, StoreError> {
    Ok(RecordKey::new(tenant, RINGS, &[Segment::Name(name)])?)
}

/// The range of a tenant's rings.
pub(crate) fn range(tenant: Tenant) -> Result<strongroom_core::Range, StoreError> {
    Ok(strongroom_core::Range::under(tenant, RINGS, &[])?)
}

/// The name that a ring's key holds.
pub(crate) fn name_of(key: &RecordKey) -> Result<Name, StoreError> {
    match key.segments().next() {
        Some(Segment::Name(text)) => Name::parse(text).map_err(|_| StoreError::Corrupt),
        _ => Err(StoreError::Corrupt),
    }
}

impl RingRecord {
    pub(crate) fn new(provider: &dyn Provider, algorithm: Algorithm, now: Time) -> Result<Self, KmsError> {
        let mut id = [0; 16];
        provider.random().fill_secret(&mut id)?;
        let mut ring = Self {
            format: FORMAT,
            id,
            algorithm,
            min_decryption: 1,
            min_encryption: 0,
            deletion_allowed: false,
            disabled: false,
            versions: Vec::new(),
        };
        ring.add_version(provider, now)?;
        Ok(ring)
    }

    /// Reads a record, which has one encoding only.
    pub(crate) fn read(bytes: &[u8]) -> Result<Self, StoreError> {
        let ring: Self = minicbor::decode(bytes).map_err(|_| StoreError::Corrupt)?;
        match ring.format {
            FORMAT if ring.is_sound() && *ring.to_bytes()? == bytes => Ok(ring),
            FORMAT => Err(StoreError::Corrupt),
            _ => Err(StoreError::Unsupported("read a ring that a newer version made")),
        }
    }

    /// Versions in order, and minimums among them: what the rest of the code relies on.
    fn is_sound(&self) -> bool {
        let follows = |pair: &[VersionRecord]| match pair {
            [before, after] => before.version < after.version,
            _ => false,
        };
        self.versions.first().is_some_and(|first| first.version > 0)
            && self.versions.windows(2).all(follows)
            && self.check_minimums(self.min_decryption, self.min_encryption).is_ok()
    }

    pub(crate) fn to_bytes(&self) -> Result<Zeroizing<Vec<u8>>, StoreError> {
        // Room for all, so that no half-written copy of the secrets is left behind by a growing vector.
        let mut bytes = Zeroizing::new(Vec::with_capacity(128 + 256 * self.versions.len()));
        minicbor::encode(self, &mut *bytes).map_err(|_| StoreError::Corrupt)?;
        Ok(bytes)
    }

    pub(crate) fn latest(&self) -> u32 {
        self.versions.last().map_or(0, |version| version.version)
    }

    /// Makes the next version; answers its number.
    pub(crate) fn add_version(&mut self, provider: &dyn Provider, made: Time) -> Result<u32, KmsError> {
        let version = self.latest().checked_add(1).filter(|_| self.versions.len() < VERSIONS);
        let version =
            version.ok_or(KmsError::Invalid("a key has at most 1,000 versions: begin a new one"))?;
        let stored = provider.software().generate(self.algorithm)?;
        let public = stored.public.as_ref().map(|public| public.bytes.clone());
        self.versions.push(VersionRecord { version, made, secret: stored.expose().to_vec(), public });
        Ok(version)
    }

    pub(crate) fn configure(&mut self, settings: &Settings) -> Result<(), KmsError> {
        let decryption = settings.min_decryption_version.unwrap_or(self.min_decryption);
        let encryption = settings.min_encryption_version.unwrap_or(self.min_encryption);
        self.check_minimums(decryption, encryption)?;
        (self.min_decryption, self.min_encryption) = (decryption, encryption);
        self.deletion_allowed = settings.deletion_allowed.unwrap_or(self.deletion_allowed);
        Ok(())
    }

    fn check_minimums(&self, decryption: u32, encryption: u32) -> Result<(), KmsError> {
        if !(1..=self.latest()).contains(&decryption) {
            return Err(KmsError::Invalid("min_decryption_version must be from 1 to the newest version"));
        }
        if encryption != 0 && !(decryption..=self.latest()).contains(&encryption) {
            return Err(KmsError::Invalid(
                "min_encryption_version must be 0 or from min_decryption_version to the newest version",
            ));
        }
        Ok(())
    }

    pub(crate) fn view(&self) -> Ring {
        let public = |version: &VersionRecord| {
            let bytes = version.public.clone()?;
            Some(PublicKey { algorithm: self.algorithm, bytes })
        };
        let versions = self.versions.iter().map(|version| RingVersion {
            version: version.version,
            made: version.made,
            public: public(version),
        });
        Ring {
            id: self.id,
            algorithm: self.algorithm,
            min_decryption_version: self.min_decryption,
            min_encryption_version: self.min_encryption,
            deletion_allowed: self.deletion_allowed,
            disabled: self.disabled,
            versions: versions.collect(),
        }
    }
}

/// A ring in memory: its state, and its keys parsed and expanded once.
pub(crate) struct Loaded {
    pub(crate) view: Ring,
    keys: Vec<Arc<dyn Key>>,
    /// The context of a ciphertext without additional data.
    pub(crate) empty: Context,
}

impl Loaded {
    pub(crate) fn new(provider: &dyn Provider, ring: &RingRecord) -> Result<Self, KmsError> {
        let backend: &dyn KeyBackend = provider.software();
        let mut keys = Vec::with_capacity(ring.versions.len());
        for version in &ring.versions {
            let public = version.public.clone();
            let stored = Stored {
                algorithm: ring.algorithm,
                secret: SecretSlice::from(version.secret.clone()),
                public: public.map(|bytes| PublicKey { algorithm: ring.algorithm, bytes }),
            };
            keys.push(backend.load(&stored).map_err(|_| StoreError::Corrupt)?);
        }
        Ok(Self { view: ring.view(), keys, empty: Context::new(provider, &[b"kms", b""])? })
    }

    pub(crate) fn latest(&self) -> u32 {
        self.view.versions.last().map_or(0, |version| version.version)
    }

    /// The version that encrypts and signs: the one asked for if the ring allows it, else the newest.
    pub(crate) fn sealing(&self, asked: Option<u32>) -> Result<(u32, &dyn Key), KmsError> {
        let latest = self.latest();
        let version = asked.filter(|version| *version != 0).unwrap_or(latest);
        let lowest = match self.view.min_encryption_version {
            0 if asked.is_none_or(|version| version == 0) => latest,
            0 => self.view.min_decryption_version,
            lowest => lowest,
        };
        if version < lowest {
            return Err(KmsError::TooOld);
        }
        Ok((version, self.key(version)?))
    }

    /// The version that made a ciphertext or signature, if the ring still allows it.
    pub(crate) fn opening(&self, version: u32) -> Result<&dyn Key, KmsError> {
        if version < self.view.min_decryption_version {
            return Err(KmsError::TooOld);
        }
        self.key(version)
    }

    fn key(&self, version: u32) -> Result<&dyn Key, KmsError> {
        let place = self.view.versions.binary_search_by_key(&version, |known| known.version);
        let key = place.ok().and_then(|place| self.keys.get(place)).ok_or(KmsError::NoVersion)?;
        Ok(&**key)
    }
}

/// The ring's record, or [`KmsError::NotFound`].
pub(crate) fn load(store: &dyn Store, tenant: Tenant, name: &str) -> Result<RingRecord, KmsError> {
    let record = store.get_many(&[key(tenant, name)?])?.pop().flatten().ok_or(KmsError::NotFound)?;
    Ok(RingRecord::read(&record.value)?)
}
