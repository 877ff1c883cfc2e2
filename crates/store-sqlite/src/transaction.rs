use std::{fmt, ops::Deref};

use rusqlite::Connection;
use strongroom_core::{CommitError, Lowered, Pending, StoreError};

use crate::store::Lead;

/// The writer of a store, lent to the application: its rows and a change of the suite are committed together,
/// or neither is.
///
/// ```
/// # use strongroom_core::{Change, SealedStore};
/// # use strongroom_store_sqlite::SqliteStore;
/// # type Result = std::result::Result<(), Box<dyn std::error::Error>>;
/// fn close_account(store: &SqliteStore, sealed: &dyn SealedStore, disable_key: Change<()>) -> Result {
///     let transaction = store.begin()?;
///     transaction.execute("UPDATE account SET closed = 1 WHERE id = ?1", [7])?;
///     transaction.commit(disable_key.lower(sealed)?)?;
///     Ok(())
/// }
/// ```
///
/// It is used as an [`rusqlite::Connection`]. The tables named `strongroom_*` and the connection's settings
/// are not the application's to change, and the transaction ends by the methods here: a statement that would
/// commit fails and undoes everything, and after it or a `ROLLBACK` the methods here refuse to commit. Dropping
/// the transaction undoes everything.
///
/// It stays on its thread, and all other commits wait for it; a commit to the store itself from this thread is
/// refused. What the store reads meanwhile is the state before.
#[must_use = "a transaction that is dropped is undone"]
pub struct Transaction<'s> {
    store: [u8; 16],
    lead: Lead<'s>,
}

impl<'s> Transaction<'s> {
    pub(crate) fn new(store: [u8; 16], lead: Lead<'s>) -> Self {
        Self { store, lead }
    }

    /// Commits the application's rows and a change, as [`Change::lower`](strongroom_core::Change::lower) made
    /// it ready, and gives the value of the change. What is stale in memory then is evicted before.
    ///
    /// # Errors
    /// [`CommitError::Conflict`] if a record changed since the plan read it: nothing happened, begin anew.
    /// [`CommitError::Store`] where the engine cannot commit; nothing happened then either, unless it says
    /// [`StoreError::Broken`].
    pub fn commit<T>(mut self, change: (Lowered, Pending<T>)) -> Result<T, CommitError> {
        let (lowered, pending) = change;
        let result = self.lead.writer.commit_with(lowered.batch(self.store)?);
        drop(self);
        pending.conclude(result.map_err(StoreError::from))
    }

    /// Commits the application's rows alone.
    ///
    /// # Errors
    /// [`StoreError`] where the engine cannot commit; nothing happened then, unless it says
    /// [`StoreError::Broken`].
    pub fn commit_rows(mut self) -> Result<(), StoreError> {
        Ok(self.lead.writer.commit_lent()?)
    }

    /// Undoes everything, as dropping it does.
    pub fn rollback(self) {}
}

impl Deref for Transaction<'_> {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        self.lead.writer.connection()
    }
}

impl fmt::Debug for Transaction<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Transaction")
    }
}
