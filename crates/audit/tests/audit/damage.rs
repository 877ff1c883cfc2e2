//! Bits that flip at rest, rows that vanish, appear or change places: `fsck` names the first of them.

use std::sync::Arc;

use strongroom_audit::{AuditError, AuditLog, Finding, Fsck, Hold, LogId, Part, Producer, Query, Retention};
use strongroom_core::{Actor, Batch, Caller, RecordKey, Segment, Service, Store, Table, Write};
use strongroom_store_postgres::testing::Engine;

use crate::support::{Fixture, OTHER, TENANT, base, event, name};

const LOG: LogId = LogId::Tenant(TENANT);

const SETTINGS: u16 = 0x0400;
const HEADS: u16 = 0x0401;
const ENTRIES: u16 = 0x0402;
const TILES: u16 = 0x0403;
const INDEX: u16 = 0x0404;
const MONTHS: u16 = 0x0405;
const RETENTION: u16 = 0x0406;
const HOLDS: u16 = 0x0407;
const PRODUCERS: u16 = 0x0408;

/// A log with two full bundles and a part of a third, in rows of several lengths, and a second tenant's.
fn filled() -> (Fixture, Arc<Engine>) {
    let (fixture, store) = Fixture::with_events(250);
    fixture.put_keys(250..540);
    fixture.put(&event(OTHER, "theirs", fixture.base.clock.now()));
    fixture.log.drain_all().unwrap();
    fixture.put_keys(540..545);
    fixture.log.drain_all().unwrap();
    (fixture, store)
}

fn write(store: &Engine, key: RecordKey, write: Write) {
    let batch = Batch { expectations: Vec::new(), writes: vec![(key, write)] };
    store.commit(&store.lower(batch).unwrap()).unwrap();
}

fn rows(store: &Engine, table: u16) -> Vec<(RecordKey, Vec<u8>)> {
    let rows = store.dump().into_iter().map(|(key, value)| (RecordKey::from_bytes(key).unwrap(), value));
    rows.filter(|(key, _)| key.table() == Table::new(table)).collect()
}

/// The log and the numbers in a key.
fn place(key: &RecordKey) -> (LogId, Vec<u64>) {
    let mut log = LogId::Global;
    let mut numbers = Vec::new();
    for (at, segment) in key.segments().enumerate() {
        match segment {
            Segment::Id(id) => log = LogId::Tenant(strongroom_core::Tenant::from_bytes(id)),
            Segment::Number(number) if at > 0 => numbers.push(number),
            _ => {}
        }
    }
    (log, numbers)
}

fn fsck(fixture: &Fixture) -> Fsck {
    fixture.log.fsck(&mut |_| ()).unwrap()
}

/// Flips bits of a value, one at a time, `step` bits apart, and tells what `fsck` says of each.
fn each_flip(
    fixture: &Fixture,
    store: &Engine,
    row: &(RecordKey, Vec<u8>),
    step: usize,
    check: impl FnMut(usize, &[Finding]),
) {
    let bits = (0..row.1.len() * 8).step_by(step);
    flip_each(fixture, store, row, bits, check);
}

/// Flips these bits of a value, one at a time, and tells what `fsck` says of each.
fn flip_each(
    fixture: &Fixture,
    store: &Engine,
    (key, value): &(RecordKey, Vec<u8>),
    bits: impl Iterator<Item = usize>,
    mut check: impl FnMut(usize, &[Finding]),
) {
    for bit in bits {
        let mut damaged = value.clone();
        damaged[bit / 8] ^= 1 << (bit % 8);
        write(store, key.clone(), Write::Put(damaged.into()));
        check(bit, &fsck(fixture).findings);
    }
    write(store, key.clone(), Write::Put(value.clone().into()));
}

fn finds(findings: &[Finding], log: LogId, part: impl Fn(&Part) -> bool) -> bool {
    findings.iter().any(|finding| finding.log == log && part(&finding.part))
}

#[test]
fn a_sound_log_has_no_findings() {
    let (fixture, _) = filled();
    let mut last = None;
    let found = fixture.log.fsck(&mut |progress| last = Some(progress)).unwrap();
    assert_eq!((found.findings.as_slice(), found.erased, found.logs), ([].as_slice(), 0, 4));
    let last = last.unwrap();
    assert_eq!((last.done, last.total), (found.entries, found.entries));
}

