//! What is measured.

mod asymmetric;
mod audit;
mod busy;
mod crowd;
mod encrypt;
mod http;
mod kms;
mod postgres;
mod read;
mod rotate;
mod sign;
mod start;
mod store;
mod symmetric;

pub(crate) use busy::write;

use std::path::Path;

use clap::ValueEnum;

use crate::{Result, effort::Effort, table::Table};

/// Rows that belong together.
#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum Topic {
    /// Encrypt and decrypt in process
    Encrypt,
    /// Sign in process
    Sign,
    /// Every kind of asymmetric key, beside the bare primitive
    Asymmetric,
    /// Rings of every kind beside their keys, and of many versions
    Kms,
    /// A million rings: start, memory, hit, miss, listing
    Crowd,
    /// Symmetric keys themselves, beside their crates
    Symmetric,
    /// Durable commits
    Store,
    /// Commits and reads on PostgreSQL, and encrypting over it
    Postgres,
    /// Rotate rings through the barrier
    Rotate,
    /// Read through the barrier
    Read,
    /// Encrypt over HTTP
    Http,
    /// Start with many rings
    Start,
    /// Log events, take them over, prove them
    Audit,
    /// Encrypt beside rotation, resealing and a snapshot; open after a kill
    Busy,
}

impl Topic {
    pub(crate) const ALL: &[Self] = &[
        Self::Encrypt,
        Self::Sign,
        Self::Asymmetric,
        Self::Kms,
        Self::Crowd,
        Self::Symmetric,
        Self::Store,
        Self::Postgres,
        Self::Rotate,
        Self::Read,
        Self::Http,
        Self::Start,
        Self::Audit,
        Self::Busy,
    ];

    pub(crate) fn measure(self, effort: &Effort, folder: &Path, table: &mut Table) -> Result<()> {
        match self {
            Self::Encrypt => encrypt::measure(effort, table),
            Self::Sign => sign::measure(effort, table),
            Self::Asymmetric => asymmetric::measure(effort, table),
            Self::Kms => kms::measure(effort, table),
            Self::Crowd => crowd::measure(effort, folder, table),
            Self::Symmetric => symmetric::measure(effort, table),
            Self::Store => store::measure(effort, folder, table),
            Self::Postgres => postgres::measure(effort, folder, table),
            Self::Rotate => rotate::measure(effort, folder, table),
            Self::Read => read::measure(effort, folder, table),
            Self::Http => http::measure(effort, folder, table),
            Self::Start => start::measure(effort, folder, table),
            Self::Audit => audit::measure(effort, folder, table),
            Self::Busy => busy::measure(effort, folder, table),
        }
    }
}
