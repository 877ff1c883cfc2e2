//! Rings end after a time in which that can be cancelled, once, and their ids never come back.

use std::time::Duration;

use strongroom_core::{Action, Algorithm, Clock, Lease, RecordKey, Segment, Store, Table, deferring};
use strongroom_kms::{Kms, NewRing, Options, RingState, Settings};
use strongroom_store_postgres::testing::Engine;

use crate::{
    support::{DELETABLE, TENANT, minimums, name, rings, rotated, verdict},
    world::World,
};

const DAY: Duration = Duration::from_secs(24 * 3_600);

/// How many rows of rings, uses, archived versions and due work a store holds.
fn rows(engine: &Engine) -> [usize; 4] {
    let dump = engine.dump();
    [0x0101u16, 0x0102, 0x0103, 0x0002]
        .map(|table| dump.iter().filter(|(key, _)| key[16..18] == table.to_be_bytes()).count())
}

#[test]
fn a_ring_whose_deletion_is_scheduled_does_nothing_and_ends_at_its_time() {
    let world = World::alone();
    let rings = world.rings();
    let ring = rings.create(&name("r"), Algorithm::RawAes256Gcm).unwrap();
    let sealed = rings.encrypt(&name("r"), b"text", b"").unwrap();
    rings.rotate(&name("r")).unwrap();
    let end = rings.schedule_deletion(&name("r"), Some(7 * DAY)).unwrap();
    assert_eq!(end, world.clock.now() + 7 * DAY);
    let shown = rings.read(&name("r")).unwrap();
    assert_eq!((shown.state, shown.deletion), (RingState::PendingDeletion, Some(end)));
    assert_eq!(verdict(rings.decrypt(&name("r"), &sealed, b"")), "pending deletion");
    assert_eq!(verdict(world.rings().decrypt(&name("r"), &sealed, b"")), "pending deletion");
    assert_eq!(world.later(7 * DAY - Duration::from_millis(1)).done, 0);
    assert_eq!(rings.tombstone(ring.id).unwrap(), None);
    assert_eq!(world.later(Duration::from_millis(1)).done, 1);
    assert_eq!(verdict(world.rings().read(&name("r"))), "not found");
    assert_eq!(rows(&world.engine), [0; 4]);
    let left = rings.tombstone(ring.id).unwrap().unwrap();
    assert_eq!((left.name.as_str(), left.algorithm), ("r", Algorithm::RawAes256Gcm));
    assert_eq!((left.made, left.destroyed, left.latest_version), (ring.made, end, 2));
    let told = [
        (Action::Create, false),
        (Action::Rotate, false),
        (Action::ScheduleDeletion, false),
        (Action::Delete, true),
    ];
    assert_eq!(world.events(), told);
    // The name is free.
    assert_ne!(world.rings().create(&name("r"), Algorithm::Ed25519).unwrap().id, ring.id);
}

#[test]
fn a_cancelled_deletion_leaves_the_ring_as_it_was() {
    for disabled in [false, true] {
        let world = World::alone();
        let rings = world.rings();
        rings.create(&name("r"), Algorithm::Aes256Gcm).unwrap();
        if disabled {
            rings.disable(&name("r")).unwrap();
        }
        let before = rings.read(&name("r")).unwrap();
        assert_eq!(
            verdict(rings.cancel_deletion(&name("r"))),
            if disabled { "disabled" } else { "other state" }
        );
        rings.schedule_deletion(&name("r"), None).unwrap();
        assert_eq!(verdict(rings.schedule_deletion(&name("r"), None)), "pending deletion", "not put off");
        rings.cancel_deletion(&name("r")).unwrap();
        assert_eq!(rings.read(&name("r")).unwrap(), before);
        assert_eq!(world.later(60 * DAY).done, 0, "nothing is due any more");
        assert_eq!(rings.read(&name("r")).unwrap().id, before.id);
    }
}

