//! Nodes over one store in memory, each with a wire of its own where a test wants it.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicBool, AtomicUsize, Ordering},
};

use strongroom_core::{
    Caches, FixedClock, Gate, Lease, Lowered, Outcome, Reader, Store, StoreError, Tenant, Time,
    memory::MemoryStore,
    tap::{Tap, Tapped},
};

pub(crate) const TENANT: Tenant = Tenant::from_bytes([7; 16]);
pub(crate) const OTHER: Tenant = Tenant::from_bytes([8; 16]);

/// What becomes of a commit on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Sending {
    #[default]
    Fair,
    /// It happens, and nobody says so.
    AnswerLost,
    /// It does not happen, and nobody says so.
    RequestLost,
}

/// A wire to the database that can be cut, that can lose commits, and that counts what it is asked for.
#[derive(Default)]
pub(crate) struct Wire {
    asked: AtomicUsize,
    cut: AtomicBool,
    sending: Mutex<Sending>,
    /// What happens while the answer to a read is on its way.
    meanwhile: Mutex<Option<Meanwhile>>,
}

type Meanwhile = Box<dyn Fn() + Send>;

pub(crate) type Database = Tapped<Wire>;

impl Wire {
    pub(crate) fn cut(&self, cut: bool) {
        self.cut.store(cut, Ordering::SeqCst);
    }

    pub(crate) fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }

    pub(crate) fn send(&self, sending: Sending) {
        *self.sending.lock().unwrap() = sending;
    }

    /// Lets something happen while the answer to each read is on its way.
    pub(crate) fn meanwhile(&self, act: impl Fn() + Send + 'static) {
        *self.meanwhile.lock().unwrap() = Some(Box::new(act));
    }

    pub(crate) fn is_fair_again(&self) {
        self.cut(false);
        self.send(Sending::Fair);
        *self.meanwhile.lock().unwrap() = None;
    }
}

impl Tap for Wire {
    fn before(&self) -> Result<(), StoreError> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        match self.cut.load(Ordering::SeqCst) {
            true => Err(StoreError::Engine("cut off".into())),
            false => Ok(()),
        }
    }

    fn read(&self) {
        if let Some(act) = &*self.meanwhile.lock().unwrap() {
            act();
        }
    }

    fn commit(&self, store: &dyn Store, batch: &Lowered) -> Result<Outcome, StoreError> {
        self.before()?;
        let sending = *self.sending.lock().unwrap();
        match sending {
            Sending::Fair => store.commit(batch),
            Sending::AnswerLost => store.commit(batch).map(|_| Outcome::Unknown),
            Sending::RequestLost => Ok(Outcome::Unknown),
        }
    }
}

pub(crate) fn database() -> Arc<Database> {
    Tapped::over(Arc::new(MemoryStore::shared()), Wire::default())
}

/// What a process has: a lease, its caches and its gate.
pub(crate) struct Node {
    pub(crate) database: Arc<Database>,
    pub(crate) lease: Lease,
    pub(crate) gate: Arc<Gate>,
    forgotten: Arc<Mutex<Vec<Tenant>>>,
}

impl Node {
    pub(crate) fn on(database: &Arc<Database>, clock: &Arc<FixedClock>) -> Self {
        let (caches, gate) = (Arc::new(Caches::new()), Arc::new(Gate::new()));
        let forgotten = Arc::new(Mutex::new(Vec::new()));
        let noted = Arc::clone(&forgotten);
        caches.add(move |tenant| noted.lock().unwrap().push(tenant));
        let lease =
            Lease::new(Arc::clone(database) as _, Arc::clone(clock) as _, caches, Arc::clone(&gate)).unwrap();
        Self { database: Arc::clone(database), lease, gate, forgotten }
    }

    pub(crate) fn forgotten(&self) -> Vec<Tenant> {
        std::mem::take(&mut *self.forgotten.lock().unwrap())
    }

    /// A commit after which what is in memory of a tenant is not true any more.
    pub(crate) fn changes(&self, tenant: Tenant) {
        let mut change = Reader::new(&*self.database, Tenant::SYSTEM).change(());
        self.lease.announce(&mut change, tenant).unwrap();
        change.commit(&*self.database).unwrap();
    }

    pub(crate) fn revokes(&self, tenant: Tenant) {
        let mut change = Reader::new(&*self.database, Tenant::SYSTEM).change(());
        self.lease.revoke(&mut change, tenant).unwrap();
        change.commit(&*self.database).unwrap();
    }
}

pub(crate) fn clock() -> Arc<FixedClock> {
    Arc::new(FixedClock::at(Time::from_millis(1_800_000_000_000)))
}

pub(crate) fn lost(answer: Result<(), StoreError>) -> bool {
    matches!(answer, Err(StoreError::LeaseLost | StoreError::Engine(_)))
}
