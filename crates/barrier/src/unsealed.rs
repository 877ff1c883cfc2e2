use std::{
    fmt,
    sync::{Arc, Weak},
    time::Duration,
};

use strongroom_core::{
    Base, Batch, Caches, Clock, Direction, Gate, Lowered, Outbox, Outcome, Provider, Range, Record,
    RecordKey, SealedStore, StillInside, Store, StoreError, Tenant, Time,
};

use crate::{
    keyring::{Keyring, TenantKeys},
    record::{TENANTS, id_of, is_hierarchy},
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
        let keys = self.0.keyring.tenant(self.provider(), self.inner(), tenant)?;
        keys.ok_or_else(|| self.gone(tenant))
    }

    /// Forgets all that is in memory of a tenant, here and in every capability.
    pub(crate) fn forget(&self, tenant: Tenant) {
        self.0.keyring.evict_tenant(tenant);
        self.0.caches.forget(tenant);
    }
}

impl Store for Unsealed {
    fn get_many(&self, keys: &[RecordKey]) -> Result<Vec<Option<Record>>, StoreError> {
        let _inside = self.0.gate.enter()?;
        self.read_many(keys)
    }

    fn scan(
        &self,
        range: &Range,
        direction: Direction,
        limit: usize,
    ) -> Result<Vec<(RecordKey, Record)>, StoreError> {
        let _inside = self.0.gate.enter()?;
        self.read_page(range, direction, limit)
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

impl SealedStore for Unsealed {}

impl fmt::Debug for Unsealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Unsealed").field("sealed", &self.is_sealed()).finish_non_exhaustive()
    }
}
