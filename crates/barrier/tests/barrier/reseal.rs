//! Records are sealed anew under the newest version of their tenant's key, and older versions destroyed when nothing
//! lies under them any more.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use strongroom_barrier::{Unlock, Unsealed, fsck};
use strongroom_core::{
    Action, Batch, CommitError, Event, Lowered, RecordKey, Segment, Store, StoreError, Tenant, commit, drain,
    run_due,
    tap::{Tap, Tapped},
};
use strongroom_keys::envelope::Header;

use crate::{
    db::{Db, NOW, SYSTEM, Steps, due_times, file, key, name, put, value, version, work_off},
    engines::Interrupt,
};

const RESEAL: &str = "barrier.reseal";

/// How many records of a tenant lie under each version, as the engine has them.
fn versions(db: &Db, tenant: Tenant) -> BTreeMap<u32, usize> {
    let mut versions = BTreeMap::new();
    for (key, value) in db.engine.dump() {
        let hierarchy = key.starts_with(&[0; 17]) && (0x10..=0x12).contains(&key[17]);
        if key.starts_with(tenant.as_bytes()) && !hierarchy {
            *versions.entry(Header::parse(&value).unwrap().key.version).or_default() += 1;
        }
    }
    versions
}

fn numbered(tenant: Tenant, number: u64) -> RecordKey {
    key(tenant, &[Segment::Number(number)])
}

/// Writes records with these numbers, many in a commit.
fn fill(unsealed: &Unsealed, tenant: Tenant, numbers: std::ops::Range<u64>) {
    for first in numbers.clone().step_by(500) {
        commit::<_, CommitError>(unsealed, tenant, |reader| {
            let mut change = reader.change(());
            for number in first..numbers.end.min(first + 500) {
                change.put(&numbered(tenant, number), &number.to_be_bytes());
            }
            Ok(change)
        })
        .unwrap();
    }
}

fn delete(unsealed: &Unsealed, key: &RecordKey) {
    commit::<_, CommitError>(unsealed, key.tenant(), |reader| {
        let mut change = reader.change(());
        change.delete(key);
        Ok(change)
    })
    .unwrap();
}

fn kept(unsealed: &Unsealed, tenant: Tenant) -> Vec<u32> {
    unsealed.tenant_status(tenant).unwrap().versions.iter().map(|kept| kept.version).collect()
}

fn sound(db: &Db, unsealed: &Unsealed) {
    let report = fsck(&*db.engine, unsealed, &[], &mut |_| {}).unwrap();
    assert!(report.is_sound(), "{report:?}");
}

#[test]
fn every_record_of_a_tenant_is_sealed_anew_and_the_older_versions_are_destroyed() {
    let db = Db::new();
    let unsealed = db.by_file();
    let other = unsealed.create_tenant(&SYSTEM).unwrap();
    for tenant in [unsealed.first_tenant(), Tenant::SYSTEM] {
        let blind = key(tenant, &[Segment::Name("by-mail"), Segment::Blind(b"me@example.org")]);
        put(&unsealed, &blind, b"me").unwrap();
        put(&unsealed, &name(other, "a"), b"another tenant's").unwrap();
        for round in 0..3 {
            put(&unsealed, &numbered(tenant, round), &[round as u8]).unwrap();
            unsealed.rotate_tenant(&SYSTEM, tenant).unwrap();
        }
        assert_eq!((kept(&unsealed, tenant).len(), due_times(&db, RESEAL).len()), (4, 1));
        work_off(&unsealed, NOW);
        assert_eq!(kept(&unsealed, tenant), [4]);
        assert_eq!(versions(&db, tenant).into_keys().collect::<Vec<_>>(), [4]);
        for reader in [&unsealed, &db.by_shares()] {
            assert_eq!(value(reader, &blind).unwrap().unwrap(), b"me");
            assert!(
                (0..3).all(|round| {
                    value(reader, &numbered(tenant, round)).unwrap().unwrap() == [round as u8]
                })
            );
        }
        let status = unsealed.tenant_status(tenant).unwrap();
        assert!(status.reseal.is_none() && due_times(&db, RESEAL).is_empty());
        let proof = status.resealed.unwrap();
        assert_eq!((proof.below, proof.found, proof.at), (4, 0, NOW));
        assert!(proof.examined >= 4);
    }
    assert_eq!(versions(&db, other), BTreeMap::from([(1, 1)]), "nobody else's records are touched");
    let mut proofs = Vec::new();
    let mut sink = |event: &Event| {
        if event.action == Action::Destroy {
            proofs.push((event.tenant, event.resource.clone().unwrap().to_string()));
        }
    };
    while drain(&unsealed, 400, &mut sink).unwrap() > 0 {}
    assert_eq!(proofs[0], (unsealed.first_tenant(), "v1-v3.found-0-of-4".to_owned()));
    assert!(proofs[1].1.starts_with("v1-v3.found-0-of-") && proofs[1].0 == Tenant::SYSTEM);
    sound(&db, &unsealed);
}

