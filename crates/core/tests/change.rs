//! Plans, commits, events and due work, under every fault that the fault store knows.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test ends at the first surprise")]

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use strongroom_core::{
    Action, Caller, Change, CommitError, Due, DueError, Event, Name, Outbox, Reader, RecordKey, Segment,
    Service, Store, StoreError, Table, Tenant, Time, Worker, commit, drain,
    fault::{Fault, FaultStore},
    memory::MemoryStore,
    run_due,
};

const TABLE: Table = Table::new(0x7f01);
const TENANT: Tenant = Tenant::from_bytes([1; 16]);

fn key(name: &str) -> RecordKey {
    RecordKey::new(TENANT, TABLE, &[Segment::Name(name)]).unwrap()
}

fn count(store: &dyn Store) -> u8 {
    store.get_many(&[key("count")]).unwrap().pop().flatten().map_or(0, |record| record.value[0])
}

/// Adds one to a number, and tells of it.
fn increment(mut reader: Reader<'_>, outbox: &Outbox) -> Result<Change<u8>, CommitError> {
    let next = reader.get(&key("count"))?.map_or(0, |record| record.value[0]) + 1;
    let mut change = reader.change(next);
    change.put(&key("count"), &[next]);
    outbox.put(&mut change, &event())?;
    Ok(change)
}

fn event() -> Event {
    let name = Name::parse("count").ok();
    Event::allowed(&Caller::application(TENANT), Time::from_millis(5), Service::Kms, Action::Rotate, name)
}

fn drained(store: &MemoryStore) -> Vec<Event> {
    let mut events = Vec::new();
    while drain(store, 3, &mut |event| events.push(event.clone())).unwrap() > 0 {}
    events
}

#[test]
fn a_conflict_is_planned_anew_and_no_increment_is_lost() {
    let (store, outbox) = (Arc::new(MemoryStore::new()), Arc::new(Outbox::new([9; 16])));
    let workers: Vec<_> = (0..8)
        .map(|_| {
            let (store, outbox) = (store.clone(), outbox.clone());
            std::thread::spawn(move || {
                for _ in 0..10 {
                    commit::<_, CommitError>(&*store, TENANT, |reader| increment(reader, &outbox)).unwrap();
                }
            })
        })
        .collect();
    workers.into_iter().for_each(|worker| worker.join().unwrap());
    assert_eq!(count(&*store), 80);
    assert_eq!(drained(&store), vec![event(); 80], "each acknowledged change has its event");
}

#[test]
fn at_every_fault_a_change_and_its_event_are_both_there_or_both_not() {
    for fault in [Fault::Fail, Fault::Crash, Fault::CrashAfter, Fault::LoseAnswer] {
        for at in 0.. {
            let (inner, outbox) = (Arc::new(MemoryStore::new()), Outbox::new([9; 16]));
            let store = FaultStore::new(inner.clone(), fault, at);
            let answer = commit::<_, CommitError>(&store, TENANT, |reader| increment(reader, &outbox));
            let events = drained(&inner).len();
            assert_eq!(usize::from(count(&*inner)), events, "{fault:?} at {at}");
            if answer.is_ok() {
                assert_eq!(events, 1, "an acknowledged change is there: {fault:?} at {at}");
            }
            if store.operations() <= at {
                break;
            }
        }
    }
}

#[test]
fn a_cache_is_evicted_also_when_the_outcome_is_not_known() {
    for fault in [Fault::Fail, Fault::Crash, Fault::CrashAfter, Fault::LoseAnswer] {
        let store = FaultStore::new(Arc::new(MemoryStore::new()), fault, 0);
        let evictions = Arc::new(AtomicUsize::new(0));
        let counter = evictions.clone();
        let mut change = Reader::new(&store, TENANT).change(());
        change.put(&key("a"), b"x");
        change.evict(move || counter.store(1, Ordering::SeqCst));
        let _ = change.commit(&store);
        assert_eq!(evictions.load(Ordering::SeqCst), 1, "{fault:?}");
    }
}

#[test]
fn a_reader_reads_no_other_tenant() {
    let store = MemoryStore::new();
    let mut reader = Reader::new(&store, Tenant::from_bytes([2; 16]));
    assert!(matches!(reader.get(&key("a")), Err(StoreError::Invalid(_))));
}

struct Countdown;

impl Worker for Countdown {
    fn kinds(&self) -> &[&'static str] {
        &["another", "countdown"]
    }

    fn step(&self, reader: Reader<'_>, due: &Due, _: Time) -> Result<Change<()>, DueError> {
        let (mut change, left) = (reader.change(()), due.payload[0] - 1);
        change.put(&key(&format!("step-{left}")), &[]);
        if left > 0 {
            Due { payload: vec![left], id: [left; 16], ..due.clone() }.put(&mut change)?;
        }
        Ok(change)
    }
}

fn schedule(store: &MemoryStore, kind: &'static str, time: u64) {
    let mut change = Reader::new(store, Tenant::SYSTEM).change(());
    let due = Due { time: Time::from_millis(time), kind, id: [7; 16], tenant: TENANT, payload: vec![3] };
    due.put(&mut change).unwrap();
    change.commit(store).unwrap();
}

#[test]
fn due_work_runs_to_its_end_from_every_crash() {
    for fault in [Fault::Fail, Fault::Crash, Fault::CrashAfter, Fault::LoseAnswer] {
        for at in 0.. {
            let inner = Arc::new(MemoryStore::new());
            schedule(&inner, "countdown", 10);
            let store = FaultStore::new(inner.clone(), fault, at);
            let _ = run_due(&store, &[&Countdown], Time::from_millis(10), Duration::from_secs(9));
            for _ in 0..4 {
                run_due(&*inner, &[&Countdown], Time::from_millis(10), Duration::from_secs(9)).unwrap();
            }
            for step in 0..3 {
                assert!(
                    inner.get_many(&[key(&format!("step-{step}"))]).unwrap()[0].is_some(),
                    "{fault:?} at {at}"
                );
            }
            assert_eq!(inner.dump().len(), 3, "no due row is left: {fault:?} at {at}");
            if store.operations() <= at {
                break;
            }
        }
    }
}

#[test]
fn work_of_the_future_and_of_others_is_left_alone() {
    let store = MemoryStore::new();
    schedule(&store, "unknown", 1);
    schedule(&store, "countdown", 50);
    let report = run_due(&store, &[&Countdown], Time::from_millis(10), Duration::from_secs(9)).unwrap();
    assert_eq!((report.done, report.next), (0, Some(Time::from_millis(50))));
    assert_eq!(store.dump().len(), 2);
}
