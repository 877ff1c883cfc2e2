//! Every key that comes in, goes out or comes back, at every fault of the store.

use std::sync::Arc;

use strongroom_core::{
    Action, Algorithm, SealedStore,
    fault::{Fault, FaultStore},
};
use strongroom_keys::KeyFormat;
use strongroom_kms::{BackupTo, Import, RingBackupError, Rings, Versions};
use strongroom_store_postgres::testing::Engine;

use super::{
    backup::{restored, taken},
    material::{Foreign, KWP, RING, open, rings_over},
};
use crate::support::{drained, name};

/// What others brought: a wrapped key, and the file of a ring that was deleted.
struct Brought {
    wrapped: Vec<u8>,
    file: Vec<u8>,
}

struct Case {
    run: fn(&Rings, &Brought) -> bool,
    action: Action,
    /// Whether it was done, of what changes a ring; of the others the event alone tells.
    happened: Option<fn(&Rings) -> bool>,
}

fn wrapped(brought: &Brought) -> Import<'_> {
    Import::Wrapped { transport: KWP, wrapped: &brought.wrapped }
}

fn versions(rings: &Rings, ring: &str) -> u32 {
    rings.read(&name(ring)).map_or(0, |ring| ring.latest_version)
}

const CASES: &[Case] = &[
    Case {
        run: |rings, brought| {
            rings.import(&name("new"), &open(Algorithm::Ed25519), &wrapped(brought)).is_ok()
        },
        action: Action::Import,
        happened: Some(|rings| versions(rings, "new") == 1),
    },
    Case {
        run: |rings, brought| rings.import_version(&name("there"), None, &wrapped(brought)).is_ok(),
        action: Action::Import,
        happened: Some(|rings| versions(rings, "there") == 2),
    },
    Case {
        run: |rings, brought| restored(rings, &brought.file).is_ok(),
        action: Action::Restore,
        happened: Some(|rings| versions(rings, RING) == 3),
    },
    Case {
        run: |rings, _| rings.export(&name("there"), Versions::All, KeyFormat::Der).is_ok(),
        action: Action::Export,
        happened: None,
    },
    Case {
        run: |rings, _| {
            let mut file = Vec::new();
            let done = rings.backup(&name("there"), BackupTo::Database, &mut file);
            assert!(done.is_ok() || !matches!(done, Err(RingBackupError::OpenFailed)));
            done.is_ok()
        },
        action: Action::BackUp,
        happened: None,
    },
];

fn prepared() -> (Arc<Engine>, Brought) {
    let store = Arc::new(Engine::new());
    let rings = rings_over(store.clone());
    rings
        .import(&name("there"), &open(Algorithm::Ed25519), &Foreign::new(Algorithm::Ed25519).secret())
        .unwrap();
    let wrapped = Foreign::new(Algorithm::Ed25519).wrapped(&rings, KWP);
    rings.create_with(&name(RING), &open(Algorithm::Ed25519)).unwrap();
    (1..3).for_each(|_| assert!(rings.rotate(&name(RING)).unwrap() > 1));
    let file = taken(&rings, BackupTo::Database);
    rings.delete(&name(RING)).unwrap();
    drained(&*store);
    (store, Brought { wrapped, file })
}

#[test]
fn at_every_fault_the_ring_and_its_event_agree_and_what_was_answered_is_told_of() {
    for case in CASES {
        for fault in [Fault::Fail, Fault::Crash, Fault::CrashAfter, Fault::LoseAnswer] {
            for at in 0.. {
                let (inner, brought) = prepared();
                let store = Arc::new(FaultStore::new(inner.clone(), fault, at));
                let done = (case.run)(&rings_over(store.clone()), &brought);
                let events: Vec<_> = drained(&*inner).into_iter().map(|event| event.action).collect();
                let of = format!("{:?}, {fault:?} at {at}", case.action);
                assert!(events.is_empty() || events == [case.action], "{of}: {events:?}");
                assert!(!done || !events.is_empty(), "{of}: without an event nothing is answered");
                if let Some(happened) = case.happened {
                    let there = happened(&rings_over(inner as Arc<dyn SealedStore>));
                    assert_eq!(there, !events.is_empty(), "{of}");
                }
                if store.operations() <= at {
                    assert!(done && at >= 2, "{of}");
                    break;
                }
            }
        }
    }
}

#[test]
fn what_was_interrupted_can_be_done_again() {
    for case in CASES {
        for at in 0.. {
            let (inner, brought) = prepared();
            let store = Arc::new(FaultStore::new(inner.clone(), Fault::Crash, at));
            if (case.run)(&rings_over(store.clone()), &brought) {
                break;
            }
            assert!((case.run)(&rings_over(inner), &brought), "{:?} after a crash at {at}", case.action);
        }
    }
}
