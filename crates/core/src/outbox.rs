use std::{
    fmt,
    sync::{
        Mutex, MutexGuard, PoisonError, TryLockError,
        atomic::{AtomicU64, Ordering},
    },
};

use crate::{
    Action, Caller, Change, CommitError, Detail, Event, Reader, RecordKey, SealedStore, Segment, Service,
    StoreError, Table, Tenant, Time, commit, event_row,
};

/// Events that wait to be taken over by the audit log, under the system tenant: producer, then its counter.
pub(crate) const OUTBOX: Table = Table::new(0x0001);

/// Takes events on their way to the audit log. One per process and store: rows are keyed by the producer and its
/// counter, so that no row is written twice and none is hot.
///
/// - [`Outbox::put`] writes an event in the batch of the change that it tells of: an acknowledged change without its
///   event cannot exist.
/// - [`Outbox::record`] writes an event that belongs to no change; it is durable when the call returns.
/// - [`Outbox::buffer`] keeps an event in memory, which costs next to nothing, and [`Outbox::flush`] writes what is
///   there. What was not flushed is lost with the process. So it is for [`Class::Buffered`](crate::Class) alone, and
///   somebody has to flush: servers do every 100 ms, other programs call `Strongroom::tend_log` or `tend`.
///
/// The buffer is bounded. Once it is full, [`Full`] says that what the event tells of must not be answered; how many
/// were told so becomes an event itself. As soon as a flush succeeds there is room again.
pub struct Outbox {
    producer: [u8; 16],
    next: AtomicU64,
    buffer: Mutex<Buffer>,
    /// What is being written; whoever flushes holds it.
    flushing: Mutex<Vec<Row>>,
}

#[derive(Default)]
struct Buffer {
    events: Vec<Event>,
    /// Events of rows that are being written: they count as if they were still here.
    taken: usize,
    refused: u64,
    refused_since: Option<Time>,
}

/// Events under the key that they keep until their commit is known: writing them again writes the same row.
struct Row {
    key: RecordKey,
    bytes: Vec<u8>,
    events: Vec<Event>,
}

/// Rows of one commit: together they are smaller than a batch may be.
const ROWS: usize = 24;

/// No further event can be kept until the outbox is written to the store: what it tells of must not be answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no event can be kept until the store takes those that wait: try again later")]
pub struct Full;

impl Outbox {
    /// Events that wait in memory, at most: a store that takes two seconds for a commit refuses nothing at 65,000 events a
    /// second, and one that stands still is noticed soon after.
    pub const BUFFERED: usize = 131_072;

    /// An outbox under a random producer id.
    pub const fn new(producer: [u8; 16]) -> Self {
        let buffer = Buffer { events: Vec::new(), taken: 0, refused: 0, refused_since: None };
        Self {
            producer,
            next: AtomicU64::new(0),
            buffer: Mutex::new(buffer),
            flushing: Mutex::new(Vec::new()),
        }
    }

    /// Adds the event to the change.
    ///
    /// # Errors
    /// [`StoreError`], which the limits of an event exclude.
    pub fn put<T>(&self, change: &mut Change<T>, event: &Event) -> Result<(), StoreError> {
        let (key, bytes) = self.row(event)?;
        change.put(&key, &bytes);
        Ok(())
    }

    /// The record of an event, for a new database to begin with.
    ///
    /// # Errors
    /// As for [`Outbox::put`].
    pub fn row(&self, event: &Event) -> Result<(RecordKey, Vec<u8>), StoreError> {
        let (bytes, _) = event_row::write(std::slice::from_ref(event))?;
        Ok((self.next_key()?, bytes))
    }

    /// Writes an event that belongs to no change; it is durable when this returns.
    ///
    /// # Errors
    /// [`CommitError`]: then what the event tells of must not be answered as if it had been kept. After
    /// [`CommitError::Unknown`] it may be there.
    pub fn record(&self, store: &dyn SealedStore, event: &Event) -> Result<(), CommitError> {
        let (key, bytes) = self.row(event)?;
        commit(store, Tenant::SYSTEM, |reader| Ok(rows_change(reader, &[(&key, &bytes)])))
    }

