//! The limit of storage: a table of the same shape in plain rusqlite, with the settings of the store.

use std::path::Path;

use rusqlite::{Connection, OpenFlags, OptionalExtension};

use crate::Result;

/// As the store lays out its records.
const TABLE: &str = "CREATE TABLE records (
    key BLOB NOT NULL PRIMARY KEY, value BLOB NOT NULL, revision INTEGER NOT NULL) STRICT, WITHOUT ROWID;";

/// As the store sets up the connection that writes.
const WRITER: &str = "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA secure_delete = ON;
    PRAGMA temp_store = MEMORY; PRAGMA cache_size = -65536; PRAGMA wal_autocheckpoint = 4000;";

/// As the store sets up a connection that reads.
const READER: &str = "PRAGMA cache_size = -8192; PRAGMA temp_store = MEMORY;";

const PUT: &str = "INSERT INTO records (key, value, revision) VALUES (?1, ?2, ?3)";
const GET: &str = "SELECT value, revision FROM records WHERE key = ?1";

/// One connection to a table of records.
pub(crate) struct Plain(Connection);

impl Plain {
    /// A new file with an empty table.
    pub(crate) fn create(path: &Path) -> Result<Self> {
        let connection = Connection::open_with_flags(path, OpenFlags::default())?;
        connection.execute_batch(WRITER)?;
        connection.execute_batch(TABLE)?;
        Ok(Self(connection))
    }

    /// Another connection to a file, to read.
    pub(crate) fn read(path: &Path) -> Result<Self> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(path, flags)?;
        connection.execute_batch(READER)?;
        Ok(Self(connection))
    }

    /// One row; a commit of its own, unless a transaction was begun.
    pub(crate) fn put(&self, key: &[u8], value: &[u8]) -> Result<()> {
        self.0.prepare_cached(PUT)?.execute((key, value, 1))?;
        Ok(())
    }

    /// All that `work` puts, in one commit.
    pub(crate) fn together(&self, work: impl FnOnce(&Self) -> Result<()>) -> Result<()> {
        self.0.execute_batch("BEGIN")?;
        work(self)?;
        Ok(self.0.execute_batch("COMMIT")?)
    }

    /// The value and the revision of one row.
    pub(crate) fn get(&self, key: &[u8]) -> Result<Option<(Vec<u8>, i64)>> {
        let mut get = self.0.prepare_cached(GET)?;
        Ok(get.query_row([key], |row| Ok((row.get_ref(0)?.as_blob()?.to_vec(), row.get(1)?))).optional()?)
    }
}