#[test]
fn every_flipped_bit_of_an_entry_names_the_entry() {
    let (fixture, store) = Fixture::with_events(3);
    let rows = rows(&store, ENTRIES);
    let row = rows.iter().find(|(key, _)| place(key).0 == LOG).unwrap();
    // Entries are of one length here; the first byte of the row is its format.
    let length = (row.1.len() - 1) / 3;
    each_flip(&fixture, &store, row, store.stride(), |bit, findings| {
        let entry = ((bit / 8).saturating_sub(1) / length) as u64;
        assert!(finds(findings, LOG, |part| *part == Part::Entry(entry)), "bit {bit}: {findings:?}");
    });
}

/// The rows of a log with one event, of which every kind of record but tiles is there.
fn small() -> (Fixture, Arc<Engine>) {
    let (fixture, store) = Fixture::with_events(1);
    let caller = Caller::application(TENANT);
    fixture.log.set_retention(&caller, &Retention::default()).unwrap();
    let hold = Hold { name: name("case-1"), tenant: TENANT, resource: None, from: None, until: None };
    fixture.log.place_hold(&caller, &hold).unwrap();
    let producer = Producer { id: [5; 16], tenant: TENANT, actor: Actor::Application, services: Vec::new() };
    fixture.log.register_producer(&caller, &producer).unwrap();
    (fixture, store)
}

#[test]
fn every_flipped_bit_of_every_row_of_a_small_log_is_found() {
    const THREADS: usize = 4;
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            scope.spawn(move || {
                let (fixture, store) = small();
                let tables = [SETTINGS, HEADS, ENTRIES, INDEX, MONTHS, RETENTION, HOLDS, PRODUCERS];
                for row in tables.into_iter().flat_map(|table| rows(&store, table)) {
                    let bits = (thread..row.1.len() * 8).step_by(THREADS);
                    flip_each(&fixture, &store, &row, bits, |bit, findings| {
                        assert!(!findings.is_empty(), "bit {bit} of {:?}", row.0);
                    });
                }
                assert_eq!(fsck(&fixture).findings, [], "all was put back");
            });
        }
    });
}

#[test]
fn a_flipped_bit_in_each_hash_of_a_tile_and_at_each_place_of_a_hash_names_the_tile() {
    let (fixture, store) = Fixture::with_events(256);
    for row in rows(&store, TILES) {
        let numbers = place(&row.0).1;
        // In the hash with this number, the bit with the same number.
        let bits = (0..row.1.len() / 32).map(|hash| hash * 256 + hash);
        flip_each(&fixture, &store, &row, bits, |bit, findings| {
            let this = |part: &Part| matches!(part, Part::Tile(tile) if [tile.level.into(), tile.index] == numbers[..]);
            assert!(finds(findings, LOG, this), "bit {bit} of {:?}: {findings:?}", row.0);
        });
    }
}

#[test]
fn a_flipped_bit_in_any_row_of_entries_names_an_entry_of_that_row() {
    let (fixture, store) = filled();
    for row in rows(&store, ENTRIES) {
        let (log, numbers) = place(&row.0);
        let step = row.1.len() * 8 / 9 + 1;
        each_flip(&fixture, &store, &row, step, |bit, findings| {
            let in_row = |part: &Part| matches!(part, Part::Entry(entry) if (numbers[0]..numbers[0] + 256).contains(entry));
            assert!(finds(findings, log, in_row), "bit {bit} of {:?}: {findings:?}", row.0);
        });
    }
}

#[test]
fn a_flipped_bit_in_a_tile_names_the_tile() {
    let (fixture, store) = filled();
    let tiles = rows(&store, TILES);
    assert_eq!(tiles.len(), 3);
    for row in tiles {
        let (log, numbers) = place(&row.0);
        let this =
            |part: &Part| matches!(part, Part::Tile(tile) if [tile.level.into(), tile.index] == numbers[..]);
        each_flip(&fixture, &store, &row, row.1.len() * 8 / 40 + 1, |bit, findings| {
            assert!(finds(findings, log, this), "bit {bit} of {:?}: {findings:?}", row.0);
            assert_eq!(findings.len(), 1, "nothing else is at fault: {findings:?}");
        });
    }
}

