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

mod collector;
mod fsck;
mod keyring;
mod reading;
mod record;
mod renew;
mod reseal;
mod reseal_job;
mod rewrap;
mod roots;
mod rotate;
mod schedule;
mod sealed;
mod sealing;
mod share;
mod shred;
mod slot;
mod status;
mod tenant;
mod unsealed;
mod witness;
mod work;
mod wrap;

pub use collector::{Collector, Entered};
pub use fsck::{Count, Flaw, Place, Problem, Report, fsck};
pub use renew::Renewal;
pub use reseal::ResealProgress;
pub use schedule::{InvalidPeriod, Schedule};
pub use sealed::{CreateError, Created, OpenError, Sealed, Status, UnsealError};
pub use share::{Share, ShareError, Split};
pub use shred::Shredded;
pub use slot::{NewSlot, SlotStatus, TooShort, Unlock, UnsealSecret};
pub use status::{KeyVersion, Reason, Resealed, RootStatus, TenantStatus};
pub use unsealed::Unsealed;
