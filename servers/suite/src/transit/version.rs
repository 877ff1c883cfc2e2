use clap::Subcommand;
use serde_json::Value;

use super::{
    Printed, Transit, TransitError, checked,
    key::{confirm, key_text},
};

/// A version of a key.
#[derive(clap::Args)]
pub(super) struct One {
    /// The key
    name: String,
    /// The version
    version: u32,
}

#[derive(Subcommand)]
pub(super) enum VersionTask {
    /// Stop new use, until it is resumed; it still decrypts and verifies
    Suspend(One),
    /// Allow use again
    Resume(One),
    /// Stop new use for good; it still decrypts and verifies
    Deactivate(One),
    /// Somebody else may know it
    Compromise(One),
    /// Destroy it: what it encrypted is lost
    Destroy {
        #[command(flatten)]
        one: One,
        /// Do not ask for the name once more
        #[arg(long)]
        yes: bool,
    },
}

impl VersionTask {
    pub(super) fn run(&self, transit: &Transit) -> Result<Printed, TransitError> {
        let (verb, one) = match self {
            Self::Suspend(one) => ("suspend", one),
            Self::Resume(one) => ("resume", one),
            Self::Deactivate(one) => ("deactivate", one),
            Self::Compromise(one) => ("compromise", one),
            Self::Destroy { one, yes } => {
                confirm(&one.name, *yes)?;
                ("destroy", one)
            }
        };
        let path = format!("keys/{}/versions/{}/{verb}", checked(&one.name)?, one.version);
        Ok(transit.shown(&transit.post(&path, &Value::Null)?, key_text))
    }
}
