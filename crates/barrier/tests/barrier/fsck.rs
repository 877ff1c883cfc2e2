//! Whatever is changed, moved or missing in a database is named.

use std::sync::Arc;

use strongroom_barrier::{Flaw, NewSlot, Problem, Report, Sealed, Split, Unlock, Unsealed, fsck};
use strongroom_core::{
    Algorithm, Check, Due, Event, Name, RecordKey, Segment, Store, StoreError, Table, Tenant, commit, drain,
};
use strongroom_kms::{Kms, RingCheck};
use strongroom_store_sqlite::{SqliteStore, rusqlite::Connection};

use crate::db::{
    Db, NOW, SLOTS, STATE, SYSTEM, TABLE, TENANTS, file, key, name, provider, put, read_key, work_off,
};

fn checked(db: &Db, unsealed: &Unsealed) -> Report {
    fsck(&*db.engine, unsealed, &[], &mut |_| {}).unwrap()
}

fn names(report: &Report, key: &RecordKey) -> bool {
    report.problems.iter().any(|problem| problem.key == *key)
}

/// A small database with all that there is: two slots, older roots and keys, jobs that wait, events and records.
fn full() -> Db {
    let db = Db::new();
    let unsealed = db.by_file();
    let tenant = unsealed.first_tenant();
    put(&unsealed, &name(tenant, "a"), b"x").unwrap();
    unsealed.rotate_tenant(&SYSTEM, tenant).unwrap();
    unsealed.rotate_root(&SYSTEM).unwrap();
    put(&unsealed, &key(tenant, &[Segment::Blind(b"me@example.org")]), b"me").unwrap();
    db
}

#[test]
fn a_sound_database_has_no_problem_and_is_counted() {
    let db = full();
    for unsealed in [db.by_file(), db.by_shares()] {
        let mut heard = Vec::new();
        let report = fsck(&*db.engine, &unsealed, &[], &mut |rows| heard.push(rows)).unwrap();
        assert!(report.is_sound(), "{report:?}");
        assert_eq!(report.rows, db.engine.dump().len() as u64);
        assert_eq!((heard.last(), heard.is_sorted()), (Some(&report.rows), true));
        let tenant = unsealed.first_tenant();
        let count = |tenant, table, version| {
            let of = |place: &&strongroom_barrier::Place| {
                (place.tenant, place.table, place.version) == (tenant, Table::new(table), version)
            };
            report.counts.iter().find(|(place, _)| of(place)).map(|(_, count)| count.rows)
        };
        assert_eq!((count(tenant, 0x7f01, 1), count(tenant, 0x7f01, 2)), (Some(1), Some(1)));
        assert_eq!((count(Tenant::SYSTEM, SLOTS, 0), count(Tenant::SYSTEM, TENANTS, 0)), (Some(2), Some(2)));
        assert_eq!(report.counts.values().map(|count| count.rows).sum::<u64>(), report.rows);
    }
}

/// A database as small as one can be.
fn small() -> Db {
    let db = Db::with(&[NewSlot::Secret(&file())]);
    let unsealed = db.by_file();
    put(&unsealed, &name(unsealed.first_tenant(), "a"), b"x").unwrap();
    db
}

/// Flips these bits of a row, one after the other: each is named by its row.
fn flips_are_named(db: &Db, unsealed: &Unsealed, row: &[u8], good: &[u8], bits: impl Iterator<Item = usize>) {
    let key = read_key(row);
    for bit in bits {
        let mut bad = good.to_vec();
        bad[bit / 8] ^= 1 << (bit % 8);
        db.tamper(&key, Some(bad));
        let report = checked(db, unsealed);
        assert!(names(&report, &key), "{key:?}, bit {bit}: {:?}", report.problems);
    }
    db.tamper(&key, Some(good.to_vec()));
}

#[test]
fn every_flipped_bit_of_a_small_database_is_named_by_its_row() {
    let db = small();
    let unsealed = db.by_file();
    for (key, good) in db.engine.dump() {
        // Every bit of what lies in the clear. An envelope's inside is authenticated as a whole: a bit of each byte.
        let inside = inside_of_envelopes(&good);
        let bits = (0..8 * good.len()).filter(|bit| !inside[bit / 8] || bit % 8 == bit / 8 % 8);
        flips_are_named(&db, &unsealed, &key, &good, bits.step_by(db.engine.stride()));
    }
    assert!(checked(&db, &unsealed).is_sound());
}

