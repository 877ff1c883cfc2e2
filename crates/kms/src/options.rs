use std::time::Duration;

use crate::UseLimits;

/// How the key rings of a database are kept in memory, and what holds for all of them.
///
/// ```
/// let options = strongroom_kms::Options { cache_bytes: 64 << 20, ..Default::default() };
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// What is to happen to keys that are counted.
    pub limits: UseLimits,
    /// The memory that rings may take, in bytes: 256 MiB. What goes beyond it is wiped, and read anew when it is used
    /// again. A ring that takes more than half of a small budget, or a thirty-second of a large one, is read at each use.
    pub cache_bytes: usize,
    /// RSA keys of each size that [`Kms::make_ahead`](crate::Kms::make_ahead) keeps ready at most: 8.
    pub keys_ahead: usize,
    /// How long a scheduled deletion waits at least: seven days.
    pub shortest_wait: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            limits: UseLimits::default(),
            cache_bytes: 256 << 20,
            keys_ahead: 8,
            shortest_wait: Duration::from_secs(7 * 24 * 3_600),
        }
    }
}
