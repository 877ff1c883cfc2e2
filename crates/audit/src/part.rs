use std::fmt;

use crate::{Month, TileId};

/// A part of a log that can be damaged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Part {
    /// The log's own settings and key.
    Settings,
    /// The head: size, right edge of the tree, position in the global log.
    Head,
    /// The signed checkpoint.
    Checkpoint,
    /// The entry with this number.
    Entry(u64),
    /// A tile.
    Tile(TileId),
    /// The index of the bundle of entries with this number.
    Index(u64),
    /// The key of a month.
    Month(Month),
    /// What says how long which events are kept.
    Retention,
    /// The legal holds.
    Holds,
    /// The last number of a producer.
    Producer,
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Settings => f.write_str("the settings"),
            Self::Head => f.write_str("the head"),
            Self::Checkpoint => f.write_str("the checkpoint"),
            Self::Entry(index) => write!(f, "entry {index}"),
            Self::Tile(tile) => tile.fmt(f),
            Self::Index(bundle) => write!(f, "the index of bundle {bundle}"),
            Self::Month(month) => write!(f, "the key of {month}"),
            Self::Retention => f.write_str("the retention"),
            Self::Holds => f.write_str("the legal holds"),
            Self::Producer => f.write_str("the number of a producer"),
        }
    }
}
