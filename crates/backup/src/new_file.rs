use std::{
    fs::{self, File, OpenOptions},
    io::{self, ErrorKind, Write},
    path::{Path, PathBuf},
};

use strongroom_core::Provider;

use crate::BackupError;

/// A file that appears at its path as a whole, or not at all, and never over something else.
///
/// What is written goes into a temporary file in the same folder, `.strongroom-….partial`, that only its owner may
/// read. Dropped without [`NewFile::commit`] it is removed; a process that is killed leaves it behind. The file
/// system must know hard links.
#[derive(Debug)]
pub struct NewFile {
    file: File,
    temporary: PathBuf,
    destination: PathBuf,
    folder: PathBuf,
}

impl NewFile {
    /// Begins a file that shall appear at this path, where there must be nothing, in a folder that is there.
    ///
    /// # Errors
    /// [`BackupError::Exists`] or [`BackupError::Write`].
    pub fn create(provider: &dyn Provider, destination: &Path) -> Result<Self, BackupError> {
        if destination.file_name().is_none() {
            return Err(BackupError::Write(ErrorKind::InvalidFilename.into()));
        }
        // Also a link that leads nowhere is something.
        match fs::symlink_metadata(destination) {
            Ok(_) => return Err(BackupError::Exists),
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(BackupError::Write(error)),
        }
        let folder = match destination.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder.to_owned(),
            _ => PathBuf::from("."),
        };
        let mut random = [0; 8];
        provider.random().fill(&mut random);
        let temporary = folder.join(format!(".strongroom-{:016x}.partial", u64::from_be_bytes(random)));
        let file = private().open(&temporary).map_err(BackupError::Write)?;
        Ok(Self { file, temporary, destination: destination.to_owned(), folder })
    }

    /// Makes the file appear, durably.
    ///
    /// # Errors
    /// [`BackupError::Exists`] if something came to the path meanwhile, [`BackupError::Write`]. Then there is nothing
    /// new at the path.
    pub fn commit(self) -> Result<(), BackupError> {
        self.file.sync_all().map_err(BackupError::Write)?;
        // A link, unlike a rename, does not replace what is there.
        fs::hard_link(&self.temporary, &self.destination).map_err(|error| match error.kind() {
            ErrorKind::AlreadyExists => BackupError::Exists,
            _ => BackupError::Write(error),
        })?;
        let settled = fs::remove_file(&self.temporary).and_then(|()| sync(&self.folder));
        settled.map_err(|error| {
            // Best effort: the error that is reported is the one that came first.
            let _ = fs::remove_file(&self.destination);
            BackupError::Write(error)
        })
    }
}

impl Write for NewFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Drop for NewFile {
    fn drop(&mut self) {
        // After a commit it is gone already.
        let _ = fs::remove_file(&self.temporary);
    }
}

/// How a file is opened that must be new and is for its owner only.
fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

/// Makes the names in a folder durable, where a folder can be synced.
fn sync(folder: &Path) -> io::Result<()> {
    if cfg!(unix) { File::open(folder)?.sync_all() } else { Ok(()) }
}
