//! Events at every fault of the store.

use std::sync::Arc;

use strongroom_core::{
    AUDIT_LOG, CommitError, DrainError, Event, Outbox, Reader, RecordKey, SealedStore, Tenant, drain,
    fault::{Fault, FaultStore},
    memory::MemoryStore,
};

use crate::support::{NOW, event, kept};

const FAULTS: [Fault; 4] = [Fault::Fail, Fault::Crash, Fault::CrashAfter, Fault::LoseAnswer];

/// Runs `step` over a store with each fault at each of its operations; `check` gets what it answered, and the store as
/// it is when the process is gone.
fn at_every_fault<T>(
    step: impl Fn(&dyn SealedStore) -> Result<T, CommitError>,
    check: impl Fn(&str, Option<T>, &MemoryStore),
) {
    for fault in FAULTS {
        for at in 0.. {
            let inner = Arc::new(MemoryStore::new());
            let store = FaultStore::new(inner.clone(), fault, at);
            let answer = step(&store).ok();
            check(&format!("{fault:?} at {at}"), answer, &inner);
            if store.operations() <= at {
                assert!(at > 0, "it writes");
                break;
            }
        }
    }
}

#[test]
fn an_event_alone_that_was_answered_is_there_once() {
    let record = |store: &dyn SealedStore| Outbox::new([9; 16]).record(store, &event(1));
    at_every_fault(record, |of, answer, store| {
        let events = kept(store);
        assert!(events.is_empty() || events == [event(1)], "{of}");
        assert!(answer.is_none() || events == [event(1)], "{of}");
    });
}

#[test]
fn what_was_flushed_is_there_once_and_in_order() {
    let events: Vec<Event> = (0..1_500).map(event).collect();
    let flush = |store: &dyn SealedStore| {
        let outbox = Outbox::new([9; 16]);
        events.iter().for_each(|event| outbox.buffer(event.clone()).unwrap());
        outbox.flush(store, NOW)
    };
    at_every_fault(flush, |of, answer, store| {
        let kept = kept(store);
        assert!(kept.is_empty() || kept == events, "{of}");
        assert!(answer.is_none() || kept == events, "{of}");
    });
}

#[test]
fn a_flush_that_is_tried_again_writes_each_event_once() {
    for fault in FAULTS {
        for at in 0..3 {
            let (inner, outbox) = (Arc::new(MemoryStore::new()), Outbox::new([9; 16]));
            (0..700).for_each(|number| outbox.buffer(event(number)).unwrap());
            let store = FaultStore::new(inner.clone(), fault, at);
            let first = outbox.flush(&store, NOW);
            (700..800).for_each(|number| outbox.buffer(event(number)).unwrap());
            // The store came back, and nobody drained in between.
            outbox.flush(&*inner, NOW).unwrap();
            let mut kept = kept(&*inner);
            kept.sort_by_key(|event| event.time);
            assert_eq!(kept, (0..800).map(event).collect::<Vec<_>>(), "{fault:?} at {at}: {first:?}");
        }
    }
}

#[test]
fn a_drain_hands_over_each_event_and_forgets_none_before_it_was_seen() {
    let outbox = Outbox::new([9; 16]);
    for fault in FAULTS {
        for at in 0.. {
            let inner = Arc::new(MemoryStore::new());
            (0..3).for_each(|number| outbox.record(&*inner, &event(number)).unwrap());
            let store = FaultStore::new(inner.clone(), fault, at);
            let mut seen = Vec::new();
            let answer = drain(&store, 10, &mut |event| seen.push(event.clone()));
            let left = kept(&*inner);
            assert!(left.is_empty() || left.len() == 3, "{fault:?} at {at}");
            assert!(left.len() == 3 || seen.len() == 3, "{fault:?} at {at}");
            assert!(answer.is_err() || left.is_empty(), "{fault:?} at {at}");
            if store.operations() <= at {
                break;
            }
        }
    }
}

#[test]
fn a_database_with_an_audit_log_hands_events_to_nobody_else_not_even_if_it_is_made_meanwhile() {
    let (outbox, store) = (Outbox::new([9; 16]), MemoryStore::new());
    outbox.record(&store, &event(1)).unwrap();
    let begin_log = || {
        let key = RecordKey::new(Tenant::SYSTEM, AUDIT_LOG, &[]).unwrap();
        let mut change = Reader::new(&store, Tenant::SYSTEM).change(());
        change.put(&key, b"settings");
        change.commit(&store).unwrap();
    };
    let meanwhile = drain(&store, 10, &mut |_| begin_log());
    assert!(matches!(meanwhile, Err(DrainError::Commit(CommitError::Conflict(_)))), "{meanwhile:?}");
    let later = drain(&store, 10, &mut |event| panic!("{event:?}"));
    assert!(matches!(later, Err(DrainError::Logged)), "{later:?}");
    assert_eq!(kept(&store), [event(1)]);
}
