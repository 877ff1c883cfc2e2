use std::{
    error::Error,
    fmt,
    sync::{
        Arc, Mutex, OnceLock, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use strongroom::{
    Strongroom,
    audit::{AuditError, AuditLog},
};
use strongroom_core::{CommitError, StoreError};

use crate::Open;

/// The audit log of an open database, which takes over what its outbox holds. Where it cannot be opened, events wait
/// in the database, and it is tried again each time.
#[derive(Clone, Default)]
pub(crate) struct Ledger(Arc<Inner>);

#[derive(Default)]
struct Inner {
    log: OnceLock<AuditLog>,
    /// One step at a time: others of this node would only conflict.
    draining: Mutex<()>,
    /// The last attempt did not succeed.
    behind: AtomicBool,
}

impl Ledger {
    /// The log of this database, which is made if there is none.
    pub(crate) fn of(room: &Strongroom) -> Self {
        let ledger = Self::default();
        if let Err(error) = ledger.log(room) {
            ledger.fell_behind(&error);
        }
        ledger
    }

    pub(crate) fn log(&self, room: &Strongroom) -> Result<AuditLog, AuditError> {
        if let Some(log) = self.0.log.get() {
            return Ok(log.clone());
        }
        let log = room.audit()?;
        Ok(self.0.log.get_or_init(|| log).clone())
    }

    /// Takes over what waits, and tells of it where that fails.
    pub(crate) fn take_over(&self, open: &Open) {
        match self.drain(open) {
            Ok(()) if self.0.behind.swap(false, Ordering::Relaxed) => {
                tracing::info!("the audit log takes events over again");
            }
            // Sealed meanwhile, or without a lease: they wait.
            Ok(()) | Err(AuditError::Store(StoreError::Sealed | StoreError::LeaseLost)) => {}
            Err(error) => self.fell_behind(&error),
        }
    }

    /// Takes over what waits, step by step, until nothing does.
    pub(crate) fn drain(&self, open: &Open) -> Result<(), AuditError> {
        let _turn = self.0.draining.lock().unwrap_or_else(PoisonError::into_inner);
        let log = self.log(&open.room)?;
        loop {
            // Between two steps it can be sealed.
            match open.within(|| log.drain())? {
                Ok(drained) if drained.more => {}
                Ok(_) => return Ok(()),
                // Another node takes them over.
                Err(AuditError::Commit(CommitError::Contended | CommitError::Conflict(_))) => return Ok(()),
                Err(error) => return Err(error),
            }
        }
    }

    /// Told once, not several times a second.
    fn fell_behind(&self, error: &AuditError) {
        if !self.0.behind.swap(true, Ordering::Relaxed) {
            tracing::error!(
                error = error as &dyn Error,
                "the audit log takes no events over: they wait in the database until it can"
            );
        }
    }
}

impl fmt::Debug for Ledger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Ledger")
    }
}
