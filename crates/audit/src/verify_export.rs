use std::{io, ops::Range};

use crate::{
    Archive, Checkpoint, Hash, Leaf, Part, Payload, Progress, ProofError, SignedCheckpoint, TileId,
    VerifierKey,
    hash::hashes,
    inclusion::Disclosed,
    leaf::take,
    recompute::{Difference, Recompute},
    tile::{TILE_WIDTH, bundle_path},
    tree::{Tiles, Tree},
    verify,
    watch::Watch,
};

/// An exported log does not hold.
#[derive(Debug, thiserror::Error)]
pub enum ExportFault {
    /// The checkpoint is missing, or not the log's.
    #[error("the checkpoint does not hold: {0}")]
    Checkpoint(#[source] ProofError),
    /// A part is missing, or is not the one that was signed.
    #[error("the exported log is damaged: {0}")]
    Damaged(Part),
    /// The range does not lie in the log.
    #[error("the log has {size} entries")]
    Range {
        /// How many there are.
        size: u64,
    },
    /// The archive could not be read.
    #[error("the export could not be read")]
    Read(#[from] io::Error),
}

/// An entry of an exported log that was verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExportedEntry {
    /// Its number.
    pub index: u64,
    /// The bytes that stand in the tree: a [`Leaf`], or of the global log the text of a checkpoint.
    pub leaf: Vec<u8>,
    /// The event, where the export discloses it.
    pub payload: Option<Payload>,
}

/// Verifies a whole exported log with nothing but its public key: computes the tree anew from the entries, compares
/// every tile and the root that was signed, and gives each entry to `each`, which must not use them before all of it
/// held. Names the first part that is not as it was.
///
/// # Errors
/// [`ExportFault`]: the export shows nothing.
pub fn verify_export(
    archive: &dyn Archive,
    key: &VerifierKey,
    each: &mut dyn FnMut(&ExportedEntry),
    progress: &mut dyn FnMut(Progress),
) -> Result<Checkpoint, ExportFault> {
    let export = Export::open(archive, key)?;
    let total = export.checkpoint.size;
    let mut tree = Recompute::default();
    let mut watch = Watch::new(key.origin().log, key.origin().database.clone());
    let mut first = None;
    for bundle in 0..total.div_ceil(TILE_WIDTH) {
        for entry in export.bundle(bundle)? {
            if !watch.accepts(&entry.leaf) {
                return Err(ExportFault::Damaged(Part::Entry(entry.index)));
            }
            for (tile, computed) in tree.push(Hash::leaf(&entry.leaf)) {
                first = first.or(export.difference(tile, &computed)?);
            }
            each(&entry);
        }
        progress(Progress { done: tree.size(), total });
    }
    for (tile, computed) in tree.partial() {
        first = first.or(export.difference(tile, &computed)?);
    }
    let root_holds = tree.frontier().root() == export.checkpoint.root;
    match first {
        Some(difference) => Err(ExportFault::Damaged(difference.part(root_holds))),
        None if root_holds => Ok(export.checkpoint),
        None => Err(ExportFault::Checkpoint(ProofError::Path)),
    }
}

/// Verifies some entries of an exported log, each by its path to the root that was signed; reads only what that needs.
///
/// # Errors
/// [`ExportFault`]: the entries show nothing.
pub fn verify_export_range(
    archive: &dyn Archive,
    key: &VerifierKey,
    range: Range<u64>,
    each: &mut dyn FnMut(&ExportedEntry),
    progress: &mut dyn FnMut(Progress),
) -> Result<Checkpoint, ExportFault> {
    let export = Export::open(archive, key)?;
    let Checkpoint { size, root, .. } = export.checkpoint;
    if range.end > size || range.start > range.end {
        return Err(ExportFault::Range { size });
    }
    let mut tree = Tree::new(&export, size);
    let bundles = range.start / TILE_WIDTH..range.end.div_ceil(TILE_WIDTH);
    for bundle in bundles {
        for entry in export.bundle(bundle)?.into_iter().filter(|entry| range.contains(&entry.index)) {
            let path = tree.inclusion(entry.index)?.unwrap_or_default();
            if !verify::includes(&root, size, entry.index, &entry.leaf, &path) {
                return Err(ExportFault::Damaged(Part::Entry(entry.index)));
            }
            each(&entry);
            progress(Progress { done: entry.index + 1 - range.start, total: range.end - range.start });
        }
    }
    Ok(export.checkpoint)
}

/// An archive whose checkpoint was verified.
struct Export<'a> {
    archive: &'a dyn Archive,
    checkpoint: Checkpoint,
}

