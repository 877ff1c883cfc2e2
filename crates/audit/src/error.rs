use strongroom_core::{CommitError, InvalidRecordKey, KeyError, OutsideRange, StoreError, UseError};
use strongroom_keys::envelope::EnvelopeError;

use crate::{LogId, Part, ProofError};

/// The audit log cannot do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum AuditError {
    /// The database has no audit log yet: make one.
    #[error("the database has no audit log: make one")]
    Missing,
    /// The database has its audit log already: open it.
    #[error("the database has an audit log already: open it")]
    Exists,
    /// There is no such log, entry, tile or hold.
    #[error("the audit log has nothing of this kind under that number or name")]
    NotFound,
    /// A legal hold keeps it: release that first.
    #[error("a legal hold keeps these events")]
    Held,
    /// What was asked for makes no sense: the text says why.
    #[error("{0}")]
    Invalid(&'static str),
    /// The cursor belongs to another listing: begin again without it.
    #[error("the cursor does not belong to this listing: begin again without it")]
    Cursor,
    /// Whoever asks may not: the text says why.
    #[error("{0}")]
    Denied(&'static str),
    /// A producer left numbers out: this is the next one that is expected.
    #[error("a producer's numbers go on with {expected}")]
    Gap {
        /// The number that was expected.
        expected: u64,
    },
    /// The log has fewer entries than at a checkpoint that it signed: it was cut off, or an older state was restored.
    #[error("the log has {size} entries, and had {had} at the checkpoint: it was cut off or rolled back")]
    RolledBack {
        /// Entries that it has.
        size: u64,
        /// Entries that it had.
        had: u64,
    },
    /// The log has other entries than at a checkpoint that it signed.
    #[error("the log does not contain what it had at the checkpoint: it was rewritten")]
    Rewritten,
    /// Something in the log is not what was written: `fsck` tells more.
    #[error("the audit log is damaged: {part} of the log {log}")]
    Damaged {
        /// In which log.
        log: LogId,
        /// Where.
        part: Part,
    },
    /// A checkpoint that was given does not hold.
    #[error(transparent)]
    Proof(#[from] ProofError),
    /// The log's key or a month's key could not be used.
    #[error("a key of the audit log could not be used")]
    Key(#[source] UseError),
    /// It could not be committed.
    #[error(transparent)]
    Commit(#[from] CommitError),
    /// The store cannot do it.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<UseError> for AuditError {
    fn from(error: UseError) -> Self {
        match error {
            UseError::Store(error) => error.into(),
            other => Self::Key(other),
        }
    }
}

impl From<KeyError> for AuditError {
    fn from(error: KeyError) -> Self {
        Self::Key(error.into())
    }
}

impl From<InvalidRecordKey> for AuditError {
    fn from(error: InvalidRecordKey) -> Self {
        StoreError::from(error).into()
    }
}

impl From<OutsideRange> for AuditError {
    fn from(_: OutsideRange) -> Self {
        Self::Cursor
    }
}

/// For what is to be sealed: a payload keeps all limits, so only a key can fail.
impl From<EnvelopeError> for AuditError {
    fn from(error: EnvelopeError) -> Self {
        match error {
            EnvelopeError::Key(error) => error.into(),
            EnvelopeError::Malformed | EnvelopeError::TooLarge(_) | EnvelopeError::OpenFailed => {
                KeyError::Failed.into()
            }
        }
    }
}
