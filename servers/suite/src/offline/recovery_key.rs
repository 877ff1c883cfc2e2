use std::{
    fs::{File, OpenOptions},
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use serde_json::json;
use strongroom::{RustCrypto, backup::RecoveryKey};

use super::{OfflineError, Outcome};

pub(super) const EXAMPLE: &str = "\
The file opens every backup that is encrypted to its recipient: keep it offline, and away from the shares. What is
printed is no secret: give it to whoever takes backups. Nothing shows the key itself.

  strongroom operator recovery-key --out recovery.key";

#[derive(clap::Args)]
pub(crate) struct MakeRecoveryKey {
    /// The new file of the key, for its owner only
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

impl MakeRecoveryKey {
    pub(super) fn run(&self, json: bool) -> Result<Outcome, OfflineError> {
        let provider = RustCrypto::new();
        let key = RecoveryKey::generate(&provider)?;
        write_new(&self.out, key.expose().as_bytes()).map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => OfflineError::Exists(self.out.clone()),
            _ => OfflineError::Write(self.out.clone(), error),
        })?;
        let (recipient, fingerprint) = (key.recipient(), key.recipient().fingerprint(&provider));
        let value = json!({
            "recipient": recipient.to_string(),
            "fingerprint": fingerprint.to_string(),
            "file": self.out.display().to_string(),
        });
        Ok(Outcome::new(json, true, &value, || {
            format!(
                "Recipient    {recipient}\nFingerprint  {fingerprint}\nKey          in {}\n\nKeep the key offline, \
                 and a second copy elsewhere: without it, no backup to this recipient opens.\n",
                self.out.display()
            )
        }))
    }
}

/// A new file, durable, for its owner only; nothing where that fails.
fn write_new(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    let written = (|| {
        file.write_all(bytes)?;
        file.write_all(b"\n")?;
        file.sync_all()?;
        File::open(super::restore::folder_of(path))?.sync_all()
    })();
    if written.is_err() {
        // The first error is the one to tell.
        let _ = std::fs::remove_file(path);
    }
    written
}
