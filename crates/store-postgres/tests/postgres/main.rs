//! The engine on PostgreSQL against its contract, a network that fails, and a server that dies.

mod contract;
