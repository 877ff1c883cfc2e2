use std::{fmt, str::FromStr};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use strongroom_core::{Algorithm, PublicKey};

use crate::{LogId, Origin, hash::sha256};

/// What the signatures of a log are checked with: its origin and the public key (Ed25519, RFC 8032). Whoever checks a
/// proof takes it from a place that they trust, once, and never from beside the proof.
///
/// Its text is the verifier key of C2SP signed-note, `<origin>+<hash>+<key>`. All logs of a database have one key and an
/// origin of their own: with the key of one, [`VerifierKey::of_log`] has that of any.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct VerifierKey {
    origin: Origin,
    public: [u8; 32],
}

/// A text is no verifier key of a log of this suite, in its one spelling.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a verifier key: it reads strongroom/<database>/<log>+<8 digits>+<key>")]
pub struct InvalidVerifierKey;

/// The type of an Ed25519 key in C2SP signed-note.
const ED25519: u8 = 1;

impl VerifierKey {
    /// The key of a log; nothing for bytes that no key has.
    pub(crate) fn new(origin: Origin, public: [u8; 32]) -> Option<Self> {
        let key = Self { origin, public };
        // Only a public key that is none makes the check itself fail.
        strongroom_keys::verify(&key.public(), &[], &[]).ok().map(|_| key)
    }

    /// Reads what it displays as.
    ///
    /// # Errors
    /// [`InvalidVerifierKey`].
    pub fn parse(text: &str) -> Result<Self, InvalidVerifierKey> {
        Self::read(text).filter(|key| key.to_string() == text).ok_or(InvalidVerifierKey)
    }

    /// Whose signatures it checks.
    pub const fn origin(&self) -> &Origin {
        &self.origin
    }

    /// The public key.
    pub fn public(&self) -> PublicKey {
        PublicKey { algorithm: Algorithm::Ed25519, bytes: self.public.to_vec() }
    }

    /// The key of another log of the same database.
    #[must_use]
    pub fn of_log(&self, log: LogId) -> Self {
        let origin = Origin { database: self.origin.database.clone(), log };
        Self { origin, public: self.public }
    }

    /// What stands before a signature in a note: the first four bytes of SHA-256 over the name, a line feed, the type
    /// of the key, and the key.
    pub(crate) fn id(&self) -> [u8; 4] {
        let [a, b, c, d, ..] = sha256(&[self.origin.to_string().as_bytes(), b"\n", &[ED25519], &self.public]);
        [a, b, c, d]
    }

    pub(crate) fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        strongroom_keys::verify(&self.public(), message, signature) == Ok(true)
    }

    fn read(text: &str) -> Option<Self> {
        let (origin, rest) = text.split_once('+')?;
        let (_, key) = rest.split_once('+')?;
        let bytes = BASE64_STANDARD.decode(key).ok()?;
        let (kind, public) = bytes.split_first()?;
        (*kind == ED25519).then_some(())?;
        Self::new(Origin::parse(origin)?, public.try_into().ok()?)
    }
}

impl FromStr for VerifierKey {
    type Err = InvalidVerifierKey;
    fn from_str(text: &str) -> Result<Self, InvalidVerifierKey> {
        Self::parse(text)
    }
}

impl fmt::Display for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = BASE64_STANDARD.encode([&[ED25519], self.public.as_slice()].concat());
        write!(f, "{}+{:08x}+{key}", self.origin, u32::from_be_bytes(self.id()))
    }
}

impl fmt::Debug for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
