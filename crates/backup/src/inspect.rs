use std::io::Read;

use strongroom_core::Provider;

use crate::{
    BackupError, Fingerprint, Header, Part, SignerKey,
    chain::{LINK, Signed},
    frames::FrameReader,
    manifest::{self, MAX_MANIFEST},
    wrap::WRAPPED,
};

/// A header that is signed by the key that it names itself, which may be anybody's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unproven(Header);

impl Unproven {
    /// What the file says. Nothing of it is proven: to look up which keys are needed, and to show to people.
    pub const fn unproven(&self) -> &Header {
        &self.0
    }

    /// The header as something that one of these signers signed. Says nothing of the rest of the file.
    ///
    /// # Errors
    /// [`BackupError::AnotherSigner`].
    pub fn trust(self, trusted: &[SignerKey]) -> Result<Header, BackupError> {
        if trusted.contains(&self.0.signer) {
            Ok(self.0)
        } else {
            Err(BackupError::AnotherSigner(self.0.signer))
        }
    }
}

/// Reads the beginning of a backup: what it is of, who signed it, and which recovery keys open it.
///
/// # Errors
/// [`BackupError::NotABackup`], [`BackupError::NewerFormat`], [`BackupError::Truncated`],
/// [`BackupError::Damaged`] and [`BackupError::Read`].
pub fn inspect(provider: &dyn Provider, from: &mut dyn Read) -> Result<Unproven, BackupError> {
    Ok(Opened::open(provider, from)?.header)
}

/// A backup whose header was read.
pub(crate) struct Opened<'a> {
    pub(crate) header: Unproven,
    pub(crate) stanzas: Vec<Stanza>,
    pub(crate) frames: FrameReader<'a>,
}

/// The backup's key for one recipient.
pub(crate) struct Stanza {
    pub(crate) part: Part,
    pub(crate) offset: u64,
    pub(crate) before: [u8; LINK],
    pub(crate) recipient: Fingerprint,
    pub(crate) wrapped: Vec<u8>,
}

impl<'a> Opened<'a> {
    pub(crate) fn open(provider: &'a dyn Provider, from: &'a mut dyn Read) -> Result<Self, BackupError> {
        let mut frames = FrameReader::begin(provider, from)?;
        let frame = frames.read(Part::Manifest, 1..=MAX_MANIFEST)?;
        let (mut header, count) = manifest::decode(frame.body).ok_or(frame.damaged())?;
        let stanzas =
            (0..count).map(|index| Stanza::read(&mut frames, index)).collect::<Result<Vec<_>, _>>()?;
        header.recipients = stanzas.iter().map(|stanza| stanza.recipient).collect();
        frames.signature(Signed::Header, &header.signer)?;
        Ok(Self { header: Unproven(header), stanzas, frames })
    }
}

impl Stanza {
    const LENGTH: usize = Fingerprint::SIZE + WRAPPED;

    fn read(frames: &mut FrameReader<'_>, index: u8) -> Result<Self, BackupError> {
        let frame = frames.read(Part::Recipient(index), Self::LENGTH..=Self::LENGTH)?;
        let (recipient, wrapped) = frame.body.split_first_chunk().ok_or(frame.damaged())?;
        Ok(Self {
            part: frame.part,
            offset: frame.offset,
            before: frame.before,
            recipient: Fingerprint(*recipient),
            wrapped: wrapped.to_vec(),
        })
    }
}
