use rusqlite::{Connection, OptionalExtension, Row};
use strongroom_core::{Revision, Time};

use crate::OpenError;

/// Which store this is, and how far it is in its history.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Identity {
    /// Tells this store from all others, but not from its copies.
    pub store: [u8; 16],
    /// Which of the store's histories: one that was restored begins another one.
    pub history: [u8; 16],
    /// The commit counter: no commit so far has a greater revision, and every later one has.
    pub revision: Revision,
    /// The version of the layout of its tables.
    pub layout: u32,
    /// From when it is, if it was restored.
    pub restored: Option<Origin>,
}

/// The moment at which the snapshot was taken that a store was restored from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Origin {
    /// The history that the snapshot was taken in. What happened there afterwards is not in the store.
    pub history: [u8; 16],
    /// The commit counter at that moment.
    pub revision: Revision,
    /// When the snapshot was taken.
    pub taken_at: Time,
    /// When it was restored.
    pub restored_at: Time,
}

/// Stands in a snapshot and nowhere else: what it is of. A file with it is not opened as a store.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Mark {
    pub(crate) revision: Revision,
    pub(crate) taken_at: Time,
}

const MARK: &str = "
    CREATE TABLE strongroom_snapshot (
        id INTEGER PRIMARY KEY CHECK (id = 1),
        revision INTEGER NOT NULL,
        taken_at INTEGER NOT NULL
    ) STRICT;";

const ORIGIN: &str = "
    DROP TABLE strongroom_snapshot;
    DROP TABLE IF EXISTS strongroom_restored;
    CREATE TABLE strongroom_restored (
        id INTEGER PRIMARY KEY CHECK (id = 1),
        history_id BLOB NOT NULL CHECK (length(history_id) = 16),
        revision INTEGER NOT NULL,
        taken_at INTEGER NOT NULL,
        restored_at INTEGER NOT NULL
    ) STRICT;";

impl Mark {
    pub(crate) fn read(connection: &Connection) -> Result<Option<Self>, OpenError> {
        let row = |row: &Row<'_>| Ok((row.get(0)?, row.get(1)?));
        let found = optional(
            connection,
            "strongroom_snapshot",
            "SELECT revision, taken_at FROM strongroom_snapshot",
            row,
        )?;
        let read = |(at, taken): (i64, i64)| Ok(Self { revision: revision(at)?, taken_at: time(taken)? });
        found.map(read).transpose()
    }

    pub(crate) fn write(&self, connection: &Connection) -> rusqlite::Result<()> {
        connection.execute_batch(MARK)?;
        let row = (number(self.revision.0), number(self.taken_at.as_millis()));
        connection.execute("INSERT INTO strongroom_snapshot VALUES (1, ?1, ?2)", row).map(drop)
    }
}

impl Origin {
    pub(crate) fn read(connection: &Connection) -> Result<Option<Self>, OpenError> {
        let row = |row: &Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?));
        let found = optional(
            connection,
            "strongroom_restored",
            "SELECT history_id, revision, taken_at, restored_at FROM strongroom_restored",
            row,
        )?;
        let read = |(history, at, taken, restored): ([u8; 16], i64, i64, i64)| {
            let (taken_at, restored_at) = (time(taken)?, time(restored)?);
            Ok(Self { history, revision: revision(at)?, taken_at, restored_at })
        };
        found.map(read).transpose()
    }

    /// Takes the place of a snapshot's mark.
    pub(crate) fn write(&self, connection: &Connection) -> rusqlite::Result<()> {
        let Self { history, revision, taken_at, restored_at } = *self;
        connection.execute_batch(ORIGIN)?;
        let times = [taken_at, restored_at].map(|time| number(time.as_millis()));
        connection
            .execute(
                "INSERT INTO strongroom_restored VALUES (1, ?1, ?2, ?3, ?4)",
                (history, number(revision.0), times[0], times[1]),
            )
            .map(drop)
    }
}

/// The one row of a table that is there only in some files.
fn optional<T>(
    connection: &Connection,
    table: &str,
    select: &str,
    read: impl FnOnce(&Row<'_>) -> rusqlite::Result<T>,
) -> Result<Option<T>, OpenError> {
    const EXISTS: &str = "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = ?1";
    let tables: i64 =
        connection.query_row(EXISTS, [table], |row| row.get(0)).map_err(OpenError::unreadable)?;
    if tables == 0 {
        return Ok(None);
    }
    let row = connection.query_row(select, [], read).optional().map_err(OpenError::unreadable)?;
    row.ok_or(OpenError::Damaged).map(Some)
}

/// Revisions and times are far below the limit of SQLite's numbers, which ends what is not.
fn number(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn revision(number: i64) -> Result<Revision, OpenError> {
    u64::try_from(number).map(Revision).map_err(|_| OpenError::Damaged)
}

fn time(number: i64) -> Result<Time, OpenError> {
    u64::try_from(number).map(Time::from_millis).map_err(|_| OpenError::Damaged)
}
