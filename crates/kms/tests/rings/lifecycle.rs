//! What a ring shows from its creation to its end.

use std::{sync::Arc, time::Duration};

use strongroom_core::{Algorithm, Base, FixedClock, Gate, Time};
use strongroom_keys::RustCrypto;
use strongroom_kms::{Kms, RingState, Settings};
use strongroom_store_postgres::testing::Engine;

use crate::support::{DELETABLE, NOW, TENANT, minimums, name, rings, verdict};

#[test]
fn a_ring_shows_its_versions_and_settings_and_no_secret_is_among_them() {
    let clock = Arc::new(FixedClock::at(NOW));
    let (store, provider) = (Arc::new(Engine::new()), Arc::new(RustCrypto::new()));
    let base = Base::new(store, Arc::new(Gate::new()), provider, clock.clone()).unwrap();
    let (rings, ring) = (Kms::new(base).without_caller(TENANT), name("ring"));
    let created = rings.create(&ring, Algorithm::EcdsaP256).unwrap();
    assert_eq!(rings.read(&ring).unwrap(), created);
    assert_eq!((created.min_decryption_version, created.min_encryption_version), (1, 0));
    assert!(!created.deletion_allowed && created.state == RingState::Active);
    clock.advance(Duration::from_millis(5));
    assert_eq!(rings.rotate(&ring).unwrap(), 2);
    let read = rings.read(&ring).unwrap();
    let made: Vec<_> = read.versions.iter().map(|version| (version.version, version.made)).collect();
    assert_eq!(made, [(1, NOW), (2, Time::from_millis(NOW.as_millis() + 5))]);
    assert_eq!(read.versions[0], created.versions[0]);
    let public: Vec<_> = read.versions.iter().map(|version| version.public.clone().unwrap()).collect();
    assert_ne!(public[0], public[1]);
    // The public halves are those of the keys that sign.
    for version in [1, 2] {
        let signature = rings.sign(&ring, Some(version), b"text").unwrap();
        let key = &public[version as usize - 1];
        assert_eq!(strongroom_keys::verify(key, b"text", &signature.bytes), Ok(true));
    }
}

#[test]
fn a_rotation_answers_the_ring_that_it_made_and_refuses_a_disabled_one() {
    let (rings, ring) = (rings(), name("ring"));
    assert_eq!(verdict(rings.rotate_and_read(&ring)), "not found");
    rings.create(&ring, Algorithm::Aes256Gcm).unwrap();
    let rotated = rings.rotate_and_read(&ring).unwrap();
    assert_eq!((rotated.versions.len(), &rotated), (2, &rings.read(&ring).unwrap()));
    rings.disable(&ring).unwrap();
    assert_eq!(verdict(rings.rotate_and_read(&ring)), "disabled");
    assert_eq!(rings.read(&ring).unwrap().versions, rotated.versions);
}

#[test]
fn settings_that_are_not_given_stay() {
    let (rings, ring) = (rings(), name("ring"));
    rings.create(&ring, Algorithm::Aes256Gcm).unwrap();
    for _ in 0..3 {
        rings.rotate(&ring).unwrap();
    }
    rings.configure(&ring, &DELETABLE).unwrap();
    rings.configure(&ring, &minimums(2, 3)).unwrap();
    let before = rings.read(&ring).unwrap();
    assert_eq!(rings.configure(&ring, &Settings::default()).unwrap(), before);
    assert!(before.deletion_allowed);
    let forbidden = Settings { deletion_allowed: Some(false), ..Settings::default() };
    rings.configure(&ring, &forbidden).unwrap();
    assert_eq!(verdict(rings.delete(&ring)), "not deletable");
    // One minimum alone has to fit the other one.
    let decryption = Settings { min_decryption_version: Some(4), ..Settings::default() };
    assert_eq!(verdict(rings.configure(&ring, &decryption)), "invalid");
    let encryption = Settings { min_encryption_version: Some(1), ..Settings::default() };
    assert_eq!(verdict(rings.configure(&ring, &encryption)), "invalid");
    assert_eq!(rings.configure(&ring, &minimums(4, 4)).unwrap().min_decryption_version, 4);
    // What was forbidden can be allowed again: the keys are still there.
    assert_eq!(rings.configure(&ring, &minimums(1, 0)).unwrap().latest_version, 4);
    assert_eq!(rings.archived(&ring, 0, 9).unwrap().len(), 3);
    assert_eq!(verdict(rings.encrypt_with(&ring, Some(1), b"", b"")), "ok");
}

#[test]
fn a_disabled_ring_can_be_read_configured_and_deleted_but_not_rotated() {
    let (rings, ring) = (rings(), name("ring"));
    rings.create(&ring, Algorithm::Ed25519).unwrap();
    rings.disable(&ring).unwrap();
    rings.disable(&ring).unwrap();
    assert_eq!(rings.read(&ring).unwrap().state, RingState::Disabled);
    assert_eq!(verdict(rings.rotate(&ring)), "disabled");
    let configured = rings.configure(&ring, &DELETABLE).unwrap();
    assert_eq!(configured.state, RingState::Disabled, "a setting does not enable");
    rings.delete(&ring).unwrap();
    assert_eq!(verdict(rings.read(&ring)), "not found");
}

#[test]
fn what_a_deleted_ring_made_never_opens_again_under_its_name() {
    let (rings, ring) = (rings(), name("ring"));
    rings.create(&ring, Algorithm::Aes256Gcm).unwrap();
    let sealed = rings.encrypt(&ring, b"text", b"").unwrap();
    rings.configure(&ring, &DELETABLE).unwrap();
    rings.delete(&ring).unwrap();
    assert_eq!(verdict(rings.decrypt(&ring, &sealed, b"")), "not found");
    rings.create(&ring, Algorithm::Aes256Gcm).unwrap();
    assert_eq!(verdict(rings.decrypt(&ring, &sealed, b"")), "does not open");
    assert_eq!(verdict(rings.rewrap(&ring, &sealed, b"")), "does not open");
    assert!(!rings.read(&ring).unwrap().deletion_allowed, "the new ring begins anew");

    let other = name("signs");
    rings.create(&other, Algorithm::Ed25519).unwrap();
    let signature = rings.sign(&other, None, b"text").unwrap();
    rings.configure(&other, &DELETABLE).unwrap();
    rings.delete(&other).unwrap();
    rings.create(&other, Algorithm::Ed25519).unwrap();
    assert!(!rings.verify(&other, b"text", &signature).unwrap());
}
