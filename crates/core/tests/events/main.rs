//! Events: what they can hold, how they lie in the outbox, and what becomes of them at every fault.
#![expect(clippy::unwrap_used, reason = "a test ends at the first surprise")]

mod buffer;
mod encoding;
mod faults;
mod reading;
mod support;
