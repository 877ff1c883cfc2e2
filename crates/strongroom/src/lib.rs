//! Keeps secret material inside your program: every record sealed at rest, every key versioned, rotated and
//! ended in one place. It shows no key, and it opens no network connection: the servers of the suite do that.
//!
//! ```
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use strongroom::{Algorithm, Name, SqliteStore, Strongroom, UnsealSecret};
//! # let folder = tempfile::tempdir()?;
//! # std::env::set_current_dir(&folder)?;
//! # std::fs::write("unseal.key", [7; 32])?;
//!
//! let secret = UnsealSecret::new(std::fs::read("unseal.key")?)?; // 32 random bytes, kept away from the data
//! let room = Strongroom::create(SqliteStore::create("keys.db")?, &secret)?; // from then on: open and open
//! let (keys, orders) = (room.keys(), Name::parse("orders")?);
//! keys.create(&orders, Algorithm::Aes256Gcm)?;
//! let sealed = keys.encrypt(&orders, b"4111 1111 1111 1111", b"order 7")?;
//! let opened = keys.decrypt(&orders, &sealed, b"order 7")?;
//! assert_eq!(*opened, b"4111 1111 1111 1111");
//! # Ok(()) }
//! ```
//!
//! # What is where
//!
//! | you want | look at |
//! |---|---|
//! | to encrypt, decrypt, sign, verify, rotate, disable | [`Rings`], which [`Strongroom::keys`] gives |
//! | shares for custodians instead of a file, or both | [`Sealed::create`], [`NewSlot`], [`Unlock`], then [`Strongroom::of`] |
//! | several tenants that never see each other's keys | [`Unsealed::create_tenant`], [`Strongroom::keys_of`] |
//! | your rows and a change of a key in one transaction | [`sqlite::Transaction`], the `plan_…` methods of [`Rings`] |
//! | the work that is due, and the events of all changes | [`Strongroom::tend`] |
//! | a tamper-evident log of those events, and proofs | `Strongroom::audit`, with the feature `audit` |
//! | to close it all and have every key wiped | [`Strongroom::seal`] |
//! | to know whether all of it is sound | [`Strongroom::fsck`] |
//! | backups, the way back, and a drill of it | `backup`, with the feature of that name |
//! | another engine, another source of keys | [`core::Store`], [`core::Provider`] |
//!
//! # Features
//!
//! `sqlite` (on by default) is the embedded engine, `backup` takes and restores backups of it, `identity` has the tokens
//! of programs that answer callers, `audit` keeps the log of events. A feature adds interfaces and changes nothing.

#[cfg(feature = "backup")]
pub mod backup;
#[cfg(feature = "audit")]
mod ledger;
mod room;

pub use room::{StartError, Strongroom, Tended};
pub use strongroom_barrier::{NewSlot, Sealed, Share, Split, Unlock, UnsealSecret, Unsealed};
pub use strongroom_core::{Algorithm, Caller, CommitError, Event, Name, StillInside, StoreError, Tenant};
pub use strongroom_keys::RustCrypto;
pub use strongroom_kms::{Kms, KmsError, Ring, RingState, Rings, Settings, Signature, VersionState};
#[cfg(feature = "sqlite")]
pub use strongroom_store_sqlite::SqliteStore;

/// The log of events: queries, proofs, retention.
#[cfg(feature = "audit")]
pub use strongroom_audit as audit;
/// Unseal slots, the root, a key per tenant.
pub use strongroom_barrier as barrier;
/// The seams: stores, keys, time, events, due work.
pub use strongroom_core as core;
/// Tokens.
#[cfg(feature = "identity")]
pub use strongroom_identity as identity;
/// Algorithms and the sealed envelope.
pub use strongroom_keys as keys;
/// Key rings.
pub use strongroom_kms as kms;
/// The embedded engine.
#[cfg(feature = "sqlite")]
pub use strongroom_store_sqlite as sqlite;
