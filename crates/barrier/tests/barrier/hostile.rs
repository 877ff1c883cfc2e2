//! An engine that gives back other bytes than it was given: typed errors, never a panic or a wrong value.

use std::time::Duration;

use proptest::prelude::*;
use strongroom_barrier::{OpenError, Sealed, Unlock, UnsealError, Unsealed};
use strongroom_core::{Direction, Range, RecordKey, Store, StoreError, Table, Tenant, run_due};

use crate::db::{
    Db, NOW, SLOTS, STATE, SYSTEM, TABLE, TENANTS, file, name, provider, put, read_key, store_error, value,
};

const VALUE: &[u8] = b"the true value";

fn with_record() -> (Db, RecordKey) {
    let db = Db::new();
    let unsealed = db.by_file();
    let key = name(unsealed.first_tenant(), "a");
    put(&unsealed, &key, VALUE).unwrap();
    (db, key)
}

fn raw(db: &Db, key: &RecordKey) -> Vec<u8> {
    db.engine.get_many(std::slice::from_ref(key)).unwrap().pop().flatten().unwrap().value.to_vec()
}

fn is_corrupt(answer: Result<Option<Vec<u8>>, StoreError>) {
    assert!(matches!(answer, Err(StoreError::Corrupt)), "{answer:?}");
}

#[test]
fn every_flipped_bit_of_a_value_is_corrupt() {
    let (db, key) = with_record();
    let (unsealed, good) = (db.by_file(), raw(&db, &key));
    for bit in 0..8 * good.len() {
        let mut bad = good.clone();
        bad[bit / 8] ^= 1 << (bit % 8);
        db.tamper(&key, Some(bad));
        is_corrupt(value(&unsealed, &key));
    }
    for length in 0..good.len() {
        db.tamper(&key, Some(good[..length].to_vec()));
        is_corrupt(value(&unsealed, &key));
    }
    db.tamper(&key, Some([good.as_slice(), &[0]].concat()));
    is_corrupt(value(&unsealed, &key));
    let range = Range::under(key.tenant(), TABLE, &[]).unwrap();
    assert!(matches!(unsealed.scan(&range, Direction::Forward, 9), Err(StoreError::Corrupt)));
    db.tamper(&key, Some(good));
    assert_eq!(value(&unsealed, &key).unwrap().unwrap(), VALUE);
}

#[test]
fn a_record_that_was_moved_is_corrupt() {
    let (db, from) = with_record();
    let unsealed = db.by_file();
    let other = unsealed.create_tenant(&SYSTEM).unwrap();
    let segments: Vec<_> = from.segments().collect();
    let table = RecordKey::new(from.tenant(), Table::new(0x7f02), &segments).unwrap();
    let places = [name(from.tenant(), "b"), table, name(other, "a"), name(Tenant::SYSTEM, "a")];
    for to in places {
        put(&unsealed, &to, b"what was there").unwrap();
        let (here, there) = (raw(&db, &from), raw(&db, &to));
        db.tamper(&to, Some(here.clone()));
        db.tamper(&from, Some(there));
        is_corrupt(value(&unsealed, &to));
        is_corrupt(value(&unsealed, &from));
        db.tamper(&from, Some(here));
    }
    assert_eq!(value(&unsealed, &from).unwrap().unwrap(), VALUE);
}

#[test]
fn a_key_of_one_level_or_tenant_does_not_pass_for_another() {
    let (db, key) = with_record();
    db.by_file().create_tenant(&SYSTEM).unwrap();
    let rows: Vec<_> = [SLOTS, TENANTS].into_iter().flat_map(|table| db.rows(table)).collect();
    let envelopes = |value: &[u8]| -> Vec<usize> {
        (0..value.len()).filter(|at| value[*at..].starts_with(b"SR\x01\x01")).collect()
    };
    let good = raw(&db, &key);
    let mut tried = 0;
    for (_, value_of_row) in &rows {
        for at in envelopes(value_of_row) {
            db.tamper(&key, Some(value_of_row[at..at + 108 + 32].to_vec()));
            is_corrupt(value(&db.by_file(), &key));
            tried += 1;
        }
    }
    assert_eq!(tried, 2 * 3 + 3 * 2);
    db.tamper(&key, Some(good));
    // Each wrapped key in the place of each other one.
    let tenants = db.rows(TENANTS);
    let target = tenants.iter().find(|(row, _)| row.as_bytes().ends_with(key.tenant().as_bytes())).unwrap();
    for place in envelopes(&target.1) {
        for (_, from) in &rows {
            for at in envelopes(from) {
                let mut row = target.1.clone();
                row[place..place + 140].copy_from_slice(&from[at..at + 140]);
                if row != target.1 {
                    db.tamper(&target.0, Some(row));
                    is_corrupt(value(&db.by_file(), &key));
                }
            }
        }
    }
}

/// All that somebody may try; what they read must be true.
fn try_everything(db: &Db, key: &RecordKey) {
    let Ok(sealed) = Sealed::open(db.engine.clone(), provider(), db.clock.clone()) else { return };
    let _ = sealed.status();
    for unlock in [Unlock::Secret(&file()), Unlock::Shares(&db.shares[..2])] {
        match sealed.unseal(&unlock) {
            Ok(unsealed) => use_everything(&unsealed, key),
            Err(UnsealError::Share(_) | UnsealError::WrongSecret | UnsealError::Store(_)) => {}
            Err(other) => unreachable!("no such way was tried: {other:?}"),
        }
    }
}

