//! Records, commits, and counters that every test needs.

use std::{thread, time::Duration};

use strongroom_core::{
    Batch, Expect, Lowered, Outcome, Range, Record, RecordKey, Revision, Segment, Store, StoreError, Table,
    Tenant, Write,
};
use strongroom_store_postgres::Timeouts;

pub(crate) const TENANT: Tenant = Tenant::from_bytes([7; 16]);
pub(crate) const TABLE: Table = Table::new(0x7f01);

pub(crate) fn key(number: u64) -> RecordKey {
    RecordKey::new(TENANT, TABLE, &[Segment::Number(number)]).unwrap()
}

/// The number of such a key.
pub(crate) fn number(key: &RecordKey) -> u64 {
    match key.segments().next() {
        Some(Segment::Number(number)) => number,
        other => unreachable!("{other:?}"),
    }
}

pub(crate) fn everything() -> Range {
    Range::under(TENANT, TABLE, &[]).unwrap()
}

pub(crate) fn put(value: &[u8]) -> Write {
    Write::Put(value.to_vec().into())
}

pub(crate) fn lower(
    store: &dyn Store,
    expectations: &[(RecordKey, Expect)],
    writes: Vec<(RecordKey, Write)>,
) -> Lowered {
    store.lower(Batch { expectations: expectations.to_vec(), writes }).unwrap()
}

pub(crate) fn commit(
    store: &dyn Store,
    expectations: &[(RecordKey, Expect)],
    writes: Vec<(RecordKey, Write)>,
) -> Outcome {
    store.commit(&lower(store, expectations, writes)).unwrap()
}

/// Expectations that hold, of records that nobody writes. So many make a batch a large one, which goes by the function
/// that older releases call for every batch.
pub(crate) fn made_large(mut expectations: Vec<(RecordKey, Expect)>) -> Vec<(RecordKey, Expect)> {
    expectations.extend((0..20).map(|number| (key(1_000_000 + number), Expect::Absent)));
    expectations
}

pub(crate) fn done(outcome: &Outcome) -> Revision {
    let Outcome::Done(revision) = outcome else { unreachable!("not committed: {outcome:?}") };
    *revision
}

pub(crate) fn get(store: &dyn Store, number: u64) -> Option<Record> {
    store.get_many(&[key(number)]).unwrap().pop().unwrap()
}

pub(crate) fn value(store: &dyn Store, number: u64) -> Option<Vec<u8>> {
    get(store, number).map(|record| record.value.to_vec())
}

/// Limits for a network that loses bytes in silence.
pub(crate) fn impatient() -> Timeouts {
    Timeouts {
        connect: Duration::from_millis(400),
        call: Duration::from_millis(400),
        silence: Duration::from_millis(400),
        lease: Duration::from_millis(400),
        operation: Duration::from_millis(1500),
    }
}

/// Adds one to a counter, and says whether it did; asks on while the outcome is unknown. A change of another one in
/// between, or an error that says that nothing happened, is no harm.
pub(crate) fn add_one(store: &dyn Store, number: u64) -> bool {
    match try_to_add_one(store, number) {
        Ok(outcome) => matches!(outcome, Outcome::Done(_)),
        Err(error) => {
            assert!(matches!(error, StoreError::Engine(_)), "{error:?}");
            // The server is not there: no need to ask at full speed.
            thread::sleep(Duration::from_millis(5));
            false
        }
    }
}

fn try_to_add_one(store: &dyn Store, number: u64) -> Result<Outcome, StoreError> {
    let record = store.get_many(&[key(number)])?.pop().unwrap();
    let count = record.as_ref().map_or(0, |record| counted(&record.value));
    let expect = record.map_or(Expect::Absent, |record| Expect::At(record.revision));
    let lowered =
        lower(store, &[(key(number), expect)], vec![(key(number), put(&(count + 1).to_be_bytes()))]);
    let mut outcome = store.commit(&lowered)?;
    while outcome == Outcome::Unknown {
        outcome = store.commit(&lowered)?;
    }
    Ok(outcome)
}

pub(crate) fn counted(value: &[u8]) -> u64 {
    u64::from_be_bytes(value.try_into().unwrap())
}

pub(crate) fn counter(store: &dyn Store, number: u64) -> u64 {
    value(store, number).map_or(0, |value| counted(&value))
}
