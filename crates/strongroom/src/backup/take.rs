use std::{fs::File, io, path::Path, sync::Arc};

use strongroom_backup::{BackupError, Manifest, NewFile, Progress as Written, Recipient, SignerKey, write};
use strongroom_barrier::{OpenError, Report, Sealed};
use strongroom_core::{Base, Name, Store, StoreError, UseError};
use strongroom_store_sqlite::{Progress as Copied, Snapshot, SnapshotError, SqliteStore};

use super::{
    Progress, Step,
    database_signer::DatabaseSigner,
    files::{Passing, Scratch},
};
use crate::{Strongroom, sqlite};

/// What stands in a manifest for the embedded engine.
pub(super) const ENGINE: &str = "sqlite";

/// A backup was taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Taken {
    /// The backup's random id.
    pub id: [u8; 16],
    /// What it is of.
    pub manifest: Manifest,
    /// Who signed it.
    pub signer: SignerKey,
    /// Its length, in bytes.
    pub size: u64,
    /// What was found when every record of the copy was opened before it was encrypted. A backup of a database that is
    /// not sound is taken all the same: it holds what is left.
    pub check: Report,
}

/// A backup was not taken. There is nothing new at its path.
#[derive(Debug, thiserror::Error)]
pub enum TakeError {
    /// The store holds another database than the one that is open.
    #[error(
        "the store holds another database than the one that is open: pass the store that it was opened from"
    )]
    AnotherDatabase,
    /// The database is sealed, or cannot be read.
    #[error(transparent)]
    Database(#[from] OpenError),
    /// The key that signs cannot be used.
    #[error("the database's key for backups cannot be used")]
    Signer(#[source] UseError),
    /// The database cannot be copied.
    #[error(transparent)]
    Snapshot(#[from] SnapshotError),
    /// The copy cannot be read.
    #[error("the copy of the database cannot be read")]
    Copy(#[source] io::Error),
    /// The copy is no database, or cannot be looked into.
    #[error("the copy of the database cannot be checked")]
    Check(#[source] sqlite::OpenError),
    /// The backup cannot be written.
    #[error(transparent)]
    Backup(#[from] BackupError),
}

impl From<StoreError> for TakeError {
    fn from(error: StoreError) -> Self {
        Self::Database(error.into())
    }
}

/// Takes a backup of a database while it is in use, into a new file: everything as of one moment, encrypted to each of
/// the recipients, signed by the database's own key. `store` is what the room was opened from.
///
/// The file is for its owner only, and durable once this answers `Ok`. Before it is written, a copy is looked at as a
/// whole: [`Taken::check`]. Meanwhile snapshot and copy lie in the backup's folder, sealed as the database is: there has
/// to be room for both beside the backup. A process that is killed may leave files and folders there that begin with
/// `.strongroom-`, which are safe to remove.
///
/// # Errors
/// [`TakeError`]; [`BackupError::Exists`] if there is something at the path.
pub fn take(
    room: &Strongroom,
    store: &SqliteStore,
    recipients: &[Recipient],
    to: &Path,
    progress: &mut dyn FnMut(Progress),
) -> Result<Taken, TakeError> {
    let base = room.barrier().base();
    let provider = &*base.provider;
    let mut file = NewFile::create(provider, to)?;
    let database = database_of(Arc::new(room.barrier().clone()), &base)?;
    if database_of(Arc::new(store.clone()), &base)? != database {
        return Err(TakeError::AnotherDatabase);
    }
    // Before the snapshot, which so has the key that signs it.
    let signer = DatabaseSigner::of(base.clone()).map_err(TakeError::Signer)?;
    let key = SignerKey::of(&signer).map_err(TakeError::Signer)?;
    let (snapshot, mut copy, check) = snapshot(room, store, to, progress)?;
    let length = copy.metadata().map_err(TakeError::Copy)?.len();
    let manifest = manifest(database, &snapshot, length)?;
    let mut encrypted = |Written { done, total }| progress(Step::Encrypt.at(done, total));
    let written = write(provider, &signer, &manifest, recipients, &mut copy, &mut file, &mut encrypted)?;
    file.commit()?;
    Ok(Taken { id: written.id, manifest, signer: key, size: written.size, check })
}

/// The id of the database in a store, which stands there for everybody to read.
pub(super) fn database_of(store: Arc<dyn Store>, base: &Base) -> Result<[u8; 16], OpenError> {
    let sealed = Sealed::open(store, Arc::clone(&base.provider), Arc::clone(&base.clock))?;
    Ok(sealed.status()?.database)
}

/// A snapshot in a file that has no name any more, and what was found in it.
fn snapshot(
    room: &Strongroom,
    store: &SqliteStore,
    to: &Path,
    progress: &mut dyn FnMut(Progress),
) -> Result<(Snapshot, File, Report), TakeError> {
    let base = room.barrier().base();
    let passing = Passing::beside(&*base.provider, to);
    let mut copied = |Copied { done, total }| progress(Step::Snapshot.at(done, Some(total)));
    let snapshot = store.snapshot(passing.path(), base.clock.now(), &mut copied)?;
    let copy = File::open(passing.path()).map_err(TakeError::Copy)?;
    let check = check(room, passing.path(), snapshot.application, progress)?;
    Ok((snapshot, copy, check))
}

/// Opens every record of a snapshot, by a store made of it that goes away again.
fn check(
    room: &Strongroom,
    snapshot: &Path,
    application: bool,
    progress: &mut dyn FnMut(Progress),
) -> Result<Report, TakeError> {
    let base = room.barrier().base();
    let folder = snapshot.parent().unwrap_or(Path::new("."));
    let scratch = Scratch::within(&*base.provider, folder, ".strongroom-check").map_err(TakeError::Copy)?;
    let (path, now) = (scratch.path().join("copy.db"), base.clock.now());
    let store = match application {
        false => SqliteStore::restore(snapshot, &path, now).and_then(|_| SqliteStore::open(&path)),
        true => SqliteStore::restore_in(snapshot, &path, now).and_then(|_| SqliteStore::open_in(&path)),
    };
    let store = store.map_err(TakeError::Check)?;
    let report = room.fsck(&store, &mut |rows| progress(Step::Check.at(rows, None)))?;
    drop(store);
    scratch.remove().map_err(TakeError::Copy)?;
    Ok(report)
}

fn manifest(database: [u8; 16], snapshot: &Snapshot, length: u64) -> Result<Manifest, StoreError> {
    let Snapshot { store: _, history, revision, layout, taken_at, application: _ } = *snapshot;
    let engine = Name::parse(ENGINE).map_err(|_| StoreError::Invalid("a name"))?;
    Ok(Manifest { database, history, commit: revision.0, taken_at, engine, layout, length: Some(length) })
}
