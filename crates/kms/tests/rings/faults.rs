//! Every change, at every fault of the store: the ring and its event agree, and what was answered is there.

use std::sync::Arc;

use strongroom_core::{
    Action, Actor, Algorithm, Caller, Event, Reader, RecordKey, RequestId, SealedStore, Segment, Service,
    Store, Table,
    fault::{Fault, FaultStore},
};
use strongroom_kms::{Kms, KmsError, Ring, RingState, Rings, Settings};
use strongroom_store_postgres::testing::Engine;

use crate::support::{
    DELETABLE, NOW, OTHER_TENANT, TENANT, base_over, drained, kind, minimums, name, verdict,
};

/// Where rings lie.
const RINGS: Table = Table::new(0x0101);

/// Somebody with a token, in a request.
const CALLER: Caller = Caller {
    tenant: TENANT,
    actor: Actor::Token([5; 16]),
    request: Some(RequestId([6; 16])),
    credential: None,
};

/// A change, what it is called in its event, and whether a ring shows that it happened.
struct Case {
    run: fn(&Rings) -> Result<(), KmsError>,
    action: Action,
    happened: fn(Option<&Ring>) -> bool,
}

/// On `there`, a deletable ring of two versions, on the disabled ring `off`, or on `new`, which is not there.
const CASES: &[Case] = &[
    Case {
        run: |rings| rings.create(&name("new"), Algorithm::EcdsaP256).map(drop),
        action: Action::Create,
        happened: |ring| ring.is_some(),
    },
    Case {
        run: |rings| rings.rotate(&name("there")).map(drop),
        action: Action::Rotate,
        happened: |ring| ring.unwrap().versions.len() == 3,
    },
    Case {
        run: |rings| rings.configure(&name("there"), &minimums(2, 2)).map(drop),
        action: Action::Configure,
        happened: |ring| ring.unwrap().min_encryption_version == 2,
    },
    Case {
        run: |rings| rings.disable(&name("there")),
        action: Action::Disable,
        happened: |ring| ring.unwrap().state == RingState::Disabled,
    },
    Case {
        run: |rings| rings.enable(&name("off")),
        action: Action::Enable,
        happened: |ring| ring.unwrap().state == RingState::Active,
    },
    Case {
        run: |rings| rings.delete(&name("there")),
        action: Action::Delete,
        happened: |ring| ring.is_none(),
    },
];

impl Case {
    fn ring(&self) -> &'static str {
        match self.action {
            Action::Create => "new",
            Action::Enable => "off",
            _ => "there",
        }
    }

    /// The event of the change, in a store as it was before.
    fn event_in(&self, before: &Engine) -> Event {
        let name = name(self.ring());
        let key = RecordKey::new(TENANT, RINGS, &[Segment::Name(&name)]).unwrap();
        let old = before.get_many(&[key]).unwrap().pop().flatten().map(|record| record.revision);
        Event { old, ..Event::allowed(&CALLER, NOW, Service::Kms, self.action, Some(name)) }
    }

    fn happened_in(&self, store: &Arc<Engine>) -> bool {
        let read = on_behalf(store.clone()).read(&name(self.ring()));
        let absent = matches!(read, Err(KmsError::NotFound));
        (self.happened)(if absent { None } else { Some(read.unwrap()) }.as_ref())
    }
}

fn on_behalf(store: Arc<dyn SealedStore>) -> Rings {
    Kms::new(base_over(store)).on_behalf_of(CALLER)
}

/// A store with the rings of the cases, whose events were taken.
fn prepared() -> Arc<Engine> {
    let store = Arc::new(Engine::new());
    let rings = on_behalf(store.clone());
    for ring in ["there", "off"] {
        rings.create(&name(ring), Algorithm::Aes256Gcm).unwrap();
        rings.rotate(&name(ring)).unwrap();
    }
    rings.configure(&name("there"), &DELETABLE).unwrap();
    rings.disable(&name("off")).unwrap();
    assert_eq!(drained(&*store).len(), 6);
    store
}

