//! Key rings over HTTP: Vault's `sys` and `transit`, as its clients call them. It holds no policy and no
//! cryptography: each request becomes one call of `strongroom-kms` or of the barrier.
//!
//! What exists: `sys/init`, `seal-status`, `unseal`, `seal`, `rotate`, `key-status`, `health`, `leader`,
//! `mounts`, `internal/ui/mounts`, `auth/token/lookup-self`, and below `transit`: `keys` with `config`, `rotate`, `trim`,
//! `soft-delete` and `soft-delete-restore`, `encrypt`, `decrypt`, `rewrap`, `datakey`, `sign`, `verify`, `hmac`, `cmac`,
//! `random`, `hash`, `config/keys`, `cache-config`. What Vault has no standard for is our own: below `transit` also `agree`,
//! `encapsulate`, `decapsulate`, `derive`, and of keys `disable`, `enable`, `schedule-deletion`, `cancel-deletion` and
//! `versions/N/` with `suspend`, `resume`, `deactivate`, `compromise` and `destroy`; `sys/slots`, `sys/rotation/status`,
//! `sys/rotation/config`, `sys/reseal`, `sys/renew`, `sys/scrub`, `sys/tenants`, `sys/backup`, and below `audit` the log of
//! events, which is Vault's `sys/audit` and `sys/audit-hash` as well. Everything else is 404.

mod answer;
mod audit;
mod backups;
mod database;
mod host;
mod journal;
mod ledger;
mod loose;
mod node;
mod options;
mod payload;
mod routes;
mod secret_file;
mod spool;
mod sys;
mod told;
mod transit;

pub use audit::{event_shown, found_shown};
pub use backups::{BackupOptions, BackupOptionsError, Backups};
pub use database::{Database, Place, PlaceError, StoreOptions, secret};
pub use host::serve;
pub use journal::Asker;
pub use node::{Node, NodeError, Open, Serves};
pub use options::{DATABASE, Options, RunError, listen, node, open_spool, open_store};
pub use routes::Api;
pub use secret_file::{SecretFile, SecretFileError};
pub use spool::Spool;
pub use transit::type_name;
