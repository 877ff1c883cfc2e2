//! A private PostgreSQL cluster, and a network between that fails when a test wants it.

mod cluster;

pub use cluster::{Cluster, Database, database};
