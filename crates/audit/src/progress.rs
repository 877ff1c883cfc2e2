/// How far an operation over a whole log is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Entries that are done, of all logs that it walks.
    pub done: u64,
    /// Entries in all.
    pub total: u64,
}
