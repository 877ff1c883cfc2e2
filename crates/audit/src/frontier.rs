use crate::{hash::Hash, tile::TILE_WIDTH};

/// The right edge of a tree: the roots of the perfect trees that it consists of, largest first. All that appending
/// needs to know.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Frontier {
    size: u64,
    peaks: Vec<Hash>,
}

impl Frontier {
    /// The tree with so many leaves and these perfect trees; nothing if their number does not fit.
    pub(crate) fn new(size: u64, peaks: Vec<Hash>) -> Option<Self> {
        (size.count_ones() as usize == peaks.len()).then_some(Self { size, peaks })
    }

    pub(crate) fn size(&self) -> u64 {
        self.size
    }

    pub(crate) fn peaks(&self) -> &[Hash] {
        &self.peaks
    }

    /// Appends a leaf by its hash. Where it fills a tile of leaves, gives the root of that.
    pub(crate) fn push(&mut self, leaf: Hash) -> Option<Hash> {
        let (mut node, mut full) = (leaf, None);
        for level in 1..=self.size.trailing_ones() {
            // There is a peak for each bit of the size.
            if let Some(left) = self.peaks.pop() {
                node = Hash::node(&left, &node);
            }
            if level == TILE_WIDTH.trailing_zeros() {
                full = Some(node);
            }
        }
        self.peaks.push(node);
        self.size += 1;
        full
    }

    /// The root of the tree: MTH of RFC 6962, section 2.1, which splits at the largest power of two.
    pub(crate) fn root(&self) -> Hash {
        let fold =
            |right: Option<Hash>, left: &Hash| Some(right.map_or(*left, |right| Hash::node(left, &right)));
        self.peaks.iter().rev().fold(None, fold).unwrap_or_else(Hash::empty)
    }
}