#[test]
fn a_record_that_is_current_is_never_touched() {
    let db = Db::new();
    let unsealed = db.by_file();
    let tenant = unsealed.first_tenant();
    fill(&unsealed, tenant, 0..10);
    unsealed.rotate_tenant(&SYSTEM, tenant).unwrap();
    fill(&unsealed, tenant, 5..20);
    let revisions = || -> Vec<_> {
        let keys: Vec<_> = (0..20).map(|number| numbered(tenant, number)).collect();
        db.engine.get_many(&keys).unwrap().into_iter().map(|row| row.unwrap().revision).collect()
    };
    let before = revisions();
    work_off(&unsealed, NOW);
    let after = revisions();
    assert!(before[..5].iter().zip(&after[..5]).all(|(before, after)| before < after));
    assert_eq!(before[5..], after[5..]);
    // Asked for again, there is nothing to do, and the count is made again.
    unsealed.reseal(&SYSTEM, tenant).unwrap();
    unsealed.reseal(&SYSTEM, tenant).unwrap();
    assert_eq!(due_times(&db, RESEAL).len(), 1);
    work_off(&unsealed, NOW);
    assert_eq!(revisions(), after);
    assert_eq!(kept(&unsealed, tenant), [2]);
}

/// The largest number of records and bytes that one commit wrote.
#[derive(Default)]
struct Largest {
    rows: AtomicUsize,
    bytes: AtomicUsize,
}

impl Tap for Largest {
    fn lower(&self, store: &dyn Store, batch: Batch) -> Result<Lowered, StoreError> {
        let length = |write: &strongroom_core::Write| match write {
            strongroom_core::Write::Put(value) => value.len(),
            strongroom_core::Write::Delete => 0,
        };
        let bytes = batch.writes.iter().map(|(_, write)| length(write)).sum();
        self.rows.fetch_max(batch.writes.len(), Ordering::SeqCst);
        self.bytes.fetch_max(bytes, Ordering::SeqCst);
        store.lower(batch)
    }
}

fn watched(db: &Db) -> (Arc<Tapped<Largest>>, Unsealed) {
    let engine = Tapped::over(db.engine.clone(), Largest::default());
    let unsealed = db.through(engine.clone()).unseal(&Unlock::Secret(&file())).unwrap();
    (engine, unsealed)
}

#[test]
fn ten_thousand_records_are_sealed_anew_in_small_steps_that_tell_how_far_they_are() {
    let db = Db::new();
    let (engine, unsealed) = watched(&db);
    let tenant = db.by_file().create_tenant(&SYSTEM).unwrap();
    fill(&db.by_file(), tenant, 0..10_000);
    unsealed.rotate_tenant(&SYSTEM, tenant).unwrap();
    Steps::run(&unsealed, 7);
    let progress = unsealed.tenant_status(tenant).unwrap().reseal.unwrap();
    assert_eq!((progress.since, progress.below, progress.pass), (NOW, 2, 1));
    assert_eq!((progress.examined, progress.resealed), (1_400, 1_400));
    assert_eq!(progress.versions, [(1, 1_400)]);
    assert_eq!(progress.last, Some(numbered(tenant, 1_399)));
    assert_eq!(versions(&db, tenant), BTreeMap::from([(1, 8_600), (2, 1_400)]));
    let report = run_due(&db.by_shares(), &[&db.by_shares()], NOW, Duration::from_secs(60)).unwrap();
    // Fifty steps that seal, less seven, one that ends the pass, and eleven that find nothing to do.
    assert!(report.failed.is_empty() && (50..60).contains(&report.done), "{report:?}");
    assert_eq!(kept(&unsealed, tenant), [2]);
    assert_eq!(versions(&db, tenant), BTreeMap::from([(2, 10_000)]));
    assert_eq!(unsealed.tenant_status(tenant).unwrap().resealed.unwrap().examined, 10_000);
    // Beside the records: two rows of due work.
    assert!(engine.tap.rows.load(Ordering::SeqCst) <= 202);
}

