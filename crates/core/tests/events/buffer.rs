//! What is buffered: bounded, counted, written in few rows, and in the order in which it came.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicUsize, Ordering},
};

use strongroom_core::{
    Action, Detail, Event, Full, Lowered, Outbox, Outcome, Store, StoreError, Time,
    fault::{Fault, FaultStore},
    memory::MemoryStore,
    tap::{Tap, Tapped},
    waiting,
};

use crate::support::{NOW, event, kept, largest};

fn outbox() -> Outbox {
    Outbox::new([9; 16])
}

#[test]
fn nothing_is_written_before_a_flush_and_everything_by_it() {
    let (store, outbox) = (MemoryStore::new(), outbox());
    assert_eq!(outbox.flush(&store, NOW).unwrap(), 0);
    (0..2_000).for_each(|number| outbox.buffer(event(number)).unwrap());
    assert_eq!((outbox.waiting(), store.dump().len()), (2_000, 0));
    assert_eq!(outbox.flush(&store, NOW).unwrap(), 2_000);
    assert_eq!(kept(&store), (0..2_000).map(event).collect::<Vec<_>>());
    assert_eq!((outbox.waiting(), store.dump().len()), (0, 4), "512 events lie in one row");
}

#[test]
fn the_largest_events_fill_rows_and_batches_of_their_size() {
    let (store, outbox) = (MemoryStore::new(), outbox());
    (0..Outbox::BUFFERED).for_each(|_| outbox.buffer(largest()).unwrap());
    assert_eq!(outbox.flush(&store, NOW).unwrap(), Outbox::BUFFERED);
    assert_eq!(kept(&store).len(), Outbox::BUFFERED);
    assert!(store.dump().iter().all(|(_, value)| value.len() <= 256 << 10));
}

#[test]
fn what_does_not_fit_is_refused_and_its_number_becomes_an_event() {
    let (store, outbox) = (MemoryStore::new(), outbox());
    (0..Outbox::BUFFERED).for_each(|_| outbox.buffer(event(1)).unwrap());
    for number in 70..77 {
        assert_eq!(outbox.buffer(event(number)), Err(Full));
    }
    assert_eq!(outbox.flush(&store, NOW).unwrap(), Outbox::BUFFERED + 1);
    let lost: Vec<_> = kept(&store).into_iter().filter(|event| event.action == Action::Lose).collect();
    let [Event { time, details, .. }] = &lost[..] else { panic!("{lost:?}") };
    assert_eq!((*time, &details[..]), (Time::from_millis(70), &[Detail::Count(7), Detail::Until(NOW)][..]));
    outbox.buffer(event(2)).unwrap();
}

#[test]
fn a_store_that_fails_makes_no_room_and_one_that_works_again_does() {
    let (inner, outbox) = (Arc::new(MemoryStore::new()), outbox());
    let store = FaultStore::new(inner.clone(), Fault::Crash, 0);
    (0..Outbox::BUFFERED as u64).for_each(|number| outbox.buffer(event(number)).unwrap());
    for _ in 0..3 {
        assert!(outbox.flush(&store, NOW).is_err());
        assert_eq!(outbox.buffer(event(0)), Err(Full));
        assert_eq!(outbox.waiting(), Outbox::BUFFERED);
    }
    outbox.flush(&*inner, NOW).unwrap();
    outbox.buffer(event(0)).unwrap();
    let mut events = kept(&*inner);
    assert_eq!(events.pop().unwrap().details[0], Detail::Count(3));
    assert_eq!(events, (0..Outbox::BUFFERED as u64).map(event).collect::<Vec<_>>());
}

#[test]
fn what_was_not_flushed_can_be_taken_out() {
    let (inner, outbox) = (Arc::new(MemoryStore::new()), outbox());
    outbox.buffer(event(1)).unwrap();
    outbox.flush(&FaultStore::new(inner.clone(), Fault::Crash, 0), NOW).unwrap_err();
    outbox.buffer(event(2)).unwrap();
    assert_eq!(outbox.take(), [event(1), event(2)]);
    assert_eq!((outbox.waiting(), outbox.flush(&*inner, NOW).unwrap()), (0, 0));
}

