use std::{hint::black_box, path::Path, sync::Arc};

use strongroom_core::{Batch, RecordKey, Segment, Store as _, Tenant, Write};
use strongroom_store_sqlite::SqliteStore;

use crate::{
    Result,
    database::unsealed,
    effort::Effort,
    measure::computing,
    plain::Plain,
    table::{Found, Row, Table, Target, Unit},
};

const VALUE: [u8; 200] = [0x5a; 200];
const RECORDS: strongroom_core::Table = strongroom_core::Table::new(0x7f02);
/// Records of one commit while the databases are filled.
const TOGETHER: u64 = 500;

pub(crate) fn measure(effort: &Effort, folder: &Path, table: &mut Table) -> Result<()> {
    let count = effort.readable;
    let store = SqliteStore::create(folder.join("sealed.db"))?;
    let sealed = unsealed(Arc::new(store))?;
    let tenant = sealed.first_tenant();
    let writer = Plain::create(&folder.join("plain.db"))?;
    for first in (0..count).step_by(TOGETHER as usize) {
        let keys = (first..count.min(first + TOGETHER)).map(|number| key(tenant, number));
        let keys = keys.collect::<Result<Vec<_>>>()?;
        writer.together(|plain| keys.iter().try_for_each(|key| plain.put(key.as_bytes(), &VALUE)))?;
        let writes = keys.into_iter().map(|key| (key, Write::Put(VALUE.to_vec().into()))).collect();
        sealed.commit(&sealed.lower(Batch { expectations: Vec::new(), writes })?)?;
    }
    let plain = Plain::read(&folder.join("plain.db"))?;
    let ours = |number| Result::Ok(sealed.get_many(&[key(tenant, number)?])?.pop().flatten());
    let limit = |number| plain.get(key(tenant, number)?.as_bytes());
    assert_eq!(*ours(0)?.ok_or("no such record")?.value, VALUE);
    assert_eq!(limit(0)?.ok_or("no such row")?.0, VALUE);
    let (mut our_places, mut limit_places) = (Places::new(count), Places::new(count));
    let found = computing(
        effort,
        || drop(black_box(ours(our_places.next()))),
        || drop(black_box(limit(limit_places.next()))),
    );
    table.add(Row {
        work: format!("point read through the barrier, 200 B, of {count}"),
        beside: "the same read in plain rusqlite",
        unit: Unit::Seconds,
        found: Found::Beside(found),
        target: Target::AtMost(1.6),
        note: None,
    });
    Ok(())
}

/// Where a record lies says nothing of where the next one lies.
fn key(tenant: Tenant, number: u64) -> Result<RecordKey> {
    let scattered = u128::from(number).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835);
    Ok(RecordKey::new(tenant, RECORDS, &[Segment::Id(scattered.to_be_bytes())])?)
}

/// The same places, in the same order, for both sides.
struct Places {
    count: u64,
    state: u64,
}

impl Places {
    fn new(count: u64) -> Self {
        Self { count, state: 0 }
    }

    fn next(&mut self) -> u64 {
        self.state =
            self.state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.state >> 33) % self.count
    }
}
