use std::{
    fs::File,
    io::{self, Read},
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use strongroom_barrier::UnsealSecret;
use zeroize::Zeroizing;

/// A file with an unseal secret. It is read whenever the secret is needed, and the secret is not kept: after
/// sealing the process has nothing that unseals.
#[derive(Debug, Clone)]
pub struct SecretFile(PathBuf);

/// The file of a secret cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("the unseal secret {} cannot be used", path.display())]
pub struct SecretFileError {
    path: PathBuf,
    #[source]
    why: Unusable,
}

#[derive(Debug, thiserror::Error)]
enum Unusable {
    #[error("it cannot be read")]
    Io(#[from] io::Error),
    #[error("everybody may read it: run chmod 600 on it")]
    Public,
    #[error("it must have 32 bytes to 64 KiB: make one with `head -c 32 /dev/urandom`")]
    Size,
}

const LONGEST: u64 = 64 << 10;

impl SecretFile {
    /// The file of this name, which need not be there yet.
    pub const fn new(path: PathBuf) -> Self {
        Self(path)
    }

    /// The secret, if not everybody may read the file.
    ///
    /// # Errors
    /// [`SecretFileError`] says what is wrong with the file, and nothing of what is in it.
    pub fn read(&self) -> Result<UnsealSecret, SecretFileError> {
        read(&self.0).map_err(|why| SecretFileError { path: self.0.clone(), why })
    }
}

fn read(path: &Path) -> Result<UnsealSecret, Unusable> {
    let mut file = File::open(path)?;
    let about = file.metadata()?;
    if about.mode() & 0o007 != 0 {
        return Err(Unusable::Public);
    }
    if !(32..=LONGEST).contains(&about.len()) {
        return Err(Unusable::Size);
    }
    // Exactly as long as the file, so that no copy is left behind by growing or shrinking.
    let mut bytes = Zeroizing::new(vec![0; about.len() as usize]);
    file.read_exact(&mut bytes)?;
    UnsealSecret::new(std::mem::take(&mut *bytes)).map_err(|_| Unusable::Size)
}
