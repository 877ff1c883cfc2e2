use std::{fmt, str::FromStr};

use crate::{
    Checkpoint, Hash, Leaf, LogId, Payload, ProofError, SignedCheckpoint, VerifierKey,
    lines::{Lines, base64},
    verify,
};

/// The proof that an event stands in a tenant's log, and that log's head in the global one: a text that needs nothing
/// beside it but the public key. It discloses that one event, and no key.
///
/// The text, in the manner of C2SP tlog-proof; a path has one hash a line, from the leaf up:
///
/// ```text
/// strongroom/audit/inclusion/v1
/// leaf <base64>
/// blind <base64>             these two are left out where the payload was erased
/// payload <base64>
/// index <of the leaf in the tenant's log>
/// <path, then an empty line>
/// <the signed checkpoint of the tenant's log>
/// index <of that checkpoint's text in the global log>
/// <path, then an empty line>
/// <the signed checkpoint of the global log>
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InclusionProof {
    pub(crate) leaf: Leaf,
    pub(crate) disclosed: Option<Disclosed>,
    pub(crate) in_tenant: Place,
    pub(crate) in_global: Place,
}

/// A payload with its blind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Disclosed {
    pub(crate) blind: [u8; 32],
    pub(crate) payload: Vec<u8>,
}

/// Where a leaf stands in a tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) index: u64,
    pub(crate) path: Vec<Hash>,
    pub(crate) checkpoint: SignedCheckpoint,
}

/// What a proof shows, now that it was verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proven {
    /// What the log has of the event.
    pub leaf: Leaf,
    /// The event itself, unless it was erased.
    pub payload: Option<Payload>,
    /// Its number in the tenant's log.
    pub index: u64,
    /// The checkpoint of the tenant's log.
    pub checkpoint: Checkpoint,
    /// The checkpoint of the global log.
    pub global: Checkpoint,
}

const FIRST_LINE: &str = "strongroom/audit/inclusion/v1";
const ANY_VERSION: &str = "strongroom/audit/inclusion/v";

impl InclusionProof {
    /// Reads what it displays as, in its one spelling.
    ///
    /// # Errors
    /// [`ProofError::Malformed`], [`ProofError::Newer`].
    pub fn parse(text: &str) -> Result<Self, ProofError> {
        first_line(text, FIRST_LINE, ANY_VERSION)?;
        let read = Lines::of(text).and_then(|mut lines| Self::read(&mut lines));
        read.filter(|proof| proof.to_string() == text).ok_or(ProofError::Malformed)
    }

    /// Checks all of it: the event against the leaf, both paths, both signatures. `key` is the one of the global log, or
    /// of the tenant that it should be about.
    ///
    /// # Errors
    /// [`ProofError`]: the proof shows nothing.
    pub fn verify(&self, key: &VerifierKey) -> Result<Proven, ProofError> {
        let Self { leaf, disclosed, in_tenant, in_global } = self;
        let log = LogId::Tenant(leaf.tenant);
        if key.origin().log != LogId::Global && key.origin().log != log {
            return Err(ProofError::OtherLog);
        }
        let payload = disclosed.as_ref().map(|disclosed| disclosed.of(leaf)).transpose()?;
        let checkpoint = in_tenant.verify(&leaf.to_bytes(), &key.of_log(log))?;
        let global = in_global.verify(checkpoint.to_string().as_bytes(), &key.of_log(LogId::Global))?;
        let (checkpoint, global) = (checkpoint.clone(), global.clone());
        Ok(Proven { leaf: *leaf, payload, index: in_tenant.index, checkpoint, global })
    }

    fn read(lines: &mut Lines<'_>) -> Option<Self> {
        lines.next()?;
        let leaf = Leaf::from_bytes(&lines.bytes("leaf ")?)?;
        let disclosed = if lines.begins("blind ") {
            let blind = lines.bytes("blind ")?.try_into().ok()?;
            Some(Disclosed { blind, payload: lines.bytes("payload ")? })
        } else {
            None
        };
        Some(Self { leaf, disclosed, in_tenant: Place::read(lines)?, in_global: Place::read(lines)? })
    }
}

impl Disclosed {
    /// The payload, if it is the one that the leaf commits to.
    pub(crate) fn of(&self, leaf: &Leaf) -> Result<Payload, ProofError> {
        if !leaf.discloses(&self.blind, &self.payload) {
            return Err(ProofError::Event);
        }
        // The class is the log's word alone: which action is of which class may change.
        let payload = Payload::read(&self.payload).filter(|payload| payload.event.tenant == leaf.tenant);
        payload.ok_or(ProofError::Event)
    }
}

impl Place {
    fn verify(&self, leaf: &[u8], key: &VerifierKey) -> Result<&Checkpoint, ProofError> {
        let checkpoint = self.checkpoint.verify(key)?;
        if verify::includes(&checkpoint.root, checkpoint.size, self.index, leaf, &self.path) {
            Ok(checkpoint)
        } else {
            Err(ProofError::Path)
        }
    }

    fn read(lines: &mut Lines<'_>) -> Option<Self> {
        let index = lines.number("index ")?;
        let path = read_path(lines)?;
        Some(Self { index, path, checkpoint: SignedCheckpoint::read(lines)? })
    }
}

/// Refuses what begins otherwise, and says where only the version is another.
pub(crate) fn first_line(text: &str, line: &str, any_version: &str) -> Result<(), ProofError> {
    match text.split('\n').next() {
        Some(first) if first == line => Ok(()),
        Some(first) if first.starts_with(any_version) => Err(ProofError::Newer),
        _ => Err(ProofError::Malformed),
    }
}

/// Hashes up to an empty line.
pub(crate) fn read_path(lines: &mut Lines<'_>) -> Option<Vec<Hash>> {
    let mut path = Vec::new();
    loop {
        match lines.next()? {
            "" => return Some(path),
            line => path.push(Hash::parse(line)?),
        }
    }
}

pub(crate) fn write_path(f: &mut fmt::Formatter<'_>, path: &[Hash]) -> fmt::Result {
    path.iter().try_for_each(|hash| writeln!(f, "{hash}"))?;
    writeln!(f)
}

impl FromStr for InclusionProof {
    type Err = ProofError;
    fn from_str(text: &str) -> Result<Self, ProofError> {
        Self::parse(text)
    }
}

impl fmt::Display for InclusionProof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { leaf, disclosed, in_tenant, in_global } = self;
        writeln!(f, "{FIRST_LINE}\nleaf {}", base64(&leaf.to_bytes()))?;
        if let Some(Disclosed { blind, payload }) = disclosed {
            writeln!(f, "blind {}\npayload {}", base64(blind), base64(payload))?;
        }
        [in_tenant, in_global].into_iter().try_for_each(|place| write!(f, "{place}"))
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { index, path, checkpoint } = self;
        writeln!(f, "index {index}")?;
        write_path(f, path)?;
        write!(f, "{checkpoint}")
    }
}
