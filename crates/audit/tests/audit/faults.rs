//! A store that fails at every operation of a step.

use std::{collections::BTreeSet, sync::Arc};

use strongroom_audit::{AuditLog, LogId};
use strongroom_core::{
    SealedStore,
    fault::{Fault, FaultStore},
};
use strongroom_store_postgres::testing::Engine;

use crate::support::{Fixture, OTHER, TENANT, all, base, event, names, put};

/// A log with 254 events, and five events of two tenants that wait: a step fills a bundle.
fn waiting() -> (Fixture, Arc<Engine>) {
    let (fixture, store) = Fixture::with_events(254);
    for number in 0..4 {
        fixture.put(&event(TENANT, &format!("waits-{number}"), fixture.base.clock.now()));
    }
    fixture.put(&event(OTHER, "waits-too", fixture.base.clock.now()));
    (fixture, store)
}

#[test]
fn whatever_operation_of_a_step_fails_each_event_is_logged_once_and_checkpoints_go_forward() {
    for fault in [Fault::Fail, Fault::Crash, Fault::CrashAfter, Fault::LoseAnswer] {
        let mut at = 0;
        loop {
            let (fixture, store) = waiting();
            let before = fixture.log.checkpoint(LogId::Tenant(TENANT)).unwrap();
            let faulty = Arc::new(FaultStore::new(store, fault, at));
            let log = AuditLog::open(base(faulty.clone(), fixture.clock.clone()));
            // What it answers may be anything; what is left counts.
            let _ = log.and_then(|log| log.drain());
            let done = faulty.operations() <= at;
            fixture.log.check_since(&before).unwrap();
            let between = fixture.log.checkpoint(LogId::Tenant(TENANT)).unwrap();
            fixture.log.drain_all().unwrap();
            fixture.log.check_since(&between).unwrap();
            check(&fixture, fault, at);
            if done {
                assert!(at > 5, "a step has several operations");
                break;
            }
            at += 1;
        }
    }
}

fn check(fixture: &Fixture, fault: Fault, at: u64) {
    let found = names(&fixture.all(TENANT));
    let distinct: BTreeSet<_> = found.iter().collect();
    assert_eq!((found.len(), distinct.len()), (258, 258), "{fault:?} at {at}");
    assert_eq!(found[254..], ["waits-0", "waits-1", "waits-2", "waits-3"], "{fault:?} at {at}");
    assert_eq!(names(&fixture.all(OTHER)), ["waits-too"], "{fault:?} at {at}");
    assert_eq!(fixture.log.fsck(&mut |_| ()).unwrap().findings, [], "{fault:?} at {at}");
}

#[test]
fn an_event_that_is_put_while_the_log_cannot_be_written_waits_for_it() {
    let (fixture, store) = Fixture::with_events(1);
    let faulty: Arc<dyn SealedStore> = Arc::new(FaultStore::new(store, Fault::Crash, 2));
    let base_that_fails = base(faulty, fixture.clock.clone());
    let log = AuditLog::open(base_that_fails.clone()).unwrap();
    assert!(log.drain().is_err());
    // Its change fails with it.
    assert!(put(&base_that_fails, &event(TENANT, "lost", fixture.base.clock.now())).is_err());
    fixture.put(&event(TENANT, "kept", fixture.base.clock.now()));
    fixture.log.drain_all().unwrap();
    assert_eq!(names(&all(&fixture.log, TENANT)), ["key-0", "kept"]);
}
