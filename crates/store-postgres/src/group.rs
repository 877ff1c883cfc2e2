use std::collections::HashSet;

use strongroom_core::{Batch, Lowered, Outcome, RecordKey, Revision, StoreError, Write};

/// At most this many batches are committed together.
const MOST_BATCHES: usize = 256;
/// A group takes no further batch once it holds this many expectations and writes.
const MOST_OPERATIONS: usize = 2_000;
/// A group takes no further batch once its values have this many bytes.
const MOST_BYTES: usize = 4 << 20;

/// Batches that one transaction commits, none of which writes what another one writes or expects: so it does not
/// matter in which order, and one that conflicts fails alone.
#[derive(Debug)]
pub(crate) struct Group {
    instance: [u8; 16],
    members: Vec<Lowered>,
    written: HashSet<RecordKey>,
    expected: HashSet<RecordKey>,
    operations: usize,
    bytes: usize,
}

impl Group {
    pub(crate) fn of(instance: [u8; 16], first: &Lowered) -> Result<Self, StoreError> {
        let mut group = Self {
            instance,
            members: Vec::new(),
            written: HashSet::new(),
            expected: HashSet::new(),
            operations: 0,
            bytes: 0,
        };
        group.add(first, first.batch(instance)?);
        Ok(group)
    }

    pub(crate) fn members(&self) -> &[Lowered] {
        &self.members
    }

    pub(crate) fn is_full(&self) -> bool {
        self.members.len() >= MOST_BATCHES || self.operations >= MOST_OPERATIONS || self.bytes >= MOST_BYTES
    }

    /// Takes a batch along, unless it meets another one.
    pub(crate) fn take(&mut self, lowered: &Lowered) -> bool {
        let Ok(batch) = lowered.batch(self.instance) else { return false };
        let meets = |key: &RecordKey| self.written.contains(key);
        let apart = batch.expectations.iter().all(|(key, _)| !meets(key))
            && batch.writes.iter().all(|(key, _)| !meets(key) && !self.expected.contains(key));
        if apart && !self.is_full() {
            self.add(lowered, batch);
            return true;
        }
        false
    }

    fn add(&mut self, lowered: &Lowered, batch: &Batch) {
        self.expected.extend(batch.expectations.iter().map(|(key, _)| key.clone()));
        self.written.extend(batch.writes.iter().map(|(key, _)| key.clone()));
        self.operations += batch.expectations.len() + batch.writes.len();
        self.bytes += batch.writes.iter().map(|(_, write)| length(write)).sum::<usize>();
        self.members.push(lowered.clone());
    }

    /// The keys that are expected, and those that are written.
    pub(crate) fn keys(&self) -> (&HashSet<RecordKey>, &HashSet<RecordKey>) {
        (&self.expected, &self.written)
    }

    pub(crate) fn operations(&self) -> usize {
        self.operations
    }

    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(crate) fn batches(&self) -> impl Iterator<Item = &Batch> {
        // All members were taken as batches of this instance.
        self.members.iter().filter_map(|lowered| lowered.batch(self.instance).ok())
    }

    /// What the outcomes of a call mean, as its function gives them.
    pub(crate) fn outcomes(&self, results: &[i64]) -> Option<Vec<Outcome>> {
        let expectations: Vec<_> = self.batches().flat_map(|batch| &batch.expectations).collect();
        let outcome = |result: &i64| match u64::try_from(*result) {
            Ok(0) => None,
            Ok(revision) => Some(Outcome::Done(Revision(revision))),
            Err(_) => {
                let place = usize::try_from(result.unsigned_abs()).ok()?;
                let (key, _) = expectations.get(place.checked_sub(1)?)?;
                Some(Outcome::Conflict(key.clone()))
            }
        };
        let outcomes: Option<Vec<_>> = results.iter().map(outcome).collect();
        outcomes.filter(|outcomes| outcomes.len() == self.members.len())
    }
}

fn length(write: &Write) -> usize {
    match write {
        Write::Put(value) => value.len(),
        Write::Delete => 0,
    }
}
