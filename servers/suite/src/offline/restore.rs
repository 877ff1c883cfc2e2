use std::{
    fs::{self, DirBuilder, File},
    io,
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
};

use serde_json::json;
use strongroom::{
    SqliteStore,
    backup::{self, Restored},
    core::KeyError,
};
use strongroom_sm_kms::{DATABASE, RunError};

use crate::dev::quoted;

use super::{
    OfflineError, Outcome,
    input::{From, recovery_key},
    shown::{Teller, hex, utc},
};

pub(super) const EXAMPLE: &str = "\
A restoration takes the recovery key, and the public key of the signer that whoever took the backup was told. There
has to be room for the database twice. The folder appears whole or not at all; a restoration that is killed may leave
a folder .strongroom-restore-… beside it, which is safe to remove. A server on the new folder is unsealed as the old
one was when the backup was taken: by the shares of that time.

  strongroom operator restore --from monday.backup --recovery-key recovery.key --signer strongroom-signer-… \\
    --data new";

#[derive(clap::Args)]
pub(crate) struct Restore {
    #[command(flatten)]
    from: From,
    /// The file of a recovery key that the backup was encrypted to
    #[arg(long, value_name = "FILE")]
    recovery_key: PathBuf,
    /// The new folder
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
}

impl Restore {
    pub(super) fn run(&self, json: bool) -> Result<Outcome, OfflineError> {
        let (signers, key) = (self.from.signers()?, recovery_key(&self.recovery_key)?);
        let (mut from, mut teller) = (self.from.open()?, Teller::new());
        if fs::symlink_metadata(&self.data).is_ok() {
            return Err(OfflineError::Exists(self.data.clone()));
        }
        let draft = Draft::beside(&self.data)?;
        let path = draft.0.join(DATABASE);
        let restored = backup::restore(&mut from, &key, &signers, &path, &mut |at| teller.tell(at))
            .map_err(|error| self.from.not_restored(error, &key))?;
        let history = history(&path, &restored)?;
        draft.becomes(&self.data)?;
        Ok(self.outcome(json, &restored, history))
    }

    fn outcome(&self, json: bool, restored: &Restored, history: [u8; 16]) -> Outcome {
        let (header, origin) = (&restored.verified.header, &restored.origin);
        let (data, taken) = (self.data.display().to_string(), utc(origin.taken_at));
        let value = json!({
            "data": data,
            "backup": hex(&header.id),
            "database": hex(&header.manifest.database),
            "taken_at": taken,
            "restored_at": utc(origin.restored_at),
            "commit": origin.revision.0,
            "history": hex(&history),
            "history_before": hex(&origin.history),
            "application": restored.application,
            "bytes": restored.verified.length,
        });
        Outcome::new(json, true, &value, || {
            format!(
                "Restored  into {data}\nFrom      {taken}, commit {}: what happened later is not in it\n\
                 Backup    {}\nDatabase  {}\nHistory   {}, a new one; before it {}\n\n{}",
                origin.revision.0,
                hex(&header.id),
                hex(&header.manifest.database),
                hex(&history),
                hex(&origin.history),
                if restored.application { APPLICATION.to_owned() } else { next(&quoted(&self.data)) },
            )
        })
    }
}

const APPLICATION: &str = "\
It is the file of an application that has a database in it: give it back to that application.
";

fn next(data: &str) -> String {
    format!(
        "Next:\n  1. See to it that no server runs on the old database.\n  2. Check it: strongroom operator fsck \
         --data {data} --share-file FILE\n  3. Start a server with --data {data} and unseal it with the shares of \
         that time.\n  4. Do again what was done after that time: keys that were rotated, disabled or deleted since are \
         as before.\n"
    )
}

/// The history that a restored database begins.
fn history(path: &Path, restored: &Restored) -> Result<[u8; 16], OfflineError> {
    let opened = if restored.application { SqliteStore::open_in(path) } else { SqliteStore::open(path) };
    let store = opened.map_err(|error| OfflineError::Database(RunError::Database(path.to_owned(), error)))?;
    Ok(store.identity()?.history)
}

/// A folder that gets its name when all is in it. Dropped before that, it is removed.
struct Draft(PathBuf);

impl Draft {
    fn beside(folder: &Path) -> Result<Self, OfflineError> {
        let mut random = [0; 8];
        getrandom::fill(&mut random).map_err(|_| KeyError::Random)?;
        let path = folder_of(folder).join(format!(".strongroom-restore-{}", hex(&random)));
        let made = DirBuilder::new().mode(0o700).create(&path);
        made.map_err(|error| OfflineError::Write(path.clone(), error))?;
        Ok(Self(path))
    }

    fn becomes(self, folder: &Path) -> Result<(), OfflineError> {
        let named = (|| {
            File::open(&self.0)?.sync_all()?;
            fs::rename(&self.0, folder)?;
            File::open(folder_of(folder))?.sync_all()
        })();
        named.map_err(|error: io::Error| match error.kind() {
            io::ErrorKind::DirectoryNotEmpty | io::ErrorKind::NotADirectory => {
                OfflineError::Exists(folder.to_owned())
            }
            _ => OfflineError::Write(folder.to_owned(), error),
        })
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// The folder that something is in.
pub(super) fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| *folder != Path::new("")).unwrap_or(Path::new("."))
}
