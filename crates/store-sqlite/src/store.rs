use std::{
    fmt,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use rusqlite::Connection;
use strongroom_core::{
    Batch, Direction, History, Lowered, Outcome, Range, Record, RecordKey, Revision, Store, StoreError,
};

use crate::{
    Transaction,
    commit::Writer,
    error::Footing,
    identity::{Identity, Origin},
    line::{Baton, Line, Turn},
    owner::Owner,
    read::Readers,
    schema::{Meta, VERSION},
};

/// A [`Store`] in an SQLite file. Cheap to clone; the file is released with the last clone.
///
/// It does not seal: what capabilities accept is a barrier over it.
#[derive(Clone)]
pub struct SqliteStore(Arc<Shared>);

// The fields are dropped in this order: the writer is the last connection, which empties the log, and the
// owner's lock outlives it.
pub(crate) struct Shared {
    id: [u8; 16],
    history: [u8; 16],
    restored: Option<Origin>,
    path: PathBuf,
    batches: AtomicU64,
    footing: Footing,
    readers: Readers,
    line: Line,
    writer: Mutex<Writer>,
    _owner: Owner,
}

impl SqliteStore {
    pub(crate) fn assemble(
        path: PathBuf,
        owner: Owner,
        connection: Connection,
        meta: &Meta,
    ) -> rusqlite::Result<Self> {
        let footing = Footing::default();
        let log = crate::place::beside(&path, "-wal");
        let writer = Writer::new(connection, log, meta.reserved, footing.clone())?;
        Ok(Self(Arc::new(Shared {
            id: meta.store,
            history: meta.history,
            restored: meta.restored,
            batches: AtomicU64::new(0),
            readers: Readers::new(path.clone()),
            line: Line::default(),
            writer: Mutex::new(writer),
            footing,
            path,
            _owner: owner,
        })))
    }

    /// Where the file is.
    pub fn path(&self) -> &Path {
        &self.0.path
    }

    /// Which store this is, how far it is, and from when, if it was restored. Waits for the writer.
    ///
    /// # Errors
    /// [`StoreError::Invalid`] if this thread holds a transaction of this store, and [`StoreError::Broken`].
    pub fn identity(&self) -> Result<Identity, StoreError> {
        let Shared { id: store, history, restored, .. } = *self.0;
        let revision = self.stand_still(|| Ok(()))?;
        Ok(Identity { store, history, revision, layout: VERSION, restored })
    }

    /// The ids of the store and of its history.
    pub(crate) fn ids(&self) -> ([u8; 16], [u8; 16]) {
        (self.0.id, self.0.history)
    }

    /// Does something while no commit happens, and answers the commit counter of that moment.
    pub(crate) fn stand_still(
        &self,
        meanwhile: impl FnOnce() -> Result<(), StoreError>,
    ) -> Result<Revision, StoreError> {
        let lead = self.0.lead_alone()?;
        meanwhile()?;
        Ok(lead.writer.revision())
    }

    /// Writes a log back that grew long under a reader.
    pub(crate) fn shorten_log(&self) {
        // A failure is the store's own, which refuses everything then: what was read before is good.
        let _ = self.0.lead_alone().map(|lead| lead.writer.shorten_log());
    }

    /// Waits for the writer and begins a transaction, in which the application writes rows of its own to be
    /// committed together with a change of the suite. Until it ends, all other commits wait.
    ///
    /// # Errors
    /// [`StoreError::Invalid`] if this thread holds a transaction of this store already, and
    /// [`StoreError::Engine`] or [`StoreError::Broken`] where the engine cannot begin.
    pub fn begin(&self) -> Result<Transaction<'_>, StoreError> {
        let lead = self.0.lead_alone()?;
        lead.writer.lend()?;
        self.0.line.hold();
        Ok(Transaction::new(self.0.id, lead))
    }
}

