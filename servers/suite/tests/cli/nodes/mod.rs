//! Several servers on one PostgreSQL database.

mod fleet;
mod remote;
mod storm;
