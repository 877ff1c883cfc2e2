use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
};

use strongroom_core::{
    Lease, Mac, Provider, Record, RecordKey, Revision, Store, StoreError, Tenant, may_read,
};
use strongroom_keys::envelope::{self, Context, Header};

use crate::{
    record::{Row, TenantRecord},
    roots::Roots,
    slot::Opened,
    wrap::{Child, Level, Named, refused},
};

/// The keys of the hierarchy that stay in memory: that of the slot that roots are read by, and those of tenants,
/// always as they were read from the store, never ahead of it.
pub(crate) struct Keyring {
    held: RwLock<Option<Held>>,
}

/// The slots whose keys are in memory, of which the first one in use gives the root: that which was unsealed with
/// and, since this process removed that one, another.
pub(crate) struct Ways(pub(crate) Vec<Arc<Opened>>);

struct Held {
    slot: Arc<Ways>,
    tenants: HashMap<Tenant, Arc<TenantKeys>>,
    /// Raised by every eviction: a fill that began before it does not enter the cache.
    generation: u64,
}

/// The keys of one tenant.
pub(crate) struct TenantKeys {
    /// Of the record that they come from.
    pub(crate) revision: Revision,
    pub(crate) current: u32,
    versions: Vec<Named>,
    blind: Box<dyn Mac>,
}

pub(crate) const NO_TENANT: StoreError = StoreError::Invalid("no such tenant: create it first");

/// Another process removed or replaced the slot. What is in memory goes on; no key is read any more.
pub(crate) const GONE: &str =
    "the slot that this process was unsealed with is gone: seal, and unseal another way";

/// More tenants than this are not kept in memory together.
const TENANTS: usize = 10_000;

impl TenantKeys {
    pub(crate) fn version(&self, version: u32) -> Option<&Named> {
        self.versions.iter().rev().find(|named| named.id.version == version)
    }

    /// The key as the engine has it: private segments replaced by their keyed hash.
    pub(crate) fn blinded(&self, key: &RecordKey) -> Result<RecordKey, StoreError> {
        key.blinded(|place, private| {
            // The place ends where its length says, so that no two pairs hash the same bytes.
            let length = u32::try_from(place.len()).unwrap_or(u32::MAX).to_be_bytes();
            Ok(*self.blind.mac(&[&length, place, private])?)
        })
    }

    /// The value under a blinded key as the engine has it.
    pub(crate) fn seal(
        &self,
        provider: &dyn Provider,
        key: &RecordKey,
        value: &[u8],
    ) -> Result<Vec<u8>, StoreError> {
        let named = self.version(self.current).ok_or(StoreError::Corrupt)?;
        envelope::seal(provider, &*named.mac, named.id, &context(provider, key)?, value).map_err(refused)
    }

    /// The record under a blinded key as it was given; nothing if its version is not there.
    pub(crate) fn opened(
        &self,
        provider: &dyn Provider,
        key: &RecordKey,
        record: &Record,
    ) -> Result<Option<Record>, StoreError> {
        let version = Header::parse(&record.value).map_err(refused)?.key.version;
        let Some(named) = self.version(version) else { return Ok(None) };
        let context = context(provider, key)?;
        let value = envelope::open(provider, &*named.mac, named.id, &context, &record.value);
        Ok(Some(Record { value: value.map_err(refused)?.into(), revision: record.revision }))
    }

    /// Opens a tenant's record with the root that it names.
    pub(crate) fn open(
        provider: &dyn Provider,
        root: &Named,
        tenant: Tenant,
        record: &TenantRecord,
        revision: Revision,
    ) -> Result<Self, StoreError> {
        let mut versions = Vec::with_capacity(record.intermediates.len());
        for key in &record.intermediates {
            let material = root.unwrap(provider, intermediate(&tenant, key.version), &key.sealed)?;
            versions.push(Named::new(provider, *tenant.as_bytes(), key.version, &material));
        }
        let current = versions.last().ok_or(StoreError::Corrupt)?;
        let blind = provider.hmac(&*current.unwrap(provider, blind(tenant), &record.blind)?);
        Ok(Self { revision, current: current.id.version, versions, blind })
    }
}

/// A record in the context of its envelope.
pub(crate) fn context(provider: &dyn Provider, key: &RecordKey) -> Result<Context, StoreError> {
    Context::new(provider, &[b"store", key.tenant().as_bytes(), key.as_bytes()]).map_err(refused)
}

/// A tenant's key in the context of its envelope.
pub(crate) fn intermediate(tenant: &Tenant, version: u32) -> Child<'_> {
    Child { level: Level::Intermediate, id: tenant.as_bytes(), version, tenant: Some(*tenant) }
}

