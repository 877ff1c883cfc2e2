//! Rings with versions in records of their own: those are in a backup, and come back, whatever is still to be deleted.

use std::{sync::Arc, time::Duration};

use strongroom_core::{
    Algorithm,
    fault::{Fault, FaultStore},
};
use strongroom_keys::KeyFormat;
use strongroom_kms::{BackupFrom, BackupTo, Replace, Rings, VersionState, Versions};

use super::{
    backup::{restored, taken},
    material::{RING, open},
};
use crate::{
    support::{TENANT, minimums, name, verdict},
    world::World,
};

/// More than one commit moves or deletes, and more than one frame of a backup holds.
const MANY: u32 = 450;

fn archived(world: &World) -> (Rings, Vec<u8>) {
    archived_of(world, MANY)
}

/// A ring whose versions but for the newest are archived, and a text of the first.
fn archived_of(world: &World, versions: u32) -> (Rings, Vec<u8>) {
    let rings = world.rings();
    rings.create_with(&name(RING), &open(Algorithm::Aes256Gcm)).unwrap();
    let text = rings.encrypt(&name(RING), b"text", b"").unwrap();
    (1..versions).for_each(|_| assert!(rings.rotate(&name(RING)).unwrap() > 1));
    rings.configure(&name(RING), &minimums(versions, 0)).unwrap();
    world.work();
    assert_eq!(rings.read(&name(RING)).unwrap().versions.len(), 1);
    (rings, text)
}

fn opens_all(rings: &Rings, text: &[u8]) {
    rings.configure(&name(RING), &minimums(1, 0)).unwrap();
    assert_eq!(*rings.decrypt(&name(RING), text, b"").unwrap(), b"text");
    for version in 1..=MANY {
        let out = rings.export(&name(RING), Versions::One(version), KeyFormat::Raw).unwrap();
        assert_eq!(out[0].version, version);
    }
}

#[test]
fn archived_versions_come_back_and_what_was_still_to_be_deleted_of_them_stays() {
    let world = World::alone();
    let (rings, text) = archived(&world);
    let file = taken(&rings, BackupTo::Database);
    rings.delete(&name(RING)).unwrap();
    assert!(world.rows(0x0103) > 0, "due work is to delete the rest");
    restored(&rings, &file).unwrap();
    world.work();
    assert_eq!(world.rows(0x0103), MANY as usize - 1);
    assert_eq!(world.rows(0x0104), 0, "it is no ring that was deleted any more");
    opens_all(&rings, &text);
    world.sound();
}

#[test]
fn a_ring_that_came_back_can_end_again_with_all_its_versions() {
    let world = World::alone();
    let (rings, text) = archived(&world);
    let file = taken(&rings, BackupTo::Database);
    for _ in 0..2 {
        rings.delete(&name(RING)).unwrap();
        world.work();
        assert_eq!((world.rows(0x0103), world.rows(0x0104), world.rows(0x0109)), (0, 1, 0));
        restored(&rings, &file).unwrap();
    }
    opens_all(&rings, &text);
    world.sound();
}

#[test]
fn a_backup_that_lacks_frames_or_has_them_in_another_order_does_not_open() {
    let world = World::alone();
    let (rings, _) = archived(&world);
    let file = taken(&rings, BackupTo::Database);
    rings.delete(&name(RING)).unwrap();
    world.work();
    let number = |at: usize| u32::from_be_bytes(file[at..at + 4].try_into().unwrap()) as usize;
    let mut frames = Vec::new();
    let start = 9 + number(5);
    let mut at = start;
    while at < file.len() {
        let end = at + 4 + number(at);
        frames.push(&file[at..end]);
        at = end;
    }
    assert!(frames.len() > 4, "{}", frames.len());
    let last = frames.len() - 1;
    let opens = |frames: &[&[u8]]| restored(&rings, &[&file[..start], &frames.concat()].concat()).is_ok();
    for place in 0..frames.len() {
        let mut fewer = frames.clone();
        fewer.remove(place);
        assert!(!opens(&fewer), "without frame {place}");
        let mut swapped = frames.clone();
        swapped.swap(place, if place == last { 0 } else { place + 1 });
        assert!(!opens(&swapped), "frame {place} in another place");
        assert!(!opens(&frames[..place]), "cut before frame {place}");
    }
    assert_eq!(verdict(rings.read(&name(RING))), "not found");
    assert!(opens(&frames));
}

#[test]
fn what_was_compromised_destroyed_or_trimmed_since_stays_so_where_the_ring_is_replaced() {
    let world = World::alone();
    let rings = world.rings();
    rings.create_with(&name(RING), &open(Algorithm::Ed25519)).unwrap();
    (1..6).for_each(|_| assert!(rings.rotate(&name(RING)).unwrap() > 1));
    let file = taken(&rings, BackupTo::Database);
    rings.compromise(&name(RING), 4).unwrap();
    rings.destroy_version(&name(RING), 5).unwrap();
    rings.configure(&name(RING), &minimums(3, 3)).unwrap();
    rings.trim(&name(RING), 3).unwrap();
    world.work();
    let ring = rings.restore(None, &mut &*file, BackupFrom::Database, Replace::Same).unwrap();
    assert_eq!((ring.min_available_version, ring.min_decryption_version), (3, 3));
    let states: Vec<_> = ring.versions.iter().map(|version| (version.version, version.state)).collect();
    assert_eq!(
        states,
        [
            (3, VersionState::Active),
            (4, VersionState::Compromised),
            (5, VersionState::Destroyed),
            (6, VersionState::Active)
        ]
    );
    world.work();
    world.sound();
}

