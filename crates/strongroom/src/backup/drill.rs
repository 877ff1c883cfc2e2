use std::{
    collections::BTreeSet,
    io::{self, Read},
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use strongroom_backup::{RecoveryKey, SignerKey};
use strongroom_barrier::{OpenError, Report, Sealed, Status, Unlock, UnsealError};
use strongroom_core::{StoreError, SystemClock, Tenant};
use strongroom_keys::RustCrypto;
use strongroom_store_sqlite::SqliteStore;

use super::{
    Progress, RestoreError, Restored, Step, Trial, files::Scratch, restore::restore, trial::try_rings,
};
use crate::Strongroom;

/// What a drill showed: the backup restores, and unseals.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Drilled {
    /// The backup, and from when the database in it is.
    pub restored: Restored,
    /// What the database tells without its keys: its ways in, among others.
    pub status: Status,
    /// What was found where every record was opened.
    pub check: Report,
    /// One operation of a ring of every kind that there is.
    pub trials: Vec<Trial>,
    /// How long it took to restore.
    pub restoring: Duration,
    /// How long it took to unseal.
    pub unsealing: Duration,
    /// How long it took to check, and to try the rings.
    pub checking: Duration,
}

impl Drilled {
    /// Whether nothing is wrong: otherwise the drill has failed.
    pub fn is_sound(&self) -> bool {
        self.check.is_sound() && self.trials.iter().all(|trial| trial.works != Some(false))
    }
}

/// A drill came to no result.
#[derive(Debug, thiserror::Error)]
pub enum DrillError {
    /// The backup does not restore.
    #[error(transparent)]
    Restore(#[from] RestoreError),
    /// What was restored does not open.
    #[error(transparent)]
    Store(#[from] strongroom_store_sqlite::OpenError),
    /// What was restored holds no database.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The database does not unseal in this way.
    #[error(transparent)]
    Unseal(#[from] UnsealError),
    /// The database cannot be read.
    #[error(transparent)]
    Read(#[from] StoreError),
    /// The folder for it cannot be made or removed.
    #[error("the folder for the drill cannot be made or removed")]
    Scratch(#[source] io::Error),
}

/// How long sealing may take: nothing else works on the database.
const PATIENCE: Duration = Duration::from_secs(10);

/// Rehearses the worst day: restores a backup into a new folder within `scratch`, unseals it in this one way, such as
/// by shares alone, opens every record, uses a ring of every kind, reports, and removes everything. The backup and the database that it is of
/// stay as they are.
///
/// The folder is for its owner only. A process that is killed leaves it, named `strongroom-drill-…`.
///
/// # Errors
/// [`DrillError`]; everything is removed then, too.
pub fn drill(
    from: &mut dyn Read,
    key: &RecoveryKey,
    trusted: &[SignerKey],
    unlock: &Unlock<'_>,
    scratch: &Path,
    progress: &mut dyn FnMut(Progress),
) -> Result<Drilled, DrillError> {
    let scratch =
        Scratch::within(&RustCrypto::new(), scratch, "strongroom-drill").map_err(DrillError::Scratch)?;
    let path = scratch.path().join("drill.db");
    let began = Instant::now();
    let restored = restore(from, key, trusted, &path, progress)?;
    let restoring = began.elapsed();

    let began = Instant::now();
    let store = match restored.application {
        false => SqliteStore::open(&path)?,
        true => SqliteStore::open_in(&path)?,
    };
    let sealed = Sealed::open(Arc::new(store.clone()), Arc::new(RustCrypto::new()), Arc::new(SystemClock))?;
    let (status, room) = (sealed.status()?, Strongroom::of(sealed.unseal(unlock)?));
    let unsealing = began.elapsed();
    if status.database != restored.verified.header.manifest.database {
        return Err(RestoreError::Mismatch.into());
    }

    let began = Instant::now();
    let check = room.fsck(&store, &mut |rows| progress(Step::Check.at(rows, None)))?;
    let tenants: BTreeSet<Tenant> = check.counts.keys().map(|place| place.tenant).collect();
    let trials = try_rings(&room, tenants.into_iter())?;
    let checking = began.elapsed();
    // Nobody else is inside; keys are wiped in any case when the last clone goes.
    let _ = room.seal(PATIENCE);
    drop((room, sealed, store));
    scratch.remove().map_err(DrillError::Scratch)?;
    Ok(Drilled { restored, status, check, trials, restoring, unsealing, checking })
}
