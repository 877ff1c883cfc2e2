//! The engine on PostgreSQL against its contract, a network that fails, and a server that dies.
#![expect(clippy::unwrap_used, reason = "a test ends at the first surprise")]

mod contract;
mod golden;
mod group_commit;
mod login;
mod lost;
mod nodes;
mod refusals;
mod storm;
mod support;
mod waiting;
