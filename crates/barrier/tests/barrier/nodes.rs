//! Two nodes that have one database open, and a clock that moves when it is told to.

use std::{sync::Arc, time::Duration};

use strongroom_barrier::{Unlock, Unsealed};
use strongroom_core::{
    CommitError, Lease, Store, StoreError, Tenant, deferring,
    fault::{Fault, FaultStore},
    from_memory, run_due,
};

use crate::db::{Db, NOW, SYSTEM, file, name, put, store_error, value};

#[test]
fn a_tenant_that_was_shredded_on_one_node_opens_on_no_other_once_that_returned() {
    for age in [0, 1, 450, 899] {
        let db = Db::shared();
        let (one, two) = (db.by_file(), db.by_file());
        let tenant = one.create_tenant(&SYSTEM).unwrap();
        let row = name(tenant, "a");
        put(&two, &row, b"of the tenant").unwrap();
        db.clock.advance(Duration::from_millis(age));
        let (shredded, hold) = deferring(|| one.shred_tenant(&SYSTEM, tenant));
        shredded.unwrap();
        let hold = hold.expect("a shred waits for other nodes");
        assert_eq!(value(&two, &row).unwrap().unwrap(), b"of the tenant", "its keys are still there");
        db.clock.advance(hold.left());
        assert!(value(&two, &row).is_err(), "after {age} ms");
        assert!(put(&two, &row, b"again").is_err());
    }
}

/// Has a node whose operations fail in turn do something to the tenant of a row, waits as it says, and compares what
/// another node that was open before then reads with what one reads that comes later.
fn fails_everywhere(work: impl Fn(&Unsealed, Tenant) -> Result<(), CommitError>) {
    for fault in [Fault::LoseAnswer, Fault::CrashAfter, Fault::Crash] {
        for at in 0.. {
            let db = Db::shared();
            let two = db.by_file();
            let row = name(two.create_tenant(&SYSTEM).unwrap(), "a");
            put(&two, &row, b"of the tenant").unwrap();
            let wire = Arc::new(FaultStore::sound(db.engine.clone()));
            let one = db.through(wire.clone()).unseal(&Unlock::Secret(&file())).unwrap();
            wire.fail(fault, at);
            let (worked, hold) = deferring(|| work(&one, row.tenant()));
            if wire.operations() <= at {
                break;
            }
            if let Some(hold) = hold {
                assert_eq!(value(&two, &row).unwrap().unwrap(), b"of the tenant", "its lease runs");
                db.clock.advance(hold.left());
            }
            let (before, later) = (value(&two, &row).is_ok(), value(&db.by_file(), &row).is_ok());
            assert!(!(worked.is_ok() && before), "{fault:?} at {at}: it returned");
            assert!(before <= later, "{fault:?} at {at}: it happened, and a node does not know");
        }
    }
}

#[test]
fn a_shred_that_fails_or_whose_answer_is_lost_holds_on_every_node_or_on_none_after_the_wait() {
    fails_everywhere(|node, tenant| node.shred_tenant(&SYSTEM, tenant).map(drop));
}

#[test]
fn an_order_to_seal_whose_answer_is_lost_holds_after_the_wait() {
    fails_everywhere(|node, _| node.order_seal());
}

#[test]
fn a_node_that_is_cut_off_hears_of_an_order_to_seal_when_it_is_back() {
    let db = Db::shared();
    let wire = Arc::new(FaultStore::sound(db.engine.clone()));
    let (one, two) = (db.by_file(), db.through(wire.clone()).unseal(&Unlock::Secret(&file())).unwrap());
    let row = name(one.first_tenant(), "a");
    put(&two, &row, b"x").unwrap();
    wire.fail(Fault::Crash, 0);
    let (ordered, hold) = deferring(|| one.order_seal());
    ordered.unwrap();
    db.clock.advance(hold.unwrap().left());
    assert!(matches!(value(&two, &row), Err(StoreError::Engine(_) | StoreError::LeaseLost)));
    assert!(!two.is_sealed(), "it cannot know");
    wire.mend();
    assert!(matches!(value(&two, &row), Err(StoreError::Sealed)));
    assert!(two.is_sealed());
}

