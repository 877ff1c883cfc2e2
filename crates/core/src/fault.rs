//! A store that fails where a test wants it: enumerate every operation of a change and see what is left.

use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError,
    atomic::{AtomicU64, Ordering},
};

use crate::{
    Lowered, Outcome, Store, StoreError,
    tap::{Tap, Tapped},
};

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The operation fails, later ones work.
    Fail,
    /// The process dies before the operation: it and all later ones fail, what was committed stays.
    Crash,
    /// A commit happens, then the process dies before it hears of it.
    CrashAfter,
    /// A commit happens, but its answer is lost; asked again, the store tells.
    LoseAnswer,
}

/// Passes everything on to another store, but for one fault at one operation, until the fault is mended.
pub type FaultStore = Tapped<Faults>;

/// The fault of a [`FaultStore`], and its place.
#[derive(Debug)]
pub struct Faults {
    fault: Mutex<Option<(Fault, u64)>>,
    operations: AtomicU64,
}

impl FaultStore {
    /// Fails at the operation with number `at`, counted from 0.
    pub fn new(store: Arc<dyn Store>, fault: Fault, at: u64) -> Self {
        let faulty = Self::sound(store);
        faulty.fail(fault, at);
        faulty
    }

    /// Without a fault so far.
    pub fn sound(store: Arc<dyn Store>) -> Self {
        Self { store, tap: Faults { fault: Mutex::new(None), operations: AtomicU64::new(0) } }
    }

    /// Fails at the operation with number `at`, counted from now.
    pub fn fail(&self, fault: Fault, at: u64) {
        self.tap.operations.store(0, Ordering::SeqCst);
        *self.tap.fault() = Some((fault, at));
    }

    /// Works again.
    pub fn mend(&self) {
        *self.tap.fault() = None;
    }

    /// How many operations were asked so far; a test has enumerated all once this stays at or below `at`.
    pub fn operations(&self) -> u64 {
        self.tap.operations.load(Ordering::SeqCst)
    }
}

impl Faults {
    /// The fault that strikes before the operation that now begins, and whether one strikes after it.
    fn strike(&self) -> Result<Option<Fault>, StoreError> {
        let number = self.operations.fetch_add(1, Ordering::SeqCst);
        match *self.fault() {
            Some((Fault::Fail | Fault::Crash, at)) if number == at => Err(broken()),
            Some((Fault::Crash | Fault::CrashAfter, at)) if number > at => Err(broken()),
            Some((later, at)) if number == at => Ok(Some(later)),
            _ => Ok(None),
        }
    }

    fn fault(&self) -> MutexGuard<'_, Option<(Fault, u64)>> {
        self.fault.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn broken() -> StoreError {
    StoreError::Engine("a fault that the test asked for".into())
}

impl Tap for Faults {
    fn before(&self) -> Result<(), StoreError> {
        self.strike().map(drop)
    }

    fn commit(&self, store: &dyn Store, batch: &Lowered) -> Result<Outcome, StoreError> {
        let fault = self.strike()?;
        let outcome = store.commit(batch)?;
        match fault {
            Some(Fault::LoseAnswer) => Ok(Outcome::Unknown),
            Some(Fault::CrashAfter) => Err(broken()),
            _ => Ok(outcome),
        }
    }
}
