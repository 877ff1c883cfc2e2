use std::{path::Path, time::Duration};

use rusqlite::{Connection, ErrorCode, OpenFlags, config::DbConfig, hooks::Wal};

use crate::{
    OpenError,
    identity::{Mark, Origin},
};

/// Stands in the header of every file that [`SqliteStore::create`](crate::SqliteStore::create) made: `Strm`.
pub(crate) const APPLICATION_ID: i32 = 0x5374_726d;

/// The layout of our tables. Every later one keeps the column `strongroom_meta.schema_version`. A snapshot has a
/// further table that says what it is of, and a restored store one that says from when it is.
pub(crate) const VERSION: u32 = 1;

const TABLES: &str = "
    CREATE TABLE strongroom_meta (
        id INTEGER PRIMARY KEY CHECK (id = 1),
        schema_version INTEGER NOT NULL,
        store_id BLOB NOT NULL CHECK (length(store_id) = 16),
        history_id BLOB NOT NULL CHECK (length(history_id) = 16),
        reserved_revision INTEGER NOT NULL
    ) STRICT;
    CREATE TABLE strongroom_records (
        key BLOB NOT NULL PRIMARY KEY,
        value BLOB NOT NULL,
        revision INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;";

/// Pages of 4 KiB in the log after which it is written back into the database.
pub(crate) const CHECKPOINT_PAGES: i32 = 4_000;

/// The log is cut to this many bytes when it begins anew, after it grew under a reader that stayed long.
const LOG_LIMIT: u32 = 32 << 20;

/// How long a statement waits for other connections to the same file.
const PATIENCE: Duration = Duration::from_secs(5);

/// What a store knows of itself.
pub(crate) struct Meta {
    /// Tells this store from all others.
    pub(crate) store: [u8; 16],
    /// Tells this history from those of its copies.
    pub(crate) history: [u8; 16],
    /// All revisions below it may have been used.
    pub(crate) reserved: i64,
    /// What it is of, for a snapshot.
    pub(crate) mark: Option<Mark>,
    /// From when it is, for a restored store.
    pub(crate) restored: Option<Origin>,
}

impl Meta {
    /// The meta row of a store, which a snapshot is not.
    pub(crate) fn of_store(connection: &Connection) -> Result<Self, OpenError> {
        let meta = Self::read(connection)?;
        if meta.mark.is_some() { Err(OpenError::Snapshot) } else { Ok(meta) }
    }

    /// The meta row, after a check that this release knows the layout; nothing is written.
    pub(crate) fn read(connection: &Connection) -> Result<Self, OpenError> {
        let version: i64 = connection
            .query_row("SELECT schema_version FROM strongroom_meta", [], |row| row.get(0))
            .map_err(OpenError::unreadable)?;
        let found = u32::try_from(version).map_err(|_| OpenError::Damaged)?;
        match found {
            0 => return Err(OpenError::Damaged),
            VERSION => {}
            _ => return Err(OpenError::Newer { found, known: VERSION }),
        }
        let (mark, restored) = (Mark::read(connection)?, Origin::read(connection)?);
        let meta = connection
            .query_row("SELECT store_id, history_id, reserved_revision FROM strongroom_meta", [], |row| {
                Ok(Self { store: row.get(0)?, history: row.get(1)?, reserved: row.get(2)?, mark, restored })
            })
            .map_err(OpenError::unreadable)?;
        connection
            .prepare("SELECT key, value, revision FROM strongroom_records")
            .map_err(OpenError::unreadable)?;
        // No store ever counts up to half of all numbers, so that adding to the counter cannot overflow.
        if (1..i64::MAX / 2).contains(&meta.reserved) { Ok(meta) } else { Err(OpenError::Damaged) }
    }

    /// Whether tables of ours are in this database.
    pub(crate) fn exists(connection: &Connection) -> rusqlite::Result<bool> {
        const OURS: &str = "SELECT count(*) FROM sqlite_schema WHERE name GLOB 'strongroom_*'";
        connection.query_row(OURS, [], |row| row.get(0)).map(|count: i64| count > 0)
    }
}

/// Lays out our tables with new identities.
pub(crate) fn create_tables(connection: &Connection) -> Result<(), OpenError> {
    let (store, history) = (random_id()?, random_id()?);
    let transaction = connection.unchecked_transaction().map_err(OpenError::engine)?;
    transaction.execute_batch(TABLES).map_err(OpenError::engine)?;
    transaction
        .execute("INSERT INTO strongroom_meta VALUES (1, ?1, ?2, ?3, 1)", (VERSION, store, history))
        .map_err(OpenError::engine)?;
    transaction.commit().map_err(OpenError::engine)
}

pub(crate) fn random_id() -> Result<[u8; 16], OpenError> {
    let mut id = [0; 16];
    getrandom::fill(&mut id).map_err(OpenError::Random).map(|()| id)
}

/// Whether every page is sound: of all that is in a file of our own, and of our tables in an application's, whose
/// other tables may need functions that only the application has.
pub(crate) fn check(connection: &Connection, own: bool) -> Result<(), OpenError> {
    let checks: &[&str] = match own {
        true => &["PRAGMA integrity_check(1)"],
        false => &["PRAGMA integrity_check(strongroom_meta)", "PRAGMA integrity_check(strongroom_records)"],
    };
    checks.iter().try_for_each(|check| {
        let answer: String =
            connection.query_row(check, [], |row| row.get(0)).map_err(OpenError::unreadable)?;
        if answer == "ok" { Ok(()) } else { Err(OpenError::Damaged) }
    })
}

/// Turns on the write-ahead log; it stays on for this file.
pub(crate) fn use_log(connection: &Connection) -> Result<(), OpenError> {
    let mode: String = connection
        .pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get(0))
        .map_err(OpenError::engine)?;
    if mode == "wal" { Ok(()) } else { Err(OpenError::Unsupported) }
}