#[test]
fn a_flipped_bit_of_a_database_with_all_that_there_is_is_named_by_its_row() {
    let db = full();
    let unsealed = db.by_file();
    for (key, good) in db.engine.dump() {
        let inside = inside_of_envelopes(&good);
        let at = (0..good.len()).filter(|at| !inside[*at] || at % 16 == 0);
        flips_are_named(&db, &unsealed, &key, &good, at.map(|at| 8 * at + at % 8));
    }
    assert!(checked(&db, &unsealed).is_sound());
}

/// Which bytes of a row belong to the part of an envelope behind its header.
fn inside_of_envelopes(row: &[u8]) -> Vec<bool> {
    let mut inside = vec![false; row.len()];
    for at in (0..row.len()).filter(|at| row[*at..].starts_with(b"SR\x01\x01")) {
        let end = if at == 0 { row.len() } else { at + 140 };
        inside[at + 48..end].fill(true);
    }
    inside
}

#[test]
fn every_row_that_is_missing_and_referred_to_is_named() {
    let db = full();
    let unsealed = db.by_file();
    let mut tried = 0;
    for (key, good) in db.engine.dump() {
        let key = read_key(&key);
        let kind = Due::parts(&key).map(|(_, kind, _)| kind.to_owned());
        let due = kind.is_some_and(|kind| kind.contains("rotate") || kind.contains("reseal"));
        if due || matches!(key.table().number(), STATE | SLOTS | TENANTS | 0x0013) {
            tried += 1;
            db.tamper(&key, None);
            let report = checked(&db, &unsealed);
            let named = Problem { key: key.clone(), flaw: Flaw::Missing };
            assert!(report.problems.contains(&named), "{key:?}: {report:?}");
            db.tamper(&key, Some(good));
        }
    }
    assert_eq!(tried, 1 + 2 + 2 + 5 + 4);
    assert!(checked(&db, &unsealed).is_sound());
}

#[test]
fn every_flipped_bit_of_every_key_is_named() {
    let db = small();
    let unsealed = db.by_file();
    let mut unreadable = 0;
    for (bytes, value) in db.engine.dump() {
        let key = read_key(&bytes);
        for bit in (0..8 * bytes.len()).step_by(db.engine.stride()) {
            let mut bad = bytes.clone();
            bad[bit / 8] ^= 1 << (bit % 8);
            let Ok(bad) = RecordKey::from_bytes(bad) else {
                unreadable += 1;
                continue;
            };
            if db.engine.get_many(std::slice::from_ref(&bad)).unwrap()[0].is_some() {
                continue;
            }
            db.tamper(&key, None);
            db.tamper(&bad, Some(value.clone()));
            let report = checked(&db, &unsealed);
            assert!(names(&report, &bad) || names(&report, &key), "{key:?} as {bad:?}: {report:?}");
            db.tamper(&bad, None);
            db.tamper(&key, Some(value.clone()));
        }
    }
    assert!(unreadable > 0 && checked(&db, &unsealed).is_sound());
}

#[test]
fn a_key_that_is_none_is_named_by_its_neighbour_and_the_rest_is_looked_at() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("keys.db");
    let store = Arc::new(SqliteStore::create(&path).unwrap());
    let secret = file();
    let clock = Arc::new(strongroom_core::FixedClock::at(NOW));
    let made =
        Sealed::create(store.clone(), provider(), clock, &[NewSlot::Secret(&secret)], Vec::new()).unwrap();
    let unsealed = made.sealed.unseal(&Unlock::Secret(&secret)).unwrap();
    let tenant = unsealed.first_tenant();
    ["a", "b", "c", "d", "e"].iter().for_each(|text| put(&unsealed, &name(tenant, text), b"x").unwrap());
    let sound = fsck(&*store, &unsealed, &[], &mut |_| {}).unwrap();
    assert!(sound.is_sound());
    let file = Connection::open(&path).unwrap();
    let mut bad = name(tenant, "c").as_bytes().to_vec();
    *bad.last_mut().unwrap() = 1;
    let change = "UPDATE strongroom_records SET key = ?1 WHERE key = ?2";
    assert_eq!(file.execute(change, (bad, name(tenant, "c").as_bytes())).unwrap(), 1);
    // Beside it, something is wrong with the last row.
    let change = "UPDATE strongroom_records SET value = x'00' WHERE key = ?1";
    assert_eq!(file.execute(change, [name(tenant, "e").as_bytes()]).unwrap(), 1);
    let report = fsck(&*store, &unsealed, &[], &mut |_| {}).unwrap();
    let problem = |text, flaw| Problem { key: name(tenant, text), flaw };
    assert_eq!(report.problems, [problem("b", Flaw::NextUnreadable), problem("e", Flaw::Malformed)]);
    assert_eq!(report.rows, sound.rows - 1);
}

