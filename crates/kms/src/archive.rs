use std::{
    collections::HashMap,
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicUsize, Ordering},
    },
};

use minicbor::{Decode, Encode};
use strongroom_core::{
    Algorithm, Base, Direction, Key, Provider, Range, Reader, RecordKey, Segment, StoreError, Stored, Table,
    Tenant, Time,
};
use zeroize::Zeroizing;

use crate::{
    KmsError,
    changes::AT_ONCE,
    record::{self, RingRecord},
    states::KeyUse,
    version_record::VersionRecord,
    weight,
};

/// Versions that are not in the record of their ring, by the ring's id and their number.
pub(crate) const ARCHIVE: Table = Table::new(0x0103);
const FORMAT: u8 = 1;
/// Archived keys that a ring in memory keeps.
const KEPT: usize = 256;

/// A version in a record of its own.
#[derive(Encode, Decode)]
pub(crate) struct ArchivedRecord {
    #[n(0)]
    format: u8,
    #[n(1)]
    pub(crate) version: VersionRecord,
}

pub(crate) fn key(tenant: Tenant, ring: [u8; 16], version: u32) -> Result<RecordKey, StoreError> {
    Ok(RecordKey::new(tenant, ARCHIVE, &[Segment::Id(ring), Segment::Number(version.into())])?)
}

/// A ring's archived versions after this one.
pub(crate) fn after(tenant: Tenant, ring: [u8; 16], version: u32) -> Result<Range, StoreError> {
    let range = Range::under(tenant, ARCHIVE, &[Segment::Id(ring)])?;
    Ok(range.after(&key(tenant, ring, version)?)?)
}

/// Some of a ring's archived versions below this one.
pub(crate) fn keys_below(
    reader: &mut Reader<'_>,
    tenant: Tenant,
    ring: [u8; 16],
    below: u32,
) -> Result<Vec<RecordKey>, StoreError> {
    let rows = reader.scan(&after(tenant, ring, 0)?, Direction::Forward, AT_ONCE)?;
    let old = |key: &RecordKey| parts(key).is_some_and(|(_, version)| version < below);
    Ok(rows.into_iter().map(|(key, _)| key).filter(old).collect())
}

/// The ring and the version that a key holds.
pub(crate) fn parts(key: &RecordKey) -> Option<([u8; 16], u32)> {
    let mut segments = key.segments();
    match (segments.next()?, segments.next()?, segments.next()) {
        (Segment::Id(ring), Segment::Number(version), None) => Some((ring, u32::try_from(version).ok()?)),
        _ => None,
    }
}

impl ArchivedRecord {
    pub(crate) const fn new(version: VersionRecord) -> Self {
        Self { format: FORMAT, version }
    }

    /// Reads the record of this version, which has one encoding only.
    pub(crate) fn read(bytes: &[u8], version: u32) -> Result<Self, StoreError> {
        match record::format(bytes) {
            Some(known) if known == u64::from(FORMAT) => {}
            Some(_) => return Err(StoreError::Unsupported("read a version that a newer version archived")),
            None => return Err(StoreError::Corrupt),
        }
        let archived: Self = minicbor::decode(bytes).map_err(|_| StoreError::Corrupt)?;
        let sound = archived.version.is_sound() && archived.version.version == version;
        if sound && *archived.to_bytes()? == bytes { Ok(archived) } else { Err(StoreError::Corrupt) }
    }

    pub(crate) fn to_bytes(&self) -> Result<Zeroizing<Vec<u8>>, StoreError> {
        let mut bytes = Zeroizing::new(Vec::with_capacity(16 + self.version.room()));
        minicbor::encode(self, &mut *bytes).map_err(|_| StoreError::Corrupt)?;
        Ok(bytes)
    }
}

/// The archived versions of one ring in memory: each is read when it is first used.
pub(crate) struct Archive {
    base: Base,
    tenant: Tenant,
    ring: [u8; 16],
    algorithm: Algorithm,
    kept: RwLock<HashMap<u32, Arc<Archived>>>,
    /// The memory of what is kept.
    bytes: AtomicUsize,
}

/// One of them, as of the moment at which it was read.
struct Archived {
    record: VersionRecord,
    key: Option<Arc<dyn Key>>,
}

impl Archive {
    pub(crate) fn new(base: Base, tenant: Tenant, ring: &RingRecord) -> Self {
        Self {
            base,
            tenant,
            ring: ring.id,
            algorithm: ring.algorithm,
            kept: RwLock::default(),
            bytes: AtomicUsize::new(0),
        }
    }

    /// The key of a version, if its state allows the use.
    pub(crate) fn key(&self, version: u32, what: KeyUse, now: Time) -> Result<Arc<dyn Key>, KmsError> {
        let archived = self.find(version)?;
        archived.record.state(now).check(what)?;
        archived.key.clone().ok_or(KmsError::NoSecret)
    }

    /// The memory that the archived versions take that were read.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes.load(Ordering::Relaxed)
    }

    /// The key of a version as it is kept, if its state allows the use.
    pub(crate) fn stored(&self, version: u32, what: KeyUse, now: Time) -> Result<Stored, KmsError> {
        let archived = self.find(version)?;
        archived.record.state(now).check(what)?;
        archived.record.stored(self.algorithm).ok_or(KmsError::NoSecret)
    }

    /// Whether the public half of a version alone is here.
    pub(crate) fn is_public_only(&self, version: u32) -> Result<bool, KmsError> {
        Ok(self.find(version)?.record.is_public_only())
    }

    fn find(&self, version: u32) -> Result<Arc<Archived>, KmsError> {
        if let Some(found) = self.kept.read().unwrap_or_else(PoisonError::into_inner).get(&version) {
            return Ok(Arc::clone(found));
        }
        let key = key(self.tenant, self.ring, version)?;
        let row = self.base.store.get_many(&[key])?.pop().flatten().ok_or(KmsError::NoVersion)?;
        let record = ArchivedRecord::read(&row.value, version)?.version;
        let archived = Arc::new(Archived { key: self.parsed(&record)?, record });
        let mut kept = self.kept.write().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= KEPT {
            kept.clear();
            self.bytes.store(0, Ordering::Relaxed);
        }
        if kept.insert(version, Arc::clone(&archived)).is_none() {
            let bytes = size_of::<Archived>() + archived.record.room() + weight::key(self.algorithm);
            self.bytes.fetch_add(bytes, Ordering::Relaxed);
        }
        Ok(archived)
    }

    /// The key, if its state allows anything that needs it.
    fn parsed(&self, record: &VersionRecord) -> Result<Option<Arc<dyn Key>>, KmsError> {
        let needed = record.state(self.base.clock.now()).needs_key(self.algorithm.purpose());
        let stored = if needed { record.stored(self.algorithm) } else { None };
        stored.map(|stored| parse(&*self.base.provider, &stored)).transpose()
    }
}

/// A key ready for use, from what is stored of it.
pub(crate) fn parse(provider: &dyn Provider, stored: &Stored) -> Result<Arc<dyn Key>, KmsError> {
    Ok(provider.software().load(stored).map_err(|_| StoreError::Corrupt)?)
}
