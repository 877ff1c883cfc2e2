use std::path::{Path, PathBuf};

use rusqlite::{Connection, MAIN_DB, OpenFlags, Transaction, TransactionBehavior};

use crate::{
    OpenError, SqliteStore,
    draft::{Draft, clear},
    log,
    look::{examine, length, look},
    owner::Owner,
    place::{beside, existing, vacant},
    schema::{self, APPLICATION_ID, Meta},
};

impl SqliteStore {
    /// Creates a store in a new file, readable and writable by its owner only. Either all of it is there
    /// afterwards, or nothing.
    ///
    /// # Errors
    /// [`OpenError::Exists`] if there is a file of this name, whatever is in it, or the log of one that is gone.
    pub fn create(path: impl AsRef<Path>) -> Result<Self, OpenError> {
        let path = vacant(path.as_ref())?;
        let owner = Owner::of(&path)?;
        build(&path)?;
        start(path, owner)
    }

    /// Opens the file of a store that [`SqliteStore::create`] made. Any other file stays as it is.
    ///
    /// # Errors
    /// [`OpenError::NotFound`], [`OpenError::InUse`], [`OpenError::Foreign`], [`OpenError::Newer`],
    /// [`OpenError::Snapshot`], [`OpenError::Damaged`], and where the system fails.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, OpenError> {
        let path = existing(path.as_ref())?;
        look(&path, |connection| examine(connection, &path))?;
        let owner = Owner::of(&path)?;
        // What a crash within `create` may have left: a second name of the same file.
        clear(&beside(&path, DRAFT))?;
        start(path, owner)
    }

    /// Adds a store to the application's own SQLite file, in tables named `strongroom_*`, and turns on the
    /// write-ahead log there. The application goes on to use the file as it did before, but only this process
    /// opens the store.
    ///
    /// # Errors
    /// [`OpenError::Exists`] if the file has a store, [`OpenError::NotFound`] if there is no file,
    /// [`OpenError::Foreign`] if it is no SQLite database, and where the system fails.
    pub fn create_in(path: impl AsRef<Path>) -> Result<Self, OpenError> {
        let path = existing(path.as_ref())?;
        if look(&path, |connection| Meta::exists(connection).map_err(OpenError::engine))? {
            return Err(OpenError::Exists);
        }
        let owner = Owner::of(&path)?;
        lay_out(&path, false)?;
        start(path, owner)
    }

    /// Opens the store that [`SqliteStore::create_in`] added to a file of the application.
    ///
    /// # Errors
    /// [`OpenError::Foreign`] if there is no store in the file, and as for [`SqliteStore::open`].
    pub fn open_in(path: impl AsRef<Path>) -> Result<Self, OpenError> {
        let path = existing(path.as_ref())?;
        look(&path, |connection| match Meta::exists(connection).map_err(OpenError::engine)? {
            true => Meta::of_store(connection).map(drop),
            false => Err(OpenError::Foreign),
        })?;
        let owner = Owner::of(&path)?;
        start(path, owner)
    }
}

const DRAFT: &str = ".creating";

/// Builds a store under another name and links it to its own once it is complete.
fn build(path: &Path) -> Result<(), OpenError> {
    let draft = beside(path, DRAFT);
    clear(&draft)?;
    let draft = Draft::create(draft)?;
    lay_out(draft.path(), true)?;
    draft.publish(path)
}

fn lay_out(path: &Path, own: bool) -> Result<(), OpenError> {
    let connection = connect(path)?;
    schema::sync_writes(&connection).map_err(OpenError::engine)?;
    if own {
        connection.pragma_update(None, "application_id", APPLICATION_ID).map_err(OpenError::engine)?;
        // With the log last, nothing is in it when the file gets its name.
        schema::create_tables(&connection)?;
        schema::use_log(&connection)?;
    } else {
        // Connections of the application can keep the log from being turned on. There are no tables then.
        schema::use_log(&connection)?;
        schema::create_tables(&connection)?;
    }
    connection.close().map_err(|(_, error)| OpenError::engine(error))
}

/// A connection that may write.
pub(crate) fn connect(path: &Path) -> Result<Connection, OpenError> {
    let connection = schema::connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE).map_err(OpenError::engine)?;
    // SQLite opens a file for reading where it may not write.
    match connection.is_readonly(MAIN_DB) {
        Ok(false) => Ok(connection),
        Ok(true) => Err(OpenError::Denied),
        Err(error) => Err(OpenError::engine(error)),
    }
}

fn start(path: PathBuf, owner: Owner) -> Result<SqliteStore, OpenError> {
    let mut connection = connect(&path)?;
    schema::keep_log(&connection, true).map_err(OpenError::engine)?;
    let meta = Meta::of_store(&connection)?;
    schema::use_log(&connection)?;
    schema::tune_writer(&mut connection).map_err(OpenError::engine)?;
    let left = beside(&path, "-wal");
    if length(&left) > 0 {
        // No other connection adds to the log or empties it meanwhile.
        let alone = Transaction::new_unchecked(&connection, TransactionBehavior::Immediate)
            .map_err(OpenError::engine)?;
        log::write_again(&left).map_err(OpenError::io)?;
        alone.rollback().map_err(OpenError::engine)?;
    }
    schema::keep_log(&connection, false).map_err(OpenError::engine)?;
    SqliteStore::assemble(path, owner, connection, &meta).map_err(OpenError::engine)
}
