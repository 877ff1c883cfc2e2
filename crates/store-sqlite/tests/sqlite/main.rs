//! The promises of the SQLite engine, one module for each.
#![cfg(unix)]
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test ends at the first surprise"
)]
#![expect(clippy::print_stderr, reason = "a test that needs a tool says that it was skipped")]

mod application_file;
mod child;
mod contract;
mod copies;
mod crash;
mod create;
mod damage;
mod durability;
mod failed_sync;
mod golden;
mod group_commit;
mod model;
mod refusals;
mod restore;
mod revisions;
mod scrub;
mod snapshot;
mod storm;
mod support;
mod trace;
mod transaction;
