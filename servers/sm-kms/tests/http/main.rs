//! Vault's API over real sockets: what its clients see, and what attackers try.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test ends at the first surprise"
)]

mod access;
mod audit;
mod backup;
mod batches;
mod canaries;
mod crypt;
mod derived;
mod documented;
mod events;
mod events_lost;
mod hostile;
mod json;
mod keys;
mod kinds;
mod listing;
mod paths;
mod random;
mod restart;
mod rotation;
mod routes;
mod secrets;
mod self_test;
mod shapes;
mod sign;
mod slots;
mod support;
mod sys;
mod tools;
mod transfer;
