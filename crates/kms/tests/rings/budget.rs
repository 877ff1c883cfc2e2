//! Rings in memory within a budget: what has to go is wiped, and what comes back is as it was.

use std::sync::Arc;

use strongroom_core::{Algorithm, Base, Name};
use strongroom_kms::{Kms, Options, Rings};
use strongroom_store_postgres::testing::Engine;

use crate::{
    spy::Spy,
    support::{TENANT, base_with, name, verdict},
};

/// Rings of which so many bytes are kept, and what looks at their keys.
fn within(cache_bytes: usize) -> (Rings, Base, Arc<Spy>) {
    let spy = Arc::new(Spy::default());
    let base = base_with(Arc::new(Engine::new()), spy.clone());
    let options = Options { cache_bytes, ..Options::default() };
    (Kms::with_options(base.clone(), options).without_caller(TENANT), base, spy)
}

fn create(rings: &Rings, algorithm: Algorithm, count: usize) -> Vec<Name> {
    let names: Vec<_> = (0..count).map(|number| name(&format!("ring-{number}"))).collect();
    names.iter().for_each(|name| drop(rings.create(name, algorithm).unwrap()));
    names
}

#[test]
fn keys_of_a_ring_that_had_to_go_are_gone_and_come_back_when_it_is_used() {
    let (rings, base, spy) = within(64 << 10);
    let names = create(&rings, Algorithm::Aes256Gcm, 200);
    let sealed: Vec<_> = names.iter().map(|name| rings.encrypt(name, b"text", b"").unwrap()).collect();
    let kept = names.iter().filter(|name| rings.cached(name)).count();
    assert!((10..100).contains(&kept), "{kept} rings in 64 KiB");
    // One key each, which counts itself out when it is dropped; that is when it wipes itself.
    assert_eq!(spy.alive(), kept as i64);
    for (name, sealed) in names.iter().zip(&sealed) {
        assert_eq!(*rings.decrypt(name, sealed, b"").unwrap(), b"text");
        assert!(spy.alive() < 100);
    }
    base.gate.close(std::time::Duration::from_secs(5)).unwrap();
    assert_eq!(spy.alive(), 0);
}

#[test]
fn a_ring_in_use_stays_while_a_thousand_others_are_used_once() {
    let (rings, ..) = within(64 << 10);
    let names = create(&rings, Algorithm::Aes256Gcm, 1_000);
    rings.create(&name("hot"), Algorithm::Aes256Gcm).unwrap();
    rings.encrypt(&name("hot"), b"text", b"").unwrap();
    for other in &names {
        assert!(rings.cached(&name("hot")), "when {other} came");
        rings.encrypt(&name("hot"), b"text", b"").unwrap();
        rings.encrypt(other, b"text", b"").unwrap();
    }
}

#[test]
fn keys_that_become_ready_after_a_ring_came_are_counted_and_a_huge_ring_pushes_out_nothing() {
    // A key of ML-DSA-65 takes about 160 KB once it is ready, and 32 bytes before.
    let (rings, _, spy) = within(1 << 20);
    let (small, huge) = (create(&rings, Algorithm::Aes256Gcm, 20), name("huge"));
    rings.create(&huge, Algorithm::MlDsa65).unwrap();
    (2..=8).for_each(|version| assert_eq!(rings.rotate(&huge).unwrap(), version));
    small.iter().for_each(|name| drop(rings.encrypt(name, b"text", b"").unwrap()));
    for version in 1..=8 {
        rings.sign(&huge, Some(version), b"text").unwrap();
        assert_eq!(rings.cached(&huge), version % 4 != 0, "it goes when it takes more than half: {version}");
        assert!(small.iter().all(|name| rings.cached(name)));
        assert!(spy.alive() <= 20 + 3);
    }
}

#[test]
fn without_any_room_every_use_reads_its_ring_and_all_works() {
    let (rings, _, spy) = within(0);
    let ring = name("ring");
    rings.create(&ring, Algorithm::Aes256Gcm).unwrap();
    let sealed = rings.encrypt(&ring, b"text", b"").unwrap();
    assert_eq!(*rings.decrypt(&ring, &sealed, b"").unwrap(), b"text");
    assert!(!rings.cached(&ring));
    assert_eq!(spy.alive(), 0);
    rings.disable(&ring).unwrap();
    assert_eq!(verdict(rings.encrypt(&ring, b"text", b"")), "disabled");
}
