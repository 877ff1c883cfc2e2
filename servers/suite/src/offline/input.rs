//! Secrets and keys as an operator hands them over: in files, by the standard input or unseen, never as arguments.

use std::{
    fs::File,
    io::{self, BufReader, IsTerminal, Read},
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use strongroom::{
    RustCrypto, Share, Unlock, UnsealSecret,
    backup::{self, BackupError, RecoveryKey, RestoreError, SignerKey},
    barrier::Passphrase,
};
use strongroom_sm_kms::SecretFile;
use zeroize::Zeroizing;

use super::OfflineError;

/// One way in: shares, a secret file or a passphrase.
#[derive(clap::Args)]
#[group(required = true, multiple = false)]
pub(super) struct WayIn {
    /// Unseal by shares: a file with one of them; repeat it for each that is needed
    #[arg(long, value_name = "FILE")]
    share_file: Vec<PathBuf>,
    /// Unseal by the secret in this file
    #[arg(long, value_name = "FILE")]
    unseal_secret: Option<PathBuf>,
    /// Unseal by a passphrase: asks for it, or reads it from the standard input
    #[arg(long)]
    passphrase: bool,
}

/// The secrets of a way in.
pub(super) enum Entered {
    Shares(Vec<Share>),
    Secret(UnsealSecret),
    Passphrase(Passphrase),
}

impl WayIn {
    pub(super) fn enter(&self) -> Result<Entered, OfflineError> {
        if let Some(path) = &self.unseal_secret {
            return Ok(Entered::Secret(SecretFile::new(path.clone()).read()?));
        }
        if self.passphrase {
            return Ok(Entered::Passphrase(passphrase()?));
        }
        let provider = RustCrypto::new();
        let share = |path: &PathBuf| {
            let text = read_private(path)?;
            Share::parse(&provider, &text).map_err(|error| OfflineError::Share(path.clone(), error))
        };
        self.share_file.iter().map(share).collect::<Result<_, _>>().map(Entered::Shares)
    }

    /// The files of the shares, in their order.
    pub(super) fn share_files(&self) -> &[PathBuf] {
        &self.share_file
    }
}

impl Entered {
    pub(super) fn unlock(&self) -> Unlock<'_> {
        match self {
            Self::Shares(shares) => Unlock::Shares(shares),
            Self::Secret(secret) => Unlock::Secret(secret),
            Self::Passphrase(passphrase) => Unlock::Passphrase(passphrase),
        }
    }
}

/// A backup and whom to trust.
#[derive(clap::Args)]
pub(super) struct From {
    /// The backup
    #[arg(long, value_name = "BACKUP")]
    pub(super) from: PathBuf,
    /// The public key that signs the database's backups, strongroom-signer-…; repeat it to trust several
    #[arg(long, value_name = "TEXT", required = true)]
    signer: Vec<String>,
}

impl From {
    pub(super) fn open(&self) -> Result<BufReader<File>, OfflineError> {
        File::open(&self.from)
            .map(BufReader::new)
            .map_err(|error| OfflineError::Read(self.from.clone(), error))
    }

    pub(super) fn signers(&self) -> Result<Vec<SignerKey>, OfflineError> {
        self.signer.iter().map(|text| SignerKey::parse(text.trim()).map_err(OfflineError::Signer)).collect()
    }

    /// What is wrong with a backup, and what to do about it.
    pub(super) fn refused(&self, error: BackupError, key: Option<&RecoveryKey>) -> OfflineError {
        let path = self.from.clone();
        match (error, key) {
            (BackupError::NotForThisKey, Some(key)) => {
                let key = key.recipient().fingerprint(&RustCrypto::new()).to_string();
                OfflineError::AnotherKey { path, key, recipients: self.recipients() }
            }
            (BackupError::AnotherSigner(signer), _) => {
                OfflineError::AnotherSigner { path, signer: signer.to_string() }
            }
            (
                error @ (BackupError::NotABackup
                | BackupError::Damaged { .. }
                | BackupError::Truncated { .. }),
                _,
            ) => OfflineError::Damaged(path, error),
            (BackupError::Read(error), _) => OfflineError::Read(path, error),
            (error @ BackupError::Write(_), _) => OfflineError::Restore(path, error.into()),
            (error, _) => OfflineError::Backup(path, error),
        }
    }

    pub(super) fn not_restored(&self, error: RestoreError, key: &RecoveryKey) -> OfflineError {
        match error {
            RestoreError::Backup(error) => self.refused(error, Some(key)),
            other => OfflineError::Restore(self.from.clone(), other),
        }
    }

    /// Whose recovery keys open the backup, as far as it can be read.
    fn recipients(&self) -> Vec<String> {
        let Ok(mut from) = self.open() else { return Vec::new() };
        let header = backup::inspect(&RustCrypto::new(), &mut from);
        header.map_or(Vec::new(), |header| {
            header.unproven().recipients.iter().map(ToString::to_string).collect()
        })
    }
}

pub(super) fn recovery_key(path: &Path) -> Result<RecoveryKey, OfflineError> {
    let text = read_private(path)?;
    RecoveryKey::parse(text.trim()).map_err(|error| OfflineError::RecoveryKey(path.to_owned(), error))
}

/// A passphrase from whoever sits there, unseen; or from the standard input, without the newline that ended it.
fn passphrase() -> Result<Passphrase, OfflineError> {
    let mut text = Zeroizing::new(String::new());
    if io::stdin().is_terminal() {
        *text = rpassword::prompt_password("Passphrase (not shown): ")?;
    } else {
        io::stdin().take(LONGEST).read_to_string(&mut text)?;
    }
    let passphrase = text.strip_suffix('\n').unwrap_or(&text);
    Ok(Passphrase::new(passphrase.strip_suffix('\r').unwrap_or(passphrase).to_owned())?)
}

/// More than any key or share in text has.
const LONGEST: u64 = 4096;

/// A text that not everybody may read.
fn read_private(path: &Path) -> Result<Zeroizing<String>, OfflineError> {
    let failed = |error| OfflineError::Read(path.to_owned(), error);
    let file = File::open(path).map_err(failed)?;
    if file.metadata().map_err(failed)?.mode() & 0o007 != 0 {
        return Err(OfflineError::Public(path.to_owned()));
    }
    let mut text = Zeroizing::new(String::with_capacity(LONGEST as usize + 1));
    let read = file.take(LONGEST + 1).read_to_string(&mut text).map_err(failed)?;
    if read as u64 > LONGEST { Err(OfflineError::TooLong(path.to_owned())) } else { Ok(text) }
}