#[test]
fn every_change_writes_one_event_with_who_when_what_and_on_which_ring() {
    for case in CASES {
        let store = prepared();
        assert!(!case.happened_in(&store));
        let event = case.event_in(&store);
        assert_eq!(event.old.is_none(), case.action == Action::Create);
        (case.run)(&on_behalf(store.clone())).unwrap();
        assert!(case.happened_in(&store));
        assert_eq!(drained(&*store), [event]);
    }
}

#[test]
fn at_every_fault_ring_and_event_agree_and_what_was_answered_is_there() {
    for case in CASES {
        for fault in [Fault::Fail, Fault::Crash, Fault::CrashAfter, Fault::LoseAnswer] {
            for at in 0.. {
                let inner = prepared();
                let event = case.event_in(&inner);
                let store = Arc::new(FaultStore::new(inner.clone(), fault, at));
                let answer = (case.run)(&on_behalf(store.clone()));
                let (happened, events) = (case.happened_in(&inner), drained(&*inner));
                let of = format!("{:?}, {fault:?} at {at}: {answer:?}", case.action);
                assert_eq!(events, if happened { vec![event] } else { vec![] }, "{of}");
                match answer {
                    Ok(()) => assert!(happened, "{of}"),
                    Err(error) => assert_eq!(kind(&error), "store", "{of}"),
                }
                if store.operations() <= at {
                    assert!(happened && at >= 2, "a change reads and commits");
                    break;
                }
            }
        }
    }
}

type Refused = (&'static str, fn(&Rings) -> Result<(), KmsError>, &'static str);

fn set(rings: &Rings, ring: &str, settings: &Settings) -> Result<(), KmsError> {
    rings.configure(&name(ring), settings).map(drop)
}

const REFUSED: &[Refused] = &[
    ("create again", |rings| rings.create(&name("there"), Algorithm::Ed25519).map(drop), "exists"),
    (
        "create over a disabled one",
        |rings| rings.create(&name("off"), Algorithm::Ed25519).map(drop),
        "exists",
    ),
    ("rotate none", |rings| rings.rotate(&name("new")).map(drop), "not found"),
    ("rotate a disabled one", |rings| rings.rotate(&name("off")).map(drop), "disabled"),
    ("configure none", |rings| set(rings, "new", &DELETABLE), "not found"),
    ("decrypt from 0", |rings| set(rings, "there", &minimums(0, 0)), "invalid"),
    ("decrypt from a version to come", |rings| set(rings, "there", &minimums(3, 0)), "invalid"),
    ("encrypt from a version to come", |rings| set(rings, "there", &minimums(1, 3)), "invalid"),
    ("encrypt with what does not decrypt", |rings| set(rings, "there", &minimums(2, 1)), "invalid"),
    ("disable none", |rings| rings.disable(&name("new")), "not found"),
    ("enable none", |rings| rings.enable(&name("new")), "not found"),
    ("delete none", |rings| rings.delete(&name("new")), "not found"),
    ("delete what is not to be deleted", |rings| rings.delete(&name("off")), "not deletable"),
];

#[test]
fn a_refused_change_leaves_nothing_not_even_an_event() {
    let store = prepared();
    let before = store.dump();
    let rings = on_behalf(store.clone());
    for (what, run, expected) in REFUSED {
        assert_eq!(verdict(run(&rings)), *expected, "{what}");
        assert_eq!(store.dump(), before, "{what}");
    }
}

#[test]
fn a_plan_that_is_dropped_has_no_effect() {
    let store = prepared();
    let before = store.dump();
    let rings = on_behalf(store.clone());
    rings.encrypt(&name("there"), b"text", b"").unwrap();
    let reader = Reader::new(&*store, TENANT);
    drop(rings.plan_disable(reader, &name("there")).unwrap());
    assert_eq!(store.dump(), before);
    assert!(rings.cached(&name("there")));
    rings.encrypt(&name("there"), b"text", b"").unwrap();
}

#[test]
fn a_plan_is_refused_a_reader_of_another_tenant() {
    let store = prepared();
    let rings = on_behalf(store.clone());
    let reader = Reader::new(&*store, OTHER_TENANT);
    assert_eq!(verdict(rings.plan_disable(reader, &name("there"))), "store");
}
