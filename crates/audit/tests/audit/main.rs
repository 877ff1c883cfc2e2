//! What the audit log promises, and the attacks on it.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test ends at the first surprise")]

mod consistency;
mod drain;
mod faults;
mod naive;
mod notes;
mod proofs;
mod support;
mod tree;
