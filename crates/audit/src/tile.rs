use std::fmt;

/// Hashes in a full tile, and entries in a full bundle.
pub const TILE_WIDTH: u64 = 256;

/// Levels of a tree that one level of tiles spans.
const HEIGHT: u32 = 8;

/// A tile of C2SP tlog-tiles: 256 hashes side by side of one level of a tree, or fewer at its right edge.
///
/// Displays as its path, such as `tile/0/x001/067` or `tile/1/000.p/3`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TileId {
    /// The level of tiles: 0 holds the hashes of leaves, each further one the roots of full tiles of the one below.
    pub level: u8,
    /// Its number in the level, from 0.
    pub index: u64,
    /// How many hashes it has, 1 to 256.
    pub width: u16,
}

impl TileId {
    /// The tile as it is in a tree of so many leaves; nothing if it is empty there.
    pub fn at(level: u8, index: u64, size: u64) -> Option<Self> {
        let first = index.checked_mul(TILE_WIDTH)?;
        let left = nodes(level, size).checked_sub(first)?.min(TILE_WIDTH);
        let width = u16::try_from(left).ok().filter(|width| *width > 0)?;
        Some(Self { level, index, width })
    }

    /// All tiles of a tree of so many leaves, level by level.
    pub fn all(size: u64) -> impl Iterator<Item = Self> {
        let levels = (0_u8..8).take_while(move |level| nodes(*level, size) > 0);
        levels.flat_map(move |level| {
            let count = nodes(level, size).div_ceil(TILE_WIDTH);
            (0..count).filter_map(move |index| Self::at(level, index, size))
        })
    }

    /// Whether it will never change.
    pub fn is_full(&self) -> bool {
        u64::from(self.width) == TILE_WIDTH
    }
}

/// Hashes that a level of tiles has in a tree of so many leaves.
pub(crate) fn nodes(level: u8, size: u64) -> u64 {
    size.checked_shr(HEIGHT * u32::from(level)).unwrap_or(0)
}

/// The path of the bundle of entries beside a tile of level 0.
pub(crate) fn bundle_path(prefix: &str, index: u64, size: u64) -> Option<String> {
    let width = TileId::at(0, index, size)?.width;
    Some(format!("{prefix}/{}", Numbered { index, width }))
}

/// The number of a tile in a path: three digits at a time, all but the last with an `x` before them, and the width of
/// one that is not full.
struct Numbered {
    index: u64,
    width: u16,
}

impl fmt::Display for Numbered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut groups = vec![self.index % 1000];
        let mut rest = self.index / 1000;
        while rest > 0 {
            groups.push(rest % 1000);
            rest /= 1000;
        }
        for group in groups.iter().skip(1).rev() {
            write!(f, "x{group:03}/")?;
        }
        write!(f, "{:03}", self.index % 1000)?;
        if u64::from(self.width) < TILE_WIDTH { write!(f, ".p/{}", self.width) } else { Ok(()) }
    }
}

impl fmt::Display for TileId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { level, index, width } = *self;
        write!(f, "tile/{level}/{}", Numbered { index, width })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_those_of_the_examples_in_tlog_tiles() {
        let path = |index, width| TileId { level: 2, index, width }.to_string();
        assert_eq!(path(1_234_067, 256), "tile/2/x001/x234/067");
        assert_eq!(path(0, 256), "tile/2/000");
        assert_eq!(path(273, 112), "tile/2/273.p/112");
        assert_eq!(bundle_path("tile/entries", 273, 70_000).unwrap(), "tile/entries/273.p/112");
    }

    #[test]
    fn a_tree_of_70000_has_the_tiles_that_tlog_tiles_counts() {
        let of_level = |level| TileId::all(70_000).filter(|tile| tile.level == level).collect::<Vec<_>>();
        let widths = |level| {
            (
                of_level(level).iter().filter(|tile| tile.is_full()).count(),
                of_level(level).last().unwrap().width,
            )
        };
        assert_eq!(widths(0), (273, 112));
        assert_eq!(widths(1), (1, 17));
        assert_eq!(widths(2), (0, 1));
        assert_eq!(TileId::all(0).count(), 0);
    }
}
