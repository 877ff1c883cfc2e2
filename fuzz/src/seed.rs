use std::path::PathBuf;

/// An input to begin with, named after what it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seed {
    /// The file's name.
    pub name: String,
    /// The file.
    pub bytes: Vec<u8>,
}

impl Seed {
    /// What inputs that a fuzzer once found are called at the beginning: no generator makes them.
    pub const FOUND: &str = "found-";

    /// The folder with the seeds of a target.
    pub fn folder(target: &str) -> PathBuf {
        PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("seeds").join(target)
    }

    pub(crate) fn new(name: &str, bytes: impl Into<Vec<u8>>) -> Self {
        Self { name: name.to_owned(), bytes: bytes.into() }
    }
}
