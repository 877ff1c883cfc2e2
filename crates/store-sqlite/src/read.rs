use std::{
    path::PathBuf,
    sync::{
        Mutex, MutexGuard, PoisonError, TryLockError,
        atomic::{AtomicUsize, Ordering},
    },
};

use rusqlite::{CachedStatement, Connection, OpenFlags, OptionalExtension, Row};
use strongroom_core::{Direction, Range, Record, RecordKey, Revision, StoreError};
use zeroize::Zeroizing;

use crate::{error::engine, schema};

/// At most this many threads read at once; each has a connection of its own.
const READERS: usize = 8;

const GET: &str = "SELECT value, revision FROM strongroom_records WHERE key = ?1";
const FORWARD: &str = "SELECT value, revision, key FROM strongroom_records
    WHERE key >= ?1 AND key < ?2 ORDER BY key LIMIT ?3";
const BACKWARD: &str = "SELECT value, revision, key FROM strongroom_records
    WHERE key >= ?1 AND key < ?2 ORDER BY key DESC LIMIT ?3";

/// Connections that only read. One is opened when all others are in use.
#[derive(Debug)]
pub(crate) struct Readers {
    path: PathBuf,
    slots: [Mutex<Option<Connection>>; READERS],
    next: AtomicUsize,
}

impl Readers {
    pub(crate) fn new(path: PathBuf) -> Self {
        Self { path, slots: Default::default(), next: AtomicUsize::new(0) }
    }

    /// The records under these keys as of one moment.
    pub(crate) fn get_many(&self, keys: &[RecordKey]) -> Result<Vec<Option<Record>>, StoreError> {
        self.with(|connection| {
            if keys.len() > 1 {
                // The first statement takes the snapshot, for all that follow.
                connection.prepare_cached("BEGIN").and_then(|mut begin| begin.execute([])).map_err(engine)?;
            }
            let mut find = connection.prepare_cached(GET).map_err(engine)?;
            keys.iter().map(|key| get(&mut find, key)).collect()
        })
    }

    /// A page of a range, by one statement and so as of one moment.
    pub(crate) fn scan(
        &self,
        range: &Range,
        direction: Direction,
        limit: usize,
    ) -> Result<Vec<(RecordKey, Record)>, StoreError> {
        let (start, end) = range.bounds();
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let page = match direction {
            Direction::Forward => FORWARD,
            Direction::Backward => BACKWARD,
        };
        self.with(|connection| {
            let mut page = connection.prepare_cached(page).map_err(engine)?;
            let mut rows = page.query((start, end, limit)).map_err(engine)?;
            let mut found = Vec::new();
            while let Some(row) = rows.next().map_err(engine)? {
                let (record, key) = (record(row).map_err(engine)?, row.get(2).map_err(engine)?);
                found.push((RecordKey::from_bytes(key)?, record?));
            }
            Ok(found)
        })
    }

    fn with<T>(&self, read: impl FnOnce(&Connection) -> Result<T, StoreError>) -> Result<T, StoreError> {
        let mut slot = self.slot();
        let connection = match slot.take() {
            Some(connection) => connection,
            None => self.connect().map_err(engine)?,
        };
        let result = read(&connection);
        // A connection that cannot leave its snapshot is closed instead.
        if connection.is_autocommit() || connection.execute_batch("ROLLBACK").is_ok() {
            *slot = Some(connection);
        }
        result
    }

    /// The first slot that is free, or a turn at one that is not.
    fn slot(&self) -> MutexGuard<'_, Option<Connection>> {
        // A connection is out of its slot while it is used, so a panic leaves an empty one.
        let free = self.slots.iter().find_map(|slot| match slot.try_lock() {
            Ok(slot) => Some(slot),
            Err(TryLockError::Poisoned(slot)) => Some(slot.into_inner()),
            Err(TryLockError::WouldBlock) => None,
        });
        let [first, ..] = &self.slots;
        free.unwrap_or_else(|| {
            let turn = self.next.fetch_add(1, Ordering::Relaxed) % READERS;
            self.slots.get(turn).unwrap_or(first).lock().unwrap_or_else(PoisonError::into_inner)
        })
    }

    fn connect(&self) -> rusqlite::Result<Connection> {
        let connection = schema::connect(&self.path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
        connection.execute_batch("PRAGMA cache_size = -8192; PRAGMA temp_store = MEMORY;")?;
        Ok(connection)
    }
}

fn get(find: &mut CachedStatement<'_>, key: &RecordKey) -> Result<Option<Record>, StoreError> {
    find.query_row([key.as_bytes()], record).optional().map_err(engine)?.transpose()
}

/// The value and the revision in the first two columns.
fn record(row: &Row<'_>) -> rusqlite::Result<Result<Record, StoreError>> {
    let value = Zeroizing::new(row.get_ref(0)?.as_blob()?.to_vec());
    let revision = u64::try_from(row.get::<_, i64>(1)?).map(Revision).map_err(|_| StoreError::Corrupt);
    Ok(revision.map(|revision| Record { value, revision }))
}
