use std::io::{Read, Write};

use strongroom_core::Provider;
use strongroom_keys::envelope::{EnvelopeError, OVERHEAD};

use crate::{
    BackupError, Header, Part, Progress, RecoveryKey, SignerKey,
    chain::Signed,
    chunk::{Chunks, Place, SEALED},
    frames::{Frame, FrameReader},
    inspect::{Opened, Stanza},
    wrap::{self, FileKey},
    write::check_length,
};

/// A backup that is whole, unchanged, and signed by a trusted key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// What it is of.
    pub header: Header,
    /// The length of the stream, in bytes.
    pub length: u64,
    /// The length of the backup, in bytes.
    pub size: u64,
}

/// Opens a backup with a recovery key and writes the stream out.
///
/// **What was written is not to be used before this answered `Ok`.** The signature over the whole stands at its end;
/// until then chunks may be missing. On an error, throw away what was written. [`restore`](crate::restore) does.
///
/// The header's signature is checked before the recovery key is used, and each chunk before it is written.
/// Holds about 2 MiB in memory, whatever the file says.
///
/// # Errors
/// [`BackupError`], but [`BackupError::Recipients`] and [`BackupError::Exists`].
pub fn read(
    provider: &dyn Provider,
    key: &RecoveryKey,
    trusted: &[SignerKey],
    from: &mut dyn Read,
    to: &mut dyn Write,
    progress: &mut dyn FnMut(Progress),
) -> Result<Verified, BackupError> {
    let Opened { header, stanzas, frames } = Opened::open(provider, from)?;
    let header = header.trust(trusted)?;
    let chunks = Chunks::new(provider, header.id, &unwrap(provider, key, &stanzas)?);
    let verified = follow(header, frames, progress, &mut |place, frame| {
        let plaintext = chunks.open(place, frame.body).map_err(|error| match error {
            EnvelopeError::Key(error) => error.into(),
            EnvelopeError::Malformed | EnvelopeError::TooLarge(_) | EnvelopeError::OpenFailed => {
                frame.damaged()
            }
        })?;
        to.write_all(&plaintext).map_err(BackupError::Write)
    })?;
    to.flush().map_err(BackupError::Write)?;
    Ok(verified)
}

/// Checks a whole backup without a recovery key: its structure, every link and both signatures.
///
/// Proves that it is as it was when a trusted signer wrote it, and names the first damage. Who changes a chunk *and*
/// computes all links anew is noticed at the last signature only, as the chunks stay closed. It does not prove that
/// a recovery key is still at hand: for that, [`read`] it.
///
/// # Errors
/// As for [`read`], but for [`BackupError::NotForThisKey`] and [`BackupError::Write`].
pub fn verify(
    provider: &dyn Provider,
    trusted: &[SignerKey],
    from: &mut dyn Read,
    progress: &mut dyn FnMut(Progress),
) -> Result<Verified, BackupError> {
    let Opened { header, stanzas: _, frames } = Opened::open(provider, from)?;
    follow(header.trust(trusted)?, frames, progress, &mut |_, _| Ok(()))
}

fn unwrap(provider: &dyn Provider, key: &RecoveryKey, stanzas: &[Stanza]) -> Result<FileKey, BackupError> {
    let fingerprint = key.recipient().fingerprint(provider);
    let mine = stanzas.iter().find(|stanza| stanza.recipient == fingerprint);
    let Stanza { part, offset, before, recipient: _, wrapped } = mine.ok_or(BackupError::NotForThisKey)?;
    wrap::open(key, before, wrapped).ok_or(BackupError::Damaged { part: *part, offset: *offset })
}

/// Reads all that follows a trusted header, and gives each chunk away.
fn follow(
    header: Header,
    mut frames: FrameReader<'_>,
    progress: &mut dyn FnMut(Progress),
    chunk: &mut dyn FnMut(Place, Frame<'_>) -> Result<(), BackupError>,
) -> Result<Verified, BackupError> {
    let said = header.manifest.length;
    let mut length = 0;
    for index in 0.. {
        let frame = frames.read(Part::Chunk(index), OVERHEAD..=SEALED)?;
        let place = Place { index, last: frame.body.len() < SEALED };
        length += (frame.body.len() - OVERHEAD) as u64;
        chunk(place, frame)?;
        check_length(said, length, place.last)?;
        progress(Progress { done: length, total: said });
        if place.last {
            break;
        }
    }
    frames.signature(Signed::Whole, &header.signer)?;
    Ok(Verified { length, size: frames.end()?, header })
}