#[test]
fn many_threads_lose_no_event_and_repeat_none() {
    let (store, outbox) = (MemoryStore::new(), outbox());
    let flushed = std::thread::scope(|scope| {
        let writers: Vec<_> = (0..4)
            .map(|thread| {
                let outbox = &outbox;
                scope.spawn(move || {
                    (0..2_000).for_each(|at| outbox.buffer(event(thread * 2_000 + at)).unwrap())
                })
            })
            .collect();
        let flusher = scope.spawn(|| (0..50).map(|_| outbox.flush(&store, NOW).unwrap()).sum::<usize>());
        writers.into_iter().for_each(|writer| writer.join().unwrap());
        flusher.join().unwrap() + outbox.flush(&store, NOW).unwrap()
    });
    assert_eq!(flushed, 8_000);
    let mut numbers: Vec<_> = kept(&store).iter().map(|event| event.time.as_millis()).collect();
    numbers.sort_unstable();
    assert_eq!(numbers, (0..8_000).collect::<Vec<_>>());
}

#[test]
fn rows_come_in_the_order_of_their_commits() {
    let store = MemoryStore::new();
    let producers = [Outbox::new([9; 16]), Outbox::new([3; 16])];
    for number in 0..10 {
        producers[number % 2].record(&store, &event(number as u64)).unwrap();
    }
    let rows = waiting(&store, 100).unwrap();
    assert!(rows.windows(2).all(|pair| pair[0].revision < pair[1].revision));
    assert_eq!(kept(&store), (0..10).map(event).collect::<Vec<_>>());
}

/// Commits that last until they are let go.
struct Stuck {
    go: Mutex<()>,
    /// How many commits have begun.
    begun: AtomicUsize,
}

impl Tap for Stuck {
    fn commit(&self, store: &dyn Store, batch: &Lowered) -> Result<Outcome, StoreError> {
        self.begun.fetch_add(1, Ordering::SeqCst);
        let _go = self.go.lock().unwrap();
        store.commit(batch)
    }
}

#[test]
fn while_the_store_hangs_nobody_else_does_and_each_event_is_somewhere() {
    let stuck = Stuck { go: Mutex::new(()), begun: AtomicUsize::new(0) };
    let (store, outbox) = (Tapped::over(Arc::new(MemoryStore::new()), stuck), outbox());
    (0..10).for_each(|number| outbox.buffer(event(number)).unwrap());
    let held = store.tap.go.lock().unwrap();
    std::thread::scope(|scope| {
        let flush = scope.spawn(|| outbox.flush(&*store, NOW).unwrap());
        while store.tap.begun.load(Ordering::SeqCst) == 0 {
            std::thread::yield_now();
        }
        (10..15).for_each(|number| outbox.buffer(event(number)).unwrap());
        assert_eq!(outbox.waiting(), 15, "what is being written still counts");
        assert_eq!(outbox.take(), (10..15).map(event).collect::<Vec<_>>());
        drop(held);
        assert_eq!(flush.join().unwrap(), 10);
    });
    assert_eq!(kept(&*store), (0..10).map(event).collect::<Vec<_>>());
    assert_eq!(outbox.waiting(), 0);
}

#[test]
fn a_store_that_takes_a_second_for_a_commit_refuses_nothing_at_full_speed_and_one_that_stands_still_does() {
    /// Events of a second at full speed.
    const SECOND: u64 = 60_000;
    let stuck = Stuck { go: Mutex::new(()), begun: AtomicUsize::new(0) };
    let (store, outbox) = (Tapped::over(Arc::new(MemoryStore::new()), stuck), outbox());
    let second = |from: u64| (from..from + SECOND).try_for_each(|number| outbox.buffer(event(number)));
    second(0).unwrap();
    let held = store.tap.go.lock().unwrap();
    std::thread::scope(|scope| {
        let flush = scope.spawn(|| outbox.flush(&*store, NOW).unwrap());
        while store.tap.begun.load(Ordering::SeqCst) == 0 {
            std::thread::yield_now();
        }
        let (slow, still) = (second(SECOND), second(2 * SECOND));
        drop(held);
        assert_eq!((slow, still), (Ok(()), Err(Full)), "while the first second is being written");
        // What came meanwhile is written by the same call.
        assert_eq!(flush.join().unwrap(), Outbox::BUFFERED + 1, "the last tells of the one that was refused");
    });
    let kept = kept(&*store);
    assert_eq!(kept[..kept.len() - 1], (0..Outbox::BUFFERED as u64).map(event).collect::<Vec<_>>());
    assert_eq!(kept.last().unwrap().details[..], [Detail::Count(1), Detail::Until(NOW)]);
}
