//! Rings of many versions.

use std::{collections::HashSet, sync::Arc};

use strongroom_core::{Algorithm, PLAIN_LIMITS, Provider, RecordKey, Segment, Store, Table};
use strongroom_keys::RustCrypto;
use strongroom_kms::{Kms, Rings};
use strongroom_store_postgres::testing::Engine;

use crate::{
    spy::Spy,
    support::{DELETABLE, TENANT, base_with, minimums, name, rotated, verdict},
    taps::{Count, Tapped},
};

/// Rings that count what they ask of their store, and how often keys are parsed.
fn counted() -> (Arc<Tapped<Count>>, Arc<Spy>, Rings) {
    let spy = Arc::new(Spy::default());
    let store = Tapped::new(Arc::new(Engine::new()), Count::default());
    let kms = Kms::new(base_with(store.clone(), spy.clone()));
    (store, spy, kms.without_caller(TENANT))
}

#[test]
fn a_ring_goes_on_after_a_thousand_versions_and_the_oldest_still_opens() {
    let (store, spy, rings) = counted();
    let ring = name("ring");
    rings.create(&ring, Algorithm::Aes256Gcm).unwrap();
    let first = rings.encrypt(&ring, b"text", b"").unwrap();
    (2..=1_003).for_each(|version| assert_eq!(rings.rotate(&ring).unwrap(), version));
    let shown = rings.read(&ring).unwrap();
    assert_eq!((shown.versions.len(), shown.versions[0].version, shown.latest_version), (1_000, 4, 1_003));
    let archived = rings.archived(&ring, 0, 9).unwrap();
    assert_eq!(archived.iter().map(|version| version.version).collect::<Vec<_>>(), [1, 2, 3]);
    assert_eq!(rings.archived(&ring, 1, 1).unwrap()[0].version, 2);

    // What an operation costs depends on the versions that it uses, not on those that there are.
    let _ = (store.tap.taken(), spy.loads());
    let newest = rings.encrypt(&ring, b"text", b"").unwrap();
    assert_eq!((store.tap.taken(), spy.loads()), ((1, 0), 1));
    assert_eq!(*rings.decrypt(&ring, &first, b"").unwrap(), b"text");
    assert_eq!((store.tap.taken(), spy.loads()), ((1, 0), 1), "its record alone is read");
    for _ in 0..10 {
        rings.decrypt(&ring, &first, b"").unwrap();
        rings.decrypt(&ring, &newest, b"").unwrap();
    }
    assert_eq!((store.tap.taken(), spy.loads()), ((0, 0), 0));

    rings.configure(&ring, &minimums(1_003, 1_003)).unwrap();
    assert_eq!(verdict(rings.decrypt(&ring, &first, b"")), "too old");
    assert_eq!(*rings.decrypt(&ring, &newest, b"").unwrap(), b"text");
    rings.configure(&ring, &DELETABLE).unwrap();
    rings.delete(&ring).unwrap();
}

#[test]
fn rotating_and_verifying_cost_the_same_however_many_versions_are_archived() {
    let (store, _, rings) = counted();
    let ring = name("ring");
    rings.create(&ring, Algorithm::Ed25519).unwrap();
    let first = rings.sign(&ring, None, b"text").unwrap();
    let mut costs = Vec::new();
    for _ in 0..20 {
        let newest = rotated(&rings, &ring, 20);
        // All but the newest move to the archive, and may be used again.
        rings.configure(&ring, &minimums(newest, 0)).unwrap();
        rings.configure(&ring, &minimums(1, 0)).unwrap();
        assert_eq!(rings.read(&ring).unwrap().versions.len(), 1);
        let _ = store.tap.taken();
        let newest = rings.sign(&ring, None, b"text").unwrap();
        assert!(rings.verify(&ring, b"text", &newest).unwrap());
        let used = store.tap.taken();
        assert!(rings.verify(&ring, b"text", &first).unwrap());
        let oldest = store.tap.taken();
        rings.rotate(&ring).unwrap();
        costs.push((used, oldest, store.tap.taken()));
    }
    assert!(costs.windows(2).all(|pair| pair[0] == pair[1]), "{costs:?}");
    assert_eq!((costs[0].0, costs[0].1), ((1, 0), (1, 0)), "one record each");
}

/// One algorithm for each length that the halves of its keys have: those of one length fill a record in the same way.
fn of_every_length() -> impl Iterator<Item = Algorithm> {
    let (provider, mut seen) = (RustCrypto::new(), HashSet::new());
    // Of the longer keys a ring holds fewer versions.
    let short = |algorithm: &Algorithm| !algorithm.is_asymmetric() || *algorithm <= Algorithm::EcdsaP256;
    Algorithm::ALL.into_iter().filter(short).filter(move |algorithm| {
        let key = provider.software().generate(*algorithm).unwrap();
        seen.insert((key.expose().len(), key.public.map(|public| public.bytes.len())))
    })
}

#[test]
fn a_full_ring_of_short_keys_is_far_from_the_limit_of_a_value() {
    for algorithm in of_every_length() {
        let store = Arc::new(Engine::new());
        let kms = Kms::new(base_with(store.clone(), Arc::new(Spy::default())));
        let (rings, ring) = (kms.without_caller(TENANT), name("ring"));
        rings.create(&ring, algorithm).unwrap();
        let key = RecordKey::new(TENANT, Table::new(0x0101), &[Segment::Name(&ring)]).unwrap();
        let size = || store.get_many(std::slice::from_ref(&key)).unwrap()[0].as_ref().unwrap().value.len();
        // Past 255 versions, so that numbers have the length in CBOR that 1,000 have.
        (2..=257).for_each(|version| assert_eq!(rings.rotate(&ring).unwrap(), version));
        let before = size();
        rings.rotate(&ring).unwrap();
        let each = size() - before;
        assert!(
            before + 1_000 * each < PLAIN_LIMITS.value / 4,
            "{algorithm:?}: {each} bytes for each version"
        );
    }
}