#[test]
fn at_every_fault_what_an_interrupted_restore_wrote_is_given_up_and_can_be_restored_again() {
    for fault in [Fault::Fail, Fault::Crash, Fault::CrashAfter, Fault::LoseAnswer] {
        for at in 0.. {
            let world = World::alone();
            let (rings, text) = archived_of(&world, 5);
            let file = taken(&rings, BackupTo::Database);
            rings.delete(&name(RING)).unwrap();
            world.work();
            let store = Arc::new(FaultStore::new(world.engine.clone(), fault, at));
            let _ = restored(&world.kms_on(store.clone()).without_caller(TENANT), &file);
            let there = verdict(world.rings().read(&name(RING))) == "ok";
            world.sound();
            world.later(Duration::from_secs(25 * 3_600));
            let rows = [0x0103, 0x0109].map(|table| world.rows(table));
            assert_eq!(rows, if there { [4, 1] } else { [0, 0] }, "{fault:?} at {at}");
            if !there {
                restored(&world.rings(), &file).unwrap();
            }
            let rings = world.rings();
            rings.configure(&name(RING), &minimums(1, 0)).unwrap();
            assert_eq!(*rings.decrypt(&name(RING), &text, b"").unwrap(), b"text");
            if store.operations() <= at {
                break;
            }
        }
    }
}

/// A restore that a crash of the store ends at an operation.
fn crashed(world: &World, file: &[u8], at: u64) {
    let store = Arc::new(FaultStore::new(world.engine.clone(), Fault::Crash, at));
    assert!(restored(&world.kms_on(store).without_caller(TENANT), file).is_err());
}

#[test]
fn a_restore_that_is_given_up_leaves_what_a_later_one_writes() {
    let world = World::alone();
    let (rings, text) = archived_of(&world, 5);
    let file = taken(&rings, BackupTo::Database);
    rings.delete(&name(RING)).unwrap();
    world.work();
    let at = (0..).find(|at| {
        crashed(&world, &file, *at);
        world.rows(0x0103) == 4
    });
    world.later(Duration::from_secs(12 * 3_600));
    crashed(&world, &file, at.unwrap());
    world.later(Duration::from_secs(13 * 3_600));
    assert_eq!(world.rows(0x0103), 4, "the first is over, and the second is not");
    restored(&rings, &file).unwrap();
    world.later(Duration::from_secs(25 * 3_600));
    rings.configure(&name(RING), &minimums(1, 0)).unwrap();
    assert_eq!(*rings.decrypt(&name(RING), &text, b"").unwrap(), b"text");
    world.sound();
}

/// A version that is in the record of the ring that is there, and archived in the backup, and the other way round.
#[test]
fn what_ended_stays_so_on_whichever_side_it_is_archived() {
    let world = World::alone();
    let (rings, text) = {
        let rings = world.rings();
        rings.create_with(&name(RING), &open(Algorithm::Aes256Gcm)).unwrap();
        let text = rings.encrypt(&name(RING), b"text", b"").unwrap();
        (1..4).for_each(|_| assert!(rings.rotate(&name(RING)).unwrap() > 1));
        (rings, text)
    };
    let live = taken(&rings, BackupTo::Database);
    rings.configure(&name(RING), &minimums(4, 0)).unwrap();
    let archived = taken(&rings, BackupTo::Database);
    rings.compromise(&name(RING), 1).unwrap();
    let replace = |file: &[u8]| rings.restore(None, &mut &*file, BackupFrom::Database, Replace::Same);
    for file in [&live, &archived] {
        replace(file).unwrap();
        rings.configure(&name(RING), &minimums(1, 0)).unwrap();
        assert_eq!(verdict(rings.decrypt(&name(RING), &text, b"")), "compromised");
    }
    rings.delete(&name(RING)).unwrap();
    world.work();
    restored(&rings, &live).unwrap();
    rings.compromise(&name(RING), 1).unwrap();
    rings.destroy_version(&name(RING), 2).unwrap();
    replace(&archived).unwrap();
    rings.configure(&name(RING), &minimums(1, 0)).unwrap();
    assert_eq!(verdict(rings.decrypt(&name(RING), &text, b"")), "compromised");
    let out = |version| rings.export(&name(RING), Versions::One(version), KeyFormat::Raw);
    assert_eq!(verdict(out(1)), "compromised");
    assert_eq!(verdict(out(2)), "destroyed");
    assert_eq!(verdict(out(3)), "ok");
    world.sound();
}
