use std::time::Duration;

use super::{Capabilities, PolicyPath};

/// What is asked of a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Operation {
    /// To make what is not there.
    Create,
    /// To read.
    Read,
    /// To change.
    Update,
    /// To change in parts.
    Patch,
    /// To delete.
    Delete,
    /// To list one level.
    List,
    /// To list all levels.
    Scan,
}

impl Operation {
    /// Every operation.
    pub const ALL: [Self; 7] =
        [Self::Create, Self::Read, Self::Update, Self::Patch, Self::Delete, Self::List, Self::Scan];

    /// The capability that it needs.
    pub const fn capability(self) -> Capabilities {
        match self {
            Self::Create => Capabilities::CREATE,
            Self::Read => Capabilities::READ,
            Self::Update => Capabilities::UPDATE,
            Self::Patch => Capabilities::PATCH,
            Self::Delete => Capabilities::DELETE,
            Self::List => Capabilities::LIST,
            Self::Scan => Capabilities::SCAN,
        }
    }

    /// Whether the parameters of a rule speak of it.
    pub const fn writes(self) -> bool {
        matches!(self, Self::Create | Self::Update | Self::Patch)
    }
}

/// What somebody asks for, as far as policies look at it.
#[derive(Debug, Clone, Copy)]
pub struct Request<'r> {
    /// What.
    pub operation: Operation,
    /// Of which place.
    pub path: &'r PolicyPath,
    /// Names and values of the parameters; a value that is no text as its JSON.
    pub parameters: &'r [(&'r str, &'r str)],
    /// For how long the answer is to be wrapped.
    pub wrap: Option<Duration>,
    /// How many rows of a listing are asked for.
    pub limit: Option<u64>,
}

impl<'r> Request<'r> {
    /// A request without parameters.
    pub const fn new(operation: Operation, path: &'r PolicyPath) -> Self {
        Self { operation, path, parameters: &[], wrap: None, limit: None }
    }
}
