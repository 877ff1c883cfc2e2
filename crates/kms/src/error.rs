use strongroom_core::{CommitError, Full, KeyError, StoreError, UseError};
use strongroom_keys::envelope::EnvelopeError;

use crate::{RingState, VersionState};

/// A ring could not be used or changed. Says nothing of why something does not open.
#[derive(Debug, thiserror::Error)]
pub enum KmsError {
    /// There is no such ring.
    #[error("encryption key not found")]
    NotFound,
    /// There is a ring of this name.
    #[error("a key of this name exists: delete it first or choose another name")]
    Exists,
    /// The ring was disabled.
    #[error("the key is disabled: enable it first")]
    Disabled,
    /// The ring's state does not allow it.
    #[error("{}", ring_text(*.0))]
    RingState(RingState),
    /// The version's state does not allow it.
    #[error("{}", version_text(*.0))]
    VersionState(VersionState),
    /// The ring's policy does not allow it: the text says what of it.
    #[error("{0}")]
    Policy(&'static str),
    /// The ring may not be deleted.
    #[error("deletion is not allowed for this key: set deletion_allowed first")]
    NotDeletable,
    /// Keys of this type cannot do that.
    #[error("a key of this type does not support this operation")]
    WrongType,
    /// The version is below the ring's minimum.
    #[error("ciphertext or signature version is disallowed by policy (too old)")]
    TooOld,
    /// The version encrypted as many messages as its key may.
    #[error("version {0} of the key has encrypted as many messages as it may: rotate the key")]
    Exhausted(u32),
    /// The ring has no such version.
    #[error("the key has no such version")]
    NoVersion,
    /// The secret of the version is not here: only its public half was brought in.
    #[error("only the public half of this version of the key is here")]
    NoSecret,
    /// The input is not what it should be: the text says what is.
    #[error("{0}")]
    Invalid(&'static str),
    /// It does not open: damaged, another key's or with other additional data.
    #[error("the ciphertext does not open: it is damaged, another key's, or has other additional data")]
    OpenFailed,
    /// The store failed or is sealed.
    #[error(transparent)]
    Store(StoreError),
    /// The change was not committed.
    #[error(transparent)]
    Commit(CommitError),
    /// No event of it could be kept.
    #[error(transparent)]
    Full(#[from] Full),
}

impl From<StoreError> for KmsError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<CommitError> for KmsError {
    fn from(error: CommitError) -> Self {
        match error {
            CommitError::Store(error) => Self::Store(error),
            other => Self::Commit(other),
        }
    }
}

impl From<KeyError> for KmsError {
    fn from(error: KeyError) -> Self {
        match error {
            KeyError::Unsupported => Self::WrongType,
            KeyError::Invalid => Self::Invalid("not a digest or signature of this key's type"),
            KeyError::Failed | KeyError::Random => Self::Store(error.into()),
        }
    }
}

impl From<EnvelopeError> for KmsError {
    fn from(error: EnvelopeError) -> Self {
        match error {
            EnvelopeError::Malformed => Self::Invalid("not a ciphertext of this suite"),
            EnvelopeError::TooLarge(what) => Self::Invalid(what),
            EnvelopeError::OpenFailed => Self::OpenFailed,
            EnvelopeError::Key(error) => Self::Store(error.into()),
        }
    }
}

impl From<KmsError> for UseError {
    fn from(error: KmsError) -> Self {
        match error {
            KmsError::Store(error) => Self::Store(error),
            // The version stands in what is opened, so a wrong one is damage like any other.
            KmsError::OpenFailed | KmsError::Invalid(_) | KmsError::TooOld | KmsError::NoVersion => {
                Self::Key(KeyError::Failed)
            }
            KmsError::NotFound
            | KmsError::Exists
            | KmsError::Disabled
            | KmsError::RingState(_)
            | KmsError::VersionState(_)
            | KmsError::Policy(_)
            | KmsError::NoSecret
            | KmsError::NotDeletable
            | KmsError::Exhausted(_)
            | KmsError::WrongType
            | KmsError::Commit(_)
            | KmsError::Full(_) => Self::Unavailable,
        }
    }
}

const fn ring_text(state: RingState) -> &'static str {
    match state {
        RingState::Creating => "the key is being made: try again soon",
        RingState::PendingImport => "the key waits for its import: bring it in first",
        RingState::Active => "the key is in use: that can only be done while it is not",
        RingState::Disabled => "the key is disabled: enable it first",
        RingState::PendingDeletion => "the key is to be deleted: cancel its deletion first",
        RingState::Destroyed => "the key was destroyed",
    }
}

const fn version_text(state: VersionState) -> &'static str {
    match state {
        VersionState::PreActive => "this version of the key is not used yet",
        VersionState::Active => "this version of the key is active: that can only be done while it is not",
        VersionState::Suspended => "this version of the key is suspended: resume it first",
        VersionState::Deactivated => "this version of the key is deactivated: it protects nothing new",
        VersionState::Compromised => "this version of the key is compromised: rewrap what it encrypted",
        VersionState::Destroyed => "this version of the key was destroyed",
    }
}
