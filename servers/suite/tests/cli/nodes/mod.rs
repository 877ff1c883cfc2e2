//! Several servers on one PostgreSQL database.

mod apart;
mod fleet;
mod remote;
mod seal;
mod storm;