impl Store for SqliteStore {
    fn get_many(&self, keys: &[RecordKey]) -> Result<Vec<Option<Record>>, StoreError> {
        self.0.footing.check()?;
        self.0.readers.get_many(keys)
    }

    fn scan(
        &self,
        range: &Range,
        direction: Direction,
        limit: usize,
    ) -> Result<Vec<(RecordKey, Record)>, StoreError> {
        self.0.footing.check()?;
        self.0.readers.scan(range, direction, limit)
    }

    fn lower(&self, batch: Batch) -> Result<Lowered, StoreError> {
        let number = self.0.batches.fetch_add(1, Ordering::Relaxed);
        Lowered::new(self.0.id, number.into(), batch)
    }

    fn commit(&self, lowered: &Lowered) -> Result<Outcome, StoreError> {
        let batch = lowered.batch(self.0.id)?;
        self.0.footing.check()?;
        let operations = batch.expectations.len() + batch.writes.len();
        match self.0.line.join(Some((lowered, operations)))? {
            Turn::Lead => self.0.lead_group(batch),
            Turn::Answered(answer) => answer,
        }
    }

    /// Moves all records to new pages, so the time that it takes, in which no commit happens, grows with the
    /// store; the file keeps the room for the next time. Waits some seconds for readers.
    fn scrub(&self) -> Result<(), StoreError> {
        let mut lead = self.0.lead_alone()?;
        Ok(lead.writer.scrub()?)
    }

    fn history(&self) -> Result<History, StoreError> {
        let Identity { history: id, revision, .. } = self.identity()?;
        Ok(History { id, revision })
    }

    /// One process owns the file.
    fn shared(&self) -> bool {
        false
    }
}

impl Shared {
    /// Commits the leader's batch together with those of the threads that wait, and answers them.
    fn lead_group(&self, own: &Batch) -> Result<Outcome, StoreError> {
        let mut lead = Lead::new(self);
        let followers = self.line.followers();
        let batches: Result<Vec<_>, _> = std::iter::once(Ok(own))
            .chain(
                followers
                    .iter()
                    .filter_map(|follower| follower.batch())
                    .map(|lowered| lowered.batch(self.id)),
            )
            .collect();
        let result = lead.writer.commit(&batches?);
        // The next leader is at work while these are told.
        drop(lead);
        let mut outcomes = match &result {
            Ok(outcomes) => outcomes.iter(),
            Err(_) => [].iter(),
        };
        let mut answer = || match (&result, outcomes.next()) {
            (Ok(_), Some(outcome)) => Ok(outcome.clone()),
            (Ok(_), None) => Err(StoreError::Broken),
            (Err(failure), _) => Err(failure.clone().into()),
        };
        let own = answer();
        followers.into_iter().for_each(|follower| follower.answer(answer()));
        own
    }

    fn lead_alone(&self) -> Result<Lead<'_>, StoreError> {
        self.footing.check()?;
        match self.line.join(None)? {
            Turn::Lead => Ok(Lead::new(self)),
            Turn::Answered(_) => Err(StoreError::Broken),
        }
    }
}

/// Leadership with the writer. Dropping it undoes an open transaction and calls the next in line.
pub(crate) struct Lead<'s> {
    // Released before the next in line is called.
    pub(crate) writer: MutexGuard<'s, Writer>,
    _baton: Baton<'s>,
}

impl<'s> Lead<'s> {
    /// For the thread whose turn it is.
    fn new(shared: &'s Shared) -> Self {
        let baton = Baton(&shared.line);
        // A panic left the writer with an open transaction at most, which the drop of its lead undid.
        let writer = shared.writer.lock().unwrap_or_else(PoisonError::into_inner);
        Self { writer, _baton: baton }
    }
}

impl Drop for Lead<'_> {
    fn drop(&mut self) {
        self.writer.rollback();
    }
}

impl fmt::Debug for SqliteStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteStore").field("path", &self.0.path).finish_non_exhaustive()
    }
}
