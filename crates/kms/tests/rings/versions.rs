//! A ring of as many versions as there may be.

use std::{collections::HashSet, sync::Arc};

use strongroom_core::{Algorithm, PLAIN_LIMITS, Provider, RecordKey, Segment, Store, Table, tap::Tapped};
use strongroom_keys::RustCrypto;
use strongroom_kms::Kms;
use strongroom_store_postgres::testing::Engine;

use crate::{
    spy::Spy,
    support::{DELETABLE, TENANT, base_with, minimums, name, verdict},
    taps::Count,
};

#[test]
fn a_ring_has_a_thousand_versions_at_most_and_the_oldest_still_opens() {
    let (inner, spy) = (Arc::new(Engine::new()), Arc::new(Spy::default()));
    let store = Tapped::over(inner.clone(), Count::default());
    let kms = Kms::new(base_with(store.clone(), spy.clone()));
    let (rings, ring) = (kms.without_caller(TENANT), name("ring"));
    rings.create(&ring, Algorithm::Aes256Gcm).unwrap();
    let first = rings.encrypt(&ring, b"text", b"").unwrap();
    (2..=1_000).for_each(|version| assert_eq!(rings.rotate(&ring).unwrap(), version));
    let before = inner.dump();
    assert_eq!(verdict(rings.rotate(&ring)), "invalid");
    assert_eq!(inner.dump(), before, "the refused rotation leaves nothing");

    // What an operation costs depends on the versions that it uses, not on those that there are.
    let _ = (store.tap.taken(), spy.loads());
    let newest = rings.encrypt(&ring, b"text", b"").unwrap();
    assert_eq!((store.tap.taken(), spy.loads()), ((1, 0), 1));
    assert_eq!(*rings.decrypt(&ring, &first, b"").unwrap(), b"text");
    assert_eq!((store.tap.taken(), spy.loads()), ((0, 0), 1));
    for _ in 0..10 {
        rings.decrypt(&ring, &first, b"").unwrap();
        rings.decrypt(&ring, &newest, b"").unwrap();
    }
    assert_eq!((store.tap.taken(), spy.loads()), ((0, 0), 0));

    // A full ring can still be changed in every other way, and be replaced.
    rings.configure(&ring, &minimums(1_000, 1_000)).unwrap();
    assert_eq!(verdict(rings.decrypt(&ring, &first, b"")), "too old");
    rings.disable(&ring).unwrap();
    rings.enable(&ring).unwrap();
    assert_eq!(*rings.decrypt(&ring, &newest, b"").unwrap(), b"text");
    rings.configure(&ring, &DELETABLE).unwrap();
    rings.delete(&ring).unwrap();
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
