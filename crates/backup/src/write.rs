use std::io::{Read, Write};

use strongroom_core::{KeyError, Provider, Signer};
use zeroize::Zeroizing;

use crate::{
    BackupError, Manifest, Progress, Recipient, SignerKey,
    chain::{Chain, FORMAT, Kind, Signed},
    chunk::{CHUNK, Chunks, Place},
    fill::fill,
    manifest::{self, MAX_RECIPIENTS},
    wrap::{self, FileKey},
};

/// A backup was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Written {
    /// The backup's random id.
    pub id: [u8; 16],
    /// The length of the stream, in bytes.
    pub length: u64,
    /// The length of the backup, in bytes.
    pub size: u64,
}

/// Writes a backup of a stream, encrypted to each of the recipients and signed.
///
/// Holds about 2 MiB in memory, however long the stream is. What was written before an error is not a backup: to
/// write a file that is there as a whole or not at all, give it a [`NewFile`](crate::NewFile).
///
/// # Errors
/// [`BackupError::Recipients`], [`BackupError::Length`], [`BackupError::Key`], [`BackupError::Read`] and
/// [`BackupError::Write`]. A signer whose key is rotated meanwhile is a [`BackupError::Key`]: write it again.
pub fn write(
    provider: &dyn Provider,
    signer: &dyn Signer,
    manifest: &Manifest,
    recipients: &[Recipient],
    from: &mut dyn Read,
    to: &mut dyn Write,
    progress: &mut dyn FnMut(Progress),
) -> Result<Written, BackupError> {
    let count = count(recipients)?;
    let signer = Signing { signer, key: SignerKey::of(signer)? };
    let mut id = [0; 16];
    provider.random().fill(&mut id);
    let mut key = FileKey::default();
    provider.random().fill_secret(key.as_mut_slice())?;

    let mut frames = FrameWriter::begin(provider, to)?;
    let record = manifest::encode(id, &signer.key, count, manifest).ok_or(KeyError::Invalid)?;
    frames.write(Kind::Manifest, &[&record])?;
    for recipient in recipients {
        let wrapped = wrap::seal(provider, recipient, frames.chain.link(), &key)?;
        frames.write(Kind::Recipient, &[&recipient.fingerprint(provider).0, &wrapped])?;
    }
    frames.sign(Signed::Header, &signer)?;
    let length =
        write_chunks(&mut frames, &Chunks::new(provider, id, &key), manifest.length, from, progress)?;
    frames.sign(Signed::Whole, &signer)?;
    frames.to.flush().map_err(BackupError::Write)?;
    Ok(Written { id, length, size: frames.size })
}

fn count(recipients: &[Recipient]) -> Result<u8, BackupError> {
    let mut rest = recipients;
    while let [first, others @ ..] = rest {
        if others.contains(first) {
            return Err(BackupError::Recipients);
        }
        rest = others;
    }
    match u8::try_from(recipients.len()) {
        Ok(count @ 1..=MAX_RECIPIENTS) => Ok(count),
        _ => Err(BackupError::Recipients),
    }
}

/// Answers the length of the stream.
fn write_chunks(
    frames: &mut FrameWriter<'_>,
    chunks: &Chunks<'_>,
    said: Option<u64>,
    from: &mut dyn Read,
    progress: &mut dyn FnMut(Progress),
) -> Result<u64, BackupError> {
    let mut plaintext = Zeroizing::new(vec![0; CHUNK]);
    let (mut index, mut length) = (0, 0);
    loop {
        let filled = fill(from, &mut plaintext).map_err(BackupError::Read)?;
        let place = Place { index, last: filled.len() < CHUNK };
        length += filled.len() as u64;
        check_length(said, length, place.last)?;
        frames.write(Kind::Chunk, &[&chunks.seal(place, filled)?])?;
        progress(Progress { done: length, total: said });
        if place.last {
            return Ok(length);
        }
        index += 1;
    }
}

/// The length so far must not be above what was said, and at the end be equal to it.
pub(crate) fn check_length(said: Option<u64>, found: u64, last: bool) -> Result<(), BackupError> {
    match said {
        Some(said) if found > said || (last && found < said) => Err(BackupError::Length { said, found }),
        _ => Ok(()),
    }
}

/// A signer with the key that stands in the manifest.
struct Signing<'s> {
    signer: &'s dyn Signer,
    key: SignerKey,
}

struct FrameWriter<'a> {
    to: &'a mut dyn Write,
    chain: Chain<'a>,
    size: u64,
}

impl<'a> FrameWriter<'a> {
    fn begin(provider: &'a dyn Provider, to: &'a mut dyn Write) -> Result<Self, BackupError> {
        let (chain, preamble) = Chain::begin(provider, FORMAT);
        let mut frames = Self { to, chain, size: 0 };
        frames.put(&preamble)?;
        Ok(frames)
    }

    fn write(&mut self, kind: Kind, body: &[&[u8]]) -> Result<(), BackupError> {
        // No body is longer than a sealed chunk.
        let length = body.iter().map(|part| part.len() as u32).sum();
        let head = self.chain.head(kind, length);
        let link = *self.chain.advance(kind, length, body);
        self.put(&head)?;
        body.iter().try_for_each(|part| self.put(part))?;
        self.put(&link)
    }

    fn sign(&mut self, signed: Signed, signing: &Signing<'_>) -> Result<(), BackupError> {
        let signature = signing.signer.sign(&self.chain.message(signed))?;
        // A ring that was rotated meanwhile signs with another key than the one in the manifest.
        if !self.chain.verifies(signed, &signing.key, &signature) {
            return Err(KeyError::Failed.into());
        }
        self.write(signed.kind(), &[&signature])
    }

    fn put(&mut self, bytes: &[u8]) -> Result<(), BackupError> {
        self.to.write_all(bytes).map_err(BackupError::Write)?;
        self.size += bytes.len() as u64;
        Ok(())
    }
}
