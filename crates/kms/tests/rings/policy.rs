//! What a ring's policy forbids is refused in every way to ask for it.

use std::time::Duration;

use strongroom_core::{Algorithm, Clock, UseLimit};
use strongroom_kms::{
    AtLimit, DataKeySize, KmsError, NewRing, Operation, Operations, Policy, Rings, Settings,
};

use crate::{
    support::{name, rings, verdict},
    world::World,
};

fn with_policy(policy: Policy) -> Settings {
    Settings { policy: Some(policy), ..Settings::NONE }
}

fn allowing(operations: &[Operation]) -> Policy {
    Policy { operations: operations.iter().copied().collect::<Operations>(), ..Policy::default() }
}

/// Each operation of a ring that encrypts, with what it is in a policy.
type Act = (Operation, fn(&Rings, &[u8], &[u8]) -> Result<(), KmsError>);

const ACTS: &[Act] = &[
    (Operation::Encrypt, |rings, _, aad| rings.encrypt(&name("r"), b"text", aad).map(drop)),
    (Operation::Decrypt, |rings, made, aad| rings.decrypt(&name("r"), made, aad).map(drop)),
    (Operation::Rewrap, |rings, made, aad| rings.rewrap(&name("r"), made, aad).map(drop)),
    (Operation::DataKey, |rings, _, aad| {
        rings.data_key(&name("r"), None, DataKeySize::Bits256, aad).map(drop)
    }),
];

#[test]
fn only_the_operations_of_the_policy_are_allowed() {
    for algorithm in [Algorithm::Aes256Gcm, Algorithm::RawAes256Gcm, Algorithm::Aes256Siv] {
        let rings = rings();
        rings.create(&name("r"), algorithm).unwrap();
        let made = rings.encrypt(&name("r"), b"text", b"").unwrap();
        for (allowed, _) in ACTS {
            rings.configure(&name("r"), &with_policy(allowing(&[*allowed]))).unwrap();
            for (operation, act) in ACTS {
                let expected = if operation == allowed { "ok" } else { "policy" };
                assert_eq!(verdict(act(&rings, &made, b"")), expected, "{operation:?}, {allowed:?} allowed");
            }
        }
        rings.configure(&name("r"), &with_policy(Policy::default())).unwrap();
        assert!(ACTS.iter().all(|(_, act)| act(&rings, &made, b"").is_ok()), "it can be changed back");
    }
}

#[test]
fn a_ring_signs_and_does_not_verify_or_the_other_way_round_also_through_a_handle() {
    use strongroom_core::{Signer, UseError};
    let rings = rings();
    rings.create(&name("r"), Algorithm::Ed25519).unwrap();
    let handle = rings.ring(&name("r")).unwrap();
    let signature = rings.sign(&name("r"), None, b"text").unwrap();
    rings.configure(&name("r"), &with_policy(allowing(&[Operation::Verify]))).unwrap();
    assert_eq!(verdict(rings.sign(&name("r"), None, b"text")), "policy");
    assert!(matches!(handle.sign(b"text"), Err(UseError::Unavailable)));
    assert!(rings.verify(&name("r"), b"text", &signature).unwrap());
    rings.configure(&name("r"), &with_policy(allowing(&[Operation::Sign]))).unwrap();
    assert_eq!(verdict(rings.verify(&name("r"), b"text", &signature)), "policy");
    assert_eq!(verdict(rings.sign(&name("r"), None, b"text")), "ok");
}

#[test]
fn what_has_expired_protects_nothing_new_and_opens_what_it_protected() {
    let world = World::alone();
    let rings = world.rings();
    let end = world.clock.now() + Duration::from_secs(60);
    let settings = with_policy(Policy { not_after: Some(end), ..Policy::default() });
    rings.create_with(&name("r"), &NewRing { settings, ..NewRing::of(Algorithm::Aes256Gcm) }).unwrap();
    let made = rings.encrypt(&name("r"), b"text", b"").unwrap();
    world.clock.advance(Duration::from_millis(59_999));
    assert!(ACTS.iter().all(|(_, act)| act(&rings, &made, b"").is_ok()));
    world.clock.advance(Duration::from_millis(1));
    for rings in [&rings, &world.rings()] {
        for (operation, act) in ACTS {
            let expected = if *operation == Operation::Decrypt { "ok" } else { "policy" };
            assert_eq!(verdict(act(rings, &made, b"")), expected, "{operation:?}");
        }
    }
}

