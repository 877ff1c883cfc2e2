use crate::{Hash, Part, TileId, frontier::Frontier, tile::TILE_WIDTH, tree::perfect_root};

/// Computes a tree and all its tiles anew from its leaves, one after the other.
#[derive(Default)]
pub(crate) struct Recompute {
    frontier: Frontier,
    /// Of each level of tiles the one that is not full yet, and its number.
    edge: Vec<(u64, Vec<Hash>)>,
}

impl Recompute {
    pub(crate) fn size(&self) -> u64 {
        self.frontier.size()
    }

    pub(crate) fn frontier(&self) -> &Frontier {
        &self.frontier
    }

    /// Adds a leaf by its hash; gives the tiles that are full now.
    pub(crate) fn push(&mut self, leaf: Hash) -> Vec<(TileId, Vec<Hash>)> {
        self.frontier.push(leaf);
        let (mut full, mut node, mut level) = (Vec::new(), leaf, 0);
        loop {
            if self.edge.len() == level {
                self.edge.push((0, Vec::new()));
            }
            let Some((index, tile)) = self.edge.get_mut(level) else { return full };
            tile.push(node);
            if (tile.len() as u64) < TILE_WIDTH {
                return full;
            }
            let tile = std::mem::take(tile);
            node = perfect_root(&tile);
            full.push((id(level, *index, &tile), tile));
            *index += 1;
            level += 1;
        }
    }

    /// The tiles at the right edge, which are not full.
    pub(crate) fn partial(&self) -> Vec<(TileId, Vec<Hash>)> {
        let edge = self.edge.iter().enumerate().filter(|(_, (_, tile))| !tile.is_empty());
        edge.map(|(level, (index, tile))| (id(level, *index, tile), tile.clone())).collect()
    }
}

fn id(level: usize, index: u64, tile: &[Hash]) -> TileId {
    let level = u8::try_from(level).unwrap_or(u8::MAX);
    TileId { level, index, width: u16::try_from(tile.len()).unwrap_or(u16::MAX) }
}

/// The first difference between the tiles of a log and those that its entries give. Which of the two is at fault shows
/// only with the root.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Difference {
    tile: TileId,
    /// Of level 0, the entry that it is about.
    entry: Option<u64>,
}

impl Difference {
    /// The first place where `found` is not `computed`.
    pub(crate) fn between(tile: TileId, computed: &[Hash], found: &[Hash]) -> Option<Self> {
        if computed == found {
            return None;
        }
        let place = computed.iter().zip(found).position(|(computed, found)| computed != found);
        let entry = place.filter(|_| tile.level == 0).map(|place| tile.index * TILE_WIDTH + place as u64);
        Some(Self { tile, entry })
    }

    /// What is at fault: the tile, if the entries give the root that was signed; the entry otherwise.
    pub(crate) fn part(&self, root_holds: bool) -> Part {
        match self.entry {
            Some(entry) if !root_holds => Part::Entry(entry),
            _ => Part::Tile(self.tile),
        }
    }
}
