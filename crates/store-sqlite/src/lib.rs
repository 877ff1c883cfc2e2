//! Keeps records in one SQLite file, durably and with one owner; encrypts nothing, so put a barrier above it.
//!
//! ```
//! use strongroom_store_sqlite::{OpenError, SqliteStore};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let folder = tempfile::tempdir()?;
//! let path = folder.path().join("keys.db");
//! let store = SqliteStore::create(&path)?;
//! assert!(matches!(SqliteStore::open(&path), Err(OpenError::InUse)));
//! drop(store);
//! let store = SqliteStore::open(&path)?;
//! # Ok(()) }
//! ```
//!
//! [`SqliteStore`] keeps the contract of [`Store`](strongroom_core::Store):
//!
//! - A commit is in the write-ahead log and synced before it is acknowledged. Commits that wait for each
//!   other share one sync.
//! - The outcome of a commit is never unknown. After a failed sync the store refuses everything until it is
//!   opened again.
//! - [`SqliteStore::begin`] gives a [`Transaction`] in which an application writes rows of its own; they and a
//!   change of the suite are committed together or not at all.
//! - Deleted content is overwritten, and a scrub leaves nothing of it in any file of the store.
//! - [`SqliteStore::snapshot`] copies the store as of one moment while it is in use, and [`SqliteStore::restore`]
//!   makes a store of the copy, which says from when it is.
//!
//! Beside `keys.db` lie `keys.db-wal` and `keys.db-shm` (SQLite's, part of the database while it is open) and
//! `keys.db.owner`, whose lock says that a process has the store open. All are readable by their owner only.

mod commit;
mod draft;
mod error;
mod identity;
mod line;
mod loan;
mod log;
mod look;
mod open;
mod owner;
mod place;
mod read;
mod restore;
mod schema;
mod snapshot;
mod store;
mod transaction;

pub use error::{OpenError, SnapshotError};
pub use identity::{Identity, Origin};
pub use rusqlite;
pub use snapshot::{Progress, Snapshot};
pub use store::SqliteStore;
pub use transaction::Transaction;
