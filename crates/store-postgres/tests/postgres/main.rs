//! The engine on PostgreSQL against its contract, a network that fails, and a server that dies.

mod contract;
mod lost;
mod nodes;
mod storm;
mod support;
