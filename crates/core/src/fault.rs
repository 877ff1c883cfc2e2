//! A store that fails where a test wants it: enumerate every operation of a change and see what is left.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use crate::{
    Batch, Direction, History, Lowered, Outcome, Range, Record, RecordKey, SealedStore, Store, StoreError,
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

/// Passes everything on to another store, but for one fault at one operation.
pub struct FaultStore {
    inner: Arc<dyn Store>,
    fault: Fault,
    at: u64,
    operations: AtomicU64,
}

impl FaultStore {
    /// Fails at the operation with number `at`, counted from 0.
    pub fn new(inner: Arc<dyn Store>, fault: Fault, at: u64) -> Self {
        Self { inner, fault, at, operations: AtomicU64::new(0) }
    }

    /// How many operations were asked so far; a test has enumerated all once this stays at or below `at`.
    pub fn operations(&self) -> u64 {
        self.operations.load(Ordering::SeqCst)
    }

    /// The fault that strikes before the operation that now begins, and whether one strikes after it.
    fn before(&self) -> Result<Option<Fault>, StoreError> {
        let number = self.operations.fetch_add(1, Ordering::SeqCst);
        let dead = matches!(self.fault, Fault::Crash | Fault::CrashAfter) && number > self.at;
        match (number == self.at, self.fault) {
            (true, Fault::Fail | Fault::Crash) => Err(broken()),
            (true, later) => Ok(Some(later)),
            (false, _) if dead => Err(broken()),
            (false, _) => Ok(None),
        }
    }
}

fn broken() -> StoreError {
    StoreError::Engine("a fault that the test asked for".into())
}

impl Store for FaultStore {
    fn get_many(&self, keys: &[RecordKey]) -> Result<Vec<Option<Record>>, StoreError> {
        self.before()?;
        self.inner.get_many(keys)
    }

    fn scan(
        &self,
        range: &Range,
        direction: Direction,
        limit: usize,
    ) -> Result<Vec<(RecordKey, Record)>, StoreError> {
        self.before()?;
        self.inner.scan(range, direction, limit)
    }

    fn lower(&self, batch: Batch) -> Result<Lowered, StoreError> {
        self.inner.lower(batch)
    }

    fn commit(&self, batch: &Lowered) -> Result<Outcome, StoreError> {
        let fault = self.before()?;
        let outcome = self.inner.commit(batch)?;
        match fault {
            Some(Fault::LoseAnswer) => Ok(Outcome::Unknown),
            Some(Fault::CrashAfter) => Err(broken()),
            _ => Ok(outcome),
        }
    }

    fn scrub(&self) -> Result<(), StoreError> {
        self.before()?;
        self.inner.scrub()
    }

    fn history(&self) -> Result<History, StoreError> {
        self.before()?;
        self.inner.history()
    }

    fn shared(&self) -> bool {
        self.inner.shared()
    }
}

impl SealedStore for FaultStore {}

impl fmt::Debug for FaultStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FaultStore").field("fault", &self.fault).field("at", &self.at).finish_non_exhaustive()
    }
}
