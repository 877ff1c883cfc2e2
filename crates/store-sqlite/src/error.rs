use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use rusqlite::{Connection, ErrorCode};
use strongroom_core::StoreError;

use crate::schema;

/// A store cannot be created or opened. The file is as it was before.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// A store, or some other file, is there already.
    #[error("there is already a file or a store of that name: open it, or choose another name")]
    Exists,
    /// There is no such file, or no such folder to create it in.
    #[error("no such file or folder: check the path, or create the store first")]
    NotFound,
    /// This or another process has the store open, or keeps a lock on the file.
    #[error("the store is in use: close it, or stop the process that has it open")]
    InUse,
    /// The file is not a store of this suite.
    #[error("the file is not a Strongroom store, and was left as it is: check the path")]
    Foreign,
    /// A later release made the store.
    #[error("the store has layout {found}, this release knows {known}: use the newer release")]
    Newer {
        /// The version of the layout in the file.
        found: u32,
        /// The last version that this release knows.
        known: u32,
    },
    /// The file is a store of this suite, but a part of it is missing or overwritten.
    #[error("the store is damaged, and was left as it is: restore it from a backup")]
    Damaged,
    /// The file is a snapshot: what opened it would begin a second life of the same history.
    #[error("the file is a snapshot of a store: restore it to a new path, and open that")]
    Snapshot,
    /// Only a snapshot is restored.
    #[error("the file is a store and no snapshot: open it, or take a snapshot of it")]
    NotASnapshot,
    /// This user may not read and write the file and its folder.
    #[error("no permission: the user of this process must be able to write the file and its folder")]
    Denied,
    /// The file system lacks what SQLite's write-ahead log needs, as network file systems do.
    #[error("this file system cannot hold the store: use a local one")]
    Unsupported,
    /// There is no room left for the file.
    #[error("no room left: free some, or choose another place")]
    Full,
    /// The system gives no random bytes.
    #[error("the system gives no random bytes")]
    Random(#[source] getrandom::Error),
    /// The file system failed.
    #[error("the file system failed")]
    Io(#[source] io::Error),
    /// SQLite failed.
    #[error("the storage engine failed")]
    Engine(#[source] rusqlite::Error),
}

impl OpenError {
    pub(crate) fn io(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => Self::NotFound,
            io::ErrorKind::AlreadyExists => Self::Exists,
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => Self::Denied,
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => {
                Self::Full
            }
            _ => Self::Io(error),
        }
    }

    pub(crate) fn engine(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(ErrorCode::NotADatabase) => Self::Foreign,
            Some(ErrorCode::DatabaseCorrupt) => Self::Damaged,
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Self::InUse,
            Some(ErrorCode::DiskFull) => Self::Full,
            Some(ErrorCode::CannotOpen | ErrorCode::PermissionDenied | ErrorCode::ReadOnly) => Self::Denied,
            _ => Self::Engine(error),
        }
    }

    /// What it means that a part of a store cannot be read: damage, unless the engine itself is in trouble.
    pub(crate) fn unreadable(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            None | Some(ErrorCode::Unknown | ErrorCode::TypeMismatch) => Self::Damaged,
            Some(_) => Self::engine(error),
        }
    }
}

/// A snapshot was not taken. There is nothing new at its path.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotError {
    /// The store cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The copy cannot be made, or is not sound.
    #[error(transparent)]
    Copy(#[from] OpenError),
}

/// Why a group of commits failed as a whole. Cloned for each of its members.
#[derive(Debug, Clone)]
pub(crate) enum Failure {
    /// Nothing of the group was written.
    Engine(Shared),
    /// The transaction that the batch was for has ended already; nothing of the batch was written.
    Ended,
    /// Whether the group is durable is not known.
    Broken,
}

/// One cause under several errors.
#[derive(Debug, Clone, thiserror::Error)]
#[error(transparent)]
pub(crate) struct Shared(Arc<rusqlite::Error>);

impl From<rusqlite::Error> for Failure {
    fn from(error: rusqlite::Error) -> Self {
        Self::Engine(Shared(Arc::new(error)))
    }
}

impl From<Failure> for StoreError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Engine(cause) => Self::Engine(Box::new(cause)),
            Failure::Ended => {
                Self::Invalid("the transaction was ended or undone by a statement of the application")
            }
            Failure::Broken => Self::Broken,
        }
    }
}

pub(crate) fn engine(error: rusqlite::Error) -> StoreError {
    StoreError::Engine(Box::new(error))
}

/// Whether all that was acknowledged is certainly durable, and all that is readable was.
#[derive(Debug, Clone, Default)]
pub(crate) struct Footing(Arc<AtomicBool>);

impl Footing {
    pub(crate) fn check(&self) -> Result<(), Failure> {
        if self.0.load(Ordering::Acquire) { Err(Failure::Broken) } else { Ok(()) }
    }

    /// From now on the store refuses everything, and closing it leaves its log for the next owner to recover.
    pub(crate) fn lose(&self, connection: &Connection) -> Failure {
        self.0.store(true, Ordering::Release);
        // Setting a flag in memory fails only for a closed connection, which checkpoints nothing either.
        let _ = schema::keep_log(connection, true);
        Failure::Broken
    }
}