#[test]
fn a_deletion_waits_a_month_unless_told_otherwise_and_a_week_at_least() {
    let world = World::alone();
    let rings = world.rings();
    rings.create(&name("r"), Algorithm::Aes256Gcm).unwrap();
    for wait in [Duration::ZERO, 7 * DAY - Duration::from_millis(1), 30 * DAY + Duration::from_millis(1)] {
        assert_eq!(verdict(rings.schedule_deletion(&name("r"), Some(wait))), "invalid");
    }
    assert_eq!(rings.schedule_deletion(&name("r"), None).unwrap(), world.clock.now() + 30 * DAY);
    let base = crate::support::base_over(world.engine.clone());
    let options = Options { shortest_wait: Duration::ZERO, ..Options::default() };
    let quick = Kms::with_options(base, options).without_caller(TENANT);
    quick.create(&name("quick"), Algorithm::Aes256Gcm).unwrap();
    quick.schedule_deletion(&name("quick"), Some(Duration::ZERO)).unwrap();
    assert_eq!(world.work().done, 1);
    assert_eq!(verdict(rings.read(&name("quick"))), "not found");
}

#[test]
fn work_for_a_ring_that_is_gone_does_nothing_to_another_of_its_name() {
    let world = World::alone();
    let rings = world.rings();
    let period = Some(2 * DAY);
    let settings = Settings { rotation_period: period, ..DELETABLE };
    rings.create_with(&name("r"), &NewRing { settings, ..NewRing::of(Algorithm::Aes256Gcm) }).unwrap();
    rings.schedule_deletion(&name("r"), None).unwrap();
    // A copy of the work that its deletion takes away.
    let left: Vec<_> = world.engine.dump().into_iter().filter(|(key, _)| key[16..18] == [0, 2]).collect();
    assert_eq!(left.len(), 2);
    rings.delete(&name("r")).unwrap();
    assert_eq!(rows(&world.engine), [0; 4]);
    let other = rings.create(&name("r"), Algorithm::Aes256Gcm).unwrap();
    world.put(left);
    assert_eq!(world.later(60 * DAY).done, 2);
    assert_eq!(rings.read(&name("r")).unwrap(), other);
}

#[test]
fn a_deleted_ring_leaves_no_archived_version_however_many_there_were() {
    let world = World::alone();
    let rings = world.rings();
    let ring = rings.create(&name("r"), Algorithm::Aes256Gcm).unwrap();
    rings.configure(&name("r"), &DELETABLE).unwrap();
    for _ in 0..3 {
        let newest = rotated(&rings, &name("r"), 150);
        rings.configure(&name("r"), &minimums(newest, 0)).unwrap();
    }
    assert_eq!(rows(&world.engine), [1, 0, 450, 0]);
    rings.delete(&name("r")).unwrap();
    assert_eq!(rows(&world.engine), [0, 0, 250, 1], "some at once, and the rest is due");
    assert_eq!(world.work().done, 2);
    assert_eq!(rows(&world.engine), [0; 4]);
    let key = RecordKey::new(TENANT, Table::new(0x0104), &[Segment::Id(ring.id)]).unwrap();
    assert!(world.engine.get_many(&[key]).unwrap()[0].is_some());
}

#[test]
fn a_deletion_that_was_scheduled_on_one_node_holds_on_every_other_when_it_returns() {
    let world = World::new();
    let (one, two) = (world.rings(), world.rings());
    one.create(&name("r"), Algorithm::Aes256Gcm).unwrap();
    let sealed = two.encrypt(&name("r"), b"text", b"").unwrap();
    let (scheduled, hold) = deferring(|| one.schedule_deletion(&name("r"), None));
    assert!(scheduled.is_ok() && hold.is_some(), "it waits for others");
    world.clock.advance(Lease::AWAITED);
    assert_eq!(verdict(two.decrypt(&name("r"), &sealed, b"")), "pending deletion");
    let (cancelled, hold) = deferring(|| one.cancel_deletion(&name("r")));
    assert!(cancelled.is_ok() && hold.is_none(), "what gives waits for nobody");
    world.clock.advance(Lease::HELD);
    assert_eq!(verdict(two.decrypt(&name("r"), &sealed, b"")), "ok");
}

#[test]
fn a_tombstone_is_of_the_ring_that_was_deleted_and_of_no_other() {
    let rings = rings();
    let ring = rings.create(&name("r"), Algorithm::Aes256Gcm).unwrap();
    rings.configure(&name("r"), &DELETABLE).unwrap();
    assert_eq!(rings.tombstone(ring.id).unwrap(), None);
    rings.delete(&name("r")).unwrap();
    assert!(rings.tombstone(ring.id).unwrap().is_some());
    assert_eq!(rings.tombstone([0; 16]).unwrap(), None);
}