fn use_everything(unsealed: &Unsealed, key: &RecordKey) {
    reads_true(unsealed, key);
    let _ = unsealed.create_tenant(&SYSTEM);
    let _ = unsealed.rotate_tenant(&SYSTEM, key.tenant());
    let _ = unsealed.rotate_root(&SYSTEM);
    let _ = run_due(unsealed, &[unsealed], NOW, Duration::from_secs(60));
    reads_true(unsealed, key);
}

fn reads_true(unsealed: &Unsealed, key: &RecordKey) {
    if let Ok(Some(read)) = value(unsealed, key) {
        assert_eq!(read, VALUE, "a silently wrong value");
    }
}

#[test]
fn flipped_and_cut_rows_of_the_hierarchy_never_panic() {
    let (db, key) = with_record();
    db.by_file().rotate_root(&SYSTEM).unwrap();
    for (row, good) in [STATE, SLOTS, TENANTS].into_iter().flat_map(|table| db.rows(table)) {
        for at in 0..good.len() {
            let mut bad = good.clone();
            match at % 5 {
                0 => bad.truncate(at),
                _ => bad[at] ^= 1 << (at % 8),
            }
            db.tamper(&row, Some(bad));
            let _ = db.sealed.status();
            for unlock in [Unlock::Secret(&file()), Unlock::Shares(&db.shares[..2])] {
                let _ = db.sealed.unseal(&unlock).map(|unsealed| reads_true(&unsealed, &key));
            }
        }
        db.tamper(&row, Some(good.clone()));
        let copy = db.copy();
        copy.tamper(&row, None);
        try_everything(&copy, &key);
    }
}

#[test]
fn a_row_of_a_newer_format_is_refused_for_what_it_is() {
    let (db, key) = with_record();
    let newer = |error: StoreError| assert!(matches!(error, StoreError::Unsupported(_)), "{error:?}");
    // The same row with the next number, and rows that look like nothing this version knows.
    let rows = |good: &[u8]| {
        let mut next = good.to_vec();
        next[1] += 1;
        [next, vec![0x81, 0x09], vec![0x82, 0x19, 0x01, 0x00, 0x63, b'n', b'e', b'w']]
    };
    for (row, good) in [STATE, SLOTS, TENANTS].into_iter().flat_map(|table| db.rows(table)) {
        for new in rows(&good) {
            let copy = db.copy();
            copy.tamper(&row, Some(new));
            let opened = Sealed::open(copy.engine.clone(), provider(), copy.clock.clone());
            match row.table().number() {
                STATE => match opened.unwrap_err() {
                    OpenError::Store(error) => newer(error),
                    other => unreachable!("{other:?}"),
                },
                SLOTS => newer(opened.unwrap().status().unwrap_err()),
                _ => {
                    let unsealed = opened.unwrap().unseal(&Unlock::Secret(&file())).unwrap();
                    let system = row.as_bytes().ends_with(Tenant::SYSTEM.as_bytes());
                    let tenant = if system { Tenant::SYSTEM } else { key.tenant() };
                    newer(store_error(put(&unsealed, &name(tenant, "b"), b"x")));
                }
            }
        }
    }
}

#[derive(Debug, Clone)]
enum Tampering {
    Flip(prop::sample::Index, u8),
    Cut(prop::sample::Index),
    Replace(Vec<u8>),
    Insert(prop::sample::Index, u8),
    Swap(prop::sample::Index),
    Delete,
}

fn tampering() -> impl Strategy<Value = Tampering> {
    prop_oneof![
        (any::<prop::sample::Index>(), 1..=255_u8).prop_map(|(at, bits)| Tampering::Flip(at, bits)),
        any::<prop::sample::Index>().prop_map(Tampering::Cut),
        proptest::collection::vec(any::<u8>(), 0..64).prop_map(Tampering::Replace),
        (any::<prop::sample::Index>(), any::<u8>()).prop_map(|(at, byte)| Tampering::Insert(at, byte)),
        any::<prop::sample::Index>().prop_map(Tampering::Swap),
        Just(Tampering::Delete),
    ]
}

fn tamper(db: &Db, row: prop::sample::Index, how: Tampering) {
    let rows = db.engine.dump();
    let (key, mut bytes) = rows[row.index(rows.len())].clone();
    let new = match how {
        Tampering::Flip(at, bits) if !bytes.is_empty() => {
            let at = at.index(bytes.len());
            bytes[at] ^= bits;
            Some(bytes)
        }
        Tampering::Flip(..) | Tampering::Delete => None,
        Tampering::Cut(at) => Some(bytes[..at.index(bytes.len() + 1)].to_vec()),
        Tampering::Replace(new) => Some(new),
        Tampering::Insert(at, byte) => {
            bytes.insert(at.index(bytes.len() + 1), byte);
            Some(bytes)
        }
        Tampering::Swap(other) => Some(rows[other.index(rows.len())].1.clone()),
    };
    db.tamper(&read_key(&key), new);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]
    #[test]
    fn no_tampering_panics_or_gives_a_wrong_value(
        what in proptest::collection::vec((any::<prop::sample::Index>(), tampering()), 1..4)
    ) {
        let (db, key) = with_record();
        db.by_file().rotate_root(&SYSTEM).unwrap();
        for (row, how) in what {
            tamper(&db, row, how);
        }
        try_everything(&db, &key);
    }
}
