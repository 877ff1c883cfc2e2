//! The seams of Strongroom, and nothing else: what a storage engine, a source of keys, a clock and a
//! capability have to agree on. It encrypts nothing and stores nothing durably itself.
//!
//! ```
//! use strongroom_core::{RecordKey, Segment, Table, Tenant, commit, CommitError, memory::MemoryStore};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! const NOTES: Table = Table::new(0x7f01);
//! let (store, tenant) = (MemoryStore::new(), Tenant::from_bytes([7; 16]));
//! let key = RecordKey::new(tenant, NOTES, &[Segment::Name("first")])?;
//! let length = commit(&store, tenant, |mut reader| {
//!     let old = reader.get(&key)?.map_or(0, |record| record.value.len());
//!     let mut change = reader.change(old);
//!     change.put(&key, b"written all or not at all");
//!     Ok::<_, CommitError>(change)
//! })?;
//! assert_eq!(length, 0);
//! # Ok(()) }
//! ```
//!
//! Users of the suite meet these types through the `strongroom` crate. Two traits are for those who plug
//! something in: [`Store`] for an engine, [`KeyBackend`] for a place where keys live.

mod action;
mod algorithm;
mod argon2_cost;
mod base;
mod caches;
mod caller;
mod cbor;
mod change;
mod check;
mod clock;
mod detail;
mod due;
mod event;
mod event_row;
mod gate;
mod hash_algorithm;
mod hashed;
mod key;
mod lease;
mod lowered;
mod name;
mod outbox;
mod plaintext;
mod provider;
mod range;
mod record_key;
mod seal_options;
mod sign_options;
mod store;
mod tenant;
mod verdict;
mod waiting;

#[cfg(feature = "testing")]
pub mod conformance;
#[cfg(feature = "testing")]
pub mod fault;
#[cfg(feature = "testing")]
pub mod key_conformance;
pub mod memory;
pub mod secret_bytes;
#[cfg(feature = "testing")]
pub mod surface;
#[cfg(feature = "testing")]
pub mod tap;

pub use action::{Action, Class, Service};
pub use algorithm::{Algorithm, Purpose, UseLimit};
pub use argon2_cost::{Argon2Cost, InvalidCost};
pub use base::Base;
pub use caches::Caches;
pub use caller::{Actor, Caller, Credential, RequestId};
pub use change::{Change, CommitError, Pending, Reader, commit};
pub use check::Check;
#[cfg(feature = "testing")]
pub use clock::FixedClock;
pub use clock::{Clock, SystemClock, Time};
pub use detail::Detail;
pub use due::{Due, DueError, DueReport, Worker, run_due};
pub use event::Event;
pub use gate::{Closed, Gate, Inside, StillInside};
pub use hash_algorithm::HashAlgorithm;
pub use hashed::{Hashed, Hasher};
pub use key::{
    Cost, Encapsulated, Key, KeyBackend, KeyError, MAX_DERIVED, Mac, PublicKey, Sealer, Signer, Stored,
    UseError,
};
pub use lease::{Hold, Lease, deferring, from_memory, may_read};
pub use lowered::{Batch, Expect, LOWERED_LIMITS, Limits, Lowered, PLAIN_LIMITS, Write};
pub use name::{InvalidName, Name};
pub use outbox::{Full, Outbox};
pub use plaintext::Plaintext;
pub use provider::{Aead, Provider, Random};
pub use range::{Direction, OutsideRange, Range};
pub use record_key::{InvalidRecordKey, RecordKey, Segment, Table};
pub use seal_options::{OaepHash, SealOptions};
pub use sign_options::{Encoding, Input, Padding, Salt, SignOptions};
pub use store::{History, Outcome, Record, Revision, SealedStore, Store, StoreError};
pub use tenant::Tenant;
pub use verdict::{Failure, Refusal, Verdict};
pub use waiting::{AUDIT_LOG, DrainError, Waiting, drain, waiting, waiting_events};
