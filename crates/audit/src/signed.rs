use std::{fmt, str::FromStr};

use strongroom_core::{Signer, UseError};

use crate::{
    Checkpoint, Origin, ProofError, VerifierKey,
    lines::{Lines, base64},
};

/// A checkpoint with the signature of its log, as a note of C2SP signed-note. What it says counts once it was verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedCheckpoint {
    checkpoint: Checkpoint,
    key: [u8; 4],
    signature: Vec<u8>,
}

/// The length of an Ed25519 signature.
const SIGNATURE: usize = 64;

/// What a signature's line begins with: an em dash and a space.
const DASH: &str = "\u{2014} ";

impl SignedCheckpoint {
    pub(crate) fn sign(checkpoint: Checkpoint, key: [u8; 4], signer: &dyn Signer) -> Result<Self, UseError> {
        let signature = signer.sign(checkpoint.to_string().as_bytes())?;
        Ok(Self { checkpoint, key, signature })
    }

    /// Reads what it displays as, in its one spelling: one checkpoint with one signature.
    ///
    /// # Errors
    /// [`ProofError::Malformed`].
    pub fn parse(text: &str) -> Result<Self, ProofError> {
        let read = Lines::of(text).and_then(|mut lines| Self::read(&mut lines));
        read.filter(|note| note.to_string() == text).ok_or(ProofError::Malformed)
    }

    /// The checkpoint, if the log that `key` belongs to signed it.
    ///
    /// # Errors
    /// [`ProofError::OtherLog`], [`ProofError::Signature`].
    pub fn verify(&self, key: &VerifierKey) -> Result<&Checkpoint, ProofError> {
        if self.checkpoint.origin != *key.origin() {
            return Err(ProofError::OtherLog);
        }
        let text = self.checkpoint.to_string();
        if self.key == key.id() && key.verifies(text.as_bytes(), &self.signature) {
            Ok(&self.checkpoint)
        } else {
            Err(ProofError::Signature)
        }
    }

    /// Which log it says that it is of. Nothing proves it.
    pub const fn claimed_origin(&self) -> &Origin {
        &self.checkpoint.origin
    }

    /// The checkpoint of our own database, before it was verified.
    pub(crate) const fn unverified(&self) -> &Checkpoint {
        &self.checkpoint
    }

    pub(crate) fn read(lines: &mut Lines<'_>) -> Option<Self> {
        let checkpoint = Checkpoint::read(lines)?;
        lines.next().filter(|line| line.is_empty())?;
        let (_, signature) = lines.value(DASH)?.rsplit_once(' ')?;
        let bytes = base64_bytes(signature)?;
        let (key, signature) = bytes.split_first_chunk()?;
        (signature.len() == SIGNATURE).then(|| Self { checkpoint, key: *key, signature: signature.to_vec() })
    }
}

fn base64_bytes(text: &str) -> Option<Vec<u8>> {
    use base64::{Engine as _, prelude::BASE64_STANDARD};
    BASE64_STANDARD.decode(text).ok()
}

impl FromStr for SignedCheckpoint {
    type Err = ProofError;
    fn from_str(text: &str) -> Result<Self, ProofError> {
        Self::parse(text)
    }
}

impl fmt::Display for SignedCheckpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { checkpoint, key, signature } = self;
        let signature = base64(&[key.as_slice(), signature].concat());
        writeln!(f, "{checkpoint}\n{DASH}{} {signature}", checkpoint.origin)
    }
}
