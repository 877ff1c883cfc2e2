/// How far an operation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// What it is at.
    pub step: Step,
    /// How much of the step is done: bytes, for [`Step::Check`] records.
    pub done: u64,
    /// How much there is to do, if that is known.
    pub total: Option<u64>,
}

/// The steps of taking, restoring and drilling.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// The database is copied as of one moment.
    Snapshot,
    /// The copy is encrypted into the backup.
    Encrypt,
    /// The backup is verified and decrypted.
    Decrypt,
    /// Every record is opened.
    Check,
}

impl Step {
    pub(super) const fn at(self, done: u64, total: Option<u64>) -> Progress {
        Progress { step: self, done, total }
    }
}
