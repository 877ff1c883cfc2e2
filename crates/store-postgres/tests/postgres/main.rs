//! The engine on PostgreSQL against its contract, a network that fails, and a server that dies.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test ends at the first surprise")]

mod contract;
mod golden;
mod group_commit;
mod login;
mod lost;
mod nodes;
mod old_node;
mod refusals;
mod replay;
mod storm;
mod support;
mod upgrade;
mod waiting;
