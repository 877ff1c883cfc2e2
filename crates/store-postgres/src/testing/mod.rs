//! A private PostgreSQL cluster, and a network between that fails when a test wants it.

mod cluster;
mod proxy;

pub use cluster::{Cluster, Database, database};
pub use proxy::{Proxy, Weather};
