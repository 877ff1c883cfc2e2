use std::{collections::BTreeMap, fmt, sync::Arc, thread, time::Duration};

use zeroize::Zeroizing;

use crate::{
    Batch, Clock, Direction, Expect, Hold, Lowered, Outcome, PLAIN_LIMITS, Range, Record, RecordKey,
    Revision, SealedStore, StoreError, Tenant, Write,
};

/// Reads for a plan, and notes an expectation for all that it read.
pub struct Reader<'s> {
    store: &'s dyn SealedStore,
    tenant: Tenant,
    seen: BTreeMap<RecordKey, Expect>,
}

impl<'s> Reader<'s> {
    /// Reads records of one tenant.
    pub fn new(store: &'s dyn SealedStore, tenant: Tenant) -> Self {
        Self { store, tenant, seen: BTreeMap::new() }
    }

    /// Whose records it reads.
    pub fn tenant(&self) -> Tenant {
        self.tenant
    }

    /// The record under a key; the change will expect it as it is now, or absent.
    ///
    /// # Errors
    /// [`StoreError`] where the store cannot read; [`StoreError::Invalid`] for a key of another tenant.
    pub fn get(&mut self, key: &RecordKey) -> Result<Option<Record>, StoreError> {
        Ok(self.get_many(std::slice::from_ref(key))?.pop().flatten())
    }

    /// Several records as of one moment.
    ///
    /// # Errors
    /// As for [`Reader::get`].
    pub fn get_many(&mut self, keys: &[RecordKey]) -> Result<Vec<Option<Record>>, StoreError> {
        keys.iter().try_for_each(|key| self.own(Some(key.tenant())))?;
        let records = self.store.get_many(keys)?;
        for (key, record) in keys.iter().zip(&records) {
            self.note(key, record.as_ref());
        }
        Ok(records)
    }

    /// A page of a range. The change will expect the rows found; what depends on there being *no further*
    /// row must expect a parent that every insert rewrites.
    ///
    /// # Errors
    /// As for [`Reader::get`].
    pub fn scan(
        &mut self,
        range: &Range,
        direction: Direction,
        limit: usize,
    ) -> Result<Vec<(RecordKey, Record)>, StoreError> {
        self.own(range.tenant())?;
        let rows = self.store.scan(range, direction, limit)?;
        for (key, record) in &rows {
            self.note(key, Some(record));
        }
        Ok(rows)
    }

    /// Ends the reading and begins the change, whose commit gives `value`.
    pub fn change<T>(self, value: T) -> Change<T> {
        let expectations = self.seen.into_iter().collect();
        let batch = Batch { expectations, writes: Vec::new() };
        Change { batch, evictions: Vec::new(), waits: None, value }
    }

    fn own(&self, tenant: Option<Tenant>) -> Result<(), StoreError> {
        if tenant == Some(self.tenant) {
            Ok(())
        } else {
            Err(StoreError::Invalid("a reader reads one tenant"))
        }
    }

    fn note(&mut self, key: &RecordKey, record: Option<&Record>) {
        let expect = record.map_or(Expect::Absent, |record| Expect::At(record.revision));
        self.seen.entry(key.clone()).or_insert(expect);
    }
}

impl fmt::Debug for Reader<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reader")
            .field("tenant", &self.tenant)
            .field("seen", &self.seen)
            .finish_non_exhaustive()
    }
}

/// What a plan wants to happen: writes that are committed together, and a value that is had only then.
#[must_use = "a change does nothing until it is committed"]
pub struct Change<T> {
    batch: Batch,
    evictions: Vec<Eviction>,
    waits: Option<Arc<dyn Clock>>,
    value: T,
}

type Eviction = Box<dyn FnOnce() + Send>;

impl<T> Change<T> {
    /// Puts a value under a key. Putting again replaces the first.
    pub fn put(&mut self, key: &RecordKey, value: &[u8]) {
        self.put_secret(key, Zeroizing::new(value.to_vec()));
    }

    /// Puts a value that is wiped when it has been written.
    pub fn put_secret(&mut self, key: &RecordKey, value: Zeroizing<Vec<u8>>) {
        self.write(key, Write::Put(value));
    }

    /// Deletes the record under a key.
    pub fn delete(&mut self, key: &RecordKey) {
        self.write(key, Write::Delete);
    }

    /// Commits only if the record is as expected, beside what the reader noted. What was noted first stays.
    pub fn expect(&mut self, key: &RecordKey, expect: Expect) {
        if self.batch.expectations.iter().all(|(known, _)| known != key) {
            self.batch.expectations.push((key.clone(), expect));
        }
    }

    /// The commit of the record that the change expects under a key: what an event says that it replaces.
    pub fn replaced(&self, key: &RecordKey) -> Option<Revision> {
        self.batch.expectations.iter().find_map(|(known, expect)| match expect {
            Expect::At(revision) if known == key => Some(*revision),
            _ => None,
        })
    }

    /// Runs `evict` once the commit may have happened, before its value comes out: here a capability drops
    /// what it keeps in memory of the records that change.
    pub fn evict(&mut self, evict: impl FnOnce() + Send + 'static) {
        self.evictions.push(Box::new(evict));
    }