#[test]
fn large_records_make_short_steps() {
    let db = Db::new();
    let (engine, unsealed) = watched(&db);
    let tenant = unsealed.first_tenant();
    for number in 0..3 {
        put(&unsealed, &numbered(tenant, number), &vec![number as u8; 1 << 20]).unwrap();
    }
    unsealed.rotate_tenant(&SYSTEM, tenant).unwrap();
    work_off(&unsealed, NOW);
    assert_eq!(versions(&db, tenant), BTreeMap::from([(2, 3)]));
    assert!(engine.tap.bytes.load(Ordering::SeqCst) < 2 << 20);
}

#[test]
fn a_key_that_is_rotated_again_meanwhile_is_seen_to_by_the_same_job() {
    let db = Db::new();
    let unsealed = db.by_file();
    let tenant = unsealed.first_tenant();
    fill(&unsealed, tenant, 0..500);
    unsealed.rotate_tenant(&SYSTEM, tenant).unwrap();
    Steps::run(&unsealed, 1);
    unsealed.rotate_tenant(&SYSTEM, tenant).unwrap();
    assert_eq!(due_times(&db, RESEAL).len(), 1);
    Steps::run(&unsealed, 1);
    unsealed.rotate_tenant(&SYSTEM, tenant).unwrap();
    work_off(&unsealed, NOW);
    assert_eq!((kept(&unsealed, tenant), versions(&db, tenant)), (vec![4], BTreeMap::from([(4, 500)])));
}

#[test]
fn nothing_is_destroyed_while_a_record_does_not_open() {
    let db = Db::new();
    let unsealed = db.by_file();
    let tenant = unsealed.first_tenant();
    fill(&unsealed, tenant, 0..5);
    let bad = numbered(tenant, 3);
    let good =
        db.engine.get_many(std::slice::from_ref(&bad)).unwrap().pop().flatten().unwrap().value.to_vec();
    let mut flipped = good.clone();
    flipped[100] ^= 1;
    db.tamper(&bad, Some(flipped));
    unsealed.rotate_tenant(&SYSTEM, tenant).unwrap();
    let report = run_due(&unsealed, &[&unsealed], NOW, Duration::from_secs(60)).unwrap();
    let [(RESEAL, CommitError::Store(StoreError::Corrupt))] = report.failed.as_slice() else {
        unreachable!("{report:?}")
    };
    assert_eq!(kept(&unsealed, tenant), [1, 2]);
    // Restored from a backup, the record and the job go on.
    db.tamper(&bad, Some(good));
    work_off(&unsealed, NOW);
    assert_eq!(kept(&unsealed, tenant), [2]);
    assert!((0..5).all(|number| version(&db.engine, &numbered(tenant, number)) == 2));
}

#[test]
fn writers_and_readers_go_on_while_records_are_sealed_anew() {
    let db = Db::new();
    let (one, two) = (db.by_file(), db.by_shares());
    let tenant = one.first_tenant();
    fill(&one, tenant, 0..2_000);
    let ended = AtomicBool::new(false);
    let write = |unsealed: &Unsealed, first: u64| {
        let mut round = 0_u64;
        while !ended.load(Ordering::SeqCst) || round == 0 {
            round += 1;
            for number in (first..2_000).step_by(97) {
                let key = numbered(tenant, number);
                put(unsealed, &key, &round.to_be_bytes()).unwrap();
                assert_eq!(value(unsealed, &key).unwrap().unwrap(), round.to_be_bytes());
            }
            value(unsealed, &numbered(tenant, round % 2_000)).unwrap().unwrap();
        }
        round
    };
    let rounds = std::thread::scope(|scope| {
        let writers =
            [(&one, 0), (&two, 1)].map(|(unsealed, first)| scope.spawn(move || write(unsealed, first)));
        for _ in 0..3 {
            one.rotate_tenant(&SYSTEM, tenant).unwrap();
            while !due_times(&db, RESEAL).is_empty() {
                for (_, error) in run_due(&two, &[&two], NOW, Duration::from_secs(60)).unwrap().failed {
                    assert!(matches!(error, CommitError::Conflict(_)), "{error:?}");
                }
            }
        }
        ended.store(true, Ordering::SeqCst);
        writers.map(|writer| writer.join().unwrap())
    });
    assert_eq!((kept(&one, tenant), versions(&db, tenant)), (vec![4], BTreeMap::from([(4, 2_000)])));
    for number in 0..2_000 {
        let expected = match number % 97 {
            0 => rounds[0],
            1 => rounds[1],
            _ => number,
        };
        assert_eq!(value(&two, &numbered(tenant, number)).unwrap().unwrap(), expected.to_be_bytes());
    }
    sound(&db, &one);
}

