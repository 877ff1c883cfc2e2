//! A check of rings finds records that open and make no sense.

use std::sync::Arc;

use strongroom_core::{Algorithm, Check, RecordKey, Segment, Store, Table};
use strongroom_keys::RustCrypto;
use strongroom_kms::{RingCheck, UsesCheck, checks};
use strongroom_store_postgres::testing::Engine;

use crate::{
    support::{DELETABLE, TENANT, minimums, name, rings_over, rotated},
    world::World,
};

fn key(text: &str) -> RecordKey {
    RecordKey::new(TENANT, Table::new(0x0101), &[Segment::Name(text)]).unwrap()
}

/// The record of a ring with two versions.
fn record(algorithm: Algorithm) -> Vec<u8> {
    let store = Arc::new(Engine::new());
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
    let store = Arc::new(Engine::new());
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

/// A database with a ring `r` of four versions of which the first three are archived.
fn archived() -> World {
    let world = World::alone();
    let rings = world.rings();
    rings.create(&name("r"), Algorithm::Ed25519).unwrap();
    rotated(&rings, &name("r"), 3);
    rings.configure(&name("r"), &minimums(4, 0)).unwrap();
    world
}

/// What all checks say of all rows, in the order of their keys.
fn flaws(rows: &[(Vec<u8>, Vec<u8>)]) -> Vec<&'static str> {
    let checks = checks(Arc::new(RustCrypto::new()));
    let look = |(key, value): &(Vec<u8>, Vec<u8>)| {
        let key = RecordKey::from_bytes(key.clone()).unwrap();
        let mut found = checks.iter().filter(|check| check.table() == key.table());
        found.find_map(|check| check.check(&key, value).err())
    };
    rows.iter().filter_map(look).collect()
}

fn is_of(table: u16, key: &[u8]) -> bool {
    key[16..18] == table.to_be_bytes()
}

#[test]
fn every_record_of_rings_with_archived_versions_and_of_deleted_ones_is_sound() {
    let world = archived();
    let rings = world.rings();
    assert_eq!(flaws(&world.engine.dump()), [""; 0]);
    rings.destroy_version(&name("r"), 2).unwrap();
    rings.compromise(&name("r"), 4).unwrap();
    rings.trim(&name("r"), 2).unwrap();
    assert_eq!(flaws(&world.engine.dump()), [""; 0]);
    rings.configure(&name("r"), &DELETABLE).unwrap();
    rings.delete(&name("r")).unwrap();
    assert_eq!((world.rows(0x0104), flaws(&world.engine.dump())), (1, vec![]));
}

#[test]
fn an_archived_version_without_its_ring_or_that_the_ring_gave_up_is_named() {
    let world = archived();
    let rows = world.engine.dump();
    let without: Vec<_> = rows.iter().filter(|(key, _)| !is_of(0x0101, key)).cloned().collect();
    assert_eq!(flaws(&without), ["an archived version of a ring that is not there"; 3]);
    world.rings().trim(&name("r"), 3).unwrap();
    let mut left = world.engine.dump();
    assert_eq!(flaws(&left), [""; 0]);
    left.extend(rows.iter().filter(|(key, _)| is_of(0x0103, key)).take(2).cloned());
    left.sort();
    assert_eq!(flaws(&left), ["an archived version that its ring has given up"; 2]);
}

#[test]
fn archived_versions_that_wait_to_be_deleted_are_no_flaw() {
    let world = World::alone();
    let rings = world.rings();
    rings.create(&name("r"), Algorithm::Aes256Gcm).unwrap();
    let newest = rotated(&rings, &name("r"), 250);
    rings.configure(&name("r"), &minimums(newest, 0)).unwrap();
    world.work();
    rings.configure(&name("r"), &DELETABLE).unwrap();
    rings.delete(&name("r")).unwrap();
    assert_eq!((world.rows(0x0103), flaws(&world.engine.dump())), (50, vec![]));
}

#[test]
fn a_damaged_archived_version_and_a_damaged_tombstone_are_named() {
    let world = archived();
    let rings = world.rings();
    rings.create(&name("gone"), Algorithm::Ed25519).unwrap();
    rings.configure(&name("gone"), &DELETABLE).unwrap();
    rings.delete(&name("gone")).unwrap();
    let rows = world.engine.dump();
    for table in [0x0103, 0x0104] {
        let place = rows.iter().position(|(key, _)| is_of(table, key)).unwrap();
        for damage in [
            (|value| value.truncate(value.len() - 1)) as fn(&mut Vec<u8>),
            |value| value.push(0),
            |value| value[1] = 9,
            |value| value.clear(),
        ] {
            let mut damaged = rows.clone();
            damage(&mut damaged[place].1);
            assert_eq!(flaws(&damaged).len(), 1, "{table:04x}");
        }
    }
    // A version under the number of another, and one whose public half is not its own.
    let first = rows.iter().position(|(key, _)| is_of(0x0103, key)).unwrap();
    let mut exchanged = rows.clone();
    exchanged[first].1.clone_from(&rows[first + 1].1);
    assert_eq!(flaws(&exchanged), ["no archived version"]);
    let mut other = rows.clone();
    let end = other[first].1.len() - 32;
    let public = rows[first + 1].1[end..].to_vec();
    other[first].1[end..].copy_from_slice(&public);
    assert_eq!(flaws(&other).len(), 1);
}
