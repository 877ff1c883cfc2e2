use std::{
    fmt,
    time::{Duration, Instant},
};

use crate::{
    Change, CommitError, Direction, Expect, Range, Reader, RecordKey, SealedStore, Segment, StoreError,
    Table, Tenant, Time,
};

/// A piece of work that is to be done at a time, kept in the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Due {
    /// Not before.
    pub time: Time,
    /// Which worker does it.
    pub kind: &'static str,
    /// Tells it from others of its kind and time.
    pub id: [u8; 16],
    /// Whose data it works on.
    pub tenant: Tenant,
    /// What the worker needs to know.
    pub payload: Vec<u8>,
}

impl Due {
    /// Work that waits for its time, under the system tenant: time, kind, id.
    pub const TABLE: Table = Table::new(0x0002);

    /// The key of a row.
    ///
    /// # Errors
    /// [`StoreError`] for a kind that is too long for a key.
    pub fn key(time: Time, kind: &str, id: [u8; 16]) -> Result<RecordKey, StoreError> {
        let segments = [Segment::Number(time.as_millis()), Segment::Name(kind), Segment::Id(id)];
        Ok(RecordKey::new(Tenant::SYSTEM, Self::TABLE, &segments)?)
    }

    /// The time, the kind and the id that a row's key holds; nothing for the key of anything else.
    pub fn parts(key: &RecordKey) -> Option<(Time, &str, [u8; 16])> {
        if key.tenant() != Tenant::SYSTEM || key.table() != Self::TABLE {
            return None;
        }
        let mut segments = key.segments();
        match (segments.next()?, segments.next()?, segments.next()?, segments.next()) {
            (Segment::Number(time), Segment::Name(kind), Segment::Id(id), None) => {
                Some((Time::from_millis(time), kind, id))
            }
            _ => None,
        }
    }

    /// Whose data the work of a row is on, and what its worker needs to know.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] for what is no such row.
    pub fn content(value: &[u8]) -> Result<(Tenant, &[u8]), StoreError> {
        let (tenant, payload) = value.split_first_chunk().ok_or(StoreError::Corrupt)?;
        Ok((Tenant::from_bytes(*tenant), payload))
    }

    /// The row that keeps the work.
    ///
    /// # Errors
    /// As for [`Due::key`].
    pub fn row(&self) -> Result<(RecordKey, Vec<u8>), StoreError> {
        let key = Self::key(self.time, self.kind, self.id)?;
        Ok((key, [self.tenant.as_bytes(), self.payload.as_slice()].concat()))
    }

    /// Adds the work to a change.
    ///
    /// # Errors
    /// As for [`Due::key`].
    pub fn put<T>(&self, change: &mut Change<T>) -> Result<(), StoreError> {
        let (key, value) = self.row()?;
        change.put(&key, &value);
        Ok(())
    }
}

/// Does some kinds of due work.
pub trait Worker: Send + Sync {
    /// The kinds.
    fn kinds(&self) -> &[&'static str];

    /// Plans one step of the kind that `due` names. The runner adds that the due row is still there and goes with
    /// the commit: that is the fence. A step that is not the last puts the next [`Due`] into its change.
    ///
    /// # Errors
    /// [`DueError`]; the work stays due.
    fn step(&self, reader: Reader<'_>, due: &Due, now: Time) -> Result<Change<()>, DueError>;
}

/// A step of due work failed.
pub type DueError = CommitError;

/// What a run of due work did.
#[derive(Debug, Default)]
pub struct DueReport {
    /// Steps that were committed.
    pub done: usize,
    /// Steps during which another process changed something, most likely by doing them. What is left of them stays due.
    pub contended: usize,
    /// Steps that failed, with the kind of work; they stay due.
    pub failed: Vec<(&'static str, DueError)>,
    /// When to run again: the time of the first work that is not due yet.
    pub next: Option<Time>,
}

/// Does the work that is due at `now`, for at most `budget` (the step begun is ended). Work of a kind that no
/// worker has is left alone.
///
/// # Errors
/// [`DueError`] where the list of due work cannot be read.
pub fn run_due(
    store: &dyn SealedStore,
    workers: &[&dyn Worker],
    now: Time,
    budget: Duration,
) -> Result<DueReport, DueError> {
    let end = Instant::now().checked_add(budget);
    let mut report = DueReport::default();
    let mut range = Range::under(Tenant::SYSTEM, Due::TABLE, &[]).map_err(StoreError::from)?;
    loop {
        let Some((key, record)) = store.scan(&range, Direction::Forward, 1)?.pop() else { return Ok(report) };
        let (time, kind, id) = Due::parts(&key).ok_or(StoreError::Corrupt)?;
        if time > now || end.is_some_and(|end| Instant::now() >= end) {
            report.next = Some(time);
            return Ok(report);
        }
        if let Some((worker, kind)) = who_does(workers, kind) {
            let (tenant, payload) = Due::content(&record.value)?;
            let due = Due { time, kind, id, tenant, payload: payload.to_vec() };
            match step(store, worker, &due, &key, Expect::At(record.revision), now) {
                Ok(()) => report.done += 1,
                Err(CommitError::Conflict(_)) => report.contended += 1,
                Err(error) => report.failed.push((kind, error)),
            }
        }
        range = range.after(&key).map_err(StoreError::from)?;
    }
}

fn step(
    store: &dyn SealedStore,
    worker: &dyn Worker,
    due: &Due,
    key: &RecordKey,
    expect: Expect,
    now: Time,
) -> Result<(), DueError> {
    let mut change = worker.step(Reader::new(store, due.tenant), due, now)?;
    change.expect(key, expect);
    change.delete(key);
    change.commit(store)
}

/// The first worker that does this kind of work.
fn who_does<'w>(workers: &[&'w dyn Worker], kind: &str) -> Option<(&'w dyn Worker, &'static str)> {
    workers
        .iter()
        .find_map(|worker| worker.kinds().iter().find(|known| **known == kind).map(|kind| (*worker, *kind)))
}

impl fmt::Debug for dyn Worker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Worker({})", self.kinds().join(", "))
    }
}
