//! What was sealed to a ring's public half is moved to another version in one operation, whose plaintext nobody sees.

use std::sync::Arc;

use strongroom_core::{Action, Algorithm, OaepHash, SealOptions};
use strongroom_kms::{Kms, KmsError, Operation, Operations, Policy, Rings, Sealed, Settings};
use strongroom_store_postgres::testing::Engine;

use crate::support::{NOW, TENANT, base_over, drained, name, rings, verdict};

const RING: &str = "ring";
const ALGORITHMS: [(Algorithm, SealOptions<'static>); 2] = [
    (Algorithm::Rsa2048, SealOptions::Oaep { hash: OaepHash::Sha256, label: b"" }),
    (Algorithm::HpkeX25519, SealOptions::Hpke { info: b"info", aad: b"aad" }),
];

fn allow(rings: &Rings, operations: &[Operation]) {
    let policy =
        Policy { operations: operations.iter().copied().collect::<Operations>(), ..Policy::default() };
    rings.configure(&name(RING), &Settings { policy: Some(policy), ..Settings::NONE }).unwrap();
}

fn moved(rings: &Rings, sealed: &Sealed, options: &SealOptions<'_>) -> Result<Sealed, KmsError> {
    rings.reseal(&name(RING), None, sealed, options)
}

#[test]
fn what_a_compromised_version_opens_is_moved_away_and_not_shown() {
    for (algorithm, options) in ALGORITHMS {
        let rings = rings();
        rings.create(&name(RING), algorithm).unwrap();
        let sealed = rings.seal(&name(RING), None, b"text", &options).unwrap();
        rings.rotate(&name(RING)).unwrap();
        rings.compromise(&name(RING), 1).unwrap();
        assert_eq!(verdict(rings.open(&name(RING), &sealed, &options)), "compromised");
        let moved = moved(&rings, &sealed, &options).unwrap();
        assert_eq!(moved.version, 2);
        assert_eq!(*rings.open(&name(RING), &moved, &options).unwrap(), b"text");
        let back = rings.reseal(&name(RING), Some(1), &moved, &options);
        assert_eq!(verdict(back), "compromised", "nothing new is protected by it");
    }
}

#[test]
fn a_policy_sees_it_as_one_operation_of_its_own() {
    for (algorithm, options) in ALGORITHMS {
        let rings = rings();
        rings.create(&name(RING), algorithm).unwrap();
        let sealed = rings.seal(&name(RING), None, b"text", &options).unwrap();
        allow(&rings, &[Operation::Rewrap]);
        assert_eq!(verdict(moved(&rings, &sealed, &options)), "ok");
        assert_eq!(verdict(rings.open(&name(RING), &sealed, &options)), "policy");
        assert_eq!(verdict(rings.seal(&name(RING), None, b"text", &options)), "policy");
        allow(&rings, &[Operation::Encrypt, Operation::Decrypt]);
        assert_eq!(verdict(moved(&rings, &sealed, &options)), "policy");
    }
}

#[test]
fn it_has_one_event_and_what_does_not_open_is_one_error() {
    for (algorithm, options) in ALGORITHMS {
        let store = Arc::new(Engine::new());
        let base = base_over(store.clone());
        let rings = Kms::new(base.clone()).without_caller(TENANT).recording();
        rings.create(&name(RING), algorithm).unwrap();
        let mut sealed = rings.seal(&name(RING), None, b"text", &options).unwrap();
        let actions = || {
            base.outbox.flush(&*store, NOW).unwrap();
            drained(&*store).into_iter().map(|event| event.action).collect::<Vec<_>>()
        };
        assert_eq!(actions(), [Action::Create, Action::Encrypt]);
        moved(&rings, &sealed, &options).unwrap();
        sealed.bytes[40] ^= 1;
        assert_eq!(verdict(moved(&rings, &sealed, &options)), "does not open");
        assert_eq!(actions(), [Action::Reencrypt, Action::Reencrypt]);
    }
}
