use std::io;

use crate::{
    Archive, AuditError, AuditLog, Leaf, LogId, Part, Progress, SignedCheckpoint, TileId,
    entries::Entry,
    hash::concat,
    log::bundle_bytes,
    open::{Opened, Opener},
    tile::{TILE_WIDTH, bundle_path},
};

/// What an export tells of events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Disclose {
    /// Nothing but hashes: enough to verify the tree, and proofs that were given before.
    Nothing,
    /// Every event that was not erased, each with its blind, in the clear.
    Events,
}

/// A log could not be exported.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The log could not be read.
    #[error(transparent)]
    Log(#[from] AuditError),
    /// The archive could not be written.
    #[error("the export could not be written")]
    Write(#[from] io::Error),
}

impl AuditLog {
    /// Writes a whole log into an archive, as of its newest checkpoint, which is written last and given back. An archive
    /// that has an earlier export of the same log is brought up to date.
    ///
    /// Files are those of C2SP tlog-tiles. With [`Disclose::Events`] there is beside each bundle of entries a file
    /// `events/<number>`: for each entry a length, u32 big-endian, then the blind (32 bytes) and the payload; a length of
    /// 0 where the payload was erased.
    ///
    /// # Errors
    /// [`ExportError`]; [`AuditError::Damaged`] names what is damaged.
    pub fn export(
        &self,
        log: LogId,
        disclose: Disclose,
        archive: &mut dyn Archive,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<SignedCheckpoint, ExportError> {
        let _inside = self.base().enter().map_err(AuditError::from)?;
        let head = self.head(log)?;
        let size = head.frontier.size();
        for bundle in 0..size.div_ceil(TILE_WIDTH) {
            self.export_bundle(log, bundle, size, disclose, archive)?;
            progress(Progress { done: ((bundle + 1) * TILE_WIDTH).min(size), total: size });
        }
        for tile in TileId::all(size) {
            let hashes = self.hashes(log, tile.level, tile.index).map_err(AuditError::from)?;
            let damaged = AuditError::Damaged { log, part: Part::Tile(tile) };
            archive.put(&tile.to_string(), &concat(hashes.get(..tile.width.into()).ok_or(damaged)?))?;
        }
        archive.put("checkpoint", head.note.to_string().as_bytes())?;
        Ok(head.note)
    }

    /// The events of a bundle with their blinds, in the clear: the file `events/<number>` of an export. `width` is how
    /// many of its entries are wanted.
    ///
    /// # Errors
    /// [`AuditError::NotFound`] where the log does not have so many, or has no events; [`AuditError::Damaged`].
    pub fn events(&self, log: LogId, bundle: u64, width: u16) -> Result<Vec<u8>, AuditError> {
        let _inside = self.base().enter()?;
        let there = TileId::at(0, bundle, self.head(log)?.frontier.size()).ok_or(AuditError::NotFound)?;
        if log == LogId::Global || width == 0 || width > there.width {
            return Err(AuditError::NotFound);
        }
        let entries = self.bundle(log, bundle)?;
        let entries = entries.get(..width.into()).ok_or(AuditError::NotFound)?;
        self.disclosed(log, bundle * TILE_WIDTH, entries)
    }

    fn export_bundle(
        &self,
        log: LogId,
        bundle: u64,
        size: u64,
        disclose: Disclose,
        archive: &mut dyn Archive,
    ) -> Result<(), ExportError> {
        let entries = self.bundle(log, bundle).map_err(AuditError::from)?;
        let wanted = (size - bundle * TILE_WIDTH).min(TILE_WIDTH) as usize;
        let missing =
            AuditError::Damaged { log, part: Part::Entry(bundle * TILE_WIDTH + entries.len() as u64) };
        let entries = entries.get(..wanted).ok_or(missing)?;
        let path = |prefix| bundle_path(prefix, bundle, size).unwrap_or_default();
        archive.put(&path("tile/entries"), &bundle_bytes(entries))?;
        if disclose == Disclose::Events && log != LogId::Global {
            archive.put(&path("events"), &self.disclosed(log, bundle * TILE_WIDTH, entries)?)?;
        }
        Ok(())
    }

    fn disclosed(&self, log: LogId, first: u64, entries: &[Entry]) -> Result<Vec<u8>, AuditError> {
        let mut bytes = Vec::new();
        let mut opener: Option<Opener<'_>> = None;
        for (entry, index) in entries.iter().zip(first..) {
            let damaged = AuditError::Damaged { log, part: Part::Entry(index) };
            let Some(leaf) = Leaf::from_bytes(&entry.leaf) else { return Err(damaged) };
            match opener.get_or_insert_with(|| Opener::new(self, leaf.tenant)).open(&leaf, &entry.sealed)? {
                Opened::Here(disclosed, _) => {
                    let length = u32::try_from(32 + disclosed.payload.len()).unwrap_or(u32::MAX);
                    bytes.extend(
                        [&length.to_be_bytes(), disclosed.blind.as_slice(), &disclosed.payload].concat(),
                    );
                }
                Opened::Gone => bytes.extend([0; 4]),
                Opened::Damaged => return Err(damaged),
            }
        }
        Ok(bytes)
    }
}