#[test]
fn a_node_that_is_cut_off_reads_nothing_with_the_keys_that_it_has() {
    let db = Db::shared();
    let one = db.by_file();
    let row = name(one.first_tenant(), "a");
    put(&one, &row, b"x").unwrap();
    // From the next operation on, the engine is gone.
    let counting = Arc::new(FaultStore::new(db.engine.clone(), Fault::Crash, u64::MAX));
    let before = {
        let two = db.through(counting.clone()).unseal(&Unlock::Secret(&file())).unwrap();
        value(&two, &row).unwrap();
        counting.operations()
    };
    let dying = Arc::new(FaultStore::new(db.engine.clone(), Fault::Crash, before));
    let two = db.through(dying).unseal(&Unlock::Secret(&file())).unwrap();
    value(&two, &row).unwrap();
    assert!(from_memory(|| two.base().enter().is_ok()).unwrap(), "its lease runs");
    db.clock.advance(Lease::HELD);
    assert!(from_memory(|| two.base().enter().is_ok()).is_none());
    assert!(matches!(value(&two, &row), Err(StoreError::Engine(_) | StoreError::LeaseLost)));
    assert!(two.lower(crate::db::batch(&row, b"y")).is_err(), "nothing is even sealed");
}

#[test]
fn an_order_to_seal_seals_every_node_and_none_that_unseals_later() {
    let db = Db::shared();
    let (one, two) = (db.by_file(), db.by_file());
    let row = name(one.first_tenant(), "a");
    put(&two, &row, b"x").unwrap();
    let (ordered, hold) = deferring(|| one.order_seal());
    ordered.unwrap();
    db.clock.advance(hold.unwrap().left());
    assert!(matches!(value(&two, &row), Err(StoreError::Sealed)));
    assert!(two.is_sealed());
    one.seal(Duration::ZERO).unwrap();
    let late = db.by_file();
    assert_eq!(value(&late, &row).unwrap().unwrap(), b"x");
    db.clock.advance(Lease::HELD);
    assert_eq!(value(&late, &row).unwrap().unwrap(), b"x");
}

#[test]
fn due_work_that_another_node_does_at_the_same_time_is_no_failure() {
    let db = Db::shared();
    let (one, two) = (db.by_file(), db.by_file());
    let later = NOW + Duration::from_secs(400 * 24 * 3600);
    db.clock.advance(later.since(NOW));
    // Both work on the same rows at once, until nothing is due any more.
    let reports: Vec<_> = std::thread::scope(|scope| {
        let work = [&one, &two].map(|node| {
            scope.spawn(move || {
                let mut reports = Vec::new();
                for _ in 0..20 {
                    reports.push(run_due(node, &[node], later, Duration::from_secs(60)).unwrap());
                }
                reports
            })
        });
        work.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    assert!(reports.iter().all(|report| report.failed.is_empty()), "{reports:?}");
    assert!(reports.iter().map(|report| report.done).sum::<usize>() > 0);
    // The root was due once, and was replaced once.
    assert_eq!(db.sealed.status().unwrap().root, 2);
}

#[test]
fn what_waits_for_no_one_on_an_engine_of_one_process() {
    let db = Db::new();
    let one = db.by_file();
    let tenant = one.create_tenant(&SYSTEM).unwrap();
    let (shredded, hold) = deferring(|| one.shred_tenant(&SYSTEM, tenant));
    assert!(shredded.is_ok() && hold.is_none());
    let (ordered, hold) = deferring(|| one.order_seal());
    assert!(ordered.is_ok() && hold.is_none());
    assert!(!one.is_sealed());
    one.seal(Duration::ZERO).unwrap();
    assert!(matches!(store_error(one.order_seal()), StoreError::Sealed));
}