#[test]
fn a_flipped_bit_in_any_other_record_names_what_it_is() {
    let (fixture, store) = filled();
    let caller = Caller::application(TENANT);
    fixture.log.set_retention(&caller, &Retention::default()).unwrap();
    let hold = Hold { name: name("case-1"), tenant: TENANT, resource: None, from: None, until: None };
    fixture.log.place_hold(&caller, &hold).unwrap();
    let producer =
        Producer { id: [5; 16], tenant: TENANT, actor: Actor::Application, services: vec![Service::Kms] };
    fixture.log.register_producer(&caller, &producer).unwrap();
    fixture.log.append(&caller, [5; 16], 1, &[event(TENANT, "key", fixture.base.clock.now())]).unwrap();
    fixture.log.drain_all().unwrap();
    assert_eq!(fsck(&fixture).findings, []);
    type Named = fn(&Part) -> bool;
    let parts: [(u16, Named); 7] = [
        (SETTINGS, |part| *part == Part::Settings),
        (HEADS, |part| matches!(part, Part::Head)),
        (INDEX, |part| matches!(part, Part::Index(_))),
        (MONTHS, |part| matches!(part, Part::Month(_))),
        (RETENTION, |part| *part == Part::Retention),
        (HOLDS, |part| *part == Part::Holds),
        (PRODUCERS, |part| *part == Part::Producer),
    ];
    for (table, part) in parts {
        let rows = rows(&store, table);
        assert!(!rows.is_empty(), "{table:04x}");
        for row in rows {
            each_flip(&fixture, &store, &row, row.1.len() * 8 / 7 + 1, |bit, findings| {
                let found = findings.iter().any(|finding| part(&finding.part));
                assert!(found, "bit {bit} of {:?}: {findings:?}", row.0);
            });
        }
    }
    assert_eq!(fsck(&fixture).findings, [], "all was put back");
}

#[test]
fn a_row_that_is_missing_is_named() {
    let (fixture, store) = filled();
    for table in [HEADS, ENTRIES, TILES, INDEX] {
        for (key, value) in rows(&store, table) {
            write(&store, key.clone(), Write::Delete);
            let (log, numbers) = place(&key);
            let findings = fsck(&fixture).findings;
            let named = |part: &Part| match (table, part) {
                (HEADS, Part::Head) => true,
                (ENTRIES, Part::Entry(entry)) => *entry == numbers[0],
                (TILES, Part::Tile(tile)) => [tile.level.into(), tile.index] == numbers[..],
                (INDEX, Part::Index(bundle)) => *bundle == numbers[0],
                _ => false,
            };
            assert!(finds(&findings, log, named), "{key:?}: {findings:?}");
            write(&store, key, Write::Put(value.into()));
        }
    }
    assert_eq!(fsck(&fixture).findings, []);
}

#[test]
fn rows_beyond_the_end_are_named() {
    let (fixture, store) = filled();
    let copy = |table, numbers: &[u64], to: &[u64]| {
        let all = rows(&store, table);
        let (_, value) = all.iter().find(|(key, _)| place(key) == (LOG, numbers.to_vec())).unwrap();
        let mut segments = vec![Segment::Number(1), Segment::Id(*TENANT.as_bytes())];
        segments.extend(to.iter().map(|number| Segment::Number(*number)));
        let key = RecordKey::new(strongroom_core::Tenant::SYSTEM, Table::new(table), &segments).unwrap();
        write(&store, key.clone(), Write::Put(value.clone().into()));
        let findings = fsck(&fixture).findings;
        write(&store, key, Write::Delete);
        findings
    };
    let size = fixture.size(LOG);
    assert!(finds(&copy(ENTRIES, &[540], &[size]), LOG, |part| *part == Part::Entry(size)));
    assert!(finds(
        &copy(TILES, &[0, 1], &[0, 2]),
        LOG,
        |part| matches!(part, Part::Tile(tile) if tile.index == 2)
    ));
    assert!(finds(&copy(INDEX, &[1], &[3]), LOG, |part| *part == Part::Index(3)));
    assert_eq!(fsck(&fixture).findings, []);
}

#[test]
fn a_log_that_was_cut_off_with_its_head_contradicts_the_global_one() {
    let (fixture, store) = Fixture::with_events(3);
    let before: Vec<_> = [HEADS, ENTRIES, INDEX].into_iter().flat_map(|table| rows(&store, table)).collect();
    fixture.put_keys(3..6);
    fixture.log.drain_all().unwrap();
    // All of the tenant's log as it was; the global one as it is.
    for (key, _) in [HEADS, ENTRIES, INDEX].into_iter().flat_map(|table| rows(&store, table)) {
        if place(&key).0 == LOG {
            write(&store, key, Write::Delete);
        }
    }
    for (key, value) in before.into_iter().filter(|(key, _)| place(key).0 == LOG) {
        write(&store, key, Write::Put(value.into()));
    }
    assert_eq!(fsck(&fixture).findings, [Finding { log: LOG, part: Part::Head }]);
}

