//! The rules of leases: several nodes on one store, and a clock that moves when it is told to.

#![expect(clippy::unwrap_used, reason = "a test ends at the first surprise")]

mod faults;
mod rules;
mod support;
