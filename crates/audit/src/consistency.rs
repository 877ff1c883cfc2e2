use std::{fmt, str::FromStr};

use crate::{
    Checkpoint, Hash, ProofError, SignedCheckpoint, VerifierKey,
    inclusion::{first_line, read_path, write_path},
    lines::Lines,
    verify,
};

/// The proof that a log as of a later checkpoint begins with all that it had at an earlier one: a text that needs
/// nothing beside it but the public key.
///
/// ```text
/// strongroom/audit/consistency/v1
/// <the earlier signed checkpoint>
/// <path, one hash a line, then an empty line>
/// <the later signed checkpoint>
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConsistencyProof {
    pub(crate) old: SignedCheckpoint,
    pub(crate) path: Vec<Hash>,
    pub(crate) new: SignedCheckpoint,
}

const FIRST_LINE: &str = "strongroom/audit/consistency/v1";
const ANY_VERSION: &str = "strongroom/audit/consistency/v";

impl ConsistencyProof {
    /// Reads what it displays as, in its one spelling.
    ///
    /// # Errors
    /// [`ProofError::Malformed`], [`ProofError::Newer`].
    pub fn parse(text: &str) -> Result<Self, ProofError> {
        first_line(text, FIRST_LINE, ANY_VERSION)?;
        let read = Lines::of(text).and_then(|mut lines| Self::read(&mut lines));
        read.filter(|proof| proof.to_string() == text).ok_or(ProofError::Malformed)
    }

    /// Checks both signatures and the path; gives the earlier and the later checkpoint. Compare the earlier one with
    /// what you kept: the proof brings its own.
    ///
    /// # Errors
    /// [`ProofError`]: the proof shows nothing.
    pub fn verify(&self, key: &VerifierKey) -> Result<(Checkpoint, Checkpoint), ProofError> {
        let (old, new) = (self.old.verify(key)?, self.new.verify(key)?);
        if verify::extends((&old.root, old.size), (&new.root, new.size), &self.path) {
            Ok((old.clone(), new.clone()))
        } else {
            Err(ProofError::Path)
        }
    }

    fn read(lines: &mut Lines<'_>) -> Option<Self> {
        lines.next()?;
        let (old, path) = (SignedCheckpoint::read(lines)?, read_path(lines)?);
        Some(Self { old, path, new: SignedCheckpoint::read(lines)? })
    }
}

impl FromStr for ConsistencyProof {
    type Err = ProofError;
    fn from_str(text: &str) -> Result<Self, ProofError> {
        Self::parse(text)
    }
}

impl fmt::Display for ConsistencyProof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { old, path, new } = self;
        write!(f, "{FIRST_LINE}\n{old}")?;
        write_path(f, path)?;
        write!(f, "{new}")
    }
}
