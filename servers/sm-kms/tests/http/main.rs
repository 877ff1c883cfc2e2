//! Vault's API over real sockets: what its clients see, and what attackers try.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test ends at the first surprise"
)]

mod batches;
mod crypt;
mod keys;
mod sign;
mod support;
mod sys;
