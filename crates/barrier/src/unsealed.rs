use std::{
    borrow::Cow,
    fmt,
    sync::{Arc, Weak},
    time::Duration,
};

use crate::{
    keyring::{Keyring, NO_TENANT, TenantKeys},
    record::{TENANTS, id_of, is_hierarchy},
    roots::Roots,
    sealing::sealed,
    slot::Opened,
};
use strongroom_core::{
    Base, Batch, Caches, Clock, Direction, Gate, Lowered, Outbox, Outcome, Provider, Range, Record,
    RecordKey, SealedStore, StillInside, Store, StoreError, Tenant, Time,
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
    caches: Arc<Caches>,
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
            caches: Arc::new(Caches::new()),
        });
        let weak: Weak<Inner> = Arc::downgrade(&inner);
        inner.gate.on_wipe(move || {
            if let Some(inner) = weak.upgrade() {
                inner.keyring.wipe();
            }
        });
        let unsealed = Self(inner);
        // The roots are read now: whoever unseals learns at once whether the slot still fits.
        let (ways, store) = (unsealed.keyring().ways()?, unsealed.inner());
        Roots::read(unsealed.provider(), &ways, Vec::new(), |keys| store.get_many(keys))?;
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
            caches: Arc::clone(&self.0.caches),
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

    /// The keys of a tenant, which may be older than the tenant's record.
    pub(crate) fn keys(&self, tenant: Tenant) -> Result<Arc<TenantKeys>, StoreError> {
        self.0.keyring.tenant(self.provider(), self.inner(), tenant)?.ok_or_else(|| self.gone(tenant))
    }

    /// Forgets all that is in memory of a tenant, here and in every capability.
    pub(crate) fn forget(&self, tenant: Tenant) {
        self.0.keyring.evict_tenant(tenant);
        self.0.caches.forget(tenant);
    }

    /// What is said of a tenant that has no record: another process may have shredded it.
    fn gone(&self, tenant: Tenant) -> StoreError {
        self.forget(tenant);
        NO_TENANT
    }

    /// The key as the engine has it: blind segments replaced by their keyed hash.
    fn blinded<'k>(&self, key: &'k RecordKey) -> Result<Cow<'k, RecordKey>, StoreError> {
        if !key.has_blind() {
            return Ok(Cow::Borrowed(key));
        }
        self.keys(key.tenant())?.blinded(key).map(Cow::Owned)
    }

    /// Opens a record of the engine, if it is one to open. Nothing if the version that it lies under is not among its
    /// tenant's keys, also when these are read anew: then it may have been sealed anew meanwhile.
    pub(crate) fn open_record(&self, key: &RecordKey, record: Record) -> Result<Option<Record>, StoreError> {
        if is_hierarchy(key) {
            return Ok(Some(record));
        }
        let tenant = key.tenant();
        if let Some(opened) = self.keys(tenant)?.opened(self.provider(), key, &record)? {
            return Ok(Some(opened));
        }
        self.0.keyring.evict_tenant(tenant);
        self.keys(tenant)?.opened(self.provider(), key, &record)
    }

    fn get_once(&self, keys: &[RecordKey]) -> Result<Option<Vec<Option<Record>>>, StoreError> {
        let asked = keys.iter().map(|key| self.blinded(key).map(Cow::into_owned));
        let asked = asked.collect::<Result<Vec<_>, _>>()?;
        let records = self.0.store.get_many(&asked)?;
        if records.len() != asked.len() {
            return Err(StoreError::Corrupt);
        }
        let open = |(key, record): (&RecordKey, Option<Record>)| match record {
            Some(record) => Ok(self.open_record(key, record)?.map(Some)),
            None => Ok(Some(None)),
        };
        asked.iter().zip(records).map(open).collect()
    }

    fn scan_once(
        &self,
        range: &Range,
        direction: Direction,
        limit: usize,
    ) -> Result<Option<Vec<(RecordKey, Record)>>, StoreError> {
        let blinded = range.map(|key| self.blinded(key).map(Cow::into_owned))?;
        let rows = self.0.store.scan(&blinded, direction, limit)?;
        check_page(&blinded, direction, limit, &rows)?;
        let open = |(key, record)| match self.open_record(&key, record)? {
            Some(record) => Ok(Some((unblinded(range, &blinded, key)?, record))),
            None => Ok(None),
        };
        rows.into_iter().map(open).collect()
    }
}

