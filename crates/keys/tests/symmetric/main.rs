//! Symmetric keys beside the vectors of others, and what each of them promises.
#![expect(clippy::unwrap_used, reason = "a test ends at the first surprise")]

mod golden;
mod nist;
mod nonces;
#[path = "../rsp/mod.rs"]
mod rsp;
mod support;
#[path = "../tally/mod.rs"]
mod tally;
mod wrapping;
mod wycheproof_sets;
