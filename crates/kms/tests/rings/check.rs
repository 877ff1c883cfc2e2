//! A check of rings finds records that open and make no sense.

use std::sync::Arc;

use strongroom_core::{Algorithm, Check, RecordKey, Segment, Store, Table, memory::MemoryStore};
use strongroom_keys::RustCrypto;
use strongroom_kms::{RingCheck, UsesCheck};

use crate::support::{TENANT, name, rings_over};

fn key(text: &str) -> RecordKey {
    RecordKey::new(TENANT, Table::new(0x0101), &[Segment::Name(text)]).unwrap()
}

/// The record of a ring with two versions.
fn record(algorithm: Algorithm) -> Vec<u8> {
    let store = Arc::new(MemoryStore::new());
    let rings = rings_over(store.clone());
    rings.create(&name("a"), algorithm).unwrap();
    rings.rotate(&name("a")).unwrap();
    store.get_many(&[key("a")]).unwrap().pop().flatten().unwrap().value.to_vec()
}

fn verdict(key: &RecordKey, record: &[u8]) -> Result<(), &'static str> {
    RingCheck::new(Arc::new(RustCrypto::new())).check(key, record)
}

#[test]
fn a_ring_is_sound_whoever_may_use_it() {
    for algorithm in Algorithm::ALL {
        assert_eq!(verdict(&key("a"), &record(algorithm)), Ok(()));
    }
    assert_eq!(RingCheck::new(Arc::new(RustCrypto::new())).table(), Table::new(0x0101));
}

#[test]
fn what_is_no_ring_and_what_has_no_name_of_one_is_found() {
    let good = record(Algorithm::Ed25519);
    assert!(verdict(&key("a"), &good[..good.len() - 1]).is_err());
    assert!(verdict(&key("a"), &[]).is_err());
    assert!(verdict(&key("a/b"), &good).is_err());
    let number = RecordKey::new(TENANT, Table::new(0x0101), &[Segment::Number(1)]).unwrap();
    assert!(verdict(&number, &good).is_err());
}

#[test]
fn a_public_half_that_is_not_of_its_secret_or_is_missing_is_found() {
    let (mine, other) = (record(Algorithm::Ed25519), record(Algorithm::Ed25519));
    // The record ends with the 32 bytes of the newest version's public half, behind their length.
    let end = mine.len() - 32;
    let exchanged = [&mine[..end], &other[end..]].concat();
    let missing = [&mine[..end - 2], &[0xf6]].concat();
    assert_eq!(mine[end - 2..end], [0x58, 0x20]);
    for bad in [exchanged, missing] {
        assert!(verdict(&key("a"), &bad).is_err());
    }
}

#[test]
fn a_count_of_uses_is_sound_as_rings_write_it_and_found_otherwise() {
    let table = UsesCheck.table();
    let store = Arc::new(MemoryStore::new());
    let rings = rings_over(store.clone());
    let ring = rings.create(&name("a"), Algorithm::RawAes256Gcm).unwrap();
    rings.encrypt(&name("a"), b"text", b"").unwrap();
    let key = RecordKey::new(TENANT, table, &[Segment::Id(ring.id)]).unwrap();
    let row = store.get_many(std::slice::from_ref(&key)).unwrap().pop().flatten().unwrap().value;
    assert_eq!(UsesCheck.check(&key, &row), Ok(()));
    assert!(UsesCheck.check(&key, &row[1..]).is_err());
    assert!(UsesCheck.check(&key, &[&row[..], &[0]].concat()).is_err());
    for segments in [&[][..], &[Segment::Number(1)], &[Segment::Id(ring.id), Segment::Number(1)]] {
        assert!(UsesCheck.check(&RecordKey::new(TENANT, table, segments).unwrap(), &row).is_err());
    }
}
