use std::{
    fmt,
    sync::{Arc, Weak},
    time::Duration,
};

use strongroom_core::{
    Base, Batch, Caches, Clock, CommitError, Direction, Gate, History, Inside, Lease, Lowered, Outbox,
    Outcome, Provider, Range, Record, RecordKey, SealedStore, StillInside, Store, StoreError, Tenant, Time,
    commit, may_read,
};

use crate::{
    keyring::{Keyring, TenantKeys, read_one},
    record::{Row as _, State, TENANTS, id_of, is_hierarchy},
    roots::Roots,
    sealing::sealed,
    slot::Opened,
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
    lease: Arc<Lease>,
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
        let (gate, caches) = (Arc::new(Gate::new()), Arc::new(Caches::new()));
        let (engine, time) = (Arc::clone(&store), Arc::clone(&clock));
        let lease = Arc::new(Lease::new(engine, time, Arc::clone(&caches), Arc::clone(&gate))?);
        let keyring = Keyring::new(slot);
        let inner =
            Arc::new(Inner { store, provider, gate, keyring, first_tenant, clock, outbox, caches, lease });
        let weak: Weak<Inner> = Arc::downgrade(&inner);
        inner.gate.on_wipe(move || {
            if let Some(inner) = weak.upgrade() {
                inner.keyring.wipe();
            }
        });
        // First of all: what other caches load again is sealed under these keys.
        let weak: Weak<Inner> = Arc::downgrade(&inner);
        inner.caches.add(move |tenant| {
            if let Some(inner) = weak.upgrade() {
                inner.keyring.evict_tenant(tenant);
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
            lease: Arc::clone(&self.0.lease),
        }
    }

    /// The tenant that every database begins with: Vault's root namespace.
    pub fn first_tenant(&self) -> Tenant {
        self.0.first_tenant
    }

    /// The random id of the database, which it keeps for ever, also through backups and copies.
    ///
    /// # Errors
    /// [`StoreError`] where the store cannot read.
    pub fn database(&self) -> Result<[u8; 16], StoreError> {
        let state = read_one(self.inner(), &State::key()?)?.ok_or(StoreError::Corrupt)?;
        Ok(State::read(&state.value)?.database)
    }

    /// Closes the gate for good, waits at most so long until the running operations have ended, and wipes
    /// every key and cache.
    ///
    /// # Errors
    /// [`StillInside`] at the deadline: nothing new begins, and the last one out wipes.
    pub fn seal(&self, wait: Duration) -> Result<(), StillInside> {
        self.0.gate.close(wait)
    }

    /// Where several nodes share the database: has each of them seal. When this returns, all that could be reached have,
    /// and the others answer nothing from memory; this node is still open, for [`Unsealed::seal`].
    ///
    /// # Errors
    /// [`CommitError`]; then others were not told.
    pub fn order_seal(&self) -> Result<(), CommitError> {
        commit(self, Tenant::SYSTEM, |reader| {
            let mut change = reader.change(());
            self.lease().order_seal(&mut change)?;
            Ok::<_, CommitError>(change)
        })
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

    pub(crate) fn lease(&self) -> &Lease {
        &self.0.lease
    }

    /// Enters the gate for one operation, which may use keys in memory.
    pub(crate) fn enter(&self) -> Result<Inside<'_>, StoreError> {
        let inside = self.0.gate.enter()?;
        self.0.lease.check()?;
        Ok(inside)
    }

    /// The keys of a tenant, which may be older than the tenant's record.
    pub(crate) fn keys(&self, tenant: Tenant) -> Result<Arc<TenantKeys>, StoreError> {
        let keys = self.0.keyring.tenant(self.provider(), self.inner(), self.lease(), tenant)?;
        keys.ok_or_else(|| self.gone(tenant))
    }

    /// Forgets all that is in memory of a tenant, here and in every capability.
    pub(crate) fn forget(&self, tenant: Tenant) {
        self.0.caches.forget(tenant);
    }
}

impl Store for Unsealed {
    fn get_many(&self, keys: &[RecordKey]) -> Result<Vec<Option<Record>>, StoreError> {
        let _inside = self.enter()?;
        may_read()?;
        self.read_many(keys)
    }

    fn scan(
        &self,
        range: &Range,
        direction: Direction,
        limit: usize,
    ) -> Result<Vec<(RecordKey, Record)>, StoreError> {
        let _inside = self.enter()?;
        may_read()?;
        self.read_page(range, direction, limit)
    }

    fn lower(&self, batch: Batch) -> Result<Lowered, StoreError> {
        let _inside = self.enter()?;
        self.0.store.lower(sealed(self, batch)?)
    }

    fn commit(&self, batch: &Lowered) -> Result<Outcome, StoreError> {
        let _inside = self.enter()?;
        may_read()?;
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
        let _inside = self.enter()?;
        self.0.store.scrub()
    }

    fn history(&self) -> Result<History, StoreError> {
        self.0.store.history()
    }

    fn shared(&self) -> bool {
        self.0.store.shared()
    }
}

impl SealedStore for Unsealed {}

impl fmt::Debug for Unsealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Unsealed").field("sealed", &self.is_sealed()).finish_non_exhaustive()
    }
}
