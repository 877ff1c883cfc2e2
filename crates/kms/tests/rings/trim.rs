//! Old versions move to the archive and do there what they did before, until they are trimmed.

use std::{sync::Arc, time::Duration};

use strongroom_core::{
    Action, Algorithm, Clock,
    fault::{Fault, FaultStore},
    run_due,
};
use strongroom_kms::{KmsError, Rings, Settings, Signature, VersionState};

use crate::{
    support::{DELETABLE, TENANT, kind, minimums, name, rotated, verdict},
    world::World,
};

/// A ring with this many versions of which all but the newest are archived, and a signature of each.
fn archived(rings: &Rings, versions: u32) -> Vec<Signature> {
    rings.create(&name("r"), Algorithm::Ed25519).unwrap();
    let mut made = vec![rings.sign(&name("r"), None, b"text").unwrap()];
    for _ in 1..versions {
        rings.rotate(&name("r")).unwrap();
        made.push(rings.sign(&name("r"), None, b"text").unwrap());
    }
    rings.configure(&name("r"), &minimums(versions, 0)).unwrap();
    rings.configure(&name("r"), &minimums(1, 0)).unwrap();
    let live = rings.read(&name("r")).unwrap().versions;
    assert_eq!((live.len(), live[0].version), (1, versions));
    made
}

fn verifies(rings: &Rings, signature: &Signature) -> &'static str {
    match rings.verify(&name("r"), b"text", signature) {
        Ok(true) => "ok",
        Ok(false) => "wrong",
        Err(error) => kind(&error),
    }
}

#[test]
fn an_archived_version_signs_verifies_and_changes_its_state_like_any_other_on_every_node() {
    let world = World::alone();
    let rings = world.rings();
    let made = archived(&rings, 5);
    assert!(made.iter().all(|signature| verifies(&rings, signature) == "ok"));
    assert_eq!(verdict(rings.sign(&name("r"), Some(2), b"text")), "ok", "asked for, and allowed");
    rings.compromise(&name("r"), 3).unwrap();
    rings.destroy_version(&name("r"), 1).unwrap();
    rings.suspend(&name("r"), 2).unwrap();
    for rings in [&rings, &world.rings()] {
        let verdicts: Vec<_> = made.iter().map(|signature| verifies(rings, signature)).collect();
        assert_eq!(verdicts, ["destroyed", "ok", "compromised", "ok", "ok"]);
        assert_eq!(verdict(rings.sign(&name("r"), Some(2), b"text")), "suspended");
        let shown = rings.archived(&name("r"), 0, 9).unwrap();
        let states: Vec<_> = shown.iter().map(|version| version.state).collect();
        use VersionState::{Active, Compromised, Destroyed, Suspended};
        assert_eq!(states, [Destroyed, Suspended, Compromised, Active]);
        assert!(!shown[0].has_secret && shown[0].public.is_none());
    }
    assert_eq!(verdict(rings.resume(&name("r"), 3)), "compromised");
    rings.resume(&name("r"), 2).unwrap();
    assert_eq!(verdict(rings.sign(&name("r"), Some(2), b"text")), "ok");
}

#[test]
fn what_is_trimmed_is_gone_for_good_and_the_rest_stays() {
    let world = World::alone();
    let rings = world.rings();
    let made = archived(&rings, 6);
    for (least, minimum) in [(3, 1), (7, 6)] {
        rings.configure(&name("r"), &minimums(minimum, 0)).unwrap();
        assert_eq!(verdict(rings.trim(&name("r"), least)), "invalid", "{least} below {minimum}");
    }
    rings.configure(&name("r"), &minimums(4, 0)).unwrap();
    let _ = world.events();
    let shown = rings.trim(&name("r"), 4).unwrap();
    assert_eq!((shown.min_available_version, &shown), (4, &rings.read(&name("r")).unwrap()));
    assert_eq!(world.events(), [(Action::Trim, false)]);
    assert_eq!(verdict(rings.trim(&name("r"), 3)), "invalid", "what is gone does not come back");
    assert_eq!(verdict(rings.configure(&name("r"), &minimums(3, 0))), "invalid");
    let left = rings.archived(&name("r"), 0, 9).unwrap();
    assert_eq!(left.iter().map(|version| version.version).collect::<Vec<_>>(), [4, 5]);
    for rings in [&rings, &world.rings()] {
        let verdicts: Vec<_> = made.iter().map(|signature| verifies(rings, signature)).collect();
        assert_eq!(verdicts, ["too old", "too old", "too old", "ok", "ok", "ok"]);
    }
    assert_eq!(verdict(rings.suspend(&name("r"), 3)), "no version");
}

#[test]
fn of_many_versions_some_are_archived_and_trimmed_at_once_and_the_rest_by_due_work() {
    let world = World::alone();
    let rings = world.rings();
    rings.create(&name("r"), Algorithm::Aes256Gcm).unwrap();
    let old = rings.encrypt(&name("r"), b"text", b"").unwrap();
    rotated(&rings, &name("r"), 500);
    let live = || rings.read(&name("r")).unwrap().versions.len();
    rings.configure(&name("r"), &minimums(501, 0)).unwrap();
    assert_eq!(live(), 301, "200 at once");
    assert_eq!(world.work().done, 2);
    assert_eq!(live(), 1);
    assert_eq!(world.work().done, 0);
    assert_eq!(rings.archived(&name("r"), 0, 1_000).unwrap().len(), 500);
    rings.configure(&name("r"), &minimums(1, 0)).unwrap();
    assert_eq!(*rings.decrypt(&name("r"), &old, b"").unwrap(), b"text");
    rings.configure(&name("r"), &minimums(501, 0)).unwrap();
    rings.trim(&name("r"), 501).unwrap();
    assert_eq!(verdict(rings.decrypt(&name("r"), &old, b"")), "too old");
    assert_eq!(rings.archived(&name("r"), 0, 1_000).unwrap().len(), 0, "shown no more");
    assert_eq!((world.rows(0x0103), world.work().done, world.rows(0x0103)), (300, 2, 0));
}