#[test]
fn a_reader_between_whose_operations_its_version_is_destroyed_reads_on() {
    for warm in [false, true] {
        for at in 0.. {
            let db = Db::new();
            let other = db.by_shares();
            let tenant = other.first_tenant();
            put(&other, &name(tenant, "a"), b"before").unwrap();
            let act = move || {
                other.rotate_tenant(&SYSTEM, tenant).unwrap();
                work_off(&other, NOW);
                assert_eq!(kept(&other, tenant), [2]);
            };
            let engine = Tapped::over(db.engine.clone(), Interrupt::new(at, act));
            let unsealed = db.through(engine.clone()).unseal(&Unlock::Secret(&file())).unwrap();
            if warm {
                value(&unsealed, &name(tenant, "a")).unwrap();
            }
            engine.tap.arm();
            assert_eq!(value(&unsealed, &name(tenant, "a")).unwrap().unwrap(), b"before");
            let range = strongroom_core::Range::of_tenant(tenant);
            let rows = unsealed.scan(&range, strongroom_core::Direction::Forward, 9).unwrap();
            assert_eq!(*rows[0].1.value, b"before");
            put(&unsealed, &name(tenant, "a"), b"after").unwrap();
            if !engine.tap.acted() {
                break;
            }
        }
    }
}

#[test]
fn what_is_written_or_deleted_between_the_operations_of_a_step_stays_so() {
    for meanwhile in [Some(b"meanwhile".as_slice()), None] {
        for at in 0.. {
            let db = Db::new();
            let other = db.by_shares();
            let tenant = other.first_tenant();
            let record = name(tenant, "a");
            put(&other, &record, b"before").unwrap();
            put(&other, &name(tenant, "b"), b"beside it").unwrap();
            other.rotate_tenant(&SYSTEM, tenant).unwrap();
            let act = move || match meanwhile {
                Some(value) => put(&other, &name(tenant, "a"), value).unwrap(),
                None => delete(&other, &name(tenant, "a")),
            };
            let engine = Tapped::over(db.engine.clone(), Interrupt::new(at, act));
            let unsealed = db.through(engine.clone()).unseal(&Unlock::Secret(&file())).unwrap();
            engine.tap.arm();
            for (_, error) in run_due(&unsealed, &[&unsealed], NOW, Duration::from_secs(60)).unwrap().failed {
                assert!(matches!(error, CommitError::Conflict(_)), "{error:?}");
            }
            let acted = engine.tap.acted();
            let expected = if acted { meanwhile } else { Some(b"before".as_slice()) };
            assert_eq!(value(&db.by_file(), &record).unwrap().as_deref(), expected, "at {at}");
            work_off(&db.by_file(), NOW);
            assert_eq!(value(&db.by_file(), &record).unwrap().as_deref(), expected, "at {at}");
            assert_eq!(value(&db.by_file(), &name(tenant, "b")).unwrap().unwrap(), b"beside it");
            assert_eq!(kept(&db.by_file(), tenant), [2]);
            if !acted {
                break;
            }
        }
    }
}

#[test]
fn a_process_that_still_has_a_destroyed_version_in_memory_writes_nothing_under_it() {
    let db = Db::new();
    let (one, two) = (db.by_file(), db.by_shares());
    let tenant = one.first_tenant();
    put(&two, &name(tenant, "a"), b"x").unwrap();
    let lowered = two.lower(crate::db::batch(&name(tenant, "late"), b"late")).unwrap();
    one.rotate_tenant(&SYSTEM, tenant).unwrap();
    work_off(&one, NOW);
    assert!(matches!(two.commit(&lowered).unwrap(), strongroom_core::Outcome::Conflict(_)));
    assert_eq!(value(&two, &name(tenant, "a")).unwrap().unwrap(), b"x");
    put(&two, &name(tenant, "b"), b"y").unwrap();
    assert_eq!(versions(&db, tenant), BTreeMap::from([(2, 2)]));
}

#[test]
fn resealing_a_tenant_that_is_not_there_says_so() {
    let db = Db::new();
    let answer = db.by_file().reseal(&SYSTEM, Tenant::from_bytes([8; 16]));
    assert!(matches!(answer, Err(CommitError::Store(StoreError::Invalid(_)))), "{answer:?}");
}
