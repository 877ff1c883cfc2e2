//! An engine that answers with rows that were not asked for, all of them sealed as they should be.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use strongroom_barrier::{Unlock, Unsealed};
use strongroom_core::{
    CommitError, Direction, Range, Record, RecordKey, Store, StoreError, Table, Tenant, run_due,
    tap::{Tap, Tapped},
};

use crate::db::{Db, NOW, SYSTEM, TABLE, file, name, put};

type Page = Vec<(RecordKey, Record)>;
type Lie = Box<dyn Fn(&dyn Store, Page) -> Page + Send>;

/// Changes pages of the tests' tables, and how many records it answers with.
struct Liar {
    lie: Mutex<Lie>,
    answers: Mutex<Option<usize>>,
}

impl Tap for Liar {
    fn get_many(&self, store: &dyn Store, keys: &[RecordKey]) -> Result<Vec<Option<Record>>, StoreError> {
        let mut records = store.get_many(keys)?;
        if let Some(answers) = *self.answers.lock().unwrap() {
            records.resize_with(answers, || None);
        }
        Ok(records)
    }

    fn scan(
        &self,
        store: &dyn Store,
        range: &Range,
        direction: Direction,
        limit: usize,
    ) -> Result<Page, StoreError> {
        let page = store.scan(range, direction, limit)?;
        let of_a_tenant = range.tenant().is_some_and(|tenant| tenant != Tenant::SYSTEM);
        if of_a_tenant && range.prefix().is_none_or(|prefix| prefix.table() == TABLE) {
            Ok((self.lie.lock().unwrap())(store, page))
        } else {
            Ok(page)
        }
    }
}

fn over_liar() -> (Arc<Tapped<Liar>>, Unsealed, Tenant) {
    let db = Db::new();
    let lie: Lie = Box::new(|_, page| page);
    let liar = Tapped::over(db.engine.clone(), Liar { lie: Mutex::new(lie), answers: Mutex::new(None) });
    let unsealed = db.through(liar.clone()).unseal(&Unlock::Secret(&file())).unwrap();
    let other = unsealed.create_tenant(&SYSTEM).unwrap();
    for tenant in [unsealed.first_tenant(), other] {
        ["a", "b", "c"].iter().for_each(|text| put(&unsealed, &name(tenant, text), b"x").unwrap());
    }
    (liar, unsealed, other)
}

fn page(unsealed: &Unsealed, direction: Direction, limit: usize) -> Result<usize, StoreError> {
    let range = Range::under(unsealed.first_tenant(), TABLE, &[]).unwrap();
    unsealed.scan(&range, direction, limit).map(|rows| rows.len())
}

#[test]
fn a_page_with_rows_of_somebody_else_or_out_of_order_is_corrupt() {
    let (liar, unsealed, other) = over_liar();
    let of = move |engine: &dyn Store, tenant, table| {
        let range = Range::under(tenant, table, &[]).unwrap();
        engine.scan(&range, Direction::Forward, 9).unwrap()
    };
    let lies: Vec<(&str, Lie)> = vec![
        ("another tenant's", Box::new(move |engine, _| of(engine, other, TABLE))),
        ("the hierarchy's", Box::new(move |engine, _| of(engine, Tenant::SYSTEM, Table::new(0x0012)))),
        (
            "one more",
            Box::new(move |engine, page| page.into_iter().chain(of(engine, other, TABLE)).collect()),
        ),
        ("turned round", Box::new(|_, page| page.into_iter().rev().collect())),
        (
            "twice the same",
            Box::new(|engine, page| {
                let again = engine.get_many(&[page[0].0.clone()]).unwrap().pop().flatten().unwrap();
                [vec![(page[0].0.clone(), again)], page].into_iter().flatten().collect()
            }),
        ),
    ];
    for direction in [Direction::Forward, Direction::Backward] {
        assert_eq!(page(&unsealed, direction, 9).unwrap(), 3);
    }
    for (what, lie) in lies {
        *liar.tap.lie.lock().unwrap() = lie;
        for direction in [Direction::Forward, Direction::Backward] {
            let answer = page(&unsealed, direction, 9);
            assert!(matches!(answer, Err(StoreError::Corrupt)), "{what}: {answer:?}");
        }
    }
}

#[test]
fn a_page_that_is_longer_than_asked_for_is_corrupt() {
    let (liar, unsealed, _) = over_liar();
    let tenant = unsealed.first_tenant();
    *liar.tap.lie.lock().unwrap() = Box::new(move |engine, _| {
        engine.scan(&Range::under(tenant, TABLE, &[]).unwrap(), Direction::Forward, 9).unwrap()
    });
    assert!(matches!(page(&unsealed, Direction::Forward, 2), Err(StoreError::Corrupt)));
}

#[test]
fn a_job_that_is_given_rows_of_somebody_else_deletes_and_seals_none_of_them() {
    for shreds in [true, false] {
        let (liar, unsealed, other) = over_liar();
        let first = unsealed.first_tenant();
        if shreds {
            unsealed.shred_tenant(&SYSTEM, other).unwrap();
        } else {
            unsealed.rotate_tenant(&SYSTEM, other).unwrap();
        }
        *liar.tap.lie.lock().unwrap() = Box::new(move |engine, _| {
            engine.scan(&Range::under(first, TABLE, &[]).unwrap(), Direction::Forward, 9).unwrap()
        });
        let report = run_due(&unsealed, &[&unsealed], NOW, Duration::from_secs(60)).unwrap();
        let [(_, CommitError::Store(StoreError::Corrupt))] = report.failed.as_slice() else {
            unreachable!("{report:?}")
        };
        *liar.tap.lie.lock().unwrap() = Box::new(|_, page| page);
        assert_eq!(page(&unsealed, Direction::Forward, 9).unwrap(), 3);
    }
}

#[test]
fn more_or_fewer_records_than_keys_are_corrupt() {
    let (liar, unsealed, _) = over_liar();
    let keys = ["a", "b"].map(|text| name(unsealed.first_tenant(), text));
    for answers in [0, 1, 3] {
        *liar.tap.answers.lock().unwrap() = Some(answers);
        assert!(matches!(unsealed.get_many(&keys), Err(StoreError::Corrupt)), "{answers}");
    }
}