#[test]
fn large_keys_are_archived_before_their_record_is_too_large_to_be_written() {
    let world = World::alone();
    let rings = world.rings();
    rings.create(&name("r"), Algorithm::MlKem1024).unwrap();
    let first = rings.encapsulate(&name("r"), None).unwrap();
    rotated(&rings, &name("r"), 200);
    let shown = rings.read(&name("r")).unwrap();
    assert!((100..200).contains(&shown.versions.len()), "{}", shown.versions.len());
    assert_eq!(*rings.decapsulate(&name("r"), 1, &first.ciphertext).unwrap(), *first.secret);
}

type Step = fn(&Rings) -> Result<(), KmsError>;

/// On a ring of four versions, all but the newest archived, whose minimum is 3.
const STEPS: &[Step] = &[
    |rings| rings.rotate(&name("r")).map(drop),
    |rings| rings.configure(&name("r"), &minimums(4, 4)).map(drop),
    |rings| rings.trim(&name("r"), 3).map(drop),
    |rings| rings.destroy_version(&name("r"), 2),
    |rings| rings.destroy_version(&name("r"), 4),
    |rings| rings.schedule_deletion(&name("r"), None).map(drop),
    |rings| rings.delete(&name("r")),
];

/// All that a store holds but events.
fn kept(world: &World) -> Vec<(Vec<u8>, Vec<u8>)> {
    world.engine.dump().into_iter().filter(|(key, _)| key[16..18] != [0, 1]).collect()
}

/// Does a step over a store that fails at an operation; whether it did not fail any more.
fn fails(place: usize, fault: Fault, at: u64) -> bool {
    let world = World::alone();
    let rings = world.rings();
    archived(&rings, 4);
    rings.configure(&name("r"), &DELETABLE).unwrap();
    rings.configure(&name("r"), &minimums(3, 0)).unwrap();
    let (before, _) = (kept(&world), world.events());
    let store = Arc::new(FaultStore::new(world.engine.clone(), fault, at));
    let done = STEPS[place](&world.kms_on(store.clone()).without_caller(TENANT));
    let (happened, told) = (kept(&world) != before, world.events().len());
    let of = format!("step {place}, {fault:?} at {at}: {done:?}");
    assert!(happened || done.is_err(), "{of}");
    assert_eq!(told, usize::from(happened), "{of}");
    // Never a part of it.
    world.sound();
    store.operations() > at
}

#[test]
fn at_every_fault_a_step_of_a_rings_life_happened_whole_or_not_at_all() {
    for place in 0..STEPS.len() {
        for fault in [Fault::Fail, Fault::Crash, Fault::CrashAfter, Fault::LoseAnswer] {
            let tried = (0..).take_while(|at| fails(place, fault, *at)).count();
            assert!(tried >= 2, "a change reads and commits");
        }
    }
}

const VERSIONS: u32 = 230;

/// The rows of a ring of many versions that is to be archived and rotated by due work.
fn with_work() -> Vec<(Vec<u8>, Vec<u8>)> {
    let world = World::alone();
    let rings = world.rings();
    rings.create(&name("r"), Algorithm::Aes256Gcm).unwrap();
    rotated(&rings, &name("r"), VERSIONS - 1);
    let period = Some(Duration::from_secs(3_600));
    rings.configure(&name("r"), &Settings { rotation_period: period, ..Settings::NONE }).unwrap();
    rings.configure(&name("r"), &minimums(VERSIONS, 0)).unwrap();
    kept(&world)
}

/// Does the work, and then that of a deletion, over a store that fails at an operation and is whole again later. Whether it did
/// not fail any more.
fn work_fails(rows: &[(Vec<u8>, Vec<u8>)], fault: Fault, at: u64) -> bool {
    let world = World::alone();
    world.put(rows.to_vec());
    let (rings, newest) = (world.rings(), VERSIONS);
    world.clock.advance(Duration::from_secs(7_200));
    let store = Arc::new(FaultStore::new(world.engine.clone(), fault, at));
    let _ = run_due(&*store, &[&world.kms_on(store.clone())], world.clock.now(), Duration::from_secs(60));
    world.sound();
    world.work();
    let shown = rings.read(&name("r")).unwrap();
    assert_eq!((shown.latest_version, shown.versions.len()), (newest + 1, 2), "{fault:?} at {at}");
    let shown = rings.archived(&name("r"), 0, 1_000).unwrap();
    let numbers: Vec<_> = shown.iter().map(|version| version.version).collect();
    assert_eq!(numbers, (1..newest).collect::<Vec<_>>());
    rings.schedule_deletion(&name("r"), None).unwrap();
    world.clock.advance(Duration::from_secs(31 * 24 * 3_600));
    let ending = Arc::new(FaultStore::new(world.engine.clone(), fault, at));
    let _ = run_due(&*ending, &[&world.kms_on(ending.clone())], world.clock.now(), Duration::from_secs(60));
    world.sound();
    world.work();
    assert_eq!([world.rows(0x0101), world.rows(0x0103), world.rows(0x0002)], [0; 3], "{fault:?} at {at}");
    store.operations() > at
}

#[test]
fn at_every_fault_due_work_is_done_later_once_and_whole() {
    let rows = with_work();
    for fault in [Fault::Fail, Fault::Crash, Fault::CrashAfter, Fault::LoseAnswer] {
        let tried = (0..).take_while(|at| work_fails(&rows, fault, *at)).count();
        assert!(tried >= 6, "{tried}");
    }
}
