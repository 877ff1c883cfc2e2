//! What the audit log promises, and the attacks on it.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test ends at the first surprise")]

mod canaries;
mod consistency;
mod damage;
mod drain;
mod erase;
mod export;
mod faults;
mod golden;
mod naive;
mod notes;
mod producers;
mod proofs;
mod query;
mod retention;
mod sealed;
mod support;
mod tree;
