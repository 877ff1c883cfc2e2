use std::collections::BTreeMap;

use strongroom_core::{Change, SealedStore, StoreError};

use crate::{
    Hash, LogId,
    entries::{self, Rows},
    frontier::Frontier,
    hash::{concat, hashes},
    tables::{self, TILES},
    tile::TILE_WIDTH,
    tree::perfect_root,
};

/// Appends entries to a log: to its tree, its rows of entries and its tiles. What it reads beside the head never
/// changes but by growing, and the head is what a step expects.
pub(crate) struct Append<'s> {
    store: &'s dyn SealedStore,
    log: LogId,
    frontier: Frontier,
    /// Hashes of the leaves that were appended since the last bundle became full.
    hashes: Vec<Hash>,
    rows: Rows,
    tiles: BTreeMap<(u8, u64), Vec<Hash>>,
}

impl<'s> Append<'s> {
    pub(crate) fn new(store: &'s dyn SealedStore, log: LogId, frontier: Frontier) -> Self {
        Self { store, log, frontier, hashes: Vec::new(), rows: Rows::default(), tiles: BTreeMap::new() }
    }

    /// Appends an entry and gives its number.
    pub(crate) fn push(&mut self, leaf: &[u8], sealed: &[u8]) -> Result<u64, StoreError> {
        let (index, hash) = (self.frontier.size(), Hash::leaf(leaf));
        self.rows.push(index, leaf, &hash, sealed)?;
        self.hashes.push(hash);
        if let Some(root) = self.frontier.push(hash) {
            self.complete(index / TILE_WIDTH, root)?;
        }
        Ok(index)
    }

    pub(crate) fn size(&self) -> u64 {
        self.frontier.size()
    }

    /// Puts all that is new into the change; gives the new right edge.
    pub(crate) fn finish<T>(self, change: &mut Change<T>) -> Result<Frontier, StoreError> {
        for (key, row) in self.rows.into_writes(self.log)? {
            change.put(&key, &row);
        }
        for ((level, index), tile) in &self.tiles {
            let key = tables::of_log(TILES, self.log, &[(*level).into(), *index])?;
            change.put(&key, &concat(tile));
        }
        Ok(self.frontier)
    }

    /// A bundle is full: its tile is, and the root of that, which the right edge knows, goes one level up.
    fn complete(&mut self, bundle: u64, root: Hash) -> Result<(), StoreError> {
        let new = std::mem::take(&mut self.hashes);
        let old = TILE_WIDTH as usize - new.len();
        let mut tile = if old == 0 { Vec::new() } else { leaf_hashes(self.store, self.log, bundle)? };
        if tile.len() < old {
            return Err(StoreError::Corrupt);
        }
        tile.truncate(old);
        tile.extend(new);
        self.tiles.insert((0, bundle), tile);
        self.lift(1, bundle, root)
    }

    /// Adds the root of a full tile, which is a node of this level of tiles.
    fn lift(&mut self, level: u8, node: u64, root: Hash) -> Result<(), StoreError> {
        let (index, place) = (node / TILE_WIDTH, (node % TILE_WIDTH) as usize);
        let mut tile = match self.tiles.remove(&(level, index)) {
            Some(tile) => tile,
            None if place == 0 => Vec::new(),
            None => stored_tile(self.store, self.log, level, index)?,
        };
        if tile.len() < place {
            return Err(StoreError::Corrupt);
        }
        tile.truncate(place);
        tile.push(root);
        let full = (tile.len() as u64 == TILE_WIDTH).then(|| perfect_root(&tile));
        self.tiles.insert((level, index), tile);
        full.map_or(Ok(()), |root| self.lift(level + 1, index, root))
    }
}

/// The hashes of the leaves of a bundle, as far as it is filled.
pub(crate) fn leaf_hashes(store: &dyn SealedStore, log: LogId, bundle: u64) -> Result<Vec<Hash>, StoreError> {
    Ok(entries::bundle(store, log, bundle)?.iter().map(|entry| Hash::leaf(&entry.leaf)).collect())
}

/// A tile that is kept as a row; empty if there is none.
pub(crate) fn stored_tile(
    store: &dyn SealedStore,
    log: LogId,
    level: u8,
    index: u64,
) -> Result<Vec<Hash>, StoreError> {
    let key = tables::of_log(TILES, log, &[level.into(), index])?;
    match store.get_many(&[key])?.pop().flatten() {
        Some(row) => {
            hashes(&row.value).filter(|tile| tile.len() as u64 <= TILE_WIDTH).ok_or(StoreError::Corrupt)
        }
        None => Ok(Vec::new()),
    }
}