    /// Waits, once the commit may have happened and everything is evicted, until the leases of other nodes have ended.
    pub(crate) fn wait(&mut self, clock: &Arc<dyn Clock>) {
        self.waits = Some(Arc::clone(clock));
    }

    /// Changes the value.
    pub fn map<U>(self, map: impl FnOnce(T) -> U) -> Change<U> {
        Change { batch: self.batch, evictions: self.evictions, waits: self.waits, value: map(self.value) }
    }

    /// Commits, and gives the value.
    ///
    /// # Errors
    /// [`CommitError`]; on a conflict nothing has happened, and the plan can be made anew.
    pub fn commit(self, store: &dyn SealedStore) -> Result<T, CommitError> {
        let (lowered, pending) = self.lower(store)?;
        pending.conclude(commit_known(store, &lowered))
    }

    /// Prepares the batch for a commit by other means, as within a transaction of the application. The value
    /// comes out of [`Pending::settle`].
    ///
    /// # Errors
    /// As for [`Store::lower`](crate::Store::lower).
    pub fn lower(self, store: &dyn SealedStore) -> Result<(Lowered, Pending<T>), StoreError> {
        self.batch.check(&PLAIN_LIMITS)?;
        let lowered = store.lower(self.batch)?;
        Ok((lowered, Pending { evictions: self.evictions, waits: self.waits, value: self.value }))
    }

    fn write(&mut self, key: &RecordKey, write: Write) {
        match self.batch.writes.iter_mut().find(|(known, _)| known == key) {
            Some((_, old)) => *old = write,
            None => self.batch.writes.push((key.clone(), write)),
        }
    }
}

impl<T> fmt::Debug for Change<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Change").field("batch", &self.batch).finish_non_exhaustive()
    }
}

/// The value of a change whose batch somebody else commits.
#[must_use = "the caches are stale until the pending change is settled"]
pub struct Pending<T> {
    evictions: Vec<Eviction>,
    waits: Option<Arc<dyn Clock>>,
    value: T,
}

impl<T> Pending<T> {
    /// For engines, after the commit: evicts what became stale, waits for other nodes where something was revoked, then
    /// gives the value.
    pub fn settle(self) -> T {
        self.evictions.into_iter().for_each(|evict| evict());
        if let Some(clock) = &self.waits {
            Hold::of(clock).wait();
        }
        self.value
    }

    /// For engines, what the outcome of the commit means for whoever waits for the value. What may be stale is evicted
    /// unless nothing happened.
    ///
    /// # Errors
    /// [`CommitError`].
    pub fn conclude(self, outcome: Result<Outcome, StoreError>) -> Result<T, CommitError> {
        match outcome {
            Ok(Outcome::Done(_)) => Ok(self.settle()),
            Ok(Outcome::Conflict(key)) => Err(CommitError::Conflict(key)),
            Ok(Outcome::Unknown) => {
                self.settle();
                Err(CommitError::Unknown)
            }
            Err(error) => {
                self.settle();
                Err(error.into())
            }
        }
    }
}

impl<T> fmt::Debug for Pending<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pending")
    }
}

/// A change was not committed, or it is not known whether it was.
#[derive(Debug, thiserror::Error)]
pub enum CommitError {
    /// A record changed since it was read. Plan anew.
    #[error("somebody else changed the same record: read it again and retry")]
    Conflict(RecordKey),
    /// Others kept changing the same records. Try again later.
    #[error("the same record is being changed too often: try again later")]
    Contended,
    /// The answer of the store was lost, also when asked again. Read before you repeat the change.
    #[error("the store did not say whether the change was made: read before you repeat it")]
    Unknown,
    /// The store cannot do it.
    #[error(transparent)]
    Store(#[from] StoreError),
}

const ATTEMPTS: u32 = 24;

/// Plans and commits a change; plans anew when a record changed in between, a bounded number of times.
///
/// # Errors
/// What the plan answers, or [`CommitError`], but no [`CommitError::Conflict`]: that becomes
/// [`CommitError::Contended`] after the last try.
pub fn commit<T, E: From<CommitError>>(
    store: &dyn SealedStore,
    tenant: Tenant,
    plan: impl Fn(Reader<'_>) -> Result<Change<T>, E>,
) -> Result<T, E> {
    for attempt in 0..ATTEMPTS {
        match plan(Reader::new(store, tenant))?.commit(store) {
            Err(CommitError::Conflict(_)) => thread::sleep(pause(attempt)),
            other => return other.map_err(E::from),
        }
    }
    Err(CommitError::Contended.into())
}

/// Asks again while the answer is lost: the engine remembers the batch.
fn commit_known(store: &dyn SealedStore, lowered: &Lowered) -> Result<Outcome, StoreError> {
    let mut outcome = store.commit(lowered)?;
    for attempt in 0..4 {
        if outcome != Outcome::Unknown {
            break;
        }
        thread::sleep(pause(attempt));
        outcome = store.commit(lowered)?;
    }
    Ok(outcome)
}

/// A pause that grows with the attempts, with jitter, so that two that met do not meet again.
fn pause(attempt: u32) -> Duration {
    use std::hash::{BuildHasher, RandomState};
    let ceiling = 100 << attempt.min(8);
    Duration::from_micros(RandomState::new().hash_one(attempt) % ceiling)
}
