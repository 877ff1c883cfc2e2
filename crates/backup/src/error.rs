use std::{fmt, io};

use strongroom_core::{KeyError, UseError};
use strongroom_keys::envelope::EnvelopeError;

use crate::SignerKey;

/// A backup cannot be written, read or verified. Says whose fault it is; no text of the file and no secret in it.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// The stream does not begin as a backup does.
    #[error("not a backup of this suite")]
    NotABackup,
    /// A format that this version does not know: read it with a newer one.
    #[error("a backup of format {0}: read it with a newer version")]
    NewerFormat(u32),
    /// The stream ends too early: fetch the backup again, or take another one.
    #[error("the backup is truncated: it ends at byte {offset}, in {part}")]
    Truncated {
        /// What is not there as a whole.
        part: Part,
        /// The length of the stream, in bytes.
        offset: u64,
    },
    /// Something is not what was written: fetch the backup again, or take another one.
    ///
    /// By accident or by somebody who changes the file, the first part that changed is named. Who also computes
    /// every check anew gets as far as the next signature, or with a recovery key at hand the next chunk.
    #[error("the backup is damaged: {part}, at byte {offset}")]
    Damaged {
        /// The first part that is not as it was written.
        part: Part,
        /// Where it begins, in bytes from the start.
        offset: u64,
    },
    /// It was not encrypted to this recovery key: take one of those that [`inspect`](crate::inspect) names.
    #[error("the backup is not for this recovery key")]
    NotForThisKey,
    /// It was signed by a key that the caller does not trust.
    #[error("the backup was signed by another key: {0}")]
    AnotherSigner(SignerKey),
    /// The manifest states a length, and the stream has another one.
    #[error("the manifest says {said} bytes, the stream has {found}")]
    Length {
        /// The length in the manifest.
        said: u64,
        /// The length of the stream, or how much of it was read before it was too long.
        found: u64,
    },
    /// There must be 1 to 20 recipients, and no one twice.
    #[error("a backup needs 1 to 20 recipients, no one twice")]
    Recipients,
    /// There is something at the destination already, and it was left alone.
    #[error("the destination exists already")]
    Exists,
    /// The signer could not sign, or signed with another key in the middle; or a key could not be made.
    #[error("a key could not be used")]
    Key(#[source] UseError),
    /// The input could not be read.
    #[error("the input could not be read")]
    Read(#[source] io::Error),
    /// The output could not be written.
    #[error("the output could not be written")]
    Write(#[source] io::Error),
}

/// A part of a backup, in their order in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// The first 16 bytes: what it is, and its format.
    Preamble,
    /// The manifest.
    Manifest,
    /// The backup's key for one recipient, counted from 0.
    Recipient(u8),
    /// The signature over the manifest and the recipients.
    HeaderSignature,
    /// A chunk of the stream, counted from 0.
    Chunk(u64),
    /// The signature over everything.
    Signature,
    /// The end, after which nothing may follow.
    End,
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Preamble => f.write_str("its first 16 bytes"),
            Self::Manifest => f.write_str("the manifest"),
            Self::Recipient(index) => write!(f, "recipient {index}"),
            Self::HeaderSignature => f.write_str("the signature of the manifest"),
            Self::Chunk(index) => write!(f, "chunk {index}"),
            Self::Signature => f.write_str("the signature"),
            Self::End => f.write_str("the end, which something follows"),
        }
    }
}

impl From<UseError> for BackupError {
    fn from(error: UseError) -> Self {
        Self::Key(error)
    }
}

impl From<KeyError> for BackupError {
    fn from(error: KeyError) -> Self {
        Self::Key(error.into())
    }
}

/// For what was to be sealed: a chunk keeps all limits, so only a key can fail.
impl From<EnvelopeError> for BackupError {
    fn from(error: EnvelopeError) -> Self {
        match error {
            EnvelopeError::Key(error) => error.into(),
            EnvelopeError::Malformed | EnvelopeError::TooLarge(_) | EnvelopeError::OpenFailed => {
                KeyError::Failed.into()
            }
        }
    }
}
