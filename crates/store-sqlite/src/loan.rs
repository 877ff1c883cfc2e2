use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use rusqlite::Connection;

/// While the writer is lent to an application, nothing but its return commits: a statement that would commit is
/// turned into a rollback, and a rollback is remembered, also one that SQLite made and one that is followed by
/// another `BEGIN`.
#[derive(Debug, Clone, Default)]
pub(crate) struct Loan(Arc<Flags>);

#[derive(Debug, Default)]
struct Flags {
    lent: AtomicBool,
    undone: AtomicBool,
}

impl Loan {
    /// Watches a connection from now on.
    pub(crate) fn watch(connection: &mut Connection) -> rusqlite::Result<Self> {
        let loan = Self::default();
        let flags = loan.0.clone();
        connection.commit_hook(Some(move || flags.lent.load(Ordering::Relaxed)))?;
        let flags = loan.0.clone();
        connection.rollback_hook(Some(move || flags.undone.store(true, Ordering::Relaxed)))?;
        Ok(loan)
    }

    /// Lends the transaction that was just begun.
    pub(crate) fn lend(&self) {
        self.0.undone.store(false, Ordering::Relaxed);
        self.0.lent.store(true, Ordering::Relaxed);
    }

    /// Takes the connection back, and tells whether its transaction is the one that was lent.
    pub(crate) fn take_back(&self) -> bool {
        self.0.lent.store(false, Ordering::Relaxed);
        !self.0.undone.load(Ordering::Relaxed)
    }
}
