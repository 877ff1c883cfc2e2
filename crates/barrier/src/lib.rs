//! Keeps records sealed at rest: unseal slots, a root, one key per tenant. It stores nothing itself; it wraps
//! a [`Store`](strongroom_core::Store), which never sees a value in the clear.
//!
//! ```
//! use std::sync::Arc;
//! use strongroom_barrier::{NewSlot, Sealed, Split, Unlock};
//! use strongroom_core::{SystemClock, memory::MemoryStore};
//! use strongroom_keys::RustCrypto;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let (store, provider) = (Arc::new(MemoryStore::new()), Arc::new(RustCrypto::new()));
//! let slots = [NewSlot::Shamir(Split { shares: 5, threshold: 3 })];
//! let created = Sealed::create(store, provider, Arc::new(SystemClock), &slots, Vec::new())?;
//! let shares = &created.shares[0][1..4];
//! let unsealed = created.sealed.unseal(&Unlock::Shares(shares))?;
//! assert_eq!(unsealed.rotate_root(&strongroom_core::Caller::system())?, 2);
//! # Ok(()) }
//! ```
//!
//! Ways in come and go while the database is open. Shares replace others in two steps, so that no custodian is
//! left with a share that was lost on the way:
//!
//! ```
//! # use std::sync::Arc;
//! # use strongroom_barrier::{NewSlot, Passphrase, Sealed, Split, Unlock};
//! # use strongroom_core::{Argon2Cost, SystemClock, memory::MemoryStore};
//! # use strongroom_keys::RustCrypto;
//! use strongroom_barrier::Reentered;
//! use strongroom_core::Caller;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let (store, provider) = (Arc::new(MemoryStore::new()), Arc::new(RustCrypto::new()));
//! # let (split, caller) = (Split { shares: 3, threshold: 2 }, Caller::system());
//! # let slots = [NewSlot::Shamir(split)];
//! # let created = Sealed::create(store, provider, Arc::new(SystemClock), &slots, Vec::new())?;
//! # let (sealed, old) = (created.sealed, &created.shares[0]);
//! # let unsealed = sealed.unseal(&Unlock::Shares(&old[1..]))?;
//! let proposed = unsealed.propose(&caller, old[0].slot(), split)?;
//! // Handed out, written down, entered again: until here the old shares open.
//! unsealed.confirm(&caller, &proposed.shares, Reentered::All)?;
//! assert!(sealed.verify(&Unlock::Shares(old)).is_err());
//!
//! let words = Passphrase::new("several random words".into())?;
//! unsealed.add_slot(&caller, &NewSlot::Passphrase(&words, Argon2Cost::RECOMMENDED), None)?;
//! sealed.verify(&Unlock::Passphrase(&words))?;
//! # Ok(()) }
//! ```
//!
//! Whoever runs [`run_due`](strongroom_core::run_due) with an [`Unsealed`] among its workers has the rest done:
//!
//! | what is asked for | what due work does then |
//! |---|---|
//! | nothing: [`Schedule`] says when | replaces the root and each tenant's key when their time has come |
//! | [`Unsealed::rotate_root`] | wraps every tenant's keys under the new root, then drops the old one |
//! | [`Unsealed::rotate_tenant`], [`Unsealed::reseal`] | seals old records anew, then destroys the versions that nothing lies under |
//! | [`Unsealed::shred_tenant`], after which nothing of the tenant opens | deletes its rows, then scrubs the engine's files |
//! | [`Unsealed::renew`] after a leak | all of the above, for everything |
//!
//! [`fsck`] looks whether a database or a copy of it is sound; [`copy`](fn@copy) moves one to another engine.

mod collector;
mod copy;
mod fsck;
mod keyring;
mod prepared;
mod reading;
mod record;
mod renew;
mod replace;
mod reseal;
mod reseal_job;
mod rewrap;
mod roots;
mod rotate;
mod schedule;
mod sealed;
mod sealing;
mod secret;
mod shamir;
mod share;
mod share_text;
mod shred;
mod slot;
mod slot_error;
mod slot_status;
mod slots;
mod status;
mod tenant;
mod unseal;
mod unsealed;
mod witness;
mod work;
mod wrap;

pub use collector::{Collector, Confirming, Entered};
pub use copy::{Copied, CopyError, CopyStep, copy};
pub use fsck::{Count, Flaw, Place, Problem, Report, fsck};
pub use renew::Renewal;
pub use replace::{Confirmed, Proposed, Reentered};
pub use reseal::ResealProgress;
pub use schedule::{InvalidPeriod, Schedule};
pub use sealed::{CreateError, Created, OpenError, Sealed, Status};
pub use secret::{BackendKey, Passphrase, ShortPassphrase, TooShort, UnsealSecret};
pub use share::{Share, ShareError, Split};
pub use shred::Shredded;
pub use slot::{NewSlot, Unlock};
pub use slot_error::SlotError;
pub use slot_status::{Proposal, SlotKind, SlotStatus};
pub use slots::Added;
pub use status::{KeyVersion, Reason, Resealed, RootStatus, TenantStatus};
pub use unseal::{AnyUnsealed, NoneOpened, UnsealError};
pub use unsealed::Unsealed;
