use std::fmt;

use crate::{Hash, Origin, lines::Lines, origin::hex, tree::MAX_SIZE};

/// What a log is at a moment: how many entries it has, and the root over all of them. Only a
/// [`SignedCheckpoint`](crate::SignedCheckpoint) that was verified gives one.
///
/// Displays as the text that is signed, by C2SP tlog-checkpoint, with two lines more:
///
/// ```text
/// strongroom/<database>/<log>
/// <size>
/// <root, in base64>
/// history <the id of the database's history, in hexadecimal>
/// commit <the newest commit of the database that is taken over>
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// Of which log.
    pub origin: Origin,
    /// How many entries it has.
    pub size: u64,
    /// The root over them.
    pub root: Hash,
    /// The history of the database in which it was made: a restored one begins another.
    pub history: [u8; 16],
    /// The newest commit whose events are in the log. Commits are counted on through all histories.
    pub commit: u64,
}

impl Checkpoint {
    /// Reads the five lines, in their one spelling.
    pub(crate) fn read(lines: &mut Lines<'_>) -> Option<Self> {
        let origin = Origin::parse(lines.next()?)?;
        let size = lines.number("").filter(|size| *size <= MAX_SIZE)?;
        let root = Hash::parse(lines.next()?)?;
        let history = hex(lines.value("history ")?)?;
        Some(Self { origin, size, root, history, commit: lines.number("commit ")? })
    }

    /// Reads the text that is signed.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut lines = Lines::of(text)?;
        let checkpoint = Self::read(&mut lines)?;
        (checkpoint.to_string() == text).then_some(checkpoint)
    }
}

impl fmt::Display for Checkpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { origin, size, root, history, commit } = self;
        let history = u128::from_be_bytes(*history);
        write!(f, "{origin}\n{size}\n{root}\nhistory {history:032x}\ncommit {commit}\n")
    }
}
