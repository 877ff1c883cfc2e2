use std::{fmt, sync::Arc};

use crate::{Caches, Clock, Closed, Gate, Inside, Lease, Outbox, Provider, SealedStore, Store, StoreError};

/// What a capability stands on: a store that seals, the gate that closes it, who computes, what time it is,
/// and where events go. A barrier gives one for each unsealing; cloning it is cheap.
#[derive(Clone)]
pub struct Base {
    /// Where records are kept.
    pub store: Arc<dyn SealedStore>,
    /// What every operation enters, and what sealing closes.
    pub gate: Arc<Gate>,
    /// Who computes.
    pub provider: Arc<dyn Provider>,
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// Where the events of changes are put.
    pub outbox: Arc<Outbox>,
    /// Where a capability adds what it keeps in memory of tenants.
    pub caches: Arc<Caches>,
    /// By what right it answers from memory.
    pub lease: Arc<Lease>,
}

impl Base {
    /// A base with an outbox of its own.
    ///
    /// # Errors
    /// [`StoreError`] if the system gives no random bytes, or the store cannot read.
    pub fn new(
        store: Arc<dyn SealedStore>,
        gate: Arc<Gate>,
        provider: Arc<dyn Provider>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, StoreError> {
        let mut producer = [0; 16];
        provider.random().fill_secret(&mut producer)?;
        let (outbox, caches) = (Arc::new(Outbox::new(producer)), Arc::new(Caches::new()));
        let engine: Arc<dyn Store> = store.clone();
        let lease = Lease::new(engine, Arc::clone(&clock), Arc::clone(&caches), Arc::clone(&gate))?;
        Ok(Self { store, gate, provider, clock, outbox, caches, lease: Arc::new(lease) })
    }

    /// Enters the gate for one operation, which may answer from memory.
    ///
    /// # Errors
    /// [`StoreError::Sealed`] once it is closed; else what [`Lease::check`] answers.
    pub fn enter(&self) -> Result<Inside<'_>, StoreError> {
        let inside = self.gate.enter()?;
        self.lease.check()?;
        Ok(inside)
    }
}

impl From<Closed> for StoreError {
    fn from(_: Closed) -> Self {
        Self::Sealed
    }
}

impl fmt::Debug for Base {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Base")
    }
}
