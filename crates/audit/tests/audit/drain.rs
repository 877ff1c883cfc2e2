//! Taking events over from the outbox.

use std::{collections::BTreeSet, sync::Arc, thread, time::Duration};

use strongroom_audit::{AuditError, AuditLog, LogId};
use strongroom_core::{Event, FixedClock, Store, Tenant, Time, tap::Tapped, waiting};
use strongroom_store_postgres::testing::Engine;

use crate::support::{DAY, Fixture, NOW, OTHER, Restored, TENANT, all, base, event, name, names, put};

#[test]
fn events_come_into_the_log_of_their_tenant_in_the_order_of_commits_and_leave_the_outbox() {
    let fixture = Fixture::new();
    for number in 0..5 {
        fixture.put(&event(TENANT, &format!("mine-{number}"), NOW));
        fixture.put(&event(OTHER, &format!("theirs-{number}"), NOW));
    }
    assert_eq!(fixture.log.drain_all().unwrap(), 10);
    assert_eq!(names(&fixture.all(TENANT)), ["mine-0", "mine-1", "mine-2", "mine-3", "mine-4"]);
    assert_eq!(names(&fixture.all(OTHER)), ["theirs-0", "theirs-1", "theirs-2", "theirs-3", "theirs-4"]);
    assert!(waiting(&*fixture.base.store, 10).unwrap().is_empty());
    let revisions: Vec<_> = fixture.all(TENANT).iter().map(|payload| payload.revision).collect();
    assert!(revisions.is_sorted() && revisions.iter().collect::<BTreeSet<_>>().len() == 5);
}

#[test]
fn a_step_without_events_changes_nothing() {
    let fixture = Fixture::new();
    let before = fixture.log.checkpoint(LogId::Global).unwrap();
    assert_eq!(fixture.log.drain().unwrap().events, 0);
    assert_eq!(fixture.log.checkpoint(LogId::Global).unwrap(), before);
}

#[test]
fn a_log_is_made_once_and_opened_after_that() {
    let fixture = Fixture::new();
    let again = AuditLog::create(fixture.base.clone(), &name("db"));
    assert!(matches!(again, Err(AuditError::Exists)));
    AuditLog::open(fixture.base.clone()).unwrap();
    let empty = base(Arc::new(Engine::new()), Arc::new(FixedClock::at(NOW)));
    assert!(matches!(AuditLog::open(empty), Err(AuditError::Missing)));
    assert!(matches!(fixture.log.checkpoint(LogId::Tenant(TENANT)), Err(AuditError::NotFound)));
}

#[test]
fn an_empty_global_log_has_a_checkpoint_over_nothing() {
    let store = Arc::new(Engine::new());
    let history = store.history().unwrap().id;
    let log = AuditLog::create(base(store, Arc::new(FixedClock::at(NOW))), &name("db")).unwrap();
    let key = log.verifier_key(LogId::Global).unwrap();
    let note = log.checkpoint(LogId::Global).unwrap();
    let checkpoint = note.verify(&key).unwrap();
    assert_eq!(checkpoint.root.to_string(), "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=");
    assert_eq!((checkpoint.size, checkpoint.commit, checkpoint.history), (0, 0, history));
    assert_eq!(log.fsck(&mut |_| ()).unwrap().findings, []);
}

#[test]
fn a_backlog_that_one_commit_has_no_room_for_is_taken_over_in_several() {
    let fixture = Fixture::new();
    // Rows of the outbox with many events of many tenants: more than a batch has operations.
    for number in 0..3_000_u32 {
        let mut tenant = [7; 16];
        tenant[..4].copy_from_slice(&(number % 700).to_be_bytes());
        let event = event(Tenant::from_bytes(tenant), &format!("key-{number}"), NOW);
        fixture.base.outbox.buffer(event).unwrap();
    }
    fixture.base.outbox.flush(&*fixture.base.store, NOW).unwrap();
    assert_eq!(fixture.log.drain_all().unwrap(), 3_000);
    let mut seen = BTreeSet::new();
    for number in 0..700_u32 {
        let mut tenant = [7; 16];
        tenant[..4].copy_from_slice(&number.to_be_bytes());
        seen.extend(names(&fixture.all(Tenant::from_bytes(tenant))));
    }
    assert_eq!(seen.len(), 3_000);
    assert_eq!(fixture.log.fsck(&mut |_| ()).unwrap().findings, []);
}

#[test]
fn many_events_of_one_tenant_fill_tiles_of_two_levels_in_few_commits() {
    let fixture = Fixture::new();
    for number in 0..16_000 {
        fixture.base.outbox.buffer(event(TENANT, &format!("key-{number}"), NOW)).unwrap();
    }
    fixture.base.outbox.flush(&*fixture.base.store, NOW).unwrap();
    assert_eq!(fixture.log.drain_all().unwrap(), 16_000);
    assert_eq!(fixture.size(LogId::Tenant(TENANT)), 16_000);
    assert!(fixture.size(LogId::Global) < 20);
    assert_eq!(names(&fixture.all(TENANT))[15_999], "key-15999");
    assert_eq!(fixture.log.fsck(&mut |_| ()).unwrap().findings, []);
}

