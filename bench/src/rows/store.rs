use std::{
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
};

use strongroom_core::{Batch, Expect, Outcome, RecordKey, Segment, Store as _, Tenant, Write};
use strongroom_store_sqlite::SqliteStore;

use crate::{
    Result,
    database::random_id,
    effort::Effort,
    measure::waiting,
    plain::Plain,
    rate,
    table::{Found, Row, Table, Target, Unit},
};

/// Bytes of a value.
const VALUE: usize = 200;
const TENANT: Tenant = Tenant::from_bytes([0x42; 16]);
const RECORDS: strongroom_core::Table = strongroom_core::Table::new(0x7f01);

/// How keys of new records come.
#[derive(Clone, Copy)]
pub(super) enum Order {
    Random,
    Time,
}

pub(crate) fn measure(effort: &Effort, folder: &Path, table: &mut Table) -> Result<()> {
    let place = Place::new(folder);
    for (threads, order, text, target) in [
        (1, Order::Random, "durable commits, 1 thread", 0.95),
        (64, Order::Random, "durable commits, 64 threads, random keys", 5.0),
        (64, Order::Time, "durable commits, 64 threads, ordered keys", 10.0),
    ] {
        let found = waiting(
            effort.waiting_rounds,
            || ours(effort, &place, threads, order),
            || plain_rate(effort, &place, order),
        )?;
        table.add(Row {
            work: text.to_owned(),
            beside: "plain rusqlite, 1 thread, single rows",
            unit: Unit::PerSecond,
            found: Found::Beside(found),
            target: Target::AtLeast(target),
            note: None,
        });
    }
    Ok(())
}

/// Commits of one new record per second, by this many threads, on a new file.
fn ours(effort: &Effort, place: &Place, threads: usize, order: Order) -> Result<f64> {
    let store = SqliteStore::create(place.next())?;
    rate::together(threads, effort.waiting_slice, || {
        let key = place.key(order)?;
        let batch = Batch {
            expectations: vec![(key.clone(), Expect::Absent)],
            writes: vec![(key, Write::Put(vec![0x5a; VALUE].into()))],
        };
        match store.commit(&store.lower(batch)?)? {
            Outcome::Done(_) => Ok(()),
            _ => Err("a commit of a new record met another".into()),
        }
    })
}

/// Commits of one new row per second by plain rusqlite in one thread, on a new file.
pub(super) fn plain_rate(effort: &Effort, place: &Place, order: Order) -> Result<f64> {
    let plain = Plain::create(&place.next())?;
    rate::alone(effort.waiting_slice, || plain.put(place.key(order)?.as_bytes(), &[0x5a; VALUE]))
}

/// Where new files and keys come from.
pub(super) struct Place<'a> {
    folder: &'a Path,
    numbers: AtomicU64,
}

impl<'a> Place<'a> {
    pub(super) fn new(folder: &'a Path) -> Self {
        Self { folder, numbers: AtomicU64::new(0) }
    }

    /// A file that does not exist yet.
    pub(super) fn next(&self) -> PathBuf {
        self.folder.join(format!("{}.db", self.numbers.fetch_add(1, Ordering::Relaxed)))
    }

    /// A key that was not there before.
    fn key(&self, order: Order) -> Result<RecordKey> {
        let segment = match order {
            Order::Random => Segment::Id(random_id()),
            Order::Time => Segment::Number(self.numbers.fetch_add(1, Ordering::Relaxed)),
        };
        Ok(RecordKey::new(TENANT, RECORDS, &[segment])?)
    }
}
