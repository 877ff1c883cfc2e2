use std::collections::BTreeMap;

use strongroom_core::{Direction, Record, RecordKey, StoreError, Tenant};

use crate::{
    AuditError, AuditLog, Checkpoint, Hash, Leaf, LogId, Part, Progress, TileId, VerifierKey,
    append::stored_tile,
    entries::{self, Entry},
    fsck::Fsck,
    hash::sha256,
    head::Head,
    index::Index,
    open::{Opened, Opener},
    recompute::{Difference, Recompute},
    tables::{self, ENTRIES, TILES},
    tile::TILE_WIDTH,
    watch::Watch,
};

/// Checks one log.
pub(crate) struct LogCheck<'l, 'f> {
    log: &'l AuditLog,
    id: LogId,
    key: VerifierKey,
    fsck: &'f mut Fsck,
    tree: Recompute,
    watch: Watch,
    opener: Option<Opener<'l>>,
    /// The entries of the bundle that is being read.
    bundle: Vec<Entry>,
    tiles: u64,
    difference: Option<Difference>,
}

impl<'l, 'f> LogCheck<'l, 'f> {
    pub(crate) fn new(log: &'l AuditLog, id: LogId, key: VerifierKey, fsck: &'f mut Fsck) -> Self {
        let watch = Watch::new(id, key.origin().database.clone());
        let opener = match id {
            LogId::Global => None,
            LogId::Tenant(tenant) => Some(Opener::new(log, tenant)),
        };
        let (tree, bundle) = (Recompute::default(), Vec::new());
        Self { log, id, key, fsck, tree, watch, opener, bundle, tiles: 0, difference: None }
    }

