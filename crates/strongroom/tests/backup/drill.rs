use std::{collections::BTreeSet, fs, path::Path, time::Duration};

use strongroom::{
    Algorithm, Caller, Share, Tenant, Unlock, UnsealSecret,
    backup::{self, BackupError, DrillError, Drilled, Progress, RestoreError, Step, Trial},
    barrier::{Flaw, Problem},
    core::{Direction, Range, Store},
    sqlite::rusqlite,
};

use crate::support::{House, closed_files, name, names};

fn drill(house: &House, unlock: &Unlock<'_>, scratch: &Path) -> Result<Drilled, DrillError> {
    let mut from = fs::File::open(house.path("a.backup")).unwrap();
    backup::drill(&mut from, &house.recovery, &house.trusted(), unlock, scratch, &mut |_| ())
}

#[test]
fn a_drill_with_shares_alone_restores_opens_everything_and_removes_it() {
    let house = House::new();
    let system = Caller::system();
    let tenant = house.room.barrier().create_tenant(&system).unwrap();
    house.room.keys_of(tenant).create(&name("theirs"), Algorithm::Ed25519).unwrap();
    house.room.keys().disable(&name("signing")).unwrap();
    let taken = house.take("a.backup");
    let rows = house.store.scan(&Range::all(), Direction::Forward, 10_000).unwrap().len() as u64;
    let (before, scratch) = (closed_files(house.folder.path()), tempfile::tempdir().unwrap());
    for shares in [&house.shares[..2], &house.shares[1..]] {
        let drilled = drill(&house, &Unlock::Shares(shares), scratch.path()).unwrap();
        let check = &drilled.check;
        assert!(drilled.is_sound(), "{check:?}");
        let tenants: BTreeSet<_> = check.counts.keys().map(|place| place.tenant).collect();
        assert_eq!((check.rows, tenants.len()), (rows, 3));
        let trial = |algorithm, rings| Trial { algorithm, rings, works: Some(true) };
        assert_eq!(drilled.trials, [trial(Algorithm::Aes256Gcm, 1), trial(Algorithm::Ed25519, 2)]);
        assert_eq!(drilled.restored.verified.header.manifest, taken.manifest);
        assert_eq!(drilled.restored.origin.taken_at, taken.manifest.taken_at);
        assert_eq!((drilled.status.database, drilled.status.slots.len()), (taken.manifest.database, 2));
        let times = [drilled.restoring, drilled.unsealing, drilled.checking];
        assert!(times.iter().all(|time| *time > Duration::ZERO && *time < Duration::from_secs(60)));
    }
    assert_eq!(names(scratch.path()), [""; 0]);
    assert!(closed_files(house.folder.path()) == before, "the backup and the database are as they were");
}

#[test]
fn a_kind_of_which_every_ring_is_disabled_is_counted_and_not_used() {
    let house = House::new();
    house.room.keys().disable(&name("signing")).unwrap();
    house.take("a.backup");
    let scratch = tempfile::tempdir().unwrap();
    let drilled = drill(&house, &Unlock::Secret(&house.secret), scratch.path()).unwrap();
    let trial = |algorithm, works| Trial { algorithm, rings: 1, works };
    let expected = [trial(Algorithm::Aes256Gcm, Some(true)), trial(Algorithm::Ed25519, None)];
    assert_eq!(drilled.trials, expected);
    assert!(drilled.is_sound());
}

#[test]
fn a_ring_of_every_kind_of_key_is_tried() {
    let house = House::new();
    let tenant = house.room.barrier().create_tenant(&Caller::system()).unwrap();
    for algorithm in Algorithm::ALL {
        let ring = name(&format!("{algorithm:?}").to_lowercase());
        house.room.keys_of(tenant).create(&ring, algorithm).unwrap();
        // Some count their uses, in rows that are looked at.
        let _ = house.room.keys_of(tenant).encrypt(&ring, b"text", b"");
    }
    house.take("a.backup");
    let scratch = tempfile::tempdir().unwrap();
    let drilled = drill(&house, &Unlock::Secret(&house.secret), scratch.path()).unwrap();
    assert_eq!(drilled.trials.len(), Algorithm::ALL.len());
    assert!(drilled.trials.iter().all(|trial| trial.works == Some(true)), "{:?}", drilled.trials);
    assert!(drilled.is_sound());
}

