use std::collections::{BTreeMap, HashSet};

use strongroom_core::{Batch, Expect, Lowered, Outcome, RecordKey, Revision, StoreError, Write};

use crate::param::Param;

/// Locks that keys are spread over.
const BUCKETS: u64 = 1024;
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

    fn batches(&self) -> impl Iterator<Item = &Batch> {
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

/// The parameters of a call.
#[derive(Debug, Default)]
pub(crate) struct Call<'g> {
    batches: i32,
    locks: Vec<i32>,
    expect_batch: Vec<i32>,
    expect_key: Vec<&'g [u8]>,
    expect_revision: Vec<Option<i64>>,
    put_batch: Vec<i32>,
    put_key: Vec<&'g [u8]>,
    put_value: Vec<&'g [u8]>,
    delete_batch: Vec<i32>,
    delete_key: Vec<&'g [u8]>,
}

impl<'g> Call<'g> {
    pub(crate) fn of(group: &'g Group) -> Self {
        let mut call = Self { locks: locks(group), ..Self::default() };
        for batch in group.batches() {
            call.batches += 1;
            call.add(batch);
        }
        call
    }

    fn add(&mut self, batch: &'g Batch) {
        for (key, expect) in &batch.expectations {
            self.expect_batch.push(self.batches);
            self.expect_key.push(key.as_bytes());
            self.expect_revision.push(match expect {
                Expect::Absent => None,
                // No record has a revision beyond what a sequence gives.
                Expect::At(revision) => Some(i64::try_from(revision.0).unwrap_or(i64::MAX)),
            });
        }
        for (key, write) in &batch.writes {
            match write {
                Write::Put(value) => {
                    self.put_batch.push(self.batches);
                    self.put_key.push(key.as_bytes());
                    self.put_value.push(value);
                }
                Write::Delete => {
                    self.delete_batch.push(self.batches);
                    self.delete_key.push(key.as_bytes());
                }
            }
        }
    }

    pub(crate) fn parameters(&self) -> [Param<'_>; 10] {
        [
            Param::Int(self.batches),
            Param::Ints(&self.locks),
            Param::Ints(&self.expect_batch),
            Param::AllBytes(&self.expect_key),
            Param::Longs(&self.expect_revision),
            Param::Ints(&self.put_batch),
            Param::AllBytes(&self.put_key),
            Param::AllBytes(&self.put_value),
            Param::Ints(&self.delete_batch),
            Param::AllBytes(&self.delete_key),
        ]
    }
}

/// The locks of all keys in ascending order: the number of a bucket, negative where nothing in it is written.
fn locks(group: &Group) -> Vec<i32> {
    let mut buckets = BTreeMap::new();
    for key in &group.expected {
        buckets.entry(bucket(key)).or_insert(false);
    }
    for key in &group.written {
        buckets.insert(bucket(key), true);
    }
    buckets.into_iter().map(|(bucket, exclusive)| if exclusive { bucket } else { -bucket }).collect()
}

/// From 1 to [`BUCKETS`], by FNV-1a and the last step of MurmurHash3, as keys often differ in their last byte alone. A part of the layout: all nodes must agree on it.
fn bucket(key: &RecordKey) -> i32 {
    let hash = key.as_bytes().iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    });
    let mixed = (hash ^ (hash >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    i32::try_from((mixed >> 33) % BUCKETS + 1).unwrap_or(1)
}

fn length(write: &Write) -> usize {
    match write {
        Write::Put(value) => value.len(),
        Write::Delete => 0,
    }
}

#[cfg(test)]
mod tests {
    use strongroom_core::{Segment, Table, Tenant};

    use super::*;

    fn key(number: u64) -> RecordKey {
        RecordKey::new(Tenant::SYSTEM, Table::new(0x7f01), &[Segment::Number(number)]).unwrap()
    }

    #[test]
    fn the_bucket_of_a_key_is_the_same_in_every_release() {
        assert_eq!([0, 1, 2, 1 << 40].map(|number| bucket(&key(number))), [330, 554, 52, 881]);
    }

    #[test]
    fn locks_ascend_and_a_bucket_that_is_written_is_locked_once_and_alone() {
        let batch = Batch {
            expectations: (0..300).map(|number| (key(number), Expect::Absent)).collect(),
            writes: (200..400).map(|number| (key(number), Write::Delete)).collect(),
        };
        let group = Group::of([1; 16], &Lowered::new([1; 16], 1, batch).unwrap()).unwrap();
        let locks = locks(&group);
        assert!(locks.is_sorted_by(|one, next| one.abs() < next.abs()));
        for number in 0..400 {
            let (exclusive, any) =
                (locks.contains(&bucket(&key(number))), locks.contains(&-bucket(&key(number))));
            assert!(if number < 200 { exclusive || any } else { exclusive });
        }
    }
}
