//! Versions that come by themselves, and those that are shown before they are used.

use std::time::Duration;

use strongroom_core::{Action, Algorithm, Clock, Lease, Time, deferring};
use strongroom_kms::{NewRing, RingState, Rings, Settings, Source, VersionState};

use crate::{
    support::{name, verdict},
    world::World,
};

const HOUR: Duration = Duration::from_secs(3_600);
const DAY: Duration = Duration::from_secs(24 * 3_600);

fn rotated_every(rings: &Rings, period: Duration) -> Time {
    let settings = Settings { rotation_period: Some(period), ..Settings::NONE };
    let new = NewRing { settings, ..NewRing::of(Algorithm::Aes256Gcm) };
    rings.create_with(&name("r"), &new).unwrap().next_rotation.unwrap()
}

fn latest(rings: &Rings) -> u32 {
    rings.read(&name("r")).unwrap().latest_version
}

#[test]
fn a_ring_is_rotated_after_its_period_give_or_take_a_little_and_again() {
    let world = World::alone();
    let rings = world.rings();
    let mut next = rotated_every(&rings, 30 * DAY);
    for version in 2..=5 {
        let wait = next.since(world.clock.now());
        assert!((30 * DAY - HOUR..=30 * DAY + HOUR).contains(&wait), "{wait:?}");
        assert_eq!(world.later(wait - Duration::from_millis(1)).done, 0);
        assert_eq!(world.later(Duration::from_millis(1)).done, 1);
        assert_eq!(latest(&rings), version);
        next = rings.read(&name("r")).unwrap().next_rotation.unwrap();
    }
    assert_eq!(world.events().split_off(1), vec![(Action::Rotate, true); 4]);
}

#[test]
fn rings_that_were_made_together_are_not_rotated_together() {
    let world = World::alone();
    let rings = world.rings();
    let settings = Settings { rotation_period: Some(30 * DAY), ..Settings::NONE };
    let times = (0..20).map(|number| {
        let new = NewRing { settings: settings.clone(), ..NewRing::of(Algorithm::Aes256Gcm) };
        rings.create_with(&name(&format!("r-{number}")), &new).unwrap().next_rotation.unwrap()
    });
    let times: std::collections::HashSet<_> = times.collect();
    assert!(times.len() > 10, "{times:?}");
}

#[test]
fn after_a_long_absence_a_ring_is_rotated_once() {
    let world = World::alone();
    rotated_every(&world.rings(), HOUR);
    assert_eq!(world.later(1_000 * DAY).done, 1);
    assert_eq!(latest(&world.rings()), 2);
    assert_eq!(world.work().done, 0);
    assert_eq!(world.later(2 * HOUR).done, 1, "and goes on from there");
}

#[test]
fn two_nodes_that_do_the_work_at_once_make_one_version() {
    let world = World::new();
    let kms = [world.kms(), world.kms()];
    rotated_every(&world.rings(), HOUR);
    world.clock.advance(2 * HOUR);
    std::thread::scope(|scope| kms.iter().for_each(|kms| drop(scope.spawn(|| world.work_by(kms)))));
    assert_eq!(latest(&world.rings()), 2);
    assert_eq!(world.events().into_iter().filter(|told| *told == (Action::Rotate, true)).count(), 1);
}

#[test]
fn a_period_can_be_changed_and_taken_away_and_leaves_no_work_behind() {
    let world = World::alone();
    let rings = world.rings();
    rotated_every(&rings, 10 * DAY);
    let set = |period| {
        let settings = Settings { rotation_period: Some(period), ..Settings::NONE };
        rings.configure(&name("r"), &settings).map(|ring| ring.next_rotation)
    };
    let before = rings.read(&name("r")).unwrap().next_rotation;
    assert_eq!(set(10 * DAY).unwrap(), before, "the same period does not begin anew");
    assert_eq!(verdict(set(HOUR - Duration::from_millis(1))), "invalid");
    set(2 * DAY).unwrap();
    assert_eq!(world.later(3 * DAY).done, 1);
    assert_eq!(set(Duration::ZERO).unwrap(), None);
    assert_eq!((world.later(100 * DAY).done, latest(&rings)), (0, 2));
}

#[test]
fn a_rotation_by_hand_begins_the_period_anew() {
    let world = World::alone();
    let rings = world.rings();
    rotated_every(&rings, 10 * DAY);
    world.clock.advance(9 * DAY);
    rings.rotate(&name("r")).unwrap();
    assert_eq!((world.later(2 * DAY).done, latest(&rings)), (0, 2));
    assert_eq!((world.later(9 * DAY).done, latest(&rings)), (1, 3));
}

#[test]
fn a_ring_that_is_disabled_or_to_be_deleted_gets_no_version_by_itself_and_goes_on_later() {
    type Way = (fn(&Rings), fn(&Rings));
    let ways: [Way; 2] = [
        (|rings| rings.disable(&name("r")).unwrap(), |rings| rings.enable(&name("r")).unwrap()),
        (
            |rings| drop(rings.schedule_deletion(&name("r"), None).map(|end| end.as_millis())),
            |rings| rings.cancel_deletion(&name("r")).unwrap(),
        ),
    ];
    for (stop, go_on) in ways {
        let world = World::alone();
        let rings = world.rings();
        rotated_every(&rings, DAY);
        stop(&rings);
        assert_eq!((world.later(2 * DAY).done, latest(&rings)), (1, 1), "looked at, and put off");
        go_on(&rings);
        assert_eq!((world.later(2 * DAY).done, latest(&rings)), (1, 2));
    }
}

