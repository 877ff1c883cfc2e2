//! Keeps records in a PostgreSQL database that several nodes share; encrypts nothing, so put a barrier above it.
//!
//! ```no_run
//! use strongroom_store_postgres::{Config, PostgresStore};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let config = Config::parse("postgres://strongroom@db.example/keys?sslrootcert=/etc/ssl/db.pem")?;
//! let password = std::env::var("PGPASSWORD")?;
//! let store = PostgresStore::open_or_create(config.with_password(password.into()))?;
//! # Ok(()) }
//! ```
//!
//! [`PostgresStore`] keeps the contract of [`Store`](strongroom_core::Store):
//!
//! - **A commit is one call** of a function on the server, in a transaction of its own. Commits of a process that wait
//!   for each other go along in one call, and one that conflicts fails alone. A small batch alone has a function of its
//!   own, which costs the server less.
//! - **Locks of keys** make it serialisable: the function locks all keys that a batch writes or expects, also those that
//!   are not there, in one order, then checks, then writes.
//! - **A lost answer** is found out about: each call notes its outcome in its own transaction. Whoever asks fences the call
//!   first, so one that is still on its way undoes itself. The outcome is unknown only while the database cannot be asked.
//! - **All waiting ends**: for a connection, for a free one, for an answer of a peer that keeps silent. What keeps a lease
//!   has a connection of its own and gives up when the lease ends; a silent connection is given up after two seconds.
//! - A server that does not sync (`fsync=off`), that only reads, or is older than version 13 is refused.
//! - A scrub is not supported.
//!
//! # What it needs of a server
//! PostgreSQL 13 or later, or one that has of it: protocol 3 with prepared statements; `bytea` in the order of bytes, as a
//! key; a sequence; functions in PL/pgSQL, `unnest … WITH ORDINALITY`, `INSERT … ON CONFLICT`; read committed transactions
//! in which each statement of a function has a new snapshot, or serializable ones; `pg_advisory_xact_lock` and its
//! shared form, with two numbers, of which the first is 1400140141;
//! the settings that the file `session.rs` lists. No extension, no trigger, no LISTEN, no large objects. A pooler between must
//! keep a session for each connection.

mod at;
mod call;
mod cause;
mod commit;
mod config;
mod config_text;
mod connection;
mod error;
mod group;
mod lane;
mod layout;
mod line;
mod locks;
mod login;
mod memory;
mod param;
mod pool;
mod read;
mod session;
mod store;
mod stream;
mod timeouts;
mod tls;
mod wire;

#[cfg(feature = "testing")]
pub mod testing;

pub use config::{Config, InvalidConfig};
pub use error::{OpenError, PostgresError, Refusal};
pub use store::{Identity, PostgresStore};
pub use timeouts::Timeouts;
