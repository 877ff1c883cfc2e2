//! A store with a tap at it: what a test lets happen before, at or after its operations.

use std::{fmt, sync::Arc};

use crate::{
    Batch, Direction, History, Lowered, Outcome, Range, Record, RecordKey, SealedStore, Store, StoreError,
};

/// What happens at the operations of a [`Tapped`] store; by itself nothing.
///
/// The first four are enough for what concerns operations of a kind. What looks at a question or changes an answer
/// takes the place of the operation, and asks the store below for itself.
pub trait Tap: Send + Sync {
    /// Before each operation but lowering; an error is its answer, and the store below is not reached.
    ///
    /// # Errors
    /// What the operation is to answer.
    fn before(&self) -> Result<(), StoreError> {
        Ok(())
    }

    /// After rows were read, before they are answered.
    fn read(&self) {}

    /// After a commit, before its outcome is answered.
    fn committed(&self, outcome: Outcome) -> Outcome {
        outcome
    }

    /// Whether the store says that it is shared, as the one below is or not.
    fn shared(&self, is: bool) -> bool {
        is
    }

    /// What the store says of its history, as the one below does or not.
    fn history(&self, is: History) -> History {
        is
    }

    /// Instead of [`Store::get_many`].
    ///
    /// # Errors
    /// As there.
    fn get_many(&self, store: &dyn Store, keys: &[RecordKey]) -> Result<Vec<Option<Record>>, StoreError> {
        self.before()?;
        let found = store.get_many(keys);
        self.read();
        found
    }

    /// Instead of [`Store::scan`].
    ///
    /// # Errors
    /// As there.
    fn scan(
        &self,
        store: &dyn Store,
        range: &Range,
        direction: Direction,
        limit: usize,
    ) -> Result<Vec<(RecordKey, Record)>, StoreError> {
        self.before()?;
        let found = store.scan(range, direction, limit);
        self.read();
        found
    }

    /// Instead of [`Store::lower`].
    ///
    /// # Errors
    /// As there.
    fn lower(&self, store: &dyn Store, batch: Batch) -> Result<Lowered, StoreError> {
        store.lower(batch)
    }

    /// Instead of [`Store::commit`].
    ///
    /// # Errors
    /// As there.
    fn commit(&self, store: &dyn Store, batch: &Lowered) -> Result<Outcome, StoreError> {
        self.before()?;
        Ok(self.committed(store.commit(batch)?))
    }

    /// Instead of [`Store::scrub`].
    ///
    /// # Errors
    /// As there.
    fn scrub(&self, store: &dyn Store) -> Result<(), StoreError> {
        self.before()?;
        store.scrub()
    }
}

/// Without any effect: for a store that is to pass for one that seals.
impl Tap for () {}

/// Another store with a tap at it. It passes for one that seals, whether the one below seals or not.
pub struct Tapped<T> {
    /// The store below.
    pub store: Arc<dyn Store>,
    /// The tap.
    pub tap: T,
}

impl<T: Tap> Tapped<T> {
    /// Puts a tap at a store.
    pub fn over(store: Arc<dyn Store>, tap: T) -> Arc<Self> {
        Arc::new(Self { store, tap })
    }
}

impl<T: Tap> Store for Tapped<T> {
    fn get_many(&self, keys: &[RecordKey]) -> Result<Vec<Option<Record>>, StoreError> {
        self.tap.get_many(&*self.store, keys)
    }

    fn scan(
        &self,
        range: &Range,
        direction: Direction,
        limit: usize,
    ) -> Result<Vec<(RecordKey, Record)>, StoreError> {
        self.tap.scan(&*self.store, range, direction, limit)
    }

    fn lower(&self, batch: Batch) -> Result<Lowered, StoreError> {
        self.tap.lower(&*self.store, batch)
    }

    fn commit(&self, batch: &Lowered) -> Result<Outcome, StoreError> {
        self.tap.commit(&*self.store, batch)
    }

    fn scrub(&self) -> Result<(), StoreError> {
        self.tap.scrub(&*self.store)
    }

    fn history(&self) -> Result<History, StoreError> {
        self.tap.before()?;
        Ok(self.tap.history(self.store.history()?))
    }

    fn shared(&self) -> bool {
        self.tap.shared(self.store.shared())
    }
}

impl<T: Tap> SealedStore for Tapped<T> {}

impl<T> fmt::Debug for Tapped<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tapped").finish_non_exhaustive()
    }
}
