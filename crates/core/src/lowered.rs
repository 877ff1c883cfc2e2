use std::{collections::BTreeSet, fmt, sync::Arc};

use zeroize::Zeroizing;

use crate::{RecordKey, Revision, StoreError};

/// What a batch expects of a record that it depends on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expect {
    /// There is none.
    Absent,
    /// It was last written by this commit.
    At(Revision),
}

/// What a batch does to a record.
pub enum Write {
    /// Puts this value.
    Put(Zeroizing<Vec<u8>>),
    /// Deletes it, if it is there.
    Delete,
}

impl fmt::Debug for Write {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Put(value) => write!(f, "Put({} bytes)", value.len()),
            Self::Delete => f.write_str("Delete"),
        }
    }
}

/// Expectations and writes that are committed together or not at all. Each record is written at most once.
#[derive(Debug, Default)]
pub struct Batch {
    /// What must hold.
    pub expectations: Vec<(RecordKey, Expect)>,
    /// What is written then.
    pub writes: Vec<(RecordKey, Write)>,
}

/// The sizes that a store accepts.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Bytes of a value.
    pub value: usize,
    /// Expectations and writes of a batch together.
    pub operations: usize,
    /// Bytes of all keys and values of a batch.
    pub bytes: usize,
}

/// What a capability may commit: values of 1 MiB, 1,000 operations, 8 MiB in all.
pub const PLAIN_LIMITS: Limits = Limits { value: 1 << 20, operations: 1_000, bytes: 8 << 20 };

/// What an engine accepts: more, for what a barrier adds to a batch within [`PLAIN_LIMITS`]. That is at most
/// one expectation for each operation, where every one is of another tenant, 108 bytes for each value, and
/// whatever a key is shorter than [`RecordKey::MAX`].
pub const LOWERED_LIMITS: Limits = Limits { value: (1 << 20) + 4096, operations: 2_000, bytes: 9 << 20 };

impl Batch {
    /// Checks that the batch keeps to the limits and writes no record twice.
    ///
    /// # Errors
    /// [`StoreError::TooLarge`], or [`StoreError::Invalid`] for a record that is written twice.
    pub fn check(&self, limits: &Limits) -> Result<(), StoreError> {
        if self.expectations.len() + self.writes.len() > limits.operations {
            return Err(StoreError::TooLarge("a batch has too many operations: split it"));
        }
        let sizes = self.writes.iter().map(|(key, write)| match write {
            Write::Put(value) => (key.as_bytes().len(), value.len()),
            Write::Delete => (key.as_bytes().len(), 0),
        });
        let (mut total, mut largest) = (0, 0);
        for (key, value) in sizes {
            total += key + value;
            largest = largest.max(value);
        }
        if largest > limits.value {
            return Err(StoreError::TooLarge("a value has at most 1 MiB"));
        }
        if total > limits.bytes {
            return Err(StoreError::TooLarge("a batch has at most 8 MiB: split it"));
        }
        let distinct: BTreeSet<_> = self.writes.iter().map(|(key, _)| key).collect();
        if distinct.len() < self.writes.len() {
            return Err(StoreError::Invalid("a batch writes a record twice"));
        }
        Ok(())
    }
}

/// A batch made ready for one store: checked, and sealed where the store seals. Cheap to clone.
#[derive(Clone)]
pub struct Lowered(Arc<Inner>);

struct Inner {
    store: [u8; 16],
    id: u128,
    batch: Batch,
}

impl Lowered {
    /// For engines: a checked batch that only the store with this identity takes. `id` tells it from all
    /// other batches of the store, for an engine that has to remember outcomes.
    ///
    /// # Errors
    /// As for [`Batch::check`].
    pub fn new(store: [u8; 16], id: u128, batch: Batch) -> Result<Self, StoreError> {
        batch.check(&LOWERED_LIMITS)?;
        Ok(Self(Arc::new(Inner { store, id, batch })))
    }

    /// For engines: the batch, if it was made for this store.
    ///
    /// # Errors
    /// [`StoreError::Invalid`] if it was made for another one.
    pub fn batch(&self, store: [u8; 16]) -> Result<&Batch, StoreError> {
        if self.0.store == store {
            Ok(&self.0.batch)
        } else {
            Err(StoreError::Invalid("a batch that was lowered for another store"))
        }
    }

    /// What tells this batch from all others of its store.
    pub fn id(&self) -> u128 {
        self.0.id
    }
}

impl fmt::Debug for Lowered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lowered").field("batch", &self.0.batch).finish_non_exhaustive()
    }
}
