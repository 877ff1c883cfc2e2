//! Where a command reads and writes.

use std::{
    fs::{self, OpenOptions},
    io::{self, Read as _, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::Value;
use zeroize::Zeroizing;

use super::{Task, Transit, TransitError};
use crate::ask;

/// What a command works on.
#[derive(clap::Args)]
pub(super) struct Input {
    /// What it works on: a file, or - for the standard input
    #[arg(long = "in", value_name = "FILE", default_value = "-")]
    file: PathBuf,
}

/// The longest that is read: more than the server takes.
const LONGEST: u64 = 32 << 20;

impl Input {
    pub(super) fn bytes(&self) -> Result<Zeroizing<Vec<u8>>, TransitError> {
        read(&self.file)
    }

    /// In base64, as a body has it.
    pub(super) fn base64(&self) -> Result<Value, TransitError> {
        Ok(STANDARD.encode(&*self.bytes()?).into())
    }

    /// A text without spaces around it.
    pub(super) fn text(&self) -> Result<Value, TransitError> {
        text(&self.file)
    }
}

/// The bytes of a file, or of the standard input.
pub(super) fn read(path: &Path) -> Result<Zeroizing<Vec<u8>>, TransitError> {
    if path != Path::new("-") {
        return Ok(ask::read_bytes(path)?);
    }
    let mut bytes = Zeroizing::new(Vec::new());
    io::stdin().lock().take(LONGEST).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// The text of a file without spaces around it.
pub(super) fn text(path: &Path) -> Result<Value, TransitError> {
    let bytes = read(path)?;
    let text = std::str::from_utf8(&bytes).map_err(|_| TransitError::Invalid("what was read is no text"))?;
    Ok(text.trim().into())
}

/// The bytes of a file, in base64.
pub(super) fn base64(path: Option<&Path>) -> Result<Option<Value>, TransitError> {
    path.map(|path| Ok(STANDARD.encode(&*read(path)?).into())).transpose()
}

impl Transit {
    /// Refuses before anything is done what could not be written afterwards.
    pub(super) fn check_files(&self) -> Result<(), TransitError> {
        let secret = match &self.task {
            Task::Datakey(make) => make.plaintext_out.as_deref(),
            Task::Encapsulate(make) => Some(&*make.secret_out),
            _ => None,
        };
        if secret.is_some() && secret == self.out.as_deref() {
            return Err(TransitError::Invalid("the secret and the answer need a file each"));
        }
        let there = |path: &&Path| !self.force && path.symlink_metadata().is_ok();
        match [self.out.as_deref(), secret].into_iter().flatten().find(there) {
            Some(path) => Err(TransitError::Exists(path.to_owned())),
            None => Ok(()),
        }
    }

    /// Prints to where it was asked for.
    pub(super) fn print(&self, printed: &[u8]) -> Result<(), TransitError> {
        match &self.out {
            Some(path) => self.write(path, printed),
            None => Ok(io::stdout().lock().write_all(printed)?),
        }
    }

    /// Makes a file that only its owner reads.
    pub(super) fn write(&self, path: &Path, bytes: &[u8]) -> Result<(), TransitError> {
        let failed = |error: io::Error| TransitError::Write(path.to_owned(), error);
        let mut draft = path.as_os_str().to_owned();
        draft.push(".strongroom-draft");
        let target = if self.force { Path::new(&draft) } else { path };
        let mut options = OpenOptions::new();
        let mut file = options.write(true).create_new(true).mode(0o600).open(target).map_err(|error| {
            match error.kind() {
                io::ErrorKind::AlreadyExists => TransitError::Exists(target.to_owned()),
                _ => failed(error),
            }
        })?;
        file.write_all(bytes).and_then(|()| file.sync_all()).map_err(failed)?;
        // What was there before stays until the new one is whole.
        if self.force { fs::rename(target, path).map_err(failed) } else { Ok(()) }
    }
}
