use std::{collections::BTreeMap, ops::BitOr, time::Duration};

use super::Pattern;

/// What a rule allows, as a set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Capabilities(u16);

impl Capabilities {
    /// None.
    pub const NONE: Self = Self(0);
    /// To make what is not there yet.
    pub const CREATE: Self = Self(1);
    /// To read.
    pub const READ: Self = Self(2);
    /// To change.
    pub const UPDATE: Self = Self(4);
    /// To change in parts.
    pub const PATCH: Self = Self(8);
    /// To delete.
    pub const DELETE: Self = Self(16);
    /// To list one level.
    pub const LIST: Self = Self(32);
    /// To list all levels.
    pub const SCAN: Self = Self(64);
    /// What needs more than the right to the path.
    pub const SUDO: Self = Self(128);
    /// Nothing, whatever other rules of the same place allow.
    pub const DENY: Self = Self(256);

    const NAMES: [(&'static str, Self); 9] = [
        ("create", Self::CREATE),
        ("delete", Self::DELETE),
        ("deny", Self::DENY),
        ("list", Self::LIST),
        ("patch", Self::PATCH),
        ("read", Self::READ),
        ("scan", Self::SCAN),
        ("sudo", Self::SUDO),
        ("update", Self::UPDATE),
    ];

    /// The capability of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::NAMES.iter().find(|(known, _)| *known == name).map(|(_, one)| *one)
    }

    /// What the word of a legacy rule, as in `policy = "read"`, stands for.
    pub fn legacy(word: &str) -> Option<Self> {
        let read = Self::READ | Self::LIST;
        let write = read | Self::CREATE | Self::UPDATE | Self::DELETE;
        match word {
            "deny" => Some(Self::DENY),
            "read" => Some(read),
            "write" => Some(write),
            "sudo" => Some(write | Self::SUDO),
            _ => None,
        }
    }

    /// Whether all of `other` are in it.
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Both together: deny wins, else they add up.
    #[must_use]
    pub fn merged(self, other: Self) -> Self {
        let both = self | other;
        if both.contains(Self::DENY) { Self::DENY } else { both }
    }

    /// Their names, sorted; `deny` for none.
    pub fn names(self) -> Vec<&'static str> {
        if self == Self::NONE || self.contains(Self::DENY) {
            return vec!["deny"];
        }
        Self::NAMES.iter().filter(|(_, one)| self.contains(*one)).map(|(name, _)| *name).collect()
    }
}

impl BitOr for Capabilities {
    type Output = Self;
    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// One `path` of a policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// Where; its literals may hold templates such as `{{identity.entity.id}}`.
    pub pattern: Pattern,
    /// What it allows there.
    pub capabilities: Capabilities,
    /// With which conditions.
    pub conditions: Conditions,
}

/// What a request has to fulfil beside having the capability.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Conditions {
    /// Parameters that must be there.
    pub required: Vec<String>,
    /// Parameters that may be there, with the values that they may have: any, if the list is empty.
    pub allowed: BTreeMap<String, Vec<String>>,
    /// Parameters that must not be there, with the values that they must not have: any, if the list is empty.
    pub denied: BTreeMap<String, Vec<String>>,
    /// The answer must be wrapped for at least so long.
    pub min_wrapping: Option<Duration>,
    /// The answer must be wrapped for at most so long.
    pub max_wrapping: Option<Duration>,
    /// A listing has at most so many rows.
    pub page: Option<u64>,
}

/// A policy as it was written.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Policy {
    /// Its rules.
    pub rules: Vec<Rule>,
}