impl<'a> Export<'a> {
    fn open(archive: &'a dyn Archive, key: &VerifierKey) -> Result<Self, ExportFault> {
        let text = archive.read("checkpoint")?.and_then(|bytes| String::from_utf8(bytes).ok());
        let note = text.ok_or(ProofError::Malformed).and_then(|text| SignedCheckpoint::parse(&text));
        let checkpoint = note.and_then(|note| note.verify(key).cloned()).map_err(ExportFault::Checkpoint)?;
        Ok(Self { archive, checkpoint })
    }

    /// The entries of a bundle, with their events where these are there, which must be what the leaves commit to.
    fn bundle(&self, bundle: u64) -> Result<Vec<ExportedEntry>, ExportFault> {
        let (first, size) = (bundle * TILE_WIDTH, self.checkpoint.size);
        let path = |prefix| bundle_path(prefix, bundle, size).unwrap_or_default();
        let bytes = self.archive.read(&path("tile/entries"))?;
        let bytes = bytes.ok_or(ExportFault::Damaged(Part::Entry(first)))?;
        let events = self.archive.read(&path("events"))?;
        let (mut leaves, mut events) = (bytes.as_slice(), events.as_deref());
        let mut entries = Vec::new();
        for index in first..(first + TILE_WIDTH).min(size) {
            let damaged = || ExportFault::Damaged(Part::Entry(index));
            let leaf = piece::<2>(&mut leaves).ok_or_else(damaged)?;
            let payload = match &mut events {
                Some(events) => payload(&leaf, events).ok_or_else(damaged)?,
                None => None,
            };
            entries.push(ExportedEntry { index, leaf, payload });
        }
        if leaves.is_empty() && events.is_none_or(<[u8]>::is_empty) {
            Ok(entries)
        } else {
            // Something follows the last one.
            Err(ExportFault::Damaged(Part::Entry(first + entries.len() as u64)))
        }
    }

    fn difference(&self, tile: TileId, computed: &[Hash]) -> Result<Option<Difference>, ExportFault> {
        let found = self.archive.read(&tile.to_string())?.unwrap_or_default();
        // Hashes that are cut off differ from all.
        Ok(Difference::between(tile, computed, &hashes(&found).unwrap_or_default()))
    }
}

impl Tiles for Export<'_> {
    type Error = ExportFault;

    fn tile(&self, level: u8, index: u64) -> Result<Vec<Hash>, ExportFault> {
        let short = || self.short(level, index);
        let tile = TileId::at(level, index, self.checkpoint.size).ok_or_else(short)?;
        let bytes = self.archive.read(&tile.to_string())?.ok_or_else(short)?;
        hashes(&bytes).filter(|hashes| hashes.len() == usize::from(tile.width)).ok_or_else(short)
    }

    fn short(&self, level: u8, index: u64) -> ExportFault {
        let tile = TileId::at(level, index, self.checkpoint.size);
        ExportFault::Damaged(Part::Tile(tile.unwrap_or(TileId { level, index, width: 0 })))
    }
}

/// The next event of a bundle, which must be the one of this leaf; or that it was erased.
fn payload(leaf: &[u8], events: &mut &[u8]) -> Option<Option<Payload>> {
    let bytes = piece::<4>(events)?;
    if bytes.is_empty() {
        return Some(None);
    }
    let (blind, payload) = bytes.split_first_chunk()?;
    let disclosed = Disclosed { blind: *blind, payload: payload.to_vec() };
    disclosed.of(&Leaf::from_bytes(leaf)?).ok().map(Some)
}

/// The next bytes with their length, of N bytes, before them.
fn piece<const N: usize>(rest: &mut &[u8]) -> Option<Vec<u8>> {
    let length = take::<N>(rest)?.iter().fold(0, |length, byte| length << 8 | usize::from(*byte));
    let (bytes, after) = rest.split_at_checked(length)?;
    *rest = after;
    Some(bytes.to_vec())
}
