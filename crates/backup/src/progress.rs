/// How far an operation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// How much of the stream is done, in bytes.
    pub done: u64,
    /// The length of the stream in bytes, if the manifest says it.
    pub total: Option<u64>,
}
