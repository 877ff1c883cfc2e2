//! What backups of a whole database promise.
#![cfg(unix)]
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test ends at the first surprise")]

mod application;
mod damage;
mod drill;
mod faults;
mod golden;
mod round_trip;
mod signer;
mod support;
