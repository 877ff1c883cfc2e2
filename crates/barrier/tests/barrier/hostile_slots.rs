//! Slots that whoever has the disk wrote.

use std::sync::Arc;

use strongroom_barrier::{NewSlot, Reentered, Sealed, SlotError, SlotKind, Split, Unlock, UnsealError};
use strongroom_core::{CommitError, RecordKey, StoreError};

use crate::{
    db::{Db, SLOTS, SYSTEM, cheap, file, name, passphrase, put},
    keys::Counting,
    token::Token,
};

const WORDS: &str = "several random words";
/// `cheap()` in a record: [8192, 1, 1].
const CHEAP: [u8; 6] = [0x83, 0x19, 0x20, 0x00, 0x01, 0x01];

fn with_passphrase() -> Db {
    Db::with(&[NewSlot::Passphrase(&passphrase(WORDS), cheap()), NewSlot::Secret(&file())])
}

/// The row that holds these bytes, with others in their place.
fn rewritten(db: &Db, from: &[u8], to: &[u8]) -> (RecordKey, Vec<u8>) {
    let has = |row: &[u8]| row.windows(from.len()).position(|window| window == from);
    let (key, row) = db.rows(SLOTS).into_iter().find(|(_, row)| has(row).is_some()).unwrap();
    let at = has(&row).unwrap();
    (key, [&row[..at], to, &row[at + from.len()..]].concat())
}

fn is_damaged(db: &Db, key: &RecordKey) {
    let damaged = db.slots().into_iter().filter(|slot| slot.kind == SlotKind::Damaged);
    let ids: Vec<_> = damaged.map(|slot| slot.id).collect();
    assert!(ids.len() == 1 && key.as_bytes().ends_with(&ids[0]));
}

#[test]
fn a_cost_out_of_bounds_is_refused_before_any_memory_is_taken() {
    let costs: [&[u8]; 8] = [
        &[0x83, 0x1a, 0xff, 0xff, 0xff, 0xff, 0x01, 0x01], // all memory
        &[0x83, 0x1a, 0x00, 0x10, 0x00, 0x01, 0x01, 0x01], // 1 GiB and 1 KiB
        &[0x83, 0x19, 0x20, 0x00, 0x1a, 0xff, 0xff, 0xff, 0xff, 0x01], // a year
        &[0x83, 0x19, 0x20, 0x00, 0x11, 0x01],
        &[0x83, 0x19, 0x20, 0x00, 0x01, 0x09],
        &[0x83, 0x00, 0x00, 0x00],
        &[0x83, 0x19, 0x1f, 0xff, 0x01, 0x01], // less than protects anything
        &[0x83, 0x19, 0x20, 0x00, 0x01, 0x00],
    ];
    for cost in costs {
        let db = with_passphrase();
        let (key, row) = rewritten(&db, &CHEAP, cost);
        db.tamper(&key, Some(row));
        let provider = Arc::new(Counting::default());
        let sealed = Sealed::open(db.engine.clone(), provider.clone(), db.clock.clone()).unwrap();
        let answer = sealed.unseal(&Unlock::Passphrase(&passphrase(WORDS)));
        assert!(matches!(answer, Err(UnsealError::Store(StoreError::Corrupt))), "{answer:?}");
        assert_eq!(provider.stretched(), 0, "{cost:x?}");
        is_damaged(&db, &key);
        put(&db.by_file(), &name(db.by_file().first_tenant(), "a"), b"x").unwrap();
    }
}

#[test]
fn another_cost_within_the_bounds_only_makes_the_passphrase_wrong() {
    let db = with_passphrase();
    let (key, row) = rewritten(&db, &CHEAP, &[0x83, 0x19, 0x20, 0x00, 0x02, 0x01]);
    db.tamper(&key, Some(row));
    let answer = db.sealed.unseal(&Unlock::Passphrase(&passphrase(WORDS)));
    assert!(matches!(answer, Err(UnsealError::WrongPassphrase)), "{answer:?}");
}

#[test]
fn a_token_of_other_names_is_not_asked_whatever_the_row_says() {
    let token = Token::new([7; 32]);
    let key = token.key("strongroom-1");
    let db = Db::with(&[NewSlot::Key(&key), NewSlot::Secret(&file())]);
    let (row, text) =
        (rewritten(&db, b"strongroom-1", b"strongroom-2"), rewritten(&db, b"strongroom-1", b"../strongrm1"));
    token.asked();
    db.tamper(&row.0, Some(row.1));
    assert!(matches!(db.sealed.unseal(&Unlock::Key(&key)), Err(UnsealError::WrongKey)));
    // What is no name is no slot.
    db.tamper(&text.0, Some(text.1));
    is_damaged(&db, &text.0);
    assert_eq!(token.asked(), 0);
    // By the name that the row has now, the key is the same one: the names are public and protect nothing.
    db.tamper(&row.0, Some(rewritten(&Db::with(&[NewSlot::Key(&key)]), b"strongroom-1", b"strongroom-1").1));
    assert!(
        matches!(db.sealed.unseal(&Unlock::Key(&key)), Err(UnsealError::WrongKey)),
        "of another database"
    );
}

#[test]
fn a_threshold_that_makes_no_sense_is_no_slot() {
    // kind 1, [threshold 2, 3 hashes]
    for threshold in [0, 4, 23] {
        let db = Db::new();
        let (key, row) =
            rewritten(&db, &[0x82, 0x01, 0x82, 0x02, 0x83], &[0x82, 0x01, 0x82, threshold, 0x83]);
        db.tamper(&key, Some(row));
        is_damaged(&db, &key);
        let answer = db.sealed.unseal(&Unlock::Shares(&db.shares));
        assert!(matches!(answer, Err(UnsealError::Store(StoreError::Corrupt))), "{answer:?}");
        db.by_file();
    }
}

#[test]
fn a_proposal_that_whoever_has_the_disk_changed_is_not_confirmed() {
    let proposing = Db::new();
    let old = proposing.shares[0].slot();
    let proposed = proposing.by_file().propose(&SYSTEM, old, Split { shares: 2, threshold: 2 }).unwrap();
    let mut rows = proposing.rows(SLOTS).into_iter();
    let (key, good) = rows.find(|(key, _)| key.as_bytes().ends_with(&proposed.id)).unwrap();
    let (mut db, mut confirmed) = (proposing.copy(), 0);
    for at in 0..good.len() {
        let mut bad = good.clone();
        bad[at] ^= 0x10;
        db.tamper(&key, Some(bad));
        match db.by_file().confirm(&SYSTEM, &proposed.shares, Reentered::All) {
            Err(SlotError::Commit(CommitError::Store(StoreError::Corrupt | StoreError::Unsupported(_)))) => {}
            Err(
                SlotError::Share(_) | SlotError::NotProposed | SlotError::Superseded | SlotError::Expired,
            ) => {}
            // The time of the proposal is not sealed: whoever has the disk sets it on, as they could the clock.
            Ok(_) => {
                assert!(is_time(&good, at), "byte {at}");
                db = proposing.copy();
                confirmed += 1;
            }
            Err(other) => unreachable!("byte {at}: {other:?}"),
        }
        db.sealed.verify(&Unlock::Shares(&db.shares[..2])).unwrap();
    }
    assert!((1..=8).contains(&confirmed), "{confirmed}");
}

/// Whether this byte is one of the eight of the time that a row was made at.
fn is_time(row: &[u8], at: usize) -> bool {
    let mark = row.windows(6).position(|window| window == [0x1b, 0, 0, 1, 0x97, 0x74]).unwrap();
    (mark + 1..mark + 9).contains(&at)
}
