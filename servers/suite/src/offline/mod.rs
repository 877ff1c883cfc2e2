//! What an operator does without a running server: keys for backups, the way back from one, and looking whether all
//! is sound.

mod copy;
mod drill;
pub(crate) mod fsck;
mod input;
mod recovery_key;
mod restore;
pub(crate) mod shown;
mod verify;

use std::{
    io::{self, Write},
    path::PathBuf,
    process::ExitCode,
};

use clap::Subcommand;
use strongroom::{
    StoreError,
    backup::{BackupError, DrillError, KeyTextError, RestoreError},
    barrier::{CopyError, OpenError, ShareError, ShortPassphrase, UnsealError},
    core::KeyError,
    keys::{SelfTestFailed, self_test},
};
use strongroom_serve::{DEEP, wiping_stack};
use strongroom_sm_kms::{PlaceError, RunError, SecretFileError};

#[derive(Subcommand)]
pub(crate) enum Offline {
    /// Make the key that opens backups, and print its public half, which backups are encrypted to
    #[command(after_help = recovery_key::EXAMPLE)]
    RecoveryKey(recovery_key::MakeRecoveryKey),
    /// Restore a backup into a new folder, which a server is then started on
    #[command(after_help = restore::EXAMPLE)]
    Restore(restore::Restore),
    /// Rehearse a restoration: restore, unseal, check and use everything in a temporary folder, and remove it
    #[command(after_help = drill::EXAMPLE)]
    Drill(drill::Drill),
    /// Copy the database of a stopped server to another engine, sealed as it is, and read it back
    #[command(after_help = copy::EXAMPLE)]
    Copy(copy::Copy),
    /// Look whether the database of a stopped server is sound; the exit code is 0 if it is, 1 if not
    #[command(after_help = fsck::EXAMPLE)]
    Fsck(fsck::Fsck),
    /// Check a backup without its recovery key: that it is whole, unchanged and signed by the right database
    #[command(after_help = verify::EXAMPLE)]
    VerifyBackup(verify::VerifyBackup),
}

/// It was not done.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OfflineError {
    #[error(transparent)]
    SelfTest(#[from] SelfTestFailed),
    #[error("{} cannot be read", .0.display())]
    Read(PathBuf, #[source] io::Error),
    #[error("{} cannot be written", .0.display())]
    Write(PathBuf, #[source] io::Error),
    #[error("everybody may read {}: run chmod 600 on it", .0.display())]
    Public(PathBuf),
    #[error("{} is too long for a key or a share: is it the right file?", .0.display())]
    TooLong(PathBuf),
    #[error("there is something at {} already, and it was left alone: choose another path", .0.display())]
    Exists(PathBuf),
    #[error("{} is no recovery key", .0.display())]
    RecoveryKey(PathBuf, #[source] KeyTextError),
    #[error("what --signer names is not the public key of a signer, strongroom-signer-…")]
    Signer(#[source] KeyTextError),
    #[error("the share in {} cannot be used", .0.display())]
    Share(PathBuf, #[source] ShareError),
    #[error(transparent)]
    Secret(#[from] SecretFileError),
    #[error(transparent)]
    Passphrase(#[from] ShortPassphrase),
    #[error(
        "the backup {} is not for the recovery key {key}: take the key of one of {}",
        path.display(), recipients.join(", ")
    )]
    AnotherKey { path: PathBuf, key: String, recipients: Vec<String> },
    #[error(
        "the backup {} was signed by {signer}, which --signer does not name: if that is the database that you \
         want, look it up where you keep the keys of signers",
        path.display()
    )]
    AnotherSigner { path: PathBuf, signer: String },
    #[error("the backup {} cannot be used: fetch it again, or take another one", .0.display())]
    Damaged(PathBuf, #[source] BackupError),
    #[error("the backup {} cannot be used", .0.display())]
    Backup(PathBuf, #[source] BackupError),
    #[error("the backup {} was not restored", .0.display())]
    Restore(PathBuf, #[source] RestoreError),
    #[error("the drill failed")]
    Drill(#[source] DrillError),
    #[error(transparent)]
    Place(#[from] PlaceError),
    #[error(transparent)]
    Database(#[from] RunError),
    #[error("the store holds no database yet: a server on it has to be initialized first")]
    Empty(#[source] OpenError),
    #[error("the database was not copied")]
    Copy(#[source] CopyError),
    #[error("it does not unseal")]
    Unseal(#[from] UnsealError),
    #[error("the database cannot be read")]
    Store(#[from] StoreError),
    #[error("no key can be made")]
    Key(#[from] KeyError),
    #[error("the terminal or the standard stream failed")]
    Io(#[from] io::Error),
}

/// What a command found: its text, and whether all is well.
struct Outcome {
    text: String,
    sound: bool,
}

impl Offline {
    pub(crate) fn run(&self, json: bool) -> Result<ExitCode, OfflineError> {
        self_test()?;
        let Outcome { text, sound } = wiping_stack::<DEEP, _>(|| match self {
            Self::RecoveryKey(task) => task.run(json),
            Self::Restore(task) => task.run(json),
            Self::Drill(task) => task.run(json),
            Self::Copy(task) => task.run(json),
            Self::Fsck(task) => task.run(json),
            Self::VerifyBackup(task) => task.run(json),
        })?;
        io::stdout().write_all(text.as_bytes())?;
        Ok(if sound { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

impl Outcome {
    /// The same as JSON or as text.
    fn new(json: bool, sound: bool, value: &serde_json::Value, text: impl FnOnce() -> String) -> Self {
        Self { text: if json { format!("{value:#}\n") } else { text() }, sound }
    }
}
