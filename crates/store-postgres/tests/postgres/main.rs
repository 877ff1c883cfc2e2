//! The engine on PostgreSQL against its contract, a network that fails, and a server that dies.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test ends at the first surprise")]

mod contract;
