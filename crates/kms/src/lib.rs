//! Elastic key rings: the one place where keys live, version, rotate and end. No key leaves it, and nothing is
//! done with one before gate, tenant and state were checked.
//!
//! ```
//! # use std::sync::Arc;
//! # use strongroom_core::{Algorithm, Base, Gate, Name, SystemClock, Tenant, memory::MemoryStore};
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let provider = Arc::new(strongroom_keys::RustCrypto::new());
//! # let base = Base::new(Arc::new(MemoryStore::new()), Arc::new(Gate::new()), provider, Arc::new(SystemClock))?;
//! # let tenant = Tenant::from_bytes([1; 16]);
//! let rings = strongroom_kms::Kms::new(base).without_caller(tenant);
//! let orders = Name::parse("orders")?;
//! rings.create(&orders, Algorithm::Aes256Gcm)?;
//! let sealed = rings.encrypt(&orders, b"4111 1111 1111 1111", b"order 7")?;
//! rings.rotate(&orders)?;
//! assert_eq!(*rings.decrypt(&orders, &sealed, b"order 7")?, b"4111 1111 1111 1111");
//! # Ok(()) }
//! ```

mod archive;
mod backup;
mod backup_format;
mod budget;
mod cache;
mod changes;
mod check;
mod clock;
mod configure;
mod context;
mod cursor;
mod deletion;
mod error;
mod export;
mod handle;
mod import;
mod lifecycle;
mod limits;
mod listing;
mod loaded;
mod macs;
mod operations;
mod options;
mod own_check;
mod own_keys;
mod policy;
mod public_keys;
mod raw;
mod record;
mod record_versions;
mod recording;
mod restore;
mod ring;
mod rings;
mod state;
mod states;
mod text;
mod tools;
mod trim;
mod uses;
mod version_record;
mod version_states;
mod weight;
mod work;

pub use backup::{BackupTo, RingBackupError};
pub use check::{RingCheck, UsesCheck, checks};
pub use context::with_context;
pub use deletion::Tombstone;
pub use error::KmsError;
pub use export::{Exported, Versions, Wrapped};
pub use handle::RingHandle;
pub use import::Import;
pub use limits::{AtLimit, UseLimits};
pub use listing::{Filter, Listed, Page};
pub use operations::{Code, DataKey, DataKeySize, Derived};
pub use options::Options;
pub use policy::{Operation, Operations, Policy};
pub use public_keys::{Sealed, Shared};
pub use restore::{BackupFrom, Replace};
pub use ring::{NewRing, Ring, RingVersion, Settings, Source};
pub use rings::{Kms, Rings, Signature};
pub use state::{Origin, RingState, VersionState};
pub use states::{KeyUse, RingUse};
pub use text::{ciphertext_version, from_text, label, parse_label, to_text};
pub use tools::MAX_RANDOM;
pub use uses::Usage;
