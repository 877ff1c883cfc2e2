//! Key rings: what may be done in which state, through every cache, fault and restart; what does not open.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test ends at the first surprise")]

mod cache;
mod check;
mod ciphertext;
mod cluster;
mod concurrency;
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
mod public_keys;
mod recording;
mod secrets;
mod spy;
mod support;
mod symmetric;
mod table;
mod taps;
mod tenants;
mod text;
mod transaction;
mod transfer;
mod uses;
mod versions;