/// A ring whose versions are shown a day before they are used, with the second one waiting.
fn published(rings: &Rings, algorithm: Algorithm) {
    let settings = Settings { publish_delay: Some(DAY), ..Settings::NONE };
    rings.create_with(&name("r"), &NewRing { settings, ..NewRing::of(algorithm) }).unwrap();
    assert_eq!(rings.sign(&name("r"), None, b"text").unwrap().version, 1, "the first is used at once");
    rings.rotate(&name("r")).unwrap();
}

#[test]
fn a_published_version_shows_its_public_half_and_every_node_begins_to_use_it_at_the_same_moment() {
    let world = World::new();
    let (one, two) = (world.rings(), world.rings());
    published(&one, Algorithm::Ed25519);
    let signs = |rings: &Rings| rings.sign(&name("r"), None, b"text").unwrap().version;
    let shown = two.read(&name("r")).unwrap().versions.remove(1);
    assert_eq!((shown.state, shown.activates), (VersionState::PreActive, world.clock.now() + DAY));
    assert!(shown.public.is_some());
    assert_eq!((signs(&one), signs(&two)), (1, 1));
    world.clock.advance(DAY - Duration::from_millis(1));
    assert_eq!((signs(&one), signs(&two)), (1, 1));
    // Nobody writes, and nothing is read anew.
    world.clock.advance(Duration::from_millis(1));
    assert_eq!((signs(&one), signs(&two), signs(&world.rings())), (2, 2, 2));
    let shown = two.read(&name("r")).unwrap().versions.remove(1);
    assert_eq!((shown.state, shown.since), (VersionState::Active, shown.activates));
    // The work that is due then only tells of it, once.
    let _ = world.events();
    assert_eq!((world.work().done, world.work().done), (1, 0));
    assert_eq!(world.events(), [(Action::Activate, true)]);
}

#[test]
fn a_handle_shows_the_public_half_of_the_version_that_signs_now() {
    use strongroom_core::Signer;
    let world = World::alone();
    let rings = world.rings();
    published(&rings, Algorithm::Ed25519);
    let handle = rings.ring(&name("r")).unwrap();
    let versions = rings.read(&name("r")).unwrap().versions;
    assert_eq!(handle.public().unwrap(), versions[0].public.clone().unwrap());
    world.clock.advance(DAY);
    assert_eq!(handle.public().unwrap(), versions[1].public.clone().unwrap());
}

#[test]
fn a_version_that_leaked_before_it_was_used_is_never_used() {
    let world = World::alone();
    let rings = world.rings();
    published(&rings, Algorithm::Ed25519);
    assert_eq!(verdict(rings.suspend(&name("r"), 2)), "not active yet");
    rings.compromise(&name("r"), 2).unwrap();
    let _ = world.events();
    world.later(2 * DAY);
    assert_eq!(rings.read(&name("r")).unwrap().versions[1].state, VersionState::Compromised);
    assert_eq!(world.events(), [], "its use did not begin");
    assert_eq!(verdict(rings.sign(&name("r"), None, b"text")), "compromised");
}

#[test]
fn a_ring_whose_first_key_is_made_later_does_nothing_until_due_work_made_it() {
    let world = World::new();
    let (rings, other) = (world.rings(), world.rings());
    let new = NewRing { source: Source::GeneratedLater, ..NewRing::of(Algorithm::Ed25519) };
    let made = rings.create_with(&name("r"), &new).unwrap();
    assert_eq!((made.state, made.latest_version), (RingState::Creating, 0));
    assert_eq!(verdict(other.sign(&name("r"), None, b"text")), "creating");
    assert_eq!(world.work().done, 1);
    world.clock.advance(Lease::HELD);
    for rings in [&rings, &other, &world.rings()] {
        assert_eq!(rings.sign(&name("r"), None, b"text").unwrap().version, 1);
    }
    assert_eq!(rings.read(&name("r")).unwrap().state, RingState::Active);
    assert_eq!(world.events(), [(Action::Create, false), (Action::Activate, true)]);
}

#[test]
fn a_ring_whose_deletion_was_cancelled_gets_its_first_key_all_the_same() {
    let world = World::alone();
    let rings = world.rings();
    let new = NewRing { source: Source::GeneratedLater, ..NewRing::of(Algorithm::Ed25519) };
    rings.create_with(&name("r"), &new).unwrap();
    rings.schedule_deletion(&name("r"), None).unwrap();
    assert_eq!((world.work().done, latest(&rings)), (1, 0));
    rings.cancel_deletion(&name("r")).unwrap();
    assert_eq!((world.work().done, latest(&rings)), (1, 1));
    assert_eq!(verdict(rings.sign(&name("r"), None, b"text")), "ok");
}

#[test]
fn a_ring_that_waits_for_an_import_is_not_rotated() {
    let world = World::alone();
    let rings = world.rings();
    let settings = Settings { rotation_period: Some(DAY), ..Settings::NONE };
    let new = NewRing { source: Source::Imported, settings, ..NewRing::of(Algorithm::Ed25519) };
    assert_eq!(rings.create_with(&name("r"), &new).unwrap().state, RingState::PendingImport);
    assert_eq!(verdict(rings.rotate(&name("r"))), "pending import");
    assert_eq!((world.later(3 * DAY).done, latest(&rings)), (1, 0));
    let (gone, _) = deferring(|| rings.schedule_deletion(&name("r"), None));
    assert!(gone.is_ok());
}
