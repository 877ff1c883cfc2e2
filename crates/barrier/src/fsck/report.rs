use std::{collections::BTreeMap, fmt};

use strongroom_core::{RecordKey, Table, Tenant};

/// Problems that a report names; further ones are only counted.
const NAMED: usize = 100;

/// What [`fsck`](crate::fsck) found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// Rows that were looked at.
    pub rows: u64,
    /// How many there are of each kind.
    pub counts: BTreeMap<Place, Count>,
    /// Rows of tenants that were shredded, which wait to be deleted.
    pub shredded: u64,
    /// The first 100 problems, causes before what follows from them.
    pub problems: Vec<Problem>,
    /// Problems beyond those.
    pub further: u64,
}

/// Rows that are counted together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// Whose they are.
    pub tenant: Tenant,
    /// In which table.
    pub table: Table,
    /// Under which version of the tenant's key; 0 for the rows of the hierarchy, which lie under none.
    pub version: u32,
}

/// How many rows, and how long their values are together.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Count {
    /// Rows.
    pub rows: u64,
    /// Bytes.
    pub bytes: u64,
}

/// A row and what is wrong with it. Prints both; a key shows nothing private.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The row's key.
    pub key: RecordKey,
    /// What is wrong.
    pub flaw: Flaw,
}

/// What is wrong with a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Flaw {
    /// The engine does not give the row behind this key, nor perhaps others that follow: a key that is none.
    NextUnreadable,
    /// It has no shape that is known.
    Malformed,
    /// Other rows refer to it, and it is not there.
    Missing,
    /// It is not what the barrier wrote.
    Changed,
    /// It, or a key in it, does not open: it was damaged, exchanged or moved.
    DoesNotOpen,
    /// It names a version of a key that is not there.
    UnknownVersion,
    /// It is of a tenant that is not there.
    NoTenant,
    /// It opens and makes no sense to the capability whose it is.
    Unsound(&'static str),
}

impl Report {
    /// Whether no problem was found.
    pub fn is_sound(&self) -> bool {
        self.problems.is_empty() && self.further == 0
    }

    pub(super) fn name(&mut self, key: &RecordKey, flaw: Flaw) {
        if self.problems.iter().any(|known| known.key == *key && known.flaw == flaw) {
            return;
        }
        if self.problems.len() < NAMED {
            self.problems.push(Problem { key: key.clone(), flaw });
        } else {
            self.further += 1;
        }
    }

    pub(super) fn count(&mut self, key: &RecordKey, version: u32, bytes: usize) {
        let place = Place { tenant: key.tenant(), table: key.table(), version };
        let count = self.counts.entry(place).or_default();
        count.rows += 1;
        count.bytes += bytes as u64;
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {}", self.key, self.flaw)
    }
}

impl fmt::Display for Flaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NextUnreadable => "the row behind it cannot be read, nor perhaps others that follow",
            Self::Malformed => "has no shape that is known",
            Self::Missing => "is not there, though other rows refer to it",
            Self::Changed => "is not what the barrier wrote",
            Self::DoesNotOpen => "does not open, or a key in it does not",
            Self::UnknownVersion => "names a version of a key that is not there",
            Self::NoTenant => "is of a tenant that is not there",
            Self::Unsound(what) => what,
        })
    }
}
