use std::{fs, io::Read, path::Path};

use strongroom_backup::{
    BackupError, Manifest, Progress as Decrypted, RecoveryKey, SignerKey, Verified, restore as restore_stream,
};
use strongroom_core::{Clock, SystemClock};
use strongroom_keys::{RustCrypto, SelfTestFailed};
use strongroom_store_sqlite::{OpenError, Origin, Snapshot, SqliteStore};

use super::{Progress, Step, files::Passing, take::ENGINE};

/// A database was restored. It is sealed, as it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Restored {
    /// The backup.
    pub verified: Verified,
    /// From when the database is. It says so itself, too: [`SqliteStore::identity`].
    pub origin: Origin,
    /// Whether it is in an application's file: then [`SqliteStore::open_in`] opens it.
    pub application: bool,
}

/// A database was not restored. There is nothing new at its path.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// This build or this machine computes wrongly.
    #[error(transparent)]
    SelfTest(#[from] SelfTestFailed),
    /// There is something at the path already, and it was left alone.
    #[error("there is something at the path already: choose another one")]
    Exists,
    /// The backup is damaged, of somebody else, or not for this key.
    #[error(transparent)]
    Backup(#[from] BackupError),
    /// The backup is of another engine.
    #[error("a backup of another engine: restore it with a version that has it")]
    Engine,
    /// What is inside is not what its signed manifest says.
    #[error("the backup holds something else than its manifest says: take another one")]
    Mismatch,
    /// What is inside cannot be made a store.
    #[error(transparent)]
    Store(#[from] OpenError),
}

/// Restores a backup to a new path: the signature of one of the `trusted` is checked, all of it decrypted, and the
/// copy checked before it gets its name. The database begins a new history, and says from when it is.
///
/// Meanwhile the folder has to have room for the database twice. A process that is killed leaves nothing at the path,
/// or all of it; it may leave files in the folder that begin with `.strongroom-`, which are safe to remove.
///
/// # Errors
/// [`RestoreError`].
pub fn restore(
    from: &mut dyn Read,
    key: &RecoveryKey,
    trusted: &[SignerKey],
    to: &Path,
    progress: &mut dyn FnMut(Progress),
) -> Result<Restored, RestoreError> {
    if fs::symlink_metadata(to).is_ok() {
        return Err(RestoreError::Exists);
    }
    let provider = RustCrypto::tested()?;
    let passing = Passing::beside(&provider, to);
    let mut decrypted = |Decrypted { done, total }| progress(Step::Decrypt.at(done, total));
    let verified = restore_stream(&provider, key, trusted, from, passing.path(), &mut decrypted)?;
    let snapshot = inside(&verified.header.manifest, passing.path())?;
    let (now, at) = (SystemClock.now(), passing.path());
    let origin = match snapshot.application {
        false => SqliteStore::restore(at, to, now),
        true => SqliteStore::restore_in(at, to, now),
    };
    let origin = origin.map_err(|error| match error {
        OpenError::Exists => RestoreError::Exists,
        other => other.into(),
    })?;
    Ok(Restored { verified, origin, application: snapshot.application })
}

/// The snapshot in a file, which has to be the one of the manifest.
fn inside(manifest: &Manifest, path: &Path) -> Result<Snapshot, RestoreError> {
    if manifest.engine.as_str() != ENGINE {
        return Err(RestoreError::Engine);
    }
    let snapshot = Snapshot::inspect(path)?;
    let Snapshot { store: _, history, revision, layout, taken_at, application: _ } = snapshot;
    let said = (manifest.history, manifest.commit, manifest.layout, manifest.taken_at);
    if (history, revision.0, layout, taken_at) == said { Ok(snapshot) } else { Err(RestoreError::Mismatch) }
}
