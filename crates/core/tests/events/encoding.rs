//! An event is read only from its one encoding.

use proptest::{collection::vec, prelude::*, sample::Index};
use strongroom_core::{
    Action, Class, Detail, Direction, Event, Outbox, Range, Reader, RecordKey, Refusal, Segment, Store,
    StoreError, Table, Tenant, Verdict, memory::MemoryStore, waiting,
};

use crate::support::{NOW, any_event, event, largest, put};

/// The store with one row of the outbox.
fn with_row(value: &[u8]) -> MemoryStore {
    let store = MemoryStore::new();
    let key = RecordKey::new(Tenant::SYSTEM, Table::new(1), &[Segment::Id([9; 16]), Segment::Number(0)]);
    let mut change = Reader::new(&store, Tenant::SYSTEM).change(());
    change.put(&key.unwrap(), value);
    change.commit(&store).unwrap();
    store
}

/// The bytes of the only row of a store.
fn row_of(store: &MemoryStore) -> Vec<u8> {
    let [(_, value)]: [_; 1] = store.dump().try_into().unwrap();
    value
}

fn row(event: &Event) -> Vec<u8> {
    let store = MemoryStore::new();
    put(&store, &Outbox::new([9; 16]), event).unwrap();
    row_of(&store)
}

#[test]
fn the_bytes_of_a_row_are_pinned() {
    let hex = |bytes: Vec<u8>| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let pinned = "8202818c055001010101010101010101010101010101820180f60218206472696e67820080f6f6f680";
    assert_eq!(hex(row(&event(5))), pinned);
}

#[test]
fn a_row_of_the_first_format_is_read() {
    for (first, outcome) in [
        ("870550010101010101010101010101010101018201 80f602182064 72696e67", Verdict::Allowed),
        (
            "880550010101010101010101010101010101018201 80f602182064 72696e67 02",
            Verdict::Refused(Refusal::State),
        ),
    ] {
        let digits = first.replace(' ', "");
        let byte = |at: usize| u8::from_str_radix(&digits[2 * at..2 * at + 2], 16).unwrap();
        let row: Vec<_> = (0..digits.len() / 2).map(byte).collect();
        let read = waiting(&with_row(&row), 9).unwrap();
        let own = Event { outcome, ..event(5) }.to_bytes().unwrap();
        assert_eq!(read[0].event_bytes(0), Some(own.as_slice()));
        let events: Vec<_> = read.into_iter().flat_map(|row| row.events).collect();
        assert_eq!(events, [Event { outcome, ..event(5) }]);
        assert!(waiting(&with_row(&row[..row.len() - 1]), 9).is_err());
        assert!(waiting(&with_row(&[&row[..], &[0xf6]].concat()), 9).is_err());
    }
}

#[test]
fn a_row_of_a_newer_version_is_refused_as_such() {
    let mut newer = row(&event(5));
    newer.splice(1..2, [3]);
    assert!(matches!(waiting(&with_row(&newer), 9), Err(StoreError::Unsupported(_))));
}

#[test]
fn too_many_details_are_no_event() {
    let mut event = largest();
    event.details.push(Detail::Others);
    assert!(matches!(event.to_bytes(), Err(StoreError::Invalid(_))));
    let store = MemoryStore::new();
    assert!(put(&store, &Outbox::new([9; 16]), &event).is_err());
    let bytes = minicbor::to_vec(&event).unwrap();
    assert!(matches!(Event::from_bytes(&bytes), Err(StoreError::Corrupt)));
    assert_eq!(store.scan(&everything(), Direction::Forward, 1).unwrap().len(), 0);
}

fn everything() -> Range {
    Range::under(Tenant::SYSTEM, Table::new(1), &[]).unwrap()
}

#[test]
fn an_answer_waits_for_every_change_and_every_refusal() {
    use Action::{
        Agree, DataKey, Decapsulate, Decrypt, Derive, Encapsulate, Encrypt, Hash, Knock, List, Lose, Mac,
        Random, Read, Reencrypt, Sign, Verify, VerifyMac,
    };
    let buffered = [
        Encrypt,
        Decrypt,
        Reencrypt,
        Sign,
        Verify,
        Mac,
        VerifyMac,
        Derive,
        DataKey,
        Agree,
        Encapsulate,
        Decapsulate,
        Random,
        Hash,
        Read,
        List,
        Knock,
        Lose,
    ];
    for action in Action::ALL {
        let class = if buffered.contains(action) { Class::Buffered } else { Class::Strict };
        let allowed = Event { action: *action, ..event(1) };
        assert_eq!(allowed.class(), class, "{action:?}");
        // Who is not recognised makes nobody wait for the disk.
        let refused = if *action == Knock { Class::Buffered } else { Class::Strict };
        let outcome = Verdict::Refused(Refusal::Denied);
        assert_eq!(Event { outcome, ..allowed }.class(), refused, "{action:?}");
    }
}

proptest! {
    #[test]
    fn any_bytes_are_no_event_or_its_one_encoding(bytes in vec(any::<u8>(), 0..400)) {
        if let Ok(event) = Event::from_bytes(&bytes) {
            prop_assert_eq!(event.to_bytes().unwrap(), bytes);
        }
    }

    #[test]
    fn an_event_comes_back_from_its_bytes_and_from_no_others(
        event in any_event(), at in any::<Index>(), to in any::<u8>(), cut in any::<Index>(),
    ) {
        let bytes = event.to_bytes().unwrap();
        prop_assert_eq!(Event::from_bytes(&bytes).unwrap(), event);
        let mut changed = bytes.clone();
        changed[at.index(bytes.len())] = to;
        if let Ok(other) = Event::from_bytes(&changed) {
            prop_assert_eq!(other.to_bytes().unwrap(), changed);
        }
        prop_assert!(Event::from_bytes(&bytes[..cut.index(bytes.len())]).is_err());
        prop_assert!(Event::from_bytes(&[&bytes[..], &[0]].concat()).is_err());
    }

    #[test]
    fn any_bytes_of_a_row_are_damage_or_the_same_events_again(
        events in vec(any_event(), 1..4), at in any::<Index>(), to in any::<u8>(),
    ) {
        let (store, outbox) = (MemoryStore::new(), Outbox::new([9; 16]));
        events.iter().for_each(|event| outbox.buffer(event.clone()).unwrap());
        outbox.flush(&store, NOW).unwrap();
        let mut bytes = row_of(&store);
        let place = at.index(bytes.len());
        bytes[place] = to;
        if let Ok(rows) = waiting(&with_row(&bytes), 9) {
            let again = rows.into_iter().flat_map(|row| row.events);
            let (store, outbox) = (MemoryStore::new(), Outbox::new([9; 16]));
            again.for_each(|event| outbox.buffer(event).unwrap());
            outbox.flush(&store, NOW).unwrap();
            prop_assert_eq!(row_of(&store), bytes);
        }
    }
}