/// Whether closing a connection leaves the log as it is, or writes it back into the database and removes it.
pub(crate) fn keep_log(connection: &Connection, keep: bool) -> rusqlite::Result<()> {
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, keep).map(drop)
}

/// A connection that creates no file. Used by one thread at a time, so SQLite needs no mutex of its own.
pub(crate) fn connect(path: &Path, access: OpenFlags) -> rusqlite::Result<Connection> {
    let connection = Connection::open_with_flags(path, access | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    connection.busy_timeout(PATIENCE)?;
    connection.set_prepared_statement_cache_capacity(64);
    Ok(connection)
}

/// A commit is on the disk when it returns.
pub(crate) fn sync_writes(connection: &Connection) -> rusqlite::Result<()> {
    connection
        .execute_batch("PRAGMA synchronous = FULL; PRAGMA fullfsync = ON; PRAGMA checkpoint_fullfsync = ON;")
}

/// Makes a connection the one that writes: a commit is synced, and what is deleted is overwritten.
pub(crate) fn tune_writer(connection: &mut Connection) -> rusqlite::Result<()> {
    sync_writes(connection)?;
    connection.execute_batch(
        "PRAGMA secure_delete = ON; PRAGMA temp_store = MEMORY; PRAGMA cache_size = -65536;",
    )?;
    connection.pragma_update_and_check(None, "journal_size_limit", LOG_LIMIT, |_| Ok(()))?;
    connection.wal_hook(Some(checkpoint))
}

/// SQLite's own automatic checkpoint drops its errors. After a failed sync the next one may succeed without
/// having written, and the log would be overwritten: so the commit that met the error reports it.
fn checkpoint(wal: &mut Wal, pages: i32) -> rusqlite::Result<()> {
    if pages < CHECKPOINT_PAGES {
        return Ok(());
    }
    match wal.checkpoint() {
        // Another connection of the application is at it.
        Err(error) if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) => Ok(()),
        result => result,
    }
}
