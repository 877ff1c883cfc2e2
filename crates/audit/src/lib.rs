//! Keeps events in a tamper-evident log for each tenant and proves what stands in it, offline and to someone who does
//! not trust the operator; it changes and deletes no hash, and makes no event up.
//!
//! ```
//! # use std::{error::Error, sync::Arc};
//! # use strongroom_core::{Action, Base, Caller, Clock, Event, Gate, Name, Reader, Service, SystemClock, Tenant, memory::MemoryStore};
//! use strongroom_audit::{AuditLog, InclusionProof, LogId, VerifierKey};
//!
//! # fn main() -> Result<(), Box<dyn Error>> {
//! # let provider = Arc::new(strongroom_keys::RustCrypto::new());
//! # let base = Base::new(Arc::new(MemoryStore::new()), Arc::new(Gate::new()), provider, Arc::new(SystemClock))?;
//! # let tenant = Tenant::from_bytes([7; 16]);
//! let log = AuditLog::create(base.clone(), &Name::parse("orders")?)?;
//! let key: String = log.verifier_key(LogId::Global)?.to_string(); // to be kept elsewhere
//! # let event = Event::allowed(&Caller::application(tenant), base.clock.now(), Service::Kms, Action::Create, None);
//! # let mut change = Reader::new(&*base.store, Tenant::SYSTEM).change(());
//! # base.outbox.put(&mut change, &event)?;
//! # change.commit(&*base.store)?;
//! log.drain_all()?; // takes over what changes put into the outbox
//! let proof: String = log.prove(tenant, 0)?.to_string();
//!
//! let proven = InclusionProof::parse(&proof)?.verify(&VerifierKey::parse(&key)?)?;
//! assert_eq!(proven.payload.ok_or("erased")?.event, event);
//! # Ok(()) }
//! ```
//!
//! # What the log promises
//!
//! - An event that was acknowledged is in the log of its tenant, once: changes put their events into the outbox within
//!   their own commit, and a step of [`AuditLog::drain`] moves them into the log in one commit, however many processes
//!   take steps.
//! - **Tamper-evident**: nothing in a log can be changed, dropped, inserted or put into another order without that
//!   [`AuditLog::fsck`] and every verification find it. Someone with the log's key and write access can sign another
//!   history, or roll all of it back; a holder of one later checkpoint finds that with [`AuditLog::check_since`] or a
//!   [`ConsistencyProof`]. So send checkpoints away.
//! - A proof shows one event and no key. What cannot be proved with one log's key is not accepted with it: origin, key,
//!   tenant and the event itself are bound.
//! - Payloads can be erased, by [`AuditLog::erase_month`] or as time goes by ([`Retention`], [`Pruner`]). Every proof of
//!   every entry holds after that as before; the event itself is not in it any more.
//! - Tenants have logs of their own, so a range of one is complete: its numbers have no gap, and its times go forward.
//!
//! It does not promise that nobody can destroy it, and is no write-once storage: for that a second witness, who signs
//! only checkpoints that extend what they saw, and storage that refuses to overwrite are **missing**.
//!
//! # Formats
//!
//! Trees are those of RFC 6962 (SHA-256), tiles those of C2SP tlog-tiles, checkpoints those of C2SP tlog-checkpoint as
//! signed notes. A leaf of a tenant's log is a [`Leaf`]; one of the global log is the text of a tenant's [`Checkpoint`].
//! [`InclusionProof`], [`ConsistencyProof`] and [`AuditLog::export`] say how their texts and files read.

mod append;
mod archive;
mod checkpoint;
mod checks;
mod consistency;
mod cursor;
mod drain;
mod entries;
mod erase;
mod error;
mod export;
mod frontier;
mod fsck;
mod hash;
mod head;
mod hold;
mod inclusion;
mod index;
mod leaf;
mod lines;
mod log;
mod log_check;
mod month;
mod month_keys;
mod open;
mod origin;
mod part;
mod payload;
mod producer;
mod progress;
mod proof_error;
mod prove;
mod prune;
mod query;
mod recompute;
mod record;
mod reindex;
mod retention;
mod select;
mod settings;
mod signed;
mod tables;
mod tile;
mod tree;
mod verifier_key;
mod verify;
mod verify_export;
mod watch;

pub use archive::{Archive, Folder};
pub use checkpoint::Checkpoint;
pub use checks::checks;
pub use consistency::ConsistencyProof;
pub use cursor::Cursor;
pub use drain::Drained;
pub use error::AuditError;
pub use export::{Disclose, ExportError};
pub use fsck::{Finding, Fsck};
pub use hash::Hash;
pub use hold::Hold;
pub use inclusion::{InclusionProof, Proven};
pub use index::Ending;
pub use leaf::Leaf;
pub use log::AuditLog;
pub use month::Month;
pub use origin::{LogId, Origin};
pub use part::Part;
pub use payload::Payload;
pub use producer::Producer;
pub use progress::Progress;
pub use proof_error::ProofError;
pub use prune::Pruner;
pub use query::{Found, Order, Page, Query};
pub use retention::{Retention, Rule, Trigger};
pub use signed::SignedCheckpoint;
pub use tile::{TILE_WIDTH, TileId};
pub use verifier_key::{InvalidVerifierKey, VerifierKey};
pub use verify_export::{ExportFault, ExportedEntry, verify_export, verify_export_range};