#[test]
fn the_required_context_has_to_come_with_every_operation_that_has_one() {
    let rings = rings();
    rings.create(&name("r"), Algorithm::Aes256Gcm).unwrap();
    let policy = Policy { context: Some(b"app=orders;".to_vec()), ..Policy::default() };
    let bare = rings.encrypt(&name("r"), b"text", b"").unwrap();
    rings.configure(&name("r"), &with_policy(policy.clone())).unwrap();
    let made = rings.encrypt(&name("r"), b"text", b"app=orders;row=7").unwrap();
    for (_, act) in ACTS {
        assert_eq!(verdict(act(&rings, &made, b"app=orders;row=7")), "ok");
        for other in [&b""[..], b"app=orders", b"app=other;row=7", b"row=7;app=orders;"] {
            assert_eq!(verdict(act(&rings, &bare, other)), "policy");
        }
    }
    let derives = self::rings();
    let settings = with_policy(policy);
    let new = NewRing { settings, ..NewRing::of(Algorithm::KbkdfHmacSha256) };
    derives.create_with(&name("r"), &new).unwrap();
    for version in [None, Some(1)] {
        let derive = |context| verdict(derives.derive(&name("r"), version, b"label", context, 16));
        assert_eq!((derive(b"app=orders;x"), derive(b"x")), ("ok", "policy"));
    }
}

#[test]
fn a_derived_ring_does_nothing_without_additional_data_and_stays_so() {
    let rings = rings();
    let derived = NewRing { derived: true, ..NewRing::of(Algorithm::Aes256Gcm) };
    assert!(rings.create_with(&name("r"), &derived).unwrap().derived);
    let made = rings.encrypt(&name("r"), b"text", b"row 7").unwrap();
    for (_, act) in ACTS {
        assert_eq!(
            (verdict(act(&rings, &made, b"row 7")), verdict(act(&rings, &made, b""))),
            ("ok", "policy")
        );
    }
    let signs = NewRing { derived: true, ..NewRing::of(Algorithm::Ed25519) };
    assert_eq!(verdict(rings.create_with(&name("s"), &signs)), "invalid");
    assert_eq!(verdict(rings.read(&name("s"))), "not found");
}

#[test]
fn a_policy_that_makes_no_sense_changes_nothing() {
    let rings = rings();
    let before = rings.create(&name("r"), Algorithm::RawAes256Gcm).unwrap();
    let limit = |warn, stop| Policy { use_limit: Some(UseLimit { warn, stop }), ..Policy::default() };
    let context = |length| Policy { context: Some(vec![1; length]), ..Policy::default() };
    for policy in [limit(0, 0), limit(2, 1), context(0), context(1_025)] {
        assert_eq!(verdict(rings.configure(&name("r"), &with_policy(policy))), "invalid");
    }
    assert_eq!(rings.read(&name("r")).unwrap(), before);
}

#[test]
fn what_may_leave_the_ring_once_may_leave_it_for_ever() {
    let rings = rings();
    rings.create(&name("r"), Algorithm::Aes256Gcm).unwrap();
    let exportable = |may| Settings { exportable: Some(may), ..Settings::NONE };
    let backup = |may| Settings { plaintext_backup: Some(may), ..Settings::NONE };
    for set in [exportable as fn(bool) -> Settings, backup] {
        rings.configure(&name("r"), &set(false)).unwrap();
        rings.configure(&name("r"), &set(true)).unwrap();
        assert_eq!(verdict(rings.configure(&name("r"), &set(false))), "invalid");
    }
    let shown = rings.read(&name("r")).unwrap();
    assert!(shown.exportable && shown.plaintext_backup);
}

#[test]
fn each_ring_stops_or_is_replaced_at_its_own_limit() {
    for (at_limit, expected) in [(AtLimit::Stop, "exhausted"), (AtLimit::Rotate, "ok")] {
        let world = World::new();
        let (one, two) = (world.rings(), world.rings());
        for number in 0..16u64 {
            let ring = name(&format!("r-{number}"));
            let stop = 100 + number;
            let use_limit = Some(UseLimit { warn: 50, stop });
            let policy = Policy { use_limit, at_limit: Some(at_limit), ..Policy::default() };
            let settings = with_policy(policy);
            let new = NewRing { settings, ..NewRing::of(Algorithm::RawAes256Gcm) };
            one.create_with(&ring, &new).unwrap();
            // Two nodes take blocks of the same limit, and what one has left the other does not get.
            let (mut by_first, mut refused) = (0, 0);
            for message in 0..2 * stop {
                let node = if message % 2 == 0 { &one } else { &two };
                match node.encrypt(&ring, b"text", b"") {
                    Ok(sealed) if sealed[4..8] == [0, 0, 0, 1] => by_first += 1,
                    Ok(_) => {}
                    Err(_) => refused += 1,
                }
            }
            assert_eq!(by_first, stop, "exactly so many, of both together");
            assert_eq!(refused > 0, at_limit == AtLimit::Stop);
            assert_eq!(verdict(one.encrypt(&ring, b"text", b"")), expected);
            assert!(one.usage(&ring).unwrap()[0].near_limit);
        }
    }
}
