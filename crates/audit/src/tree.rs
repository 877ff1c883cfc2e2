//! Trees whose hashes lie in tiles: what a proof needs is read from few of them.

use std::{collections::HashMap, sync::Arc};

use ct_merkle::{indices_for_consistency_proof, indices_for_inclusion_proof};

use crate::{hash::Hash, tile::TILE_WIDTH};

/// The largest tree: indices of proofs have room for it, and no log gets there.
pub(crate) const MAX_SIZE: u64 = 1 << 48;

/// Where tiles come from.
pub(crate) trait Tiles {
    type Error;

    /// The hashes that a tile has at least at the size of the tree that is asked about.
    fn tile(&self, level: u8, index: u64) -> Result<Vec<Hash>, Self::Error>;

    /// What is answered where a tile has fewer hashes than it must have.
    fn short(&self, level: u8, index: u64) -> Self::Error;
}

/// A tree of so many leaves, which reads each tile once.
pub(crate) struct Tree<'t, T: Tiles> {
    tiles: &'t T,
    size: u64,
    read: HashMap<(u8, u64), Arc<[Hash]>>,
}

impl<'t, T: Tiles> Tree<'t, T> {
    pub(crate) fn new(tiles: &'t T, size: u64) -> Self {
        Self { tiles, size, read: HashMap::new() }
    }

    /// The root.
    pub(crate) fn root(&mut self) -> Result<Hash, T::Error> {
        if self.size == 0 { Ok(Hash::empty()) } else { self.subtree(0, self.size) }
    }

    /// PATH(index, D[size]) of RFC 6962, section 2.1.1; nothing for a leaf that is not there.
    pub(crate) fn inclusion(&mut self, index: u64) -> Result<Option<Vec<Hash>>, T::Error> {
        if index >= self.size || self.size > MAX_SIZE {
            return Ok(None);
        }
        self.nodes(&indices_for_inclusion_proof(self.size, index)).map(Some)
    }

    /// PROOF(old, D[size]) of RFC 6962, section 2.1.2, empty for an empty or an equal tree; nothing for a larger one.
    pub(crate) fn consistency(&mut self, old: u64) -> Result<Option<Vec<Hash>>, T::Error> {
        match self.size.checked_sub(old) {
            Some(_) if old == 0 => Ok(Some(Vec::new())),
            Some(more) if self.size <= MAX_SIZE => {
                self.nodes(&indices_for_consistency_proof(old, more)).map(Some)
            }
            _ => Ok(None),
        }
    }

    /// Nodes by their number in the order of the tree from left to right: one with as many ones at its end as it is
    /// levels above the leaves.
    fn nodes(&mut self, numbers: &[u64]) -> Result<Vec<Hash>, T::Error> {
        let node = |number: &u64| {
            let level = number.trailing_ones();
            let first = (number >> (level + 1)) << level;
            self.subtree(first, (first + (1 << level)).min(self.size))
        };
        numbers.iter().map(node).collect()
    }

    /// The root over the leaves from `from` to before `to`, of which there is one at least.
    fn subtree(&mut self, from: u64, to: u64) -> Result<Hash, T::Error> {
        let count = to - from;
        if count.is_power_of_two() && from.is_multiple_of(count) {
            return self.perfect(from, count.trailing_zeros());
        }
        let left = 1 << (u64::BITS - 1 - (count - 1).leading_zeros());
        Ok(Hash::node(&self.subtree(from, from + left)?, &self.subtree(from + left, to)?))
    }

    /// The root of a perfect tree of 2^height leaves from `from` on.
    fn perfect(&mut self, from: u64, height: u32) -> Result<Hash, T::Error> {
        let level = height / 8;
        let (node, count) = (from >> (8 * level), 1_u64 << (height % 8));
        let (level, index) = (u8::try_from(level).unwrap_or(u8::MAX), node / TILE_WIDTH);
        let tile = self.tile(level, index)?;
        let (start, count) = ((node % TILE_WIDTH) as usize, count as usize);
        let hashes = tile.get(start..start + count).ok_or_else(|| self.tiles.short(level, index))?;
        Ok(perfect_root(hashes))
    }

    fn tile(&mut self, level: u8, index: u64) -> Result<Arc<[Hash]>, T::Error> {
        if let Some(tile) = self.read.get(&(level, index)) {
            return Ok(tile.clone());
        }
        let tile: Arc<[Hash]> = self.tiles.tile(level, index)?.into();
        // The walk of a whole log passes many; a proof needs two of each level.
        if self.read.len() >= 64 {
            self.read.clear();
        }
        self.read.insert((level, index), tile.clone());
        Ok(tile)
    }
}

/// The root of a perfect tree over these hashes, of which there are 1, 2, 4, and so on.
pub(crate) fn perfect_root(hashes: &[Hash]) -> Hash {
    let mut hashes = hashes.to_vec();
    while hashes.len() > 1 {
        let (pairs, _) = hashes.as_chunks::<2>();
        hashes = pairs.iter().map(|[left, right]| Hash::node(left, right)).collect();
    }
    hashes.first().copied().unwrap_or_else(Hash::empty)
}
