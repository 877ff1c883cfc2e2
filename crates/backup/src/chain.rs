//! The links between the parts of a backup.
//!
//! ```text
//! preamble = "SRBACKUP" ‖ format u32 ‖ the first 4 bytes of link 0
//! link 0   = SHA-256("strongroom/v1/backup/preamble" ‖ 0x00 ‖ "SRBACKUP" ‖ format u32)
//! frame n  = length u32 ‖ check (4) ‖ body ‖ link n
//! check    = the first 4 bytes of SHA-256("strongroom/v1/backup/frame" ‖ 0x00 ‖ link n-1 ‖ kind u8 ‖ length u32)
//! link n   = SHA-256("strongroom/v1/backup/link" ‖ 0x00 ‖ link n-1 ‖ kind u8 ‖ length u32 ‖ body)
//! ```
//!
//! Integers are big-endian. A link covers everything before it, so a frame at another place than where it was
//! written does not fit, and a signature over a link is one over everything before it. The links need no key: they
//! name accidents and clumsy changes, also without a recovery key. Against whoever computes them anew stand the
//! signatures and the envelopes.

use strongroom_core::Provider;

use crate::{Part, SignerKey};

pub(crate) const PREAMBLE: usize = MAGIC.len() + 4 + CHECK;
pub(crate) const MAGIC: [u8; 8] = *b"SRBACKUP";
pub(crate) const FORMAT: u32 = 1;

/// The length of what precedes a body.
pub(crate) const HEAD: usize = 4 + CHECK;
const CHECK: usize = 4;
pub(crate) const LINK: usize = 32;
pub(crate) const SIGNATURE: usize = 64;

/// What a frame holds.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Manifest = 1,
    Recipient = 2,
    HeaderSignature = 3,
    Chunk = 4,
    Signature = 5,
}

/// Which of the two signatures.
#[derive(Clone, Copy)]
pub(crate) enum Signed {
    /// The manifest and the recipients.
    Header,
    /// Everything.
    Whole,
}

impl Signed {
    pub(crate) const fn part(self) -> Part {
        match self {
            Self::Header => Part::HeaderSignature,
            Self::Whole => Part::Signature,
        }
    }

    pub(crate) const fn kind(self) -> Kind {
        match self {
            Self::Header => Kind::HeaderSignature,
            Self::Whole => Kind::Signature,
        }
    }

    const fn label(self) -> &'static [u8] {
        match self {
            Self::Header => b"strongroom/v1/backup/header\0",
            Self::Whole => b"strongroom/v1/backup/whole\0",
        }
    }
}

/// The link of all that was written or read so far.
pub(crate) struct Chain<'p> {
    provider: &'p dyn Provider,
    link: [u8; LINK],
}

impl<'p> Chain<'p> {
    /// Begins with the preamble of this format.
    pub(crate) fn begin(provider: &'p dyn Provider, format: u32) -> (Self, [u8; PREAMBLE]) {
        let link =
            provider.sha256(&[b"strongroom/v1/backup/preamble\0", &MAGIC, format.to_be_bytes().as_slice()]);
        let mut preamble = [0; PREAMBLE];
        let bytes = MAGIC.into_iter().chain(format.to_be_bytes()).chain(link);
        preamble.iter_mut().zip(bytes).for_each(|(to, from)| *to = from);
        (Self { provider, link }, preamble)
    }

    pub(crate) const fn link(&self) -> &[u8; LINK] {
        &self.link
    }

    /// What precedes the body of the next frame.
    pub(crate) fn head(&self, kind: Kind, length: u32) -> [u8; HEAD] {
        let length = length.to_be_bytes();
        let check =
            self.provider.sha256(&[b"strongroom/v1/backup/frame\0", &self.link, &[kind as u8], &length]);
        let mut head = [0; HEAD];
        head.iter_mut().zip(length.into_iter().chain(check)).for_each(|(to, from)| *to = from);
        head
    }

    /// Goes on to the link of the next frame.
    pub(crate) fn advance(&mut self, kind: Kind, length: u32, body: &[&[u8]]) -> &[u8; LINK] {
        let length = length.to_be_bytes();
        let mut parts: Vec<&[u8]> = vec![b"strongroom/v1/backup/link\0", &self.link];
        let kind = [kind as u8];
        parts.extend([kind.as_slice(), &length]);
        parts.extend(body);
        self.link = self.provider.sha256(&parts);
        &self.link
    }

    /// What is signed of all before.
    pub(crate) fn message(&self, signed: Signed) -> Vec<u8> {
        [signed.label(), &self.link].concat()
    }

    pub(crate) fn verifies(&self, signed: Signed, key: &SignerKey, signature: &[u8]) -> bool {
        key.verifies(&self.message(signed), signature)
    }
}
