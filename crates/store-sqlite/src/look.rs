use std::{fs, path::Path};

use rusqlite::Connection;

use crate::{
    OpenError,
    open::connect,
    place::beside,
    schema::{self, APPLICATION_ID, Meta},
    snapshot::Snapshot,
};

/// Looks into a file that may belong to somebody else, and leaves it and its folder as they are.
///
/// Only SQLite opens the database: closing a file drops all locks that this process has on it, also those of
/// other connections. A connection that may write removes the log that it made when it closes; a read-only one
/// would leave it there. A log that was there before belongs to the file, and is not written back. Where there
/// is no shared memory nobody uses the log, and a connection that is alone makes none.
pub(crate) fn look<T>(
    path: &Path,
    look: impl FnOnce(&Connection) -> Result<T, OpenError>,
) -> Result<T, OpenError> {
    let keep_log = beside(path, "-wal").exists();
    let alone = !beside(path, "-shm").exists();
    let connection = connect(path)?;
    schema::keep_log(&connection, keep_log).map_err(OpenError::engine)?;
    if alone {
        connection
            .pragma_update_and_check(None, "locking_mode", "EXCLUSIVE", |_| Ok(()))
            .map_err(OpenError::engine)?;
    }
    look(&connection)
}

/// Whether this is a store in a file of its own that this release can open.
pub(crate) fn examine(connection: &Connection, path: &Path) -> Result<(), OpenError> {
    examine_file(connection, path, true)?;
    Meta::of_store(connection).map(drop)
}

/// What a snapshot is of: one of a store in a file of its own, or in an application's.
pub(crate) fn examine_snapshot(
    connection: &Connection,
    path: &Path,
    own: bool,
) -> Result<Snapshot, OpenError> {
    examine_file(connection, path, own)?;
    let Meta { store, history, mark, .. } = Meta::read(connection)?;
    let mark = mark.ok_or(OpenError::NotASnapshot)?;
    // A snapshot is one file: a log beside it is not its own.
    if length(&beside(path, "-wal")) > 0 {
        Err(OpenError::Foreign)
    } else {
        Ok(Snapshot::new(store, history, mark, own))
    }
}

fn examine_file(connection: &Connection, path: &Path, own: bool) -> Result<(), OpenError> {
    // Our files use the log from their first moment on. SQLite would write such a journal back into the file.
    if length(&beside(path, "-journal")) > 0 {
        return Err(OpenError::Foreign);
    }
    let number = |pragma| connection.pragma_query_value(None, pragma, |row| row.get::<_, i64>(0));
    if own && number("application_id").map_err(OpenError::engine)? != i64::from(APPLICATION_ID) {
        return Err(OpenError::Foreign);
    }
    // As long as there is a log, pages may be there and not yet in the database.
    let [count, size] =
        ["page_count", "page_size"].map(|pragma| number(pragma).map_err(OpenError::unreadable));
    let pages = count?.saturating_mul(size?);
    let cut = length(path) < pages.unsigned_abs() && length(&beside(path, "-wal")) == 0;
    match Meta::exists(connection).map_err(OpenError::unreadable)? {
        true if !cut => Ok(()),
        false if !own => Err(OpenError::Foreign),
        _ => Err(OpenError::Damaged),
    }
}

pub(crate) fn length(path: &Path) -> u64 {
    fs::metadata(path).map_or(0, |metadata| metadata.len())
}
