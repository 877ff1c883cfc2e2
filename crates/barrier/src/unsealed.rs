use std::{
    borrow::Cow,
    collections::BTreeMap,
    fmt,
    sync::{Arc, Weak},
    time::Duration,
};

use strongroom_core::{
    Base, Batch, Clock, Direction, Expect, Gate, Lowered, Outbox, Outcome, Provider, Range, Record,
    RecordKey, SealedStore, StillInside, Store, StoreError, Tenant, Time, Write,
};
use strongroom_keys::envelope::{self, Header};
use zeroize::Zeroizing;

use crate::{
    keyring::{Keyring, TenantKeys, context},
    record::{STATE, TENANTS, TenantRecord, check_hierarchy, id_of, is_hierarchy},
    slot::Opened,
    wrap::refused,
};

/// An open barrier: a store that seals every value under its tenant's key, and blinds private segments of
/// keys. A cheap clone; from [`Unsealed::seal`] on every clone answers [`StoreError::Sealed`].
#[derive(Clone)]
pub struct Unsealed(Arc<Inner>);

struct Inner {
    store: Arc<dyn Store>,
    provider: Arc<dyn Provider>,
    gate: Arc<Gate>,
    keyring: Keyring,
    first_tenant: Tenant,
    clock: Arc<dyn Clock>,
    outbox: Arc<Outbox>,
}

impl Unsealed {
    pub(crate) fn new(
        store: Arc<dyn Store>,
        provider: Arc<dyn Provider>,
        clock: Arc<dyn Clock>,
        slot: Opened,
        first_tenant: Tenant,
    ) -> Result<Self, StoreError> {
        let mut producer = [0; 16];
        provider.random().fill_secret(&mut producer)?;
        let outbox = Arc::new(Outbox::new(producer));
        let inner = Arc::new(Inner {
            store,
            provider,
            gate: Arc::new(Gate::new()),
            keyring: Keyring::new(slot),
            first_tenant,
            clock,
            outbox,
        });
        let weak: Weak<Inner> = Arc::downgrade(&inner);
        inner.gate.on_wipe(move || {
            if let Some(inner) = weak.upgrade() {
                inner.keyring.wipe();
            }
        });
        let unsealed = Self(inner);
        // The roots are read now: whoever unseals learns at once whether the slot still fits.
        unsealed.keyring().roots(unsealed.provider(), unsealed.inner())?;
        Ok(unsealed)
    }

    /// What capabilities stand on.
    pub fn base(&self) -> Base {
        Base {
            store: Arc::new(self.clone()),
            gate: Arc::clone(&self.0.gate),
            provider: Arc::clone(&self.0.provider),
            clock: Arc::clone(&self.0.clock),
            outbox: Arc::clone(&self.0.outbox),
        }
    }

    /// The tenant that every database begins with: Vault's root namespace.
    pub fn first_tenant(&self) -> Tenant {
        self.0.first_tenant
    }

    /// Closes the gate for good, waits at most so long until the running operations have ended, and wipes
    /// every key and cache.
    ///
    /// # Errors
    /// [`StillInside`] at the deadline: nothing new begins, and the last one out wipes.
    pub fn seal(&self, wait: Duration) -> Result<(), StillInside> {
        self.0.gate.close(wait)
    }

    /// Whether it was sealed.
    pub fn is_sealed(&self) -> bool {
        self.0.gate.is_closed()
    }

    pub(crate) fn keyring(&self) -> &Keyring {
        &self.0.keyring
    }

    pub(crate) fn provider(&self) -> &dyn Provider {
        &*self.0.provider
    }

    pub(crate) fn inner(&self) -> &dyn Store {
        &*self.0.store
    }

    pub(crate) fn now(&self) -> Time {
        self.0.clock.now()
    }

    pub(crate) fn outbox(&self) -> &Outbox {
        &self.0.outbox
    }

    pub(crate) fn gate(&self) -> &Gate {
        &self.0.gate
    }

    fn keys(&self, tenant: Tenant) -> Result<Arc<TenantKeys>, StoreError> {
        self.0.keyring.tenant(self.provider(), self.inner(), tenant)
    }

