use crate::{
    CommitError, Direction, Event, Range, Reader, Record, RecordKey, Revision, SealedStore, StoreError,
    Table, Tenant, event_row, outbox::OUTBOX,
};

/// Events that lie in the outbox under one key, as one commit wrote them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting {
    /// Where they lie: whoever takes them over deletes it in the commit that keeps them.
    pub key: RecordKey,
    /// The commit that wrote them, and the change that they tell of, if they tell of one.
    pub revision: Revision,
    /// The events, at least one.
    pub events: Vec<Event>,
    encoded: event_row::Encoded,
}

impl Waiting {
    /// The bytes of the event at this place, as [`Event::to_bytes`] makes them.
    pub fn event_bytes(&self, at: usize) -> Option<&[u8]> {
        self.encoded.event(at)
    }
}

/// At most `limit` rows of the outbox, in the order of the commits that wrote them. What was committed later may still
/// come before what is not among them.
///
/// # Errors
/// [`StoreError`]; [`StoreError::Corrupt`] for a row that holds no events.
pub fn waiting(store: &dyn SealedStore, limit: usize) -> Result<Vec<Waiting>, StoreError> {
    read(&mut Reader::new(store, Tenant::SYSTEM), limit)
}

/// Rows of the outbox as [`waiting`] gives them, until they have at least so many events; at most `limit` rows. Also
/// whether there may be further ones. Each row is read once, in few scans whether a row has one event or many.
///
/// # Errors
/// As for [`waiting`].
pub fn waiting_events(
    store: &dyn SealedStore,
    events: usize,
    limit: usize,
) -> Result<(Vec<Waiting>, bool), StoreError> {
    let mut reader = Reader::new(store, Tenant::SYSTEM);
    let mut range = Range::under(Tenant::SYSTEM, OUTBOX, &[])?;
    let (mut rows, mut further, mut page, mut found) = (Vec::new(), true, FULL_ROWS, 0);
    while further && found < events && rows.len() < limit {
        let size = page.min(limit - rows.len());
        let next = read_range(&mut reader, &range, size)?;
        further = next.len() == size;
        found += next.iter().map(|row| row.events.len()).sum::<usize>();
        if let Some(last) = next.last() {
            range = range.after(&last.key)?;
        }
        rows.extend(next);
        page *= 8;
    }
    Ok((in_order(rows), further))
}

/// Rows that are looked at first: a few, as if they were full of events.
const FULL_ROWS: usize = 8;

/// What the audit logs of a database have in common: one row under the system tenant. Once it is there, events go into
/// the log and nowhere else.
pub const AUDIT_LOG: Table = Table::new(0x0400);

/// Events were not handed over; they stay.
#[derive(Debug, thiserror::Error)]
pub enum DrainError {
    /// The database has an audit log, which takes them over: it would miss what is handed to somebody else.
    #[error("the database has an audit log: events are taken over by that and by nothing else")]
    Logged,
    /// It could not be committed.
    #[error(transparent)]
    Commit(#[from] CommitError),
}

impl From<StoreError> for DrainError {
    fn from(error: StoreError) -> Self {
        Self::Commit(error.into())
    }
}

/// Hands at most `limit` (up to 400) waiting rows to `sink` and removes them, in one commit; answers how many events.
/// After a crash in between, `sink` sees them again. For databases without an audit log: while one is made at the same
/// moment, nothing is removed.
///
/// # Errors
/// [`DrainError`]; the events stay.
pub fn drain(
    store: &dyn SealedStore,
    limit: usize,
    sink: &mut dyn FnMut(&Event),
) -> Result<usize, DrainError> {
    let mut reader = Reader::new(store, Tenant::SYSTEM);
    // The commit expects that there is still none.
    let log = RecordKey::new(Tenant::SYSTEM, AUDIT_LOG, &[]).map_err(StoreError::from)?;
    if reader.get(&log)?.is_some() {
        return Err(DrainError::Logged);
    }
    let rows = read(&mut reader, limit.min(400))?;
    if rows.is_empty() {
        return Ok(0);
    }
    rows.iter().flat_map(|row| &row.events).for_each(sink);
    let mut change = reader.change(rows.iter().map(|row| row.events.len()).sum());
    rows.iter().for_each(|row| change.delete(&row.key));
    Ok(change.commit(store)?)
}

fn read(reader: &mut Reader<'_>, limit: usize) -> Result<Vec<Waiting>, StoreError> {
    let range = Range::under(Tenant::SYSTEM, OUTBOX, &[])?;
    read_range(reader, &range, limit).map(in_order)
}

/// Rows in the order of their keys.
fn read_range(reader: &mut Reader<'_>, range: &Range, limit: usize) -> Result<Vec<Waiting>, StoreError> {
    let row = |(key, record): (RecordKey, Record)| {
        let (events, encoded) = event_row::read(record.value)?;
        Ok(Waiting { key, revision: record.revision, events, encoded })
    };
    reader.scan(range, Direction::Forward, limit)?.into_iter().map(row).collect()
}

/// The keys of one producer are in its own order: a stable sort keeps it.
fn in_order(mut rows: Vec<Waiting>) -> Vec<Waiting> {
    rows.sort_by_key(|row| row.revision);
    rows
}