#[test]
fn a_drill_shows_how_far_it_is() {
    let house = House::new();
    house.take("a.backup");
    let (mut seen, scratch): (Vec<Progress>, _) = (Vec::new(), tempfile::tempdir().unwrap());
    let mut from = fs::File::open(house.path("a.backup")).unwrap();
    let (unlock, trusted) = (Unlock::Secret(&house.secret), house.trusted());
    let mut note = |at: Progress| {
        let folder = names(scratch.path()).pop().unwrap();
        let mode = fs::metadata(scratch.path().join(folder)).unwrap();
        assert_eq!(std::os::unix::fs::PermissionsExt::mode(&mode.permissions()) & 0o7777, 0o700);
        seen.push(at);
    };
    backup::drill(&mut from, &house.recovery, &trusted, &unlock, scratch.path(), &mut note).unwrap();
    let steps: Vec<_> = seen.iter().map(|at| at.step).collect();
    assert_eq!((steps.first(), steps.last()), (Some(&Step::Decrypt), Some(&Step::Check)));
}

#[test]
fn a_drill_that_comes_to_nothing_says_why_and_removes_everything() {
    let (house, other) = (House::new(), House::new());
    house.take("a.backup");
    let scratch = tempfile::tempdir().unwrap();
    let wrong = UnsealSecret::new(vec![8; 32]).unwrap();
    let mixed: Vec<Share> = [&house.shares[0], &other.shares[1]].map(Clone::clone).into();
    let unlocks = [
        Unlock::Secret(&wrong),
        Unlock::Shares(&house.shares[..1]),
        Unlock::Shares(&mixed),
        Unlock::Shares(&[]),
    ];
    for unlock in &unlocks {
        let answer = drill(&house, unlock, scratch.path());
        assert!(matches!(answer, Err(DrillError::Unseal(_))), "{answer:?}");
        assert_eq!(names(scratch.path()), [""; 0]);
    }
    let backup = fs::read(house.path("a.backup")).unwrap();
    fs::write(house.path("a.backup"), &backup[..backup.len() / 2]).unwrap();
    let answer = drill(&house, &Unlock::Shares(&house.shares), scratch.path());
    let Err(DrillError::Restore(RestoreError::Backup(BackupError::Truncated { .. }))) = answer else {
        panic!("{answer:?}")
    };
    assert_eq!(names(scratch.path()), [""; 0]);
    let nowhere = drill(&house, &Unlock::Shares(&house.shares), &scratch.path().join("no folder"));
    assert!(matches!(nowhere, Err(DrillError::Scratch(_))), "{nowhere:?}");
}

#[test]
fn a_record_that_had_rotted_before_the_backup_is_named_when_it_is_taken_and_by_the_drill() {
    let house = House::new();
    let rows = house.store.scan(&Range::all(), Direction::Forward, 10_000).unwrap();
    let ring = |word: &str| {
        let named = |key: &strongroom::core::RecordKey| format!("{key:?}").contains(&format!("{word:?}"));
        rows.iter().map(|(key, _)| key).find(|key| key.tenant() != Tenant::SYSTEM && named(key)).unwrap()
    };
    let transaction = house.store.begin().unwrap();
    let rot = "UPDATE strongroom_records SET value = CAST(substr(value, 1, length(value) - 8) || zeroblob(8) AS BLOB) WHERE key = ?1";
    assert_eq!(transaction.execute(rot, [ring("orders").as_bytes()]).unwrap(), 1);
    let swap = "UPDATE strongroom_records SET value = zeroblob(120) WHERE key = ?1";
    assert_eq!(transaction.execute(swap, rusqlite::params![ring("signing").as_bytes()]).unwrap(), 1);
    transaction.commit_rows().unwrap();
    let taken = house.take("a.backup");
    let scratch = tempfile::tempdir().unwrap();
    let drilled = drill(&house, &Unlock::Shares(&house.shares[1..]), scratch.path()).unwrap();
    assert!(!drilled.is_sound());
    let rotten = |word, flaw| Problem { key: ring(word).clone(), flaw };
    let expected = [rotten("orders", Flaw::DoesNotOpen), rotten("signing", Flaw::Malformed)];
    assert_eq!(taken.check.problems, expected);
    assert_eq!(drilled.check.problems, expected);
    assert_eq!(drilled.check.rows, rows.len() as u64 + 2, "the signer and its event came later");
}