#[test]
fn logs_that_change_places_are_named() {
    let (fixture, store) = filled();
    for table in [HEADS, ENTRIES] {
        let all = rows(&store, table);
        let first = |log| all.iter().find(|(key, _)| place(key).0 == log).unwrap();
        let (mine, theirs) = (first(LOG), first(LogId::Tenant(OTHER)));
        write(&store, mine.0.clone(), Write::Put(theirs.1.clone().into()));
        write(&store, theirs.0.clone(), Write::Put(mine.1.clone().into()));
        let findings = fsck(&fixture).findings;
        assert!(findings.iter().any(|finding| finding.log == LOG), "{findings:?}");
        assert!(findings.iter().any(|finding| finding.log == LogId::Tenant(OTHER)), "{findings:?}");
        write(&store, mine.0.clone(), Write::Put(mine.1.clone().into()));
        write(&store, theirs.0.clone(), Write::Put(theirs.1.clone().into()));
    }
    assert_eq!(fsck(&fixture).findings, []);
}

#[test]
fn what_is_damaged_is_refused_when_it_is_used() {
    let (fixture, store) = filled();
    let (key, mut value) = rows(&store, ENTRIES).into_iter().find(|(key, _)| place(key).0 == LOG).unwrap();
    let last = value.len() - 1;
    value[last] ^= 1;
    write(&store, key, Write::Put(value.into()));
    let entry = |error: AuditError| match error {
        AuditError::Damaged { log: LOG, part: Part::Entry(entry) } => entry,
        other => panic!("{other}"),
    };
    assert_eq!(entry(fixture.log.prove(TENANT, 249).unwrap_err()), 249);
    let query = Query { resource: Some(name("key-249")), ..Query::default() };
    assert_eq!(entry(fixture.log.query(TENANT, &query, None, 10).unwrap_err()), 249);
    fixture.log.prove(TENANT, 3).unwrap();
}

#[test]
fn an_index_that_is_lost_is_made_anew() {
    let (fixture, store) = filled();
    let before = rows(&store, INDEX);
    for (key, _) in before.iter().filter(|(key, _)| place(key).0 == LOG) {
        write(&store, key.clone(), Write::Delete);
    }
    let lost = fixture.log.query(TENANT, &Query::default(), None, 10);
    assert!(matches!(lost, Err(AuditError::Damaged { part: Part::Index(2), .. })));
    fixture.log.reindex(TENANT, &mut |_| ()).unwrap();
    assert_eq!(rows(&store, INDEX), before);
}

#[test]
fn an_older_state_of_one_row_does_not_pass() {
    let (fixture, store) = Fixture::with_events(3);
    let old = rows(&store, HEADS);
    fixture.put_keys(3..6);
    fixture.log.drain_all().unwrap();
    for (key, value) in old {
        let new = rows(&store, HEADS).into_iter().find(|(other, _)| *other == key).unwrap().1;
        if new == value {
            continue;
        }
        write(&store, key.clone(), Write::Put(value.into()));
        assert_ne!(fsck(&fixture).findings, [], "{key:?}");
        write(&store, key, Write::Put(new.into()));
    }
    let log = AuditLog::open(base(store, fixture.clock.clone())).unwrap();
    assert_eq!(log.fsck(&mut |_| ()).unwrap().findings, []);
}

#[test]
fn who_looks_at_single_records_finds_those_that_make_no_sense() {
    let (fixture, store) = filled();
    fixture.log.set_retention(&Caller::application(TENANT), &Retention::default()).unwrap();
    let checks = strongroom_audit::checks();
    for check in &checks {
        for (key, mut value) in rows(&store, check.table().number()) {
            assert_eq!(check.check(&key, &value), Ok(()), "{key:?}");
            value.pop();
            assert!(check.check(&key, &value).is_err(), "{key:?}");
            assert!(check.check(&key, &[]).is_err(), "{key:?}");
        }
    }
    let ours = |key: &RecordKey| key.table().number() >> 8 == 4;
    let tables: std::collections::BTreeSet<_> = store
        .dump()
        .into_iter()
        .map(|(key, _)| RecordKey::from_bytes(key).unwrap())
        .filter(ours)
        .map(|key| key.table())
        .collect();
    assert!(tables.iter().all(|table| checks.iter().any(|check| check.table() == *table)));
}
