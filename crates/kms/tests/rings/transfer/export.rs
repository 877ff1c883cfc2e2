//! Keys that go out: only where ring, policy and state allow it, and never without an event.

use std::sync::Arc;

use secrecy::ExposeSecret as _;
use strongroom_core::{Action, Algorithm, Verdict};
use strongroom_keys::KeyFormat;
use strongroom_kms::{Import, NewRing, Operation, Operations, Policy, Rings, Settings, Versions};
use strongroom_store_postgres::testing::Engine;

use super::material::{KWP, OAEP, RING, open, quick, rings, rings_over};
use crate::support::{drained, minimums, name, verdict};

const DER: KeyFormat = KeyFormat::Der;

fn exported(rings: &Rings, versions: Versions) -> Vec<u32> {
    let out = rings.export(&name(RING), versions, DER).unwrap();
    out.iter().map(|exported| exported.version).collect()
}

fn ring_of(rings: &Rings, versions: u32) {
    rings.create_with(&name(RING), &open(Algorithm::Ed25519)).unwrap();
    (1..versions).for_each(|_| assert!(rings.rotate(&name(RING)).unwrap() > 1));
}

#[test]
fn nothing_goes_out_of_a_ring_that_does_not_allow_it_and_what_was_allowed_stays_allowed() {
    let store = Arc::new(Engine::new());
    let rings = rings_over(store.clone());
    rings.create(&name(RING), Algorithm::Ed25519).unwrap();
    for versions in [Versions::One(1), Versions::Newest, Versions::All] {
        assert_eq!(verdict(rings.export(&name(RING), versions, DER)), "policy");
    }
    let public = rings.wrapping_key().unwrap();
    assert_eq!(verdict(rings.export_wrapped(&name(RING), Versions::Newest, &public, KWP)), "policy");
    drained(&*store);
    rings.configure(&name(RING), &Settings { exportable: Some(true), ..Settings::NONE }).unwrap();
    assert_eq!(exported(&rings, Versions::All), [1]);
    let back = Settings { exportable: Some(false), ..Settings::NONE };
    assert_eq!(verdict(rings.configure(&name(RING), &back)), "invalid");
}

#[test]
fn versions_go_out_alone_or_together_and_none_below_the_minimum() {
    let rings = rings();
    ring_of(&rings, 4);
    assert_eq!(exported(&rings, Versions::All), [1, 2, 3, 4]);
    assert_eq!(exported(&rings, Versions::Newest), [4]);
    assert_eq!(exported(&rings, Versions::One(2)), [2]);
    rings.configure(&name(RING), &minimums(3, 0)).unwrap();
    assert_eq!(exported(&rings, Versions::All), [3, 4]);
    assert_eq!(verdict(rings.export(&name(RING), Versions::One(2), DER)), "too old");
    for absent in [0, 5, u32::MAX] {
        assert_eq!(verdict(rings.export(&name(RING), Versions::One(absent), DER)), "no version");
    }
}

#[test]
fn neither_policy_nor_state_is_passed_by() {
    let rings = rings();
    ring_of(&rings, 1);
    let operations = Operation::ALL.into_iter().filter(|operation| *operation != Operation::Export);
    let policy = Policy { operations: operations.collect::<Operations>(), ..Policy::default() };
    rings.configure(&name(RING), &Settings { policy: Some(policy), ..Settings::NONE }).unwrap();
    assert_eq!(verdict(rings.export(&name(RING), Versions::All, DER)), "policy");
    let policy = Some(Policy::default());
    rings.configure(&name(RING), &Settings { policy, ..Settings::NONE }).unwrap();
    rings.disable(&name(RING)).unwrap();
    assert_eq!(verdict(rings.export(&name(RING), Versions::All, DER)), "disabled");
    assert_eq!(verdict(rings.export(&name("none"), Versions::All, DER)), "not found");
}

#[test]
fn a_format_that_the_type_has_not_is_a_clear_error() {
    for algorithm in quick() {
        let rings = rings();
        rings.create_with(&name(RING), &open(algorithm)).unwrap();
        for format in KeyFormat::ALL {
            let fits = (format == KeyFormat::Raw) == (KeyFormat::of(algorithm) == KeyFormat::Raw);
            let found = verdict(rings.export(&name(RING), Versions::All, format));
            assert_eq!(found, if fits { "ok" } else { "invalid" }, "{algorithm:?} {format:?}");
        }
    }
}

/// From the rings of one database to those of another: nobody between them has the key.
#[test]
fn a_key_goes_wrapped_from_one_database_to_another() {
    for algorithm in quick() {
        let (from, to) = (rings(), rings());
        from.create_with(&name(RING), &open(algorithm)).unwrap();
        let public = to.wrapping_key().unwrap();
        let wrapped = from.export_wrapped(&name(RING), Versions::Newest, &public, KWP).unwrap();
        let import = Import::Wrapped { transport: KWP, wrapped: &wrapped[0].bytes };
        to.import(&name(RING), &open(algorithm), &import).unwrap();
        let [ours, theirs] = [&from, &to].map(|rings| {
            let out = rings.export(&name(RING), Versions::Newest, KeyFormat::of(algorithm)).unwrap();
            out[0].secret.expose_secret().to_vec()
        });
        assert_eq!(ours, theirs, "{algorithm:?}");
    }
}

#[test]
fn nothing_is_wrapped_for_what_is_no_rsa_key_nor_where_it_does_not_fit() {
    let rings = rings();
    rings.create_with(&name(RING), &open(Algorithm::Rsa2048)).unwrap();
    rings.create(&name("curve"), Algorithm::EcdsaP256).unwrap();
    let public = rings.read(&name("curve")).unwrap().versions[0].public.clone().unwrap();
    assert_eq!(verdict(rings.export_wrapped(&name(RING), Versions::Newest, &public, KWP)), "invalid");
    let wrapping = rings.wrapping_key().unwrap();
    assert_eq!(verdict(rings.export_wrapped(&name(RING), Versions::Newest, &wrapping, OAEP)), "invalid");
}

#[test]
fn every_key_that_went_out_and_every_one_that_did_not_has_its_event() {
    let store = Arc::new(Engine::new());
    let rings = rings_over(store.clone());
    ring_of(&rings, 2);
    rings.create_with(&name("kept"), &NewRing::of(Algorithm::Ed25519)).unwrap();
    drained(&*store);
    rings.export(&name(RING), Versions::All, DER).unwrap();
    rings.clone().recording().export(&name("kept"), Versions::All, DER).unwrap_err();
    let events = drained(&*store);
    let told: Vec<_> = events.iter().map(|event| (event.action, event.resource.clone())).collect();
    assert_eq!(told, [(Action::Export, Some(name(RING))), (Action::Export, Some(name("kept")))]);
    assert_eq!(events[0].outcome, Verdict::Allowed);
    assert_ne!(events[1].outcome, Verdict::Allowed);
}
