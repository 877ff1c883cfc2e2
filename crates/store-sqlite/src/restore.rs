use std::{
    fs::{File, OpenOptions},
    io,
    path::Path,
};

use rusqlite::Connection;
use strongroom_core::Time;

use crate::{
    OpenError, SqliteStore,
    draft::Draft,
    identity::Origin,
    look::{examine_snapshot, look},
    open::connect,
    place::{existing, vacant},
    schema::{self, Meta},
    snapshot::Snapshot,
};

/// A restored store goes on this many revisions further. So what the lost part of its history gave away does not
/// come back either, unless it gave away more than so many.
const GAP: i64 = 1 << 32;

impl SqliteStore {
    /// Makes a store of a snapshot, in a new file; the snapshot stays as it is. The store gets a new history and
    /// says from when it is ([`SqliteStore::identity`]); its revisions go on growing. Open it afterwards. `now` is
    /// noted as the time.
    ///
    /// Either all of it is there afterwards, or nothing; a process that is killed may leave a
    /// `.strongroom-….partial` beside it, which is safe to remove.
    ///
    /// # Errors
    /// [`OpenError::Exists`] if there is something at the path, [`OpenError::NotASnapshot`],
    /// [`OpenError::Damaged`] if the snapshot is not sound, and as for [`SqliteStore::open`].
    pub fn restore(snapshot: impl AsRef<Path>, to: impl AsRef<Path>, now: Time) -> Result<Origin, OpenError> {
        restore(snapshot.as_ref(), to.as_ref(), now, true)
    }

    /// Does the same with the snapshot of an application's file, which is copied as a whole. Only what belongs to
    /// the store is checked. [`SqliteStore::open_in`] opens it.
    ///
    /// # Errors
    /// As for [`SqliteStore::restore`].
    pub fn restore_in(
        snapshot: impl AsRef<Path>,
        to: impl AsRef<Path>,
        now: Time,
    ) -> Result<Origin, OpenError> {
        restore(snapshot.as_ref(), to.as_ref(), now, false)
    }
}

fn restore(snapshot: &Path, to: &Path, now: Time, own: bool) -> Result<Origin, OpenError> {
    let (snapshot, to) = (existing(snapshot)?, vacant(to)?);
    // Only what is no store, and so open nowhere, is read past SQLite: that drops SQLite's locks on a file.
    look(&snapshot, |connection| examine_snapshot(connection, &snapshot, own))?;
    let draft = Draft::beside(&to)?;
    copy(&snapshot, draft.path()).map_err(OpenError::io)?;
    let origin = adopt(draft.path(), now, own).map_err(|error| match error {
        // The draft is ours to write: its header says otherwise.
        OpenError::Denied => OpenError::Damaged,
        other => other,
    })?;
    draft.publish(&to)?;
    Ok(origin)
}

fn copy(from: &Path, to: &Path) -> io::Result<()> {
    let mut to = OpenOptions::new().write(true).open(to)?;
    io::copy(&mut File::open(from)?, &mut to).map(drop)
}

/// Turns the copy of a snapshot into a store, after a check of all of it.
fn adopt(draft: &Path, now: Time, own: bool) -> Result<Origin, OpenError> {
    let connection = connect(draft)?;
    connection.execute_batch("PRAGMA locking_mode = EXCLUSIVE;").map_err(OpenError::engine)?;
    schema::sync_writes(&connection).map_err(OpenError::engine)?;
    let origin = examine_snapshot(&connection, draft, own)?.origin(now);
    schema::check(&connection, own)?;
    begin_history(&connection, &origin)?;
    // With the log last, nothing is in it when the file gets its name.
    schema::use_log(&connection)?;
    connection.close().map_err(|(_, error)| OpenError::engine(error))?;
    Ok(origin)
}

fn begin_history(connection: &Connection, origin: &Origin) -> Result<(), OpenError> {
    const BEGIN: &str = "UPDATE strongroom_meta SET history_id = ?1, reserved_revision = ?2";
    let reserved = Meta::read(connection)?.reserved + GAP;
    let history = schema::random_id()?;
    let transaction = connection.unchecked_transaction().map_err(OpenError::engine)?;
    origin
        .write(&transaction)
        .and_then(|()| transaction.execute(BEGIN, (history, reserved)))
        .and_then(|_| transaction.commit())
        .map_err(OpenError::engine)
}

impl Snapshot {
    fn origin(&self, restored_at: Time) -> Origin {
        let Self { store: _, history, revision, layout: _, taken_at, application: _ } = *self;
        Origin { history, revision, taken_at, restored_at }
    }
}
