//! Backups of a database in the embedded engine: taken while it is in use, encrypted to recovery keys on top of the
//! barrier's own encryption, signed by the database; and the way back, to a new path only.
//!
//! ```
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # use strongroom::{RustCrypto, SqliteStore, Strongroom, Unlock, UnsealSecret, backup};
//! # let folder = tempfile::tempdir()?;
//! # std::env::set_current_dir(&folder)?;
//! # let secret = UnsealSecret::new(vec![7; 32])?;
//! # let store = SqliteStore::create("keys.db")?;
//! # let room = Strongroom::create(store.clone(), &secret)?;
//! let recovery = backup::RecoveryKey::generate(&RustCrypto::new())?; // its text goes into a safe,
//! let signer = backup::signer(&room)?; // and this one's
//! backup::take(&room, &store, &[recovery.recipient()], "monday.backup".as_ref(), &mut |_| ())?;
//!
//! let (mut monday, unlock) = (std::fs::File::open("monday.backup")?, Unlock::Secret(&secret));
//! let drilled = backup::drill(&mut monday, &recovery, &[signer], &unlock, ".".as_ref(), &mut |_| ())?;
//! assert!(drilled.is_sound());
//! # Ok(()) }
//! ```
//!
//! To restore takes three things that are not in the database: a recovery key, the signer that is to be trusted, and
//! a way to unseal that was one when the backup was taken. A [`drill`] shows that they are at hand.
//!
//! # What a backup holds
//!
//! Everything of the moment at which it was taken, with the keys of that moment: what is deleted, rotated or shredded
//! afterwards stays in it, for whoever has a recovery key and a way to unseal of its time. The file of an application
//! is in it as a whole, and what the application keeps there is encrypted by the recovery key alone.
//!
//! # The key that signs
//!
//! An Ed25519 key of the database's own, made when it is first asked for. It lies sealed in one row of the system
//! tenant in table `0x0301`, without further segments: a CBOR array of the format's number 1, when it was made in
//! milliseconds, its secret (RFC 8032) and its public half. It is never changed, a restored database has the same,
//! and it is in memory only while it signs. Whoever restores pins its public half, [`signer`].

mod database_signer;
mod drill;
mod files;
mod progress;
mod restore;
mod take;
mod trial;

pub use database_signer::signer;
pub use drill::{DrillError, Drilled, drill};
pub use progress::{Progress, Step};
pub use restore::{RestoreError, Restored, restore};
pub use strongroom_backup::{
    BackupError, Fingerprint, Header, KeyTextError, Manifest, Part, Recipient, RecoveryKey, SignerKey,
    Unproven, Verified, Written, inspect, verify,
};
pub use take::{TakeError, Taken, take};
pub use trial::Trial;