    /// The key as the engine has it: blind segments replaced by their keyed hash.
    fn blinded<'k>(&self, key: &'k RecordKey) -> Result<Cow<'k, RecordKey>, StoreError> {
        if !key.has_blind() {
            return Ok(Cow::Borrowed(key));
        }
        self.keys(key.tenant())?.blinded(key).map(Cow::Owned)
    }

    fn open_record(&self, key: &RecordKey, record: Record) -> Result<Record, StoreError> {
        if is_hierarchy(key) {
            return Ok(record);
        }
        let version = Header::parse(&record.value).map_err(refused)?.key.version;
        let mut keys = self.keys(key.tenant())?;
        if keys.version(version).is_none() {
            // Another process rotated the tenant's key since.
            self.0.keyring.evict_tenant(key.tenant());
            keys = self.keys(key.tenant())?;
        }
        let named = keys.version(version).ok_or(StoreError::Corrupt)?;
        let context = context(self.provider(), key)?;
        let value = envelope::open(self.provider(), &*named.mac, named.id, &context, &record.value);
        Ok(Record { value: value.map_err(refused)?.into(), revision: record.revision })
    }

    /// What a batch becomes on its way to the engine.
    fn sealed(&self, batch: Batch) -> Result<Batch, StoreError> {
        let mut touched = BTreeMap::new();
        let mut sealed = Batch::default();
        for (key, expect) in batch.expectations {
            sealed.expectations.push((self.blinded(&key)?.into_owned(), expect));
        }
        for (key, write) in batch.writes {
            let key = self.blinded(&key)?.into_owned();
            let write = match write {
                Write::Put(value) if is_hierarchy(&key) => {
                    check_hierarchy(&key, &value)?;
                    Write::Put(value)
                }
                Write::Put(value) => {
                    let keys = self.keys(key.tenant())?;
                    let value = keys.seal(self.provider(), &key, &value)?;
                    touched.insert(key.tenant(), keys.revision);
                    Write::Put(Zeroizing::new(value))
                }
                Write::Delete => Write::Delete,
            };
            sealed.writes.push((key, write));
        }
        for (tenant, revision) in touched {
            // Nothing lands under a key that was replaced or destroyed since it was read.
            let key = TenantRecord::key(tenant)?;
            if sealed.expectations.iter().all(|(known, _)| *known != key) {
                sealed.expectations.push((key, Expect::At(revision)));
            }
        }
        Ok(sealed)
    }
}

impl Store for Unsealed {
    fn get_many(&self, keys: &[RecordKey]) -> Result<Vec<Option<Record>>, StoreError> {
        let _inside = self.0.gate.enter()?;
        let blinded = keys.iter().map(|key| self.blinded(key).map(Cow::into_owned));
        let blinded = blinded.collect::<Result<Vec<_>, _>>()?;
        let records = self.0.store.get_many(&blinded)?;
        let open = |(key, record): (&RecordKey, Option<Record>)| {
            record.map(|record| self.open_record(key, record)).transpose()
        };
        blinded.iter().zip(records).map(open).collect()
    }

    fn scan(
        &self,
        range: &Range,
        direction: Direction,
        limit: usize,
    ) -> Result<Vec<(RecordKey, Record)>, StoreError> {
        let _inside = self.0.gate.enter()?;
        let range = range.map(|key| self.blinded(key).map(Cow::into_owned))?;
        let rows = self.0.store.scan(&range, direction, limit)?;
        rows.into_iter()
            .map(|(key, record)| {
                let record = self.open_record(&key, record)?;
                Ok((key, record))
            })
            .collect()
    }

    fn lower(&self, batch: Batch) -> Result<Lowered, StoreError> {
        let _inside = self.0.gate.enter()?;
        self.0.store.lower(self.sealed(batch)?)
    }

    fn commit(&self, batch: &Lowered) -> Result<Outcome, StoreError> {
        let _inside = self.0.gate.enter()?;
        let outcome = self.0.store.commit(batch)?;
        if let Outcome::Conflict(key) = &outcome {
            // Somebody else changed the hierarchy: read it again before the next plan.
            match key.table() {
                TENANTS if is_hierarchy(key) => self.0.keyring.evict_tenant(Tenant::from_bytes(id_of(key)?)),
                STATE if is_hierarchy(key) => self.0.keyring.evict_roots(),
                _ => {}
            }
        }
        Ok(outcome)
    }

    fn scrub(&self) -> Result<(), StoreError> {
        let _inside = self.0.gate.enter()?;
        self.0.store.scrub()
    }
}

impl SealedStore for Unsealed {}

impl fmt::Debug for Unsealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Unsealed").field("sealed", &self.is_sealed()).finish_non_exhaustive()
    }
}