    /// Checks all of it; gives the heads that the global log has.
    pub(crate) fn run(
        &mut self,
        head: Option<&Head>,
        total: u64,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<BTreeMap<Tenant, (u64, Checkpoint)>, AuditError> {
        let size = head.map(|head| head.frontier.size());
        let whole = self.walk(size, total, progress)?;
        if whole {
            self.compare_tree(head)?;
        }
        if head.is_some_and(|head| head.note.verify(&self.key).is_err()) {
            self.fsck.add(self.id, Part::Checkpoint);
        }
        let empty = Watch::new(self.id, self.key.origin().database.clone());
        Ok(std::mem::replace(&mut self.watch, empty).into_heads())
    }

    /// Reads every entry; whether all of them could be read.
    fn walk(
        &mut self,
        size: Option<u64>,
        total: u64,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<bool, AuditError> {
        let mut after = None;
        loop {
            let next = self.tree.size();
            let row = match self.next_row(after.as_ref()) {
                Err(AuditError::Store(StoreError::Corrupt)) => return Ok(self.bad_entry(next)),
                row => row?,
            };
            let Some((key, row)) = row else {
                // Entries at the end are missing.
                return Ok(size.is_none_or(|size| next >= size) || self.bad_entry(next));
            };
            if entries::first(&key).ok() != Some(next) || size.is_some_and(|size| next >= size) {
                return Ok(self.bad_entry(next));
            }
            let (entries, sound) = entries::read_while_sound(&row.value);
            for entry in entries {
                self.entry(entry)?;
            }
            if !sound {
                return Ok(self.bad_entry(self.tree.size()));
            }
            self.check_partial_index(size)?;
            progress(Progress { done: self.fsck.entries, total });
            after = Some(key);
        }
    }

    fn bad_entry(&mut self, index: u64) -> bool {
        self.fsck.add(self.id, Part::Entry(index));
        false
    }

    fn next_row(&self, after: Option<&RecordKey>) -> Result<Option<(RecordKey, Record)>, AuditError> {
        let range = tables::under_log(ENTRIES, self.id)?;
        let range = after.map_or(Ok(range.clone()), |after| range.after(after))?;
        Ok(self.log.store().scan(&range, Direction::Forward, 1)?.pop())
    }

    fn entry(&mut self, entry: Entry) -> Result<(), AuditError> {
        let index = self.tree.size();
        self.fsck.entries += 1;
        if !self.watch.accepts(&entry.leaf) || !self.payload_holds(&entry)? {
            self.fsck.add(self.id, Part::Entry(index));
        }
        for (tile, computed) in self.tree.push(Hash::leaf(&entry.leaf)) {
            self.compare_tile(tile, &computed)?;
        }
        self.bundle.push(entry);
        if self.bundle.len() as u64 == TILE_WIDTH {
            self.check_index(index / TILE_WIDTH)?;
        }
        Ok(())
    }

    fn payload_holds(&mut self, entry: &Entry) -> Result<bool, AuditError> {
        let Some(opener) = &mut self.opener else { return Ok(entry.sealed.is_empty()) };
        let Some(leaf) = Leaf::from_bytes(&entry.leaf) else { return Ok(false) };
        let gone = match opener.open(&leaf, &entry.sealed) {
            Ok(Opened::Here(..)) => false,
            Ok(Opened::Gone) => true,
            // The month is a finding of its own, and so is the first entry that it does not open.
            Ok(Opened::Damaged) | Err(AuditError::Store(StoreError::Corrupt)) => return Ok(false),
            Err(error) => return Err(error),
        };
        self.fsck.erased += u64::from(gone);
        Ok(entry.sealed.is_empty() || sha256(&[&entry.sealed]) == leaf.sealed)
    }

    /// At the end of the log, the index of the bundle that is not full.
    fn check_partial_index(&mut self, size: Option<u64>) -> Result<(), AuditError> {
        if size == Some(self.tree.size()) && !self.bundle.is_empty() {
            self.check_index(self.tree.size() / TILE_WIDTH)?;
        }
        Ok(())
    }

    fn check_index(&mut self, bundle: u64) -> Result<(), AuditError> {
        let entries = std::mem::take(&mut self.bundle);
        let (LogId::Tenant(tenant), Some(opener)) = (self.id, &mut self.opener) else { return Ok(()) };
        let computed = match opener.index(&entries) {
            Err(AuditError::Store(StoreError::Corrupt)) => return Ok(()),
            computed => computed?,
        };
        let found = match self.log.index(tenant, bundle) {
            Ok(found) => Some(found),
            Err(AuditError::Damaged { .. }) => None,
            Err(error) => return Err(error),
        };
        // Of what was erased with its month, bits are left that cannot be computed anew.
        let holds = |found: &Index| match &computed {
            (computed, 0) => found == computed,
            (computed, _) => found.covers(computed),
        };
        if !found.as_ref().is_some_and(holds) {
            self.fsck.add(self.id, Part::Index(bundle));
        }
        Ok(())
    }

    fn compare_tile(&mut self, tile: TileId, computed: &[Hash]) -> Result<(), AuditError> {
        self.tiles += 1;
        let found = match stored_tile(self.log.store(), self.id, tile.level, tile.index) {
            Err(StoreError::Corrupt) => Vec::new(),
            found => found?,
        };
        self.difference = self.difference.or(Difference::between(tile, computed, &found));
        Ok(())
    }

    /// Compares tiles that are not full, the right edge, the root, and what else the head says.
    fn compare_tree(&mut self, head: Option<&Head>) -> Result<(), AuditError> {
        for (tile, computed) in self.tree.partial() {
            // Of level 0, only full tiles are kept.
            if tile.level > 0 {
                self.compare_tile(tile, &computed)?;
            }
        }
        let root_holds = head.is_some_and(|head| head.frontier == *self.tree.frontier());
        if let Some(difference) = self.difference {
            self.fsck.add(self.id, difference.part(root_holds));
        }
        if let Some(tile) = self.extra_tile()? {
            self.fsck.add(self.id, Part::Tile(tile));
        }
        let time_holds = |head: &Head| self.id == LogId::Global || head.time == self.watch.time();
        if !head.is_none_or(|head| (root_holds || self.difference.is_some()) && time_holds(head)) {
            self.fsck.add(self.id, Part::Head);
        }
        self.extra_index()
    }

    /// A tile that the log has beyond its size, if there are more of them than there should be.
    fn extra_tile(&self) -> Result<Option<TileId>, AuditError> {
        let size = self.tree.size();
        let mut range = tables::under_log(TILES, self.id)?;
        let mut seen = 0;
        loop {
            let page = match self.log.store().scan(&range, Direction::Forward, 200) {
                // It was compared by its own key, and found to differ.
                Err(StoreError::Corrupt) => return Ok(None),
                page => page?,
            };
            for (key, _) in &page {
                let numbers = tables::parts(key).map(|(_, numbers)| numbers).unwrap_or_default();
                let [level, index] = numbers.as_slice() else { return Ok(None) };
                let level = u8::try_from(*level).unwrap_or(u8::MAX);
                if TileId::at(level, *index, size).is_none_or(|tile| level == 0 && !tile.is_full()) {
                    return Ok(Some(TileId { level, index: *index, width: 0 }));
                }
                seen += 1;
            }
            match page.last() {
                Some((last, _)) if seen <= self.tiles => range = range.after(last)?,
                _ => return Ok(None),
            }
        }
    }

    /// An index beyond the end.
    fn extra_index(&mut self) -> Result<(), AuditError> {
        let end = self.tree.size().div_ceil(TILE_WIDTH);
        let mut range = tables::under_log(tables::INDEX, self.id)?;
        if let Some(last) = end.checked_sub(1) {
            range = range.after(&Index::key(self.id, last)?)?;
        }
        match self.log.store().scan(&range, Direction::Forward, 1) {
            Ok(rows) if rows.is_empty() => {}
            Ok(_) | Err(StoreError::Corrupt) => self.fsck.add(self.id, Part::Index(end)),
            Err(error) => return Err(error.into()),
        }
        Ok(())
    }
}
