//! A store in memory: for tests, and as the model that engines are compared with.

use std::{
    collections::{BTreeMap, HashMap},
    fmt,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use zeroize::Zeroizing;

use crate::{
    Batch, Direction, Expect, History, Lowered, Outcome, Range, Record, RecordKey, Revision, Store,
    StoreError, Write,
};

/// An ordered map in memory. Nothing is durable, everything else of the [`Store`] contract holds.
///
/// With the feature `hazmat` it also passes for a [`SealedStore`](crate::SealedStore), although it seals
/// nothing.
#[derive(Default)]
pub struct MemoryStore {
    rows: Mutex<Rows>,
    batches: AtomicU64,
    shared: bool,
}

#[derive(Default)]
struct Rows {
    map: BTreeMap<Vec<u8>, (Zeroizing<Vec<u8>>, Revision)>,
    counter: u64,
    outcomes: HashMap<u128, Outcome>,
}

const IDENTITY: [u8; 16] = *b"memory store\0\0\0\0";

impl MemoryStore {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }

    /// An empty store that says it is shared: several nodes can stand on it, as if it were a database server.
    pub fn shared() -> Self {
        Self { shared: true, ..Self::default() }
    }

    /// All rows as they would lie in a file, for tests that look for what must not be there.
    pub fn dump(&self) -> Vec<(Vec<u8>, Vec<u8>)> {
        self.rows().map.iter().map(|(key, (value, _))| (key.clone(), value.to_vec())).collect()
    }

    fn rows(&self) -> MutexGuard<'_, Rows> {
        // Every change of the rows is made after the last step that could fail.
        self.rows.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Rows {
    fn conflict(&self, batch: &Batch) -> Option<RecordKey> {
        let holds = |(key, expect): &&(RecordKey, Expect)| {
            let found = self.map.get(key.as_bytes()).map(|(_, revision)| *revision);
            match expect {
                Expect::Absent => found.is_none(),
                Expect::At(revision) => found == Some(*revision),
            }
        };
        batch.expectations.iter().find(|pair| !holds(pair)).map(|(key, _)| key.clone())
    }

    fn apply(&mut self, batch: &Batch) -> Outcome {
        if let Some(key) = self.conflict(batch) {
            return Outcome::Conflict(key);
        }
        self.counter += 1;
        let revision = Revision(self.counter);
        for (key, write) in &batch.writes {
            match write {
                Write::Put(value) => {
                    drop(self.map.insert(key.as_bytes().to_vec(), (value.clone(), revision)))
                }
                Write::Delete => drop(self.map.remove(key.as_bytes())),
            }
        }
        Outcome::Done(revision)
    }
}

impl Store for MemoryStore {
    fn get_many(&self, keys: &[RecordKey]) -> Result<Vec<Option<Record>>, StoreError> {
        let rows = self.rows();
        let get = |key: &RecordKey| {
            let (value, revision) = rows.map.get(key.as_bytes())?;
            Some(Record { value: value.clone(), revision: *revision })
        };
        Ok(keys.iter().map(get).collect())
    }

    fn scan(
        &self,
        range: &Range,
        direction: Direction,
        limit: usize,
    ) -> Result<Vec<(RecordKey, Record)>, StoreError> {
        let (start, end) = range.bounds();
        if start >= end {
            return Ok(Vec::new());
        }
        let rows = self.rows();
        let row = |(key, (value, revision)): (&Vec<u8>, &(Zeroizing<Vec<u8>>, Revision))| {
            let record = Record { value: value.clone(), revision: *revision };
            Ok((RecordKey::from_bytes(key.clone())?, record))
        };
        let found = rows.map.range(start..end);
        match direction {
            Direction::Forward => found.take(limit).map(row).collect(),
            Direction::Backward => found.rev().take(limit).map(row).collect(),
        }
    }

    fn lower(&self, batch: Batch) -> Result<Lowered, StoreError> {
        Lowered::new(IDENTITY, self.batches.fetch_add(1, Ordering::Relaxed).into(), batch)
    }

    fn commit(&self, lowered: &Lowered) -> Result<Outcome, StoreError> {
        let batch = lowered.batch(IDENTITY)?;
        let mut rows = self.rows();
        if let Some(outcome) = rows.outcomes.get(&lowered.id()) {
            return Ok(outcome.clone());
        }
        let outcome = rows.apply(batch);
        rows.outcomes.insert(lowered.id(), outcome.clone());
        Ok(outcome)
    }

    fn scrub(&self) -> Result<(), StoreError> {
        Ok(())
    }

    fn history(&self) -> Result<History, StoreError> {
        Ok(History { id: IDENTITY, revision: Revision(self.rows().counter) })
    }

    fn shared(&self) -> bool {
        self.shared
    }
}

#[cfg(feature = "hazmat")]
impl crate::SealedStore for MemoryStore {}

impl fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryStore").field("rows", &self.rows().map.len()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn keeps_the_contract() {
        crate::conformance::run(&|| Box::new(super::MemoryStore::new()));
    }
}