#[test]
fn rows_that_were_moved_or_exchanged_are_named() {
    let db = full();
    let unsealed = db.by_file();
    let other = unsealed.create_tenant(&SYSTEM).unwrap();
    put(&unsealed, &name(other, "a"), b"y").unwrap();
    let (rows, state) = (db.engine.dump(), db.rows(STATE).pop().unwrap().0);
    for (first, second) in rows.iter().flat_map(|first| rows.iter().map(move |second| (first, second))) {
        if first.0 < second.0 {
            let (one, two) = (read_key(&first.0), read_key(&second.0));
            db.tamper(&one, Some(second.1.clone()));
            db.tamper(&two, Some(first.1.clone()));
            let report = checked(&db, &unsealed);
            let named = [names(&report, &one), names(&report, &two)];
            // Without the root, a slot that it was not opened by cannot be looked into.
            let no_root = Problem { key: state.clone(), flaw: Flaw::DoesNotOpen };
            let expected =
                if report.problems.contains(&no_root) { named[0] | named[1] } else { named[0] & named[1] };
            assert!(expected, "{one:?} and {two:?}: {report:?}");
            db.tamper(&one, Some(first.1.clone()));
            db.tamper(&two, Some(second.1.clone()));
        }
    }
}

#[test]
fn references_that_lead_nowhere_are_named() {
    let db = full();
    let unsealed = db.by_file();
    let nobody = Tenant::from_bytes([8; 16]);
    let due = Due { time: NOW, kind: "other", id: [1; 16], tenant: nobody, payload: Vec::new() };
    commit::<_, strongroom_core::CommitError>(&unsealed, Tenant::SYSTEM, |reader| {
        let mut change = reader.change(());
        due.put(&mut change)?;
        Ok(change)
    })
    .unwrap();
    let report = checked(&db, &unsealed);
    assert_eq!(report.problems, [Problem { key: due.row().unwrap().0, flaw: Flaw::NoTenant }]);
    // A tenant whose keys hang under a root that was dropped, and a record under a version that was destroyed.
    let stale = db.copy();
    work_off(&unsealed, NOW);
    let old = |table: u16| stale.rows(table).pop().unwrap();
    let (row, value) = old(TENANTS);
    let now = db.rows(TENANTS).pop().unwrap().1;
    db.tamper(&row, Some(value));
    let report = checked(&db, &unsealed);
    assert!(
        report.problems.contains(&Problem { key: row.clone(), flaw: Flaw::UnknownVersion }),
        "{report:?}"
    );
    db.tamper(&row, Some(now));
    let tenant = unsealed.first_tenant();
    let record = name(tenant, "a");
    let before = stale.engine.get_many(std::slice::from_ref(&record)).unwrap().pop().flatten().unwrap();
    db.tamper(&record, Some(before.value.to_vec()));
    let report = checked(&db, &unsealed);
    assert!(report.problems.contains(&Problem { key: record, flaw: Flaw::UnknownVersion }), "{report:?}");
}

#[test]
fn further_problems_are_counted_and_causes_come_first() {
    let db = Db::new();
    let unsealed = db.by_file();
    let tenant = unsealed.create_tenant(&SYSTEM).unwrap();
    for number in 0..150 {
        put(&unsealed, &key(tenant, &[Segment::Number(number)]), b"x").unwrap();
    }
    let row =
        db.rows(TENANTS).into_iter().find(|(key, _)| key.as_bytes().ends_with(tenant.as_bytes())).unwrap();
    let mut bad = row.1.clone();
    bad[100] ^= 1;
    db.tamper(&row.0, Some(bad));
    let report = checked(&db, &unsealed);
    assert_eq!(report.problems[0], Problem { key: row.0.clone(), flaw: Flaw::DoesNotOpen });
    assert_eq!((report.problems.len(), report.further), (100, 52));
    let text = report.problems[0].to_string();
    assert!(text.contains(&format!("{:?}", row.0)) && text.ends_with("a key in it does not"), "{text}");
}