#[test]
fn a_clock_that_goes_back_or_far_ahead_does_not_take_the_log_with_it() {
    let fixture = Fixture::new();
    let at = |millis: u64, resource: &str| event(TENANT, resource, Time::from_millis(millis));
    let now = NOW.as_millis();
    let far = 253_402_300_800_000;
    fixture.log_in_batches(&[
        vec![at(now, "now"), at(now - 10_000, "behind")],
        vec![at(far, "year-10000")],
        vec![at(now - 5_000, "behind-again")],
    ]);
    fixture.clock.advance(Duration::from_secs(1));
    fixture.log_in_batches(&[vec![at(now + 1_000, "later")]]);
    let times: Vec<_> = (0..5).map(|index| verified_time(&fixture, index)).collect();
    assert_eq!(times, [now, now, now, now, now + 1_000]);
    // What the event itself says stays as it was said.
    assert_eq!(fixture.all(TENANT)[2].event.time, Time::from_millis(far));
}

fn verified_time(fixture: &Fixture, index: u64) -> u64 {
    let key = fixture.log.verifier_key(LogId::Global).unwrap();
    fixture.prove(index).verify(&key).unwrap().leaf.time.as_millis()
}

#[test]
fn steps_that_race_on_one_store_log_each_event_once() {
    let fixture = Fixture::new();
    fixture.put_keys(0..60);
    let taken: usize = thread::scope(|scope| {
        let drains: Vec<_> = (0..4).map(|_| scope.spawn(|| race(&fixture))).collect();
        drains.into_iter().map(|drain| drain.join().unwrap()).sum()
    });
    assert_eq!(taken, 60 + 4 * 50);
    let names = names(&fixture.all(TENANT));
    assert_eq!((names.len(), names.iter().collect::<BTreeSet<_>>().len()), (260, 260));
    assert_eq!(fixture.log.fsck(&mut |_| ()).unwrap().findings, []);
}

/// A node of its own over the same store, which writes events and takes over what it finds.
fn race(fixture: &Fixture) -> usize {
    let base = base(fixture.base.store.clone(), fixture.clock.clone());
    let log = AuditLog::open(base.clone()).unwrap();
    let mut producer = [0; 16];
    base.provider.random().fill(&mut producer);
    let mine = |number| format!("racer-{:x}-{number}", u128::from_be_bytes(producer));
    let mut taken = 0;
    for number in 0..50 {
        put(&base, &event(TENANT, &mine(number), NOW)).unwrap();
        taken += log.drain().unwrap().events;
    }
    taken + log.drain_all().unwrap()
}

#[test]
fn checkpoints_name_the_history_and_the_newest_commit_that_was_taken_over() {
    let store = Arc::new(Engine::new());
    let history = store.history().unwrap().id;
    let fixture = Fixture::over(store.clone());
    let mut last = 0;
    for day in 0..3 {
        fixture.put(&event(TENANT, &format!("key-{day}"), fixture.base.clock.now()));
        fixture.log.drain_all().unwrap();
        fixture.clock.advance(DAY);
        let key = fixture.log.verifier_key(LogId::Tenant(TENANT)).unwrap();
        let note = fixture.log.checkpoint(LogId::Tenant(TENANT)).unwrap();
        let checkpoint = note.verify(&key).unwrap();
        assert_eq!(checkpoint.commit, all(&fixture.log, TENANT)[day].revision.0);
        assert!(checkpoint.commit > last && checkpoint.history == history);
        last = checkpoint.commit;
    }
    // After a restore the log goes on, in another history.
    let restored = AuditLog::open(base(Tapped::over(store, Restored), fixture.clock.clone())).unwrap();
    fixture.put(&event(TENANT, "key-after", NOW));
    restored.drain_all().unwrap();
    let key = restored.verifier_key(LogId::Tenant(TENANT)).unwrap();
    assert_eq!(
        restored.checkpoint(LogId::Tenant(TENANT)).unwrap().verify(&key).unwrap().history,
        Restored::HISTORY
    );
}

#[test]
fn an_event_says_where_it_came_from() {
    let fixture = Fixture::new();
    let events: Vec<Event> = (0..3).map(|number| event(TENANT, &format!("key-{number}"), NOW)).collect();
    events.iter().for_each(|event| fixture.base.outbox.buffer(event.clone()).unwrap());
    fixture.base.outbox.flush(&*fixture.base.store, NOW).unwrap();
    fixture.log.drain_all().unwrap();
    let found = fixture.all(TENANT);
    assert_eq!(found.iter().map(|payload| payload.item).collect::<Vec<_>>(), [0, 1, 2]);
    assert!(
        found
            .iter()
            .all(|payload| (payload.producer, payload.counter) == (found[0].producer, found[0].counter))
    );
    assert_eq!(found.into_iter().map(|payload| payload.event).collect::<Vec<_>>(), events);
}
