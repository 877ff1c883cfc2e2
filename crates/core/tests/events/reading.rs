//! Rows of the outbox are read as far as they are wanted, and each event with its bytes.

use proptest::{collection::vec, prelude::*};
use strongroom_core::{Outbox, memory::MemoryStore, waiting, waiting_events};

use crate::support::{NOW, any_event, event, put};

/// A store with rows of so many events each.
fn rows_of(sizes: &[u64]) -> MemoryStore {
    let (store, outbox) = (MemoryStore::new(), Outbox::new([9; 16]));
    for size in sizes {
        (0..*size).for_each(|number| outbox.buffer(event(number)).unwrap());
        outbox.flush(&store, NOW).unwrap();
    }
    store
}

#[test]
fn rows_are_read_until_there_are_events_enough_or_none_are_left() {
    let store = rows_of(&[1; 100]);
    let all = waiting(&store, 1_000).unwrap();
    // Pages of 8, 64 and so on rows: no row twice, and none left out.
    for (events, limit, rows, further) in [
        (1, 400, 8, true),
        (9, 400, 72, true),
        (73, 400, 100, false),
        (1_000, 400, 100, false),
        (1_000, 100, 100, true),
        (1_000, 30, 30, true),
        (1, 3, 3, true),
        (1, 0, 0, true),
        (0, 400, 0, true),
    ] {
        let found = waiting_events(&store, events, limit).unwrap();
        assert_eq!(found, (all[..rows].to_vec(), further), "{events} of at most {limit} rows");
    }
    assert_eq!(waiting_events(&MemoryStore::new(), 9, 9).unwrap(), (vec![], false));
}

#[test]
fn rows_of_several_producers_come_in_the_order_of_commits_across_pages() {
    let store = MemoryStore::new();
    let outboxes = [3, 2, 1].map(|producer| Outbox::new([producer; 16]));
    for number in 0..20 {
        outboxes.iter().for_each(|outbox| put(&store, outbox, &event(number)).unwrap());
    }
    let (rows, further) = waiting_events(&store, 1_000, 400).unwrap();
    assert!(rows.len() == 60 && rows.is_sorted_by_key(|row| row.revision) && !further);
}

proptest! {
    #[test]
    fn the_bytes_beside_an_event_are_its_own(events in vec(any_event(), 1..6)) {
        let (store, outbox) = (MemoryStore::new(), Outbox::new([9; 16]));
        events.iter().for_each(|event| outbox.buffer(event.clone()).unwrap());
        outbox.flush(&store, NOW).unwrap();
        let row = waiting(&store, 1).unwrap().remove(0);
        for (at, event) in row.events.iter().enumerate() {
            let own = event.to_bytes().unwrap();
            prop_assert_eq!(row.event_bytes(at), Some(own.as_slice()));
        }
        prop_assert_eq!(row.event_bytes(events.len()), None);
    }
}
