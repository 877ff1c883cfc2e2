use std::{
    fs::{File, OpenOptions, TryLockError},
    path::Path,
    process,
};

use crate::{OpenError, draft::private, place::beside};

/// The lock on a store, held until it is dropped or the process ends.
#[derive(Debug)]
pub(crate) struct Owner {
    file: File,
    process: u32,
}

impl Owner {
    /// Takes the lock on the store at this path.
    pub(crate) fn of(path: &Path) -> Result<Self, OpenError> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        let file = private(&mut options).open(beside(path, ".owner")).map_err(OpenError::io)?;
        match file.try_lock() {
            Ok(()) => Ok(Self { file, process: process::id() }),
            Err(TryLockError::WouldBlock) => Err(OpenError::InUse),
            Err(TryLockError::Error(error)) => Err(OpenError::Io(error)),
        }
    }
}

impl Drop for Owner {
    fn drop(&mut self) {
        // The lock belongs to the open file, which a process that was forked has open too, if only until its
        // exec. So closing would not release it in time; and a forked process must not release it.
        if self.process == process::id() {
            // What cannot be released now is when the file is closed.
            let _ = self.file.unlock();
        }
    }
}
