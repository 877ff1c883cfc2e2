use std::{
    fs::{self, File, OpenOptions},
    io,
    path::{Path, PathBuf},
};

use crate::{OpenError, place::beside};

/// A database that is built under another name and gets its own once it is complete. Dropped before, it is
/// removed; a process that is killed leaves it behind.
#[derive(Debug)]
pub(crate) struct Draft {
    path: PathBuf,
}

impl Draft {
    /// Begins an empty file of this name, readable and writable by its owner only.
    pub(crate) fn create(path: PathBuf) -> Result<Self, OpenError> {
        private(OpenOptions::new().write(true).create_new(true)).open(&path).map_err(OpenError::io)?;
        Ok(Self { path })
    }

    /// Begins one of a name that nothing else has, in the folder of the file that it becomes.
    pub(crate) fn beside(destination: &Path) -> Result<Self, OpenError> {
        let mut random = [0; 8];
        getrandom::fill(&mut random).map_err(OpenError::Random)?;
        let name = format!(".strongroom-{:016x}.partial", u64::from_be_bytes(random));
        Self::create(destination.with_file_name(name))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Gives the file its name, durably; fails if anything has this name.
    pub(crate) fn publish(self, destination: &Path) -> Result<(), OpenError> {
        File::open(&self.path).and_then(|file| file.sync_all()).map_err(OpenError::io)?;
        // A link, unlike a rename, does not replace what is there.
        fs::hard_link(&self.path, destination).map_err(OpenError::io)?;
        let settled = clear(&self.path).and_then(|()| sync_folder(destination).map_err(OpenError::io));
        settled.inspect_err(|_| {
            // The error that is reported is the one that came first.
            let _ = fs::remove_file(destination);
        })
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        // After it got its name it is gone already.
        let _ = clear(&self.path);
    }
}

/// SQLite gives the log and the shared memory the mode of the database, whatever the umask.
pub(crate) fn private(options: &mut OpenOptions) -> &mut OpenOptions {
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(options, 0o600);
    options
}

/// Removes a database that nobody has open, first what SQLite would take for its news.
pub(crate) fn clear(draft: &Path) -> Result<(), OpenError> {
    ["-journal", "-wal", "-shm", ""].iter().try_for_each(|ending| {
        match fs::remove_file(beside(draft, ending)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(OpenError::io(error)),
            _ => Ok(()),
        }
    })
}

/// Makes new names in the folder of a file survive the loss of power.
fn sync_folder(path: &Path) -> io::Result<()> {
    match path.parent() {
        Some(folder) if cfg!(unix) => File::open(folder)?.sync_all(),
        _ => Ok(()),
    }
}
