use std::{error::Error, fmt};

use zeroize::Zeroizing;

use crate::{Batch, Direction, Lowered, Range, RecordKey, key::KeyError};

/// An ordered map from record keys to bytes with atomic conditional commits: the one joint where storage
/// engines plug in. Users of the suite never call it; capabilities read through a [`Reader`](crate::Reader)
/// and write through a [`Change`](crate::Change).
///
/// # Contract
/// - **Atomic.** Readers see all of a commit or nothing. `get_many` is one snapshot, and so is a page of `scan`.
/// - **Conditional.** A commit happens only if all its expectations hold at that instant, and in a group of
///   waiting commits one that conflicts fails alone.
/// - **Durable.** [`Outcome::Done`] means that the commit survives the loss of power. An engine that cannot
///   promise that any more (a failed sync) refuses everything until it is reopened.
/// - **Revisions.** All rows of a commit get one revision: unique, growing, never coming back, also after a
///   delete and after a restart.
/// - **Unknown.** An engine whose answer can get lost remembers the batch, so that committing the same
///   [`Lowered`] again gives the first outcome.
/// - **Limits.** [`RecordKey::MAX`], and those that the [`Lowered`] checked.
/// - **Trust.** An engine is not trusted with secrets, and what it returns is checked like any input.
/// - **Threads.** Every method may be called from many threads at once.
pub trait Store: Send + Sync {
    /// The records under these keys, in their order, as of one moment.
    ///
    /// # Errors
    /// [`StoreError`] where the engine cannot read.
    fn get_many(&self, keys: &[RecordKey]) -> Result<Vec<Option<Record>>, StoreError>;

    /// The revisions of the records under these keys, in their order, as of one moment. A [`Lease`](crate::Lease) asks
    /// for them: an answer later than [`Lease::HELD`](crate::Lease::HELD) is of no use to it, so an engine that waits
    /// for a network gives up by then, however long it has patience with other reads.
    ///
    /// # Errors
    /// [`StoreError`] where the engine cannot read.
    fn revisions(&self, keys: &[RecordKey]) -> Result<Vec<Option<Revision>>, StoreError> {
        let records = self.get_many(keys)?;
        Ok(records.into_iter().map(|record| record.map(|record| record.revision)).collect())
    }

    /// At most `limit` records of a range in order, as of one moment.
    ///
    /// # Errors
    /// [`StoreError`] where the engine cannot read.
    fn scan(
        &self,
        range: &Range,
        direction: Direction,
        limit: usize,
    ) -> Result<Vec<(RecordKey, Record)>, StoreError>;

    /// Prepares a batch for [`Store::commit`] of this store, without writing: wrappers seal here.
    ///
    /// # Errors
    /// [`StoreError::Invalid`] or [`StoreError::TooLarge`] for a batch that could never be committed.
    fn lower(&self, batch: Batch) -> Result<Lowered, StoreError>;

    /// Commits what [`Store::lower`] of this store made: all or nothing.
    ///
    /// # Errors
    /// [`StoreError`] where the engine cannot write; nothing is committed then, unless the engine says
    /// [`StoreError::Broken`].
    fn commit(&self, batch: &Lowered) -> Result<Outcome, StoreError>;

    /// Returns when everything that was deleted or overwritten before the call is gone from the engine's
    /// files.
    ///
    /// # Errors
    /// [`StoreError::Unsupported`] where the engine cannot promise that.
    fn scrub(&self) -> Result<(), StoreError>;

    /// Which history of which database this is, and how far it is.
    ///
    /// # Errors
    /// [`StoreError`] where the engine cannot read.
    fn history(&self) -> Result<History, StoreError>;

    /// Whether other processes commit to the same database. A store that is shared is served from memory only under a
    /// [`Lease`](crate::Lease).
    fn shared(&self) -> bool;
}

/// The state of a database: no other one has had the same id and the same revision.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct History {
    /// Random; a database that was restored begins a new one.
    pub id: [u8; 16],
    /// No commit that was answered so far has a greater one, and every commit that begins later has.
    pub revision: Revision,
}

/// A store that seals what it is given: the barrier. What capabilities accept, so that no key of theirs can
/// reach an engine in the clear.
pub trait SealedStore: Store {}

/// The number of a commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Revision(pub u64);

/// A value and the commit that wrote it.
pub struct Record {
    /// The bytes.
    pub value: Zeroizing<Vec<u8>>,
    /// The commit that wrote them.
    pub revision: Revision,
}

impl fmt::Debug for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Record({} bytes, {:?})", self.value.len(), self.revision)
    }
}

/// What became of a commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It is durable.
    Done(Revision),
    /// An expectation did not hold, first this one; nothing was written.
    Conflict(RecordKey),
    /// The answer was lost. Committing the same [`Lowered`] again tells.
    Unknown,
}

/// A store cannot do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The barrier is sealed: unseal it first.
    #[error("sealed: unseal first")]
    Sealed,
    /// The caller broke a rule of the store.
    #[error("invalid use of the store: {0}")]
    Invalid(&'static str),
    /// A limit would be exceeded.
    #[error("too large for the store: {0}")]
    TooLarge(&'static str),
    /// The store never does this.
    #[error("this store cannot {0}")]
    Unsupported(&'static str),
    /// The record was damaged, exchanged or sealed by someone else.
    #[error("a record does not open: it was damaged or does not belong here")]
    Corrupt,
    /// A sync failed; what was not acknowledged may or may not be there. Close the store and open it again.
    #[error("the store lost its footing after a failed write: close it and open it again")]
    Broken,
    /// The database did not answer in time, so that this node may not know what others revoked. It answers again as soon
    /// as the database does.
    #[error("the database does not answer, so nothing is served from memory: try again when it is back")]
    LeaseLost,
    /// The operation was to be done from memory alone, and cannot be.
    #[error("not in memory: ask again in a way that may read the store")]
    NotInMemory,
    /// A key that the store needs cannot be used.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The engine failed; the source says why.
    #[error("the storage engine failed")]
    Engine(#[source] Box<dyn Error + Send + Sync>),
}

impl From<crate::InvalidRecordKey> for StoreError {
    fn from(error: crate::InvalidRecordKey) -> Self {
        match error {
            crate::InvalidRecordKey::TooLong => Self::TooLarge("a record key has at most 512 bytes"),
            crate::InvalidRecordKey::Nul => Self::Invalid("a name in a record key has no NUL"),
            crate::InvalidRecordKey::Malformed => Self::Corrupt,
        }
    }
}

impl From<crate::OutsideRange> for StoreError {
    fn from(_: crate::OutsideRange) -> Self {
        Self::Invalid("the cursor does not belong to this listing")
    }
}