#[test]
fn a_copy_is_looked_at_with_the_keys_of_its_own() {
    let db = full();
    let copy = db.copy();
    let unsealed = db.by_file();
    unsealed.rotate_root(&SYSTEM).unwrap();
    work_off(&unsealed, NOW);
    assert!(checked(&copy, &unsealed).is_sound() && checked(&db, &unsealed).is_sound());
    let (row, value) = copy.rows(SLOTS).pop().unwrap();
    copy.tamper(&row, Some(value[..value.len() - 1].to_vec()));
    assert!(names(&checked(&copy, &unsealed), &row));
}

#[test]
fn a_sealed_barrier_looks_at_nothing_and_an_engine_that_fails_is_no_problem_of_rows() {
    let db = full();
    let unsealed = db.by_file();
    for at in 0.. {
        let fault = strongroom_core::fault::Fault::Fail;
        let engine = strongroom_core::fault::FaultStore::new(db.engine.clone(), fault, at);
        match fsck(&engine, &unsealed, &[], &mut |_| {}) {
            Err(StoreError::Engine(_)) => {}
            answer => {
                assert!(engine.operations() <= at && answer.unwrap().is_sound());
                break;
            }
        }
    }
    unsealed.seal(std::time::Duration::from_secs(9)).unwrap();
    assert!(matches!(fsck(&*db.engine, &unsealed, &[], &mut |_| {}), Err(StoreError::Sealed)));
}

#[test]
fn a_database_in_use_is_not_called_damaged() {
    let db = Db::with(&[NewSlot::Secret(&file()), NewSlot::Shamir(Split { shares: 2, threshold: 2 })]);
    let (unsealed, busy) = (db.by_file(), db.by_file());
    let tenant = unsealed.first_tenant();
    let reports = std::thread::scope(|scope| {
        let looking = scope.spawn(|| (0..30).map(|_| checked(&db, &unsealed)).collect::<Vec<_>>());
        for round in 0_u64.. {
            put(&busy, &key(tenant, &[Segment::Number(round % 100)]), b"x").unwrap();
            if round % 20 == 0 {
                busy.rotate_tenant(&SYSTEM, tenant).unwrap();
                busy.rotate_root(&SYSTEM).unwrap();
                work_off(&busy, NOW);
                drain(&busy, 400, &mut |_: &Event| {}).unwrap();
            }
            if looking.is_finished() {
                break;
            }
        }
        looking.join().unwrap()
    });
    for report in reports {
        assert!(report.is_sound(), "{report:?}");
    }
}

struct Even;

impl Check for Even {
    fn table(&self) -> Table {
        TABLE
    }

    fn check(&self, _: &RecordKey, value: &[u8]) -> Result<(), &'static str> {
        if value.len().is_multiple_of(2) { Ok(()) } else { Err("of odd length") }
    }
}

#[test]
fn a_capability_looks_at_its_own_records() {
    let db = Db::new();
    let unsealed = db.by_file();
    let tenant = unsealed.first_tenant();
    put(&unsealed, &name(tenant, "even"), b"xx").unwrap();
    put(&unsealed, &name(tenant, "odd"), b"x").unwrap();
    let rings = Kms::new(unsealed.base()).without_caller(tenant);
    for (text, algorithm) in
        [("a", Algorithm::Aes256Gcm), ("e", Algorithm::Ed25519), ("p", Algorithm::EcdsaP256)]
    {
        rings.create(&Name::parse(text).unwrap(), algorithm).unwrap();
        rings.rotate(&Name::parse(text).unwrap()).unwrap();
    }
    let ring_check = RingCheck::new(provider());
    let look = || fsck(&*db.engine, &unsealed, &[&Even, &ring_check], &mut |_| {}).unwrap().problems;
    let odd = Problem { key: name(tenant, "odd"), flaw: Flaw::Unsound("of odd length") };
    assert_eq!(look(), std::slice::from_ref(&odd));
    let ring = RecordKey::new(tenant, Table::new(0x0101), &[Segment::Name("e")]).unwrap();
    let good = unsealed.get_many(std::slice::from_ref(&ring)).unwrap().pop().flatten().unwrap().value;
    let mut found = 0;
    for at in 0..good.len() {
        let mut bad = good.to_vec();
        bad[at] ^= 1;
        put(&unsealed, &ring, &bad).unwrap();
        found += look().iter().filter(|problem| problem.key == ring).count();
    }
    // A flip in an id, a time or a switch makes another ring that is one.
    assert!(found > 140, "{found} of {}", good.len());
    put(&unsealed, &ring, &good).unwrap();
    assert_eq!(look(), [odd]);
}
