use std::path::Path;

use rusqlite::{
    Connection, OpenFlags,
    backup::{Backup, StepResult},
};
use strongroom_core::{Revision, StoreError, Time};

use crate::{
    OpenError, SnapshotError, SqliteStore,
    draft::Draft,
    error::engine,
    identity::Mark,
    look::{examine_snapshot, look},
    open::connect,
    place::{existing, vacant},
    schema::{self, APPLICATION_ID, VERSION},
};

/// What a snapshot is of: a moment in the history of a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Snapshot {
    /// The store.
    pub store: [u8; 16],
    /// Which of the store's histories.
    pub history: [u8; 16],
    /// The commit counter: every commit up to this revision is in it, and no later one.
    pub revision: Revision,
    /// The version of the layout of its tables.
    pub layout: u32,
    /// When it was taken.
    pub taken_at: Time,
    /// Whether it is of an application's file, in which a store is.
    pub application: bool,
}

/// How far a snapshot is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// How much of the file is copied, in bytes.
    pub done: u64,
    /// The length of the file, in bytes.
    pub total: u64,
}

/// Pages that are copied at once.
const STEP: i32 = 256;

impl SqliteStore {
    /// Copies the store as of one moment into a new file, while others go on to read and commit: every commit that
    /// was answered before the call is in it, and of each commit all or nothing. `now` is noted as its time.
    ///
    /// The file is for its owner only, checked, and durable once this answers `Ok`. It is not opened as a store:
    /// [`SqliteStore::restore`] makes one of it. The file of an application is copied as a whole, with all that the
    /// application keeps there. Values are as the store has them, sealed by the barrier above it.
    ///
    /// The log grows meanwhile, as nothing of it can be written back that is newer than the copy, and a scrub has
    /// to wait. On an error there is nothing new at the path; a process that is killed may leave a
    /// `.strongroom-….partial` beside it, which is safe to remove.
    ///
    /// # Errors
    /// [`SnapshotError::Store`] if the store cannot be read, also for a thread that holds a transaction, and
    /// [`SnapshotError::Copy`]: with [`OpenError::Exists`] if there is something at the path, and with
    /// [`OpenError::Damaged`] if the copy is not sound, as the store is not then.
    pub fn snapshot(
        &self,
        to: impl AsRef<Path>,
        now: Time,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<Snapshot, SnapshotError> {
        let to = vacant(to.as_ref())?;
        let draft = Draft::beside(&to)?;
        let source = schema::connect(self.path(), OpenFlags::SQLITE_OPEN_READ_ONLY).map_err(engine)?;
        let revision = self.stand_still(|| begin(&source))?;
        copy(&source, draft.path(), progress)?;
        drop(source);
        self.shorten_log();
        let mark = Mark { revision, taken_at: now };
        let own = finish(draft.path(), mark)?;
        draft.publish(&to)?;
        let (store, history) = self.ids();
        Ok(Snapshot::new(store, history, mark, own))
    }
}

impl Snapshot {
    /// Reads what the snapshot in a file says of itself. The file stays as it is.
    ///
    /// # Errors
    /// [`OpenError::NotASnapshot`] for a store, and as for [`SqliteStore::open`].
    pub fn inspect(path: impl AsRef<Path>) -> Result<Self, OpenError> {
        let path = existing(path.as_ref())?;
        look(&path, |connection| {
            let own = is_own(connection)?;
            examine_snapshot(connection, &path, own)
        })
    }
}

/// Takes hold of the moment that is copied.
fn begin(source: &Connection) -> Result<(), StoreError> {
    // The first read takes the snapshot. While it is held, the copy never begins anew.
    source.execute_batch("BEGIN; SELECT schema_version FROM strongroom_meta;").map_err(engine)
}

fn copy(source: &Connection, draft: &Path, progress: &mut dyn FnMut(Progress)) -> Result<(), OpenError> {
    let mut target = connect(draft)?;
    // The draft counts for nothing until it is synced as a whole.
    target
        .execute_batch("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;")
        .map_err(OpenError::engine)?;
    let size: i64 =
        source.pragma_query_value(None, "page_size", |row| row.get(0)).map_err(OpenError::engine)?;
    let backup = Backup::new(source, &mut target).map_err(OpenError::engine)?;
    loop {
        let step = backup.step(STEP).map_err(OpenError::engine)?;
        let bytes = |pages: i32| u64::from(pages.unsigned_abs()) * size.unsigned_abs();
        let pages = backup.progress();
        progress(Progress { done: bytes(pages.pagecount - pages.remaining), total: bytes(pages.pagecount) });
        match step {
            StepResult::More => {}
            StepResult::Done => return Ok(()),
            // Nobody else has the draft open, and the lock on the store is held.
            _ => return Err(OpenError::InUse),
        }
    }
}

/// Checks a copy and marks it as a snapshot. Answers whether the store is in a file of its own.
fn finish(draft: &Path, mark: Mark) -> Result<bool, OpenError> {
    let connection = connect(draft)?;
    // Without the log, which the copy says that it has, the snapshot is one file.
    connection
        .execute_batch(
            "PRAGMA locking_mode = EXCLUSIVE; PRAGMA synchronous = OFF; PRAGMA journal_mode = DELETE;",
        )
        .map_err(OpenError::engine)?;
    let own = is_own(&connection)?;
    schema::check(&connection, own)?;
    let transaction = connection.unchecked_transaction().map_err(OpenError::engine)?;
    mark.write(&transaction).and_then(|()| transaction.commit()).map_err(OpenError::engine)?;
    connection.close().map_err(|(_, error)| OpenError::engine(error))?;
    Ok(own)
}

/// Whether this is a file of ours, and not an application's.
fn is_own(connection: &Connection) -> Result<bool, OpenError> {
    let id: i64 =
        connection.pragma_query_value(None, "application_id", |row| row.get(0)).map_err(OpenError::engine)?;
    Ok(id == i64::from(APPLICATION_ID))
}

impl Snapshot {
    pub(crate) fn new(store: [u8; 16], history: [u8; 16], mark: Mark, own: bool) -> Self {
        let Mark { revision, taken_at } = mark;
        Self { store, history, revision, layout: VERSION, taken_at, application: !own }
    }
}
