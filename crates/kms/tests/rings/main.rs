//! Key rings: what may be done in which state, through every cache, fault and restart; what does not open.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test ends at the first surprise")]

mod cache;
mod check;
mod ciphertext;
mod cluster;
mod concurrency;
mod deletion;
mod faults;
mod golden;
mod handle;
mod histories;
mod lifecycle;
mod linear;
mod list;
mod model;
mod nodes;
mod orders;
mod policy;
mod public_keys;
mod recording;
mod schedule;
mod secrets;
mod spy;
mod states;
mod support;
mod symmetric;
mod table;
mod taps;
mod tenants;
mod text;
mod transaction;
mod trim;
mod uses;
mod versions;
mod world;
