use std::fmt;

use crate::{RecordKey, Table};

/// What a capability knows of its own records, for whoever looks whether a whole database is sound. The barrier
/// finds what does not open; a check finds what opens and makes no sense.
pub trait Check {
    /// The table whose records it knows.
    fn table(&self) -> Table;

    /// Looks at an opened record.
    ///
    /// # Errors
    /// What is wrong with it, without anything of what is in it.
    fn check(&self, key: &RecordKey, value: &[u8]) -> Result<(), &'static str>;
}

impl fmt::Debug for dyn Check + '_ {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Check({:04x})", self.table().number())
    }
}