/// A tenant's key of blind segments in the context of its envelope.
pub(crate) const fn blind(tenant: Tenant) -> Child<'static> {
    Child { level: Level::Purpose, id: b"blind", version: 1, tenant: Some(tenant) }
}

impl Ways {
    pub(crate) fn by(slot: Opened) -> Self {
        Self(vec![Arc::new(slot)])
    }

    pub(crate) fn has(&self, id: [u8; 16]) -> bool {
        self.0.iter().any(|way| way.id == id)
    }
}

impl Keyring {
    pub(crate) fn new(slot: Opened) -> Self {
        let held = Held { slot: Arc::new(Ways::by(slot)), tenants: HashMap::new(), generation: 0 };
        Self { held: RwLock::new(Some(held)) }
    }

    /// Forgets every key. All wipe themselves.
    pub(crate) fn wipe(&self) {
        *self.write() = None;
    }

    pub(crate) fn evict_tenant(&self, tenant: Tenant) {
        if let Some(held) = self.write().as_mut() {
            held.generation += 1;
            held.tenants.remove(&tenant);
        }
    }

    /// The keys of a tenant, from memory or from the store; nothing if there is no such tenant.
    pub(crate) fn tenant(
        &self,
        provider: &dyn Provider,
        store: &dyn Store,
        lease: &Lease,
        tenant: Tenant,
    ) -> Result<Option<Arc<TenantKeys>>, StoreError> {
        let generation = {
            let held = self.read();
            let held = held.as_ref().ok_or(StoreError::Sealed)?;
            if let Some(keys) = held.tenants.get(&tenant) {
                return Ok(Some(Arc::clone(keys)));
            }
            held.generation
        };
        may_read()?;
        lease.follow(tenant)?;
        let Some(keys) = self.load_tenant(provider, store, tenant)? else { return Ok(None) };
        let keys = Arc::new(keys);
        if let Some(held) = self.write().as_mut().filter(|held| held.generation == generation) {
            if held.tenants.len() >= TENANTS {
                held.tenants.clear();
            }
            held.tenants.insert(tenant, Arc::clone(&keys));
        }
        Ok(Some(keys))
    }

    fn load_tenant(
        &self,
        provider: &dyn Provider,
        store: &dyn Store,
        tenant: Tenant,
    ) -> Result<Option<TenantKeys>, StoreError> {
        let key = TenantRecord::key(tenant)?;
        let (roots, mut rows) =
            self.by_ways(|ways| Roots::read(provider, ways, vec![key.clone()], |keys| store.get_many(keys)))?;
        let Some(record) = rows.pop().flatten() else { return Ok(None) };
        let row = TenantRecord::read(&record.value)?;
        let root = roots.version(provider, row.root)?;
        TenantKeys::open(provider, &root, tenant, &row, record.revision).map(Some)
    }

    /// The slots whose keys are in memory.
    pub(crate) fn ways(&self) -> Result<Arc<Ways>, StoreError> {
        self.read().as_ref().map(|held| Arc::clone(&held.slot)).ok_or(StoreError::Sealed)
    }

    /// Reads by the slots whose keys are in memory; again, if they are others by then: one that this process
    /// removed may have gone between looking them up and reading.
    pub(crate) fn by_ways<T>(
        &self,
        mut read: impl FnMut(&Ways) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        loop {
            let ways = self.ways()?;
            match read(&ways) {
                Err(StoreError::Invalid(GONE)) if !Arc::ptr_eq(&ways, &self.ways()?) => {}
                read => return read,
            }
        }
    }

    /// Reads roots by another slot too. Those that are in use at present stay beside it: whether or not the
    /// commit that removes one of them happens, one of them is there before it, at it and after it.
    pub(crate) fn add_way(&self, other: Opened, in_use: &[[u8; 16]]) {
        if let Some(held) = self.write().as_mut() {
            let kept = held.slot.0.iter().filter(|way| way.id != other.id && in_use.contains(&way.id));
            let kept: Vec<_> = kept.cloned().collect();
            held.slot = Arc::new(Ways([vec![Arc::new(other)], kept].concat()));
        }
    }

    /// Forgets the key of a slot that is gone.
    pub(crate) fn forget_way(&self, id: [u8; 16]) {
        if let Some(held) = self.write().as_mut() {
            let kept: Vec<_> = held.slot.0.iter().filter(|way| way.id != id).cloned().collect();
            if !kept.is_empty() {
                held.slot = Arc::new(Ways(kept));
            }
        }
    }

    fn read(&self) -> RwLockReadGuard<'_, Option<Held>> {
        self.held.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Option<Held>> {
        self.held.write().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One record as of now.
pub(crate) fn read_one(store: &dyn Store, key: &RecordKey) -> Result<Option<Record>, StoreError> {
    Ok(store.get_many(std::slice::from_ref(key))?.pop().flatten())
}
