use std::{io::Read, ops::RangeInclusive};

use strongroom_core::Provider;

use crate::{
    BackupError, Part, SignerKey,
    chain::{Chain, FORMAT, HEAD, Kind, LINK, MAGIC, PREAMBLE, SIGNATURE, Signed},
    fill::fill,
};

/// Reads the frames of a backup, each where it belongs, and checks their links.
pub(crate) struct FrameReader<'a> {
    from: &'a mut dyn Read,
    chain: Chain<'a>,
    /// Where the next frame begins.
    offset: u64,
    body: Vec<u8>,
}

/// A frame whose link fits.
#[derive(Clone, Copy)]
pub(crate) struct Frame<'b> {
    pub(crate) part: Part,
    /// Where it begins.
    pub(crate) offset: u64,
    pub(crate) body: &'b [u8],
    /// The link of all before it.
    pub(crate) before: [u8; LINK],
}

impl Frame<'_> {
    pub(crate) const fn damaged(&self) -> BackupError {
        BackupError::Damaged { part: self.part, offset: self.offset }
    }
}

impl<'a> FrameReader<'a> {
    /// Reads the preamble.
    pub(crate) fn begin(provider: &'a dyn Provider, from: &'a mut dyn Read) -> Result<Self, BackupError> {
        let mut buffer = [0; PREAMBLE];
        let read = fill(from, &mut buffer).map_err(BackupError::Read)?;
        if read.iter().zip(&MAGIC).any(|(found, magic)| found != magic) {
            return Err(BackupError::NotABackup);
        }
        let part = Part::Preamble;
        let Some(format) = read.get(MAGIC.len()..).filter(|_| read.len() == PREAMBLE) else {
            return Err(BackupError::Truncated { part, offset: read.len() as u64 });
        };
        let format = u32::from_be_bytes(format.first_chunk().copied().unwrap_or_default());
        let (chain, expected) = Chain::begin(provider, format);
        if read != expected || format == 0 {
            return Err(BackupError::Damaged { part, offset: 0 });
        }
        if format != FORMAT {
            return Err(BackupError::NewerFormat(format));
        }
        Ok(Self { from, chain, offset: PREAMBLE as u64, body: Vec::new() })
    }

    /// Reads the next frame, which must be this part, of a length within these.
    pub(crate) fn read(
        &mut self,
        part: Part,
        lengths: RangeInclusive<usize>,
    ) -> Result<Frame<'_>, BackupError> {
        let (offset, before) = (self.offset, *self.chain.link());
        let damaged = BackupError::Damaged { part, offset };
        let Some(kind) = kind(part) else { return Err(damaged) };
        let mut head = [0; HEAD];
        self.exactly(part, &mut head)?;
        let length = u32::from_be_bytes(head.first_chunk().copied().unwrap_or_default());
        // Nothing is allocated for a length that was not written here.
        if head != self.chain.head(kind, length) || !lengths.contains(&(length as usize)) {
            return Err(damaged);
        }
        let mut body = std::mem::take(&mut self.body);
        body.resize(length as usize, 0);
        self.exactly(part, &mut body)?;
        let mut link = [0; LINK];
        self.exactly(part, &mut link)?;
        if link != *self.chain.advance(kind, length, &[&body]) {
            return Err(damaged);
        }
        self.body = body;
        Ok(Frame { part, offset, body: &self.body, before })
    }

    /// Reads a signature and checks it.
    pub(crate) fn signature(&mut self, signed: Signed, key: &SignerKey) -> Result<(), BackupError> {
        let message = self.chain.message(signed);
        let frame = self.read(signed.part(), SIGNATURE..=SIGNATURE)?;
        if key.verifies(&message, frame.body) { Ok(()) } else { Err(frame.damaged()) }
    }

    /// Nothing may follow. Answers how long the backup is.
    pub(crate) fn end(self) -> Result<u64, BackupError> {
        let rest = fill(self.from, &mut [0]).map_err(BackupError::Read)?.len();
        match rest {
            0 => Ok(self.offset),
            _ => Err(BackupError::Damaged { part: Part::End, offset: self.offset }),
        }
    }

    fn exactly(&mut self, part: Part, buffer: &mut [u8]) -> Result<(), BackupError> {
        let expected = buffer.len();
        let read = fill(self.from, buffer).map_err(BackupError::Read)?.len();
        self.offset += read as u64;
        if read == expected { Ok(()) } else { Err(BackupError::Truncated { part, offset: self.offset }) }
    }
}

const fn kind(part: Part) -> Option<Kind> {
    match part {
        Part::Manifest => Some(Kind::Manifest),
        Part::Recipient(_) => Some(Kind::Recipient),
        Part::HeaderSignature => Some(Kind::HeaderSignature),
        Part::Chunk(_) => Some(Kind::Chunk),
        Part::Signature => Some(Kind::Signature),
        Part::Preamble | Part::End => None,
    }
}