/// Reads until no record was sealed anew between reading it and reading its keys. A record whose version is still not
/// there after some tries never had it.
fn settled<T>(read: impl Fn() -> Result<Option<T>, StoreError>) -> Result<T, StoreError> {
    for _ in 0..READS {
        if let Some(found) = read()? {
            return Ok(found);
        }
    }
    Err(StoreError::Corrupt)
}

const READS: usize = 4;

impl Store for Unsealed {
    fn get_many(&self, keys: &[RecordKey]) -> Result<Vec<Option<Record>>, StoreError> {
        let _inside = self.0.gate.enter()?;
        settled(|| self.get_once(keys))
    }

    fn scan(
        &self,
        range: &Range,
        direction: Direction,
        limit: usize,
    ) -> Result<Vec<(RecordKey, Record)>, StoreError> {
        let _inside = self.0.gate.enter()?;
        settled(|| self.scan_once(range, direction, limit))
    }

    fn lower(&self, batch: Batch) -> Result<Lowered, StoreError> {
        let _inside = self.0.gate.enter()?;
        self.0.store.lower(sealed(self, batch)?)
    }

    fn commit(&self, batch: &Lowered) -> Result<Outcome, StoreError> {
        let _inside = self.0.gate.enter()?;
        let outcome = self.0.store.commit(batch)?;
        match &outcome {
            // Somebody else changed the tenant's keys: they are read again before the next plan.
            Outcome::Conflict(key) if is_hierarchy(key) && key.table() == TENANTS => {
                self.0.keyring.evict_tenant(Tenant::from_bytes(id_of(key)?));
            }
            _ => {}
        }
        Ok(outcome)
    }

    fn scrub(&self) -> Result<(), StoreError> {
        let _inside = self.0.gate.enter()?;
        self.0.store.scrub()
    }
}

/// What an engine answers is a page of this range: else a listing would show records of somebody else, which
/// open where they belong.
fn check_page(
    range: &Range,
    direction: Direction,
    limit: usize,
    rows: &[(RecordKey, Record)],
) -> Result<(), StoreError> {
    let (start, end) = range.bounds();
    let within =
        |(key, _): &(RecordKey, Record)| (start.as_slice()..end.as_slice()).contains(&key.as_bytes());
    let ordered = |(one, _): &(RecordKey, Record), (next, _): &(RecordKey, Record)| match direction {
        Direction::Forward => one < next,
        Direction::Backward => one > next,
    };
    let is_page = rows.len() <= limit && rows.iter().all(within);
    let in_order = rows.iter().zip(rows.iter().skip(1)).all(|(one, next)| ordered(one, next));
    if is_page && in_order { Ok(()) } else { Err(StoreError::Corrupt) }
}

/// A key below a prefix as the caller knows it: so it is a cursor of the caller's range.
fn unblinded(range: &Range, blinded: &Range, key: RecordKey) -> Result<RecordKey, StoreError> {
    match (range.prefix(), blinded.prefix()) {
        (Some(prefix), Some(blinded)) if prefix.has_blind() => {
            let rest = key.as_bytes().strip_prefix(blinded.as_bytes()).ok_or(StoreError::Corrupt)?;
            Ok(RecordKey::from_bytes([prefix.as_bytes(), rest].concat())?)
        }
        _ => Ok(key),
    }
}

impl SealedStore for Unsealed {}

impl fmt::Debug for Unsealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Unsealed").field("sealed", &self.is_sealed()).finish_non_exhaustive()
    }
}
