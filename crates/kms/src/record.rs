use minicbor::{Decode, Decoder, Encode};
use secrecy::SecretSlice;
use strongroom_core::{
    Algorithm, Name, Provider, PublicKey, Range, RecordKey, Segment, Store, StoreError, Stored, Table,
    Tenant, Time,
};
use zeroize::Zeroizing;

use crate::{KmsError, Ring, RingVersion, Settings};

/// Rings, by name: one record each, with all versions.
pub(crate) const RINGS: Table = Table::new(0x0101);
const FORMAT: u8 = 1;
/// Versions that a ring's record holds.
pub(crate) const VERSIONS: usize = 1_000;

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
    #[cbor(n(2), with = "strongroom_core::secret_bytes")]
    secret: Zeroizing<Vec<u8>>,
    #[cbor(n(3), with = "minicbor::bytes")]
    public: Option<Vec<u8>>,
}

pub(crate) fn key(tenant: Tenant, name: &str) -> Result<RecordKey, StoreError> {
    Ok(RecordKey::new(tenant, RINGS, &[Segment::Name(name)])?)
}

/// The range of a tenant's rings.
pub(crate) fn range(tenant: Tenant) -> Result<Range, StoreError> {
    Ok(Range::under(tenant, RINGS, &[])?)
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

    /// Reads a record, which has one encoding only: what rewrites it drops nothing that it did not understand.
    pub(crate) fn read(bytes: &[u8]) -> Result<Self, StoreError> {
        match format(bytes) {
            Some(known) if known == u64::from(FORMAT) => {}
            Some(_) => return Err(StoreError::Unsupported("read a ring that a newer version made")),
            None => return Err(StoreError::Corrupt),
        }
        let ring: Self = minicbor::decode(bytes).map_err(|_| StoreError::Corrupt)?;
        if ring.is_sound() && *ring.to_bytes()? == bytes { Ok(ring) } else { Err(StoreError::Corrupt) }
    }

    /// Versions without gaps, and minimums among them: what the rest of the code relies on.
    fn is_sound(&self) -> bool {
        let follows = |pair: &[VersionRecord]| match pair {
            [before, after] => before.version.checked_add(1) == Some(after.version),
            _ => false,
        };
        let numbered = self.versions.first().is_some_and(|first| first.version > 0);
        numbered
            && self.versions.windows(2).all(follows)
            && self.check_minimums(self.min_decryption, self.min_encryption).is_ok()
    }

    pub(crate) fn to_bytes(&self) -> Result<Zeroizing<Vec<u8>>, StoreError> {
        // Room for all, so that no half-written copy of the secrets is left behind by a growing vector.
        let mut bytes = Zeroizing::new(Vec::with_capacity(self.room()));
        minicbor::encode(self, &mut *bytes).map_err(|_| StoreError::Corrupt)?;
        Ok(bytes)
    }

    /// At least the length of the record.
    fn room(&self) -> usize {
        let public = |version: &VersionRecord| version.public.as_ref().map_or(0, Vec::len);
        let each = |version: &VersionRecord| 64 + version.secret.len() + public(version);
        128 + self.versions.iter().map(each).sum::<usize>()
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
        let secret = Zeroizing::new(stored.expose().to_vec());
        self.versions.push(VersionRecord { version, made, secret, public });
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

    /// The keys that the ring's state allows to be used, oldest first: what nothing may use is not copied.
    pub(crate) fn usable(&self) -> impl Iterator<Item = (u32, Stored)> {
        let allowed = |version: &&VersionRecord| !self.disabled && version.version >= self.min_decryption;
        self.versions.iter().filter(allowed).map(|version| (version.version, self.stored(version)))
    }

    /// All keys, whoever may use them, oldest first.
    pub(crate) fn all(&self) -> impl Iterator<Item = Stored> {
        self.versions.iter().map(|version| self.stored(version))
    }

    fn stored(&self, version: &VersionRecord) -> Stored {
        let secret = SecretSlice::from(version.secret.to_vec());
        Stored { algorithm: self.algorithm, secret, public: self.public(version) }
    }

    pub(crate) fn view(&self) -> Ring {
        let versions = self.versions.iter().map(|version| RingVersion {
            version: version.version,
            made: version.made,
            public: self.public(version),
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

    fn public(&self, version: &VersionRecord) -> Option<PublicKey> {
        let bytes = version.public.clone()?;
        Some(PublicKey { algorithm: self.algorithm, bytes })
    }
}

/// The number of a record's format. It comes first, so that it is understood also where all that follows has
/// another shape.
pub(crate) fn format(record: &[u8]) -> Option<u64> {
    let mut decoder = Decoder::new(record);
    decoder.array().ok()?;
    decoder.u64().ok()
}

/// The ring's record, or [`KmsError::NotFound`].
pub(crate) fn load(store: &dyn Store, tenant: Tenant, name: &str) -> Result<RingRecord, KmsError> {
    let record = store.get_many(&[key(tenant, name)?])?.pop().flatten().ok_or(KmsError::NotFound)?;
    Ok(RingRecord::read(&record.value)?)
}

#[cfg(test)]
mod tests {
    use strongroom_keys::RustCrypto;

    use super::*;

    #[test]
    fn keys_that_the_state_forbids_are_not_handed_out() {
        let (provider, now) = (RustCrypto::new(), Time::from_millis(1));
        let mut ring = RingRecord::new(&provider, Algorithm::Ed25519, now).unwrap();
        (2..=4).for_each(|version| assert_eq!(ring.add_version(&provider, now).unwrap(), version));
        let usable = |ring: &RingRecord| ring.usable().map(|(version, _)| version).collect::<Vec<_>>();
        assert_eq!(usable(&ring), [1, 2, 3, 4]);
        ring.configure(&Settings { min_decryption_version: Some(3), ..Settings::default() }).unwrap();
        assert_eq!(usable(&ring), [3, 4]);
        ring.disabled = true;
        assert_eq!(usable(&ring), []);
    }

    #[test]
    fn a_record_is_written_without_growing_the_buffer_that_holds_its_secrets() {
        let (provider, now) = (RustCrypto::new(), Time::from_millis(u64::MAX));
        for algorithm in [Algorithm::Aes256Gcm, Algorithm::EcdsaP521, Algorithm::MlDsa87] {
            let mut ring = RingRecord::new(&provider, algorithm, now).unwrap();
            (2..=300).for_each(|_| drop(ring.add_version(&provider, now)));
            for versions in [300, 1] {
                ring.versions.truncate(versions);
                let bytes = ring.to_bytes().unwrap();
                assert!(bytes.capacity() == ring.room() && bytes.len() < bytes.capacity());
            }
        }
    }
}