    /// Keeps an event in memory until the next flush. Never waits for the store.
    ///
    /// # Errors
    /// [`Full`].
    pub fn buffer(&self, mut event: Event) -> Result<(), Full> {
        event.details.truncate(Event::DETAILS);
        let mut buffer = self.buffered();
        if buffer.events.len() + buffer.taken >= Self::BUFFERED {
            buffer.refused += 1;
            buffer.refused_since.get_or_insert(event.time);
            return Err(Full);
        }
        buffer.events.push(event);
        Ok(())
    }

    /// How many events wait in memory.
    pub fn waiting(&self) -> usize {
        let buffer = self.buffered();
        buffer.events.len() + buffer.taken
    }

    /// Whether nothing waits in memory.
    pub fn is_empty(&self) -> bool {
        let buffer = self.buffered();
        buffer.events.is_empty() && buffer.taken == 0 && buffer.refused == 0
    }

    /// Writes what waits in memory, in as few rows and commits as there is room for; answers how many events.
    /// `now` is the end of the time in which events were refused, if some were.
    ///
    /// # Errors
    /// [`CommitError`]: what was not written waits on. After [`CommitError::Unknown`], and after
    /// [`StoreError::Broken`], it is written again under the same keys, and appears twice only if somebody drained
    /// the rows in between.
    pub fn flush(&self, store: &dyn SealedStore, now: Time) -> Result<usize, CommitError> {
        let mut rows = self.flushing.lock().unwrap_or_else(PoisonError::into_inner);
        let mut written = 0;
        loop {
            if rows.is_empty() {
                *rows = self.rows(now)?;
            }
            if rows.is_empty() {
                return Ok(written);
            }
            let together = rows.len().min(ROWS);
            let next: Vec<_> =
                rows.iter().take(together).map(|row| (&row.key, row.bytes.as_slice())).collect();
            commit(store, Tenant::SYSTEM, |reader| Ok::<_, CommitError>(rows_change(reader, &next)))?;
            let events = rows.drain(..together).map(|row| row.events.len()).sum();
            let mut buffer = self.buffered();
            buffer.taken = buffer.taken.saturating_sub(events);
            written += events;
        }
    }

    /// Takes out what waits in memory: for a store that was closed before it was flushed. Never waits: what a flush is
    /// writing just now stays with it.
    pub fn take(&self) -> Vec<Event> {
        let mut taken = Vec::new();
        let rows = match self.flushing.try_lock() {
            Ok(rows) => Some(rows),
            Err(TryLockError::Poisoned(rows)) => Some(rows.into_inner()),
            Err(TryLockError::WouldBlock) => None,
        };
        let mut buffer = self.buffered();
        if let Some(mut rows) = rows {
            taken.extend(rows.drain(..).flat_map(|row| row.events));
            buffer.taken = 0;
        }
        taken.append(&mut buffer.events);
        taken
    }

    /// Takes all events out of the buffer and makes rows of them.
    fn rows(&self, now: Time) -> Result<Vec<Row>, StoreError> {
        let events = {
            let mut buffer = self.buffered();
            if let Some(lost) = buffer.lost(now) {
                buffer.events.push(lost);
            }
            buffer.taken = buffer.events.len();
            std::mem::take(&mut buffer.events)
        };
        let (mut rows, mut events) = (Vec::new(), events.into_iter());
        while !events.as_slice().is_empty() {
            let (bytes, count) = event_row::write(events.as_slice())?;
            let (key, events) = (self.next_key()?, events.by_ref().take(count).collect());
            rows.push(Row { key, bytes, events });
        }
        Ok(rows)
    }

    fn next_key(&self) -> Result<RecordKey, StoreError> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let segments = [Segment::Id(self.producer), Segment::Number(number)];
        Ok(RecordKey::new(Tenant::SYSTEM, OUTBOX, &segments)?)
    }

    fn buffered(&self) -> MutexGuard<'_, Buffer> {
        self.buffer.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Buffer {
    /// What tells of the events that were refused since the last time.
    fn lost(&mut self, now: Time) -> Option<Event> {
        let refused = std::mem::take(&mut self.refused);
        let since = self.refused_since.take()?;
        let event = Event::allowed(&Caller::system(), since, Service::Audit, Action::Lose, None);
        Some(event.with(Detail::Count(refused)).with(Detail::Until(now)))
    }
}

fn rows_change(reader: Reader<'_>, rows: &[(&RecordKey, &[u8])]) -> Change<()> {
    let mut change = reader.change(());
    rows.iter().for_each(|(key, bytes)| change.put(key, bytes));
    change
}

impl fmt::Debug for Outbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Outbox")
    }
}
