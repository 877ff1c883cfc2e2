//! Uses of keys yield events where the caller asked for them: each one, and none that could show what it was about.

use std::sync::Arc;

use strongroom_core::{
    Action, Actor, Algorithm, Base, Caller, Event, Failure, HashAlgorithm, Outbox, Refusal, RequestId,
    Sealer, Verdict,
    fault::{Fault, FaultStore},
};
use strongroom_kms::{Kms, KmsError, Rings, Signature};
use strongroom_store_postgres::testing::Engine;

use crate::support::{NOW, TENANT, base_over, drained, minimums, name, verdict};

const CALLER: Caller = Caller {
    tenant: TENANT,
    actor: Actor::Token([5; 16]),
    request: Some(RequestId([6; 16])),
    credential: None,
};

/// What every secret-bearing input of a call begins with.
const MARK: &[u8] = b"canary-4dJ7";

/// Each use of a key, and how it ends on the rings of [`Room`].
type Use = (Action, &'static str, Verdict, fn(&Rings, &Made) -> Result<(), KmsError>);

/// What was made with the rings before.
struct Made {
    sealed: Vec<u8>,
    old: Vec<u8>,
    signature: Signature,
    of_digest: Signature,
}

fn marked(more: &[u8]) -> Vec<u8> {
    [MARK, more].concat()
}

const DIGEST: [u8; 32] = *b"canary-4dJ7 and 21 bytes of more";
const FAILED: Verdict = Verdict::Failed(Failure::Cryptography);
const REFUSED: Verdict = Verdict::Refused(Refusal::State);

const USES: &[Use] = &[
    (Action::Encrypt, "aes", Verdict::Allowed, |rings, _| {
        rings.encrypt(&name("aes"), &marked(b"p"), &marked(b"a")).map(drop)
    }),
    (Action::Encrypt, "aes", REFUSED, |rings, _| {
        rings.encrypt_with(&name("aes"), Some(1), &marked(b"p"), &marked(b"a")).map(drop)
    }),
    (Action::Encrypt, "none", Verdict::Failed(Failure::NotFound), |rings, _| {
        rings.encrypt(&name("none"), &marked(b"p"), b"").map(drop)
    }),
    (Action::Encrypt, "ed", Verdict::Failed(Failure::Input), |rings, _| {
        rings.encrypt(&name("ed"), &marked(b"p"), b"").map(drop)
    }),
    (Action::Decrypt, "aes", Verdict::Allowed, |rings, made| {
        rings.decrypt(&name("aes"), &made.sealed, &marked(b"a")).map(drop)
    }),
    (Action::Decrypt, "aes", FAILED, |rings, made| {
        rings.decrypt(&name("aes"), &made.sealed, &marked(b"other")).map(drop)
    }),
    (Action::Decrypt, "aes", Verdict::Failed(Failure::Input), |rings, _| {
        rings.decrypt(&name("aes"), &marked(b"no envelope"), b"").map(drop)
    }),
    (Action::Decrypt, "aes", REFUSED, |rings, made| {
        rings.decrypt(&name("aes"), &made.old, &marked(b"a")).map(drop)
    }),
    (Action::Decrypt, "off", REFUSED, |rings, made| {
        rings.decrypt(&name("off"), &made.sealed, &marked(b"a")).map(drop)
    }),
    (Action::Reencrypt, "aes", Verdict::Allowed, |rings, made| {
        rings.rewrap(&name("aes"), &made.sealed, &marked(b"a")).map(drop)
    }),
    (Action::Reencrypt, "aes", FAILED, |rings, made| {
        rings.rewrap_with(&name("aes"), Some(2), &made.sealed, b"").map(drop)
    }),
    (Action::Sign, "ed", Verdict::Allowed, |rings, _| {
        rings.sign(&name("ed"), None, &marked(b"message")).map(drop)
    }),
    (Action::Sign, "p256", Verdict::Allowed, |rings, _| {
        rings.sign_digest(&name("p256"), None, HashAlgorithm::Sha256, &DIGEST).map(drop)
    }),
    (Action::Verify, "ed", Verdict::Allowed, |rings, made| {
        rings.verify(&name("ed"), &marked(b"message"), &made.signature).map(drop)
    }),
    (Action::Verify, "p256", Verdict::Allowed, |rings, made| {
        rings.verify_digest(&name("p256"), HashAlgorithm::Sha256, &DIGEST, &made.of_digest).map(drop)
    }),
];

struct Room {
    store: Arc<Engine>,
    base: Base,
    rings: Rings,
    made: Made,
}

impl Room {
    /// Rings `aes`, whose first version is too old, `ed`, `p256`, and `off`, which is disabled.
    fn new() -> Self {
        let store = Arc::new(Engine::new());
        let base = base_over(store.clone());
        let rings = Kms::new(base.clone()).on_behalf_of(CALLER);
        for ring in ["aes", "off"] {
            rings.create(&name(ring), Algorithm::Aes256Gcm).unwrap();
        }
        rings.create(&name("ed"), Algorithm::Ed25519).unwrap();
        rings.create(&name("p256"), Algorithm::EcdsaP256).unwrap();
        let old = rings.encrypt(&name("aes"), &marked(b"p"), &marked(b"a")).unwrap();
        rings.rotate(&name("aes")).unwrap();
        rings.configure(&name("aes"), &minimums(2, 2)).unwrap();
        rings.disable(&name("off")).unwrap();
        let made = Made {
            sealed: rings.encrypt(&name("aes"), &marked(b"p"), &marked(b"a")).unwrap(),
            old,
            signature: rings.sign(&name("ed"), None, &marked(b"message")).unwrap(),
            of_digest: rings.sign_digest(&name("p256"), None, HashAlgorithm::Sha256, &DIGEST).unwrap(),
        };
        drained(&*store);
        Self { store, base, rings, made }
    }

    fn events(&self) -> Vec<Event> {
        self.base.outbox.flush(&*self.base.store, NOW).unwrap();
        drained(&*self.store)
    }
}

#[test]
fn every_use_yields_one_event_with_its_outcome() {
    let room = Room::new();
    let rings = room.rings.clone().recording();
    for (number, (action, ring, outcome, run)) in USES.iter().enumerate() {
        assert_eq!(run(&rings, &room.made).is_ok(), *outcome == Verdict::Allowed, "use {number}");
        let event =
            Event::of(&CALLER, NOW, strongroom_core::Service::Kms, *action, Some(name(ring)), *outcome);
        assert_eq!(room.events(), [event], "use {number}");
    }
}

#[test]
fn a_refusal_is_durable_before_it_is_answered_and_a_use_is_at_the_next_flush() {
    let room = Room::new();
    let rings = room.rings.clone().recording();
    for (_, _, outcome, run) in USES {
        drop(run(&rings, &room.made));
        let written = drained(&*room.store).len();
        assert_eq!((written, room.events().len()), if *outcome == REFUSED { (1, 0) } else { (0, 1) });
    }
}

#[test]
fn without_recording_no_use_yields_an_event() {
    let room = Room::new();
    for (_, _, _, run) in USES {
        drop(run(&room.rings, &room.made));
    }
    let handle = room.rings.clone().recording().ring(&name("aes")).unwrap();
    handle.seal(&marked(b"p"), b"").unwrap();
    assert_eq!(room.events(), []);
}

#[test]
fn what_a_call_was_about_is_in_no_event_and_no_error() {
    let room = Room::new();
    let rings = room.rings.clone().recording();
    for (_, _, _, run) in USES {
        if let Err(error) = run(&rings, &room.made) {
            assert!(!format!("{error} {error:?}").contains("canary"));
        }
    }
    room.base.outbox.flush(&*room.base.store, NOW).unwrap();
    let seen = |bytes: &[u8]| bytes.windows(MARK.len()).any(|window| window == MARK);
    assert!(!room.store.dump().iter().any(|(key, value)| seen(key) || seen(value)));
    assert!(!room.events().iter().any(|event| format!("{event:?}").contains("canary")));
    assert!(seen(&marked(b"")), "the test would see it");
}

#[test]
fn where_no_event_can_be_kept_nothing_is_answered_and_it_recovers() {
    let room = Room::new();
    let rings = room.rings.clone().recording();
    let encrypt = || rings.encrypt(&name("aes"), &marked(b"p"), b"");
    (0..Outbox::BUFFERED).for_each(|_| drop(encrypt().unwrap()));
    assert_eq!(verdict(encrypt()), "full");
    assert_eq!(verdict(rings.decrypt(&name("aes"), &room.made.sealed, &marked(b"a"))), "full");
    assert_eq!(room.events().len(), Outbox::BUFFERED + 1, "the last tells of the two");
    assert_eq!(verdict(encrypt()), "ok");
}

#[test]
fn a_refusal_that_cannot_be_kept_is_an_error_of_the_store() {
    let room = Room::new();
    // The ring is read, then the event is written.
    let store = Arc::new(FaultStore::new(room.store.clone(), Fault::Crash, 1));
    let rings = Kms::new(base_over(store)).on_behalf_of(CALLER).recording();
    assert_eq!(verdict(rings.encrypt(&name("off"), b"", b"")), "store");
    assert_eq!(verdict(room.rings.clone().recording().encrypt(&name("off"), b"", b"")), "disabled");
}
