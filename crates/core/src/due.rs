use std::{
    fmt,
    time::{Duration, Instant},
};

use crate::{
    Change, CommitError, Direction, Expect, Range, Reader, RecordKey, SealedStore, Segment, StoreError,
    Table, Tenant, Time,
};

/// Work that waits for its time, under the system tenant: time, kind, id.
pub(crate) const DUE: Table = Table::new(0x0002);

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
    /// Adds the work to a change.
    ///
    /// # Errors
    /// [`StoreError`] for a kind that is too long for a key.
    pub fn put<T>(&self, change: &mut Change<T>) -> Result<(), StoreError> {
        let segments =
            [Segment::Number(self.time.as_millis()), Segment::Name(self.kind), Segment::Id(self.id)];
        let key = RecordKey::new(Tenant::SYSTEM, DUE, &segments)?;
        change.put(&key, &[self.tenant.as_bytes(), self.payload.as_slice()].concat());
        Ok(())
    }
}

/// Does one kind of due work.
pub trait Worker: Send + Sync {
    /// The kind.
    fn kind(&self) -> &'static str;

    /// Plans one step. The runner adds that the due row is still there and goes with the commit: that is the
    /// fence. A step that is not the last puts the next [`Due`] into its change.
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
    let mut range = Range::under(Tenant::SYSTEM, DUE, &[]).map_err(StoreError::from)?;
    loop {
        let Some((key, record)) = store.scan(&range, Direction::Forward, 1)?.pop() else { return Ok(report) };
        let (time, kind, id) = parts(&key).ok_or(StoreError::Corrupt)?;
        if time > now || end.is_some_and(|end| Instant::now() >= end) {
            report.next = Some(time);
            return Ok(report);
        }
        if let Some(worker) = workers.iter().find(|worker| worker.kind() == kind) {
            let (tenant, payload) = record.value.split_first_chunk().ok_or(StoreError::Corrupt)?;
            let tenant = Tenant::from_bytes(*tenant);
            let due = Due { time, kind: worker.kind(), id, tenant, payload: payload.to_vec() };
            match step(store, *worker, &due, &key, Expect::At(record.revision), now) {
                Ok(()) => report.done += 1,
                Err(error) => report.failed.push((worker.kind(), error)),
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

fn parts(key: &RecordKey) -> Option<(Time, &str, [u8; 16])> {
    let mut segments = key.segments();
    match (segments.next()?, segments.next()?, segments.next()?) {
        (Segment::Number(time), Segment::Name(kind), Segment::Id(id)) => {
            Some((Time::from_millis(time), kind, id))
        }
        _ => None,
    }
}

impl fmt::Debug for dyn Worker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Worker({})", self.kind())
    }
}
