//! A private PostgreSQL cluster, and a network between that fails when a test wants it; and the engine that the tests of
//! capabilities run on.

mod cluster;
mod engine;
mod proxy;

pub use cluster::{Cluster, Database, database};
pub use engine::Engine;
pub use proxy::{Proxy, Weather};
