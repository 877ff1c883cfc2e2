//! Key rings: what may be done in which state, through every cache, fault and restart; what does not open.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test ends at the first surprise")]

mod cache;
mod concurrency;
mod spy;
mod support;
mod table;
mod taps;
