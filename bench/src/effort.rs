use std::time::Duration;

/// How long to measure.
pub(crate) struct Effort {
    /// Rounds of work that only computes; a ratio is taken inside each, the median over all.
    pub(crate) rounds: usize,
    /// Slices of each side in such a round, in turns.
    pub(crate) slices: usize,
    /// Rounds of work that waits for the disk or the network.
    pub(crate) waiting_rounds: usize,
    /// One slice of such a round.
    pub(crate) waiting_slice: Duration,
    /// Requests of one HTTP slice run so long.
    pub(crate) http_slice: Duration,
    /// Records that exist before rings are rotated.
    pub(crate) existing: u64,
    /// Records of which one is read.
    pub(crate) readable: u64,
    /// Rings of a server that starts.
    pub(crate) rings: u64,
    /// How often it starts.
    pub(crate) starts: usize,
    /// Records of a database that is worked on as a whole, and rings of one with a ring for each user.
    pub(crate) crowd: u64,
    /// Archived versions of a ring.
    pub(crate) archived: u32,
}

impl Effort {
    pub(crate) const FULL: Self = Self {
        rounds: 41,
        slices: 16,
        waiting_rounds: 7,
        waiting_slice: Duration::from_millis(600),
        http_slice: Duration::from_millis(1_500),
        existing: 200_000,
        readable: 100_000,
        rings: 10_000,
        starts: 7,
        crowd: 1_000_000,
        archived: 2_000,
    };

    /// Only shows that everything runs.
    pub(crate) const QUICK: Self = Self {
        rounds: 3,
        slices: 3,
        waiting_rounds: 1,
        waiting_slice: Duration::from_millis(100),
        http_slice: Duration::from_millis(300),
        existing: 500,
        readable: 1_000,
        rings: 200,
        starts: 1,
        crowd: 2_000,
        archived: 10,
    };
}
