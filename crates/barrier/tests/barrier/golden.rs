//! The formats as they were written once: a change of one does not go unnoticed. The state and tenants' records are of
//! format 2, slots of format 1.

use std::sync::Arc;

use strongroom_barrier::{Sealed, Share, Split, Unlock, Unsealed};
use strongroom_core::{Action, Event, FixedClock, RecordKey, Segment, Tenant, drain};
use strongroom_store_postgres::testing::Engine;

use crate::db::{Db, NOW, SLOTS, STATE, SYSTEM, TENANTS, key, name, provider, put, read_key, rewrap, value};

const GOLDEN: &str = include_str!("format-2.txt");

/// What the rows of a table are called in the file.
const KINDS: [(&str, u16); 7] = [
    ("event", 0x0001),
    ("due", 0x0002),
    ("state", STATE),
    ("slot", SLOTS),
    ("tenant", TENANTS),
    ("witness", 0x0013),
    ("record", 0x7f01),
];

fn hex(text: &str) -> Vec<u8> {
    (0..text.len() / 2).map(|at| u8::from_str_radix(&text[2 * at..2 * at + 2], 16).unwrap()).collect()
}

/// The lines of one kind in a golden file, each as its fields.
pub(crate) fn lines(golden: &str, kind: &str) -> Vec<Vec<Vec<u8>>> {
    let fields = golden.lines().map(|line| line.split(' '));
    let kept = fields.filter_map(|mut fields| (fields.next() == Some(kind)).then_some(fields));
    kept.map(|fields| fields.map(hex).collect()).collect()
}

fn rows(golden: &str, kind: &str) -> Vec<(RecordKey, Vec<u8>)> {
    lines(golden, kind).into_iter().map(|fields| (read_key(&fields[0]), fields[1].clone())).collect()
}

/// The shares of a kind in a golden file.
pub(crate) fn shares(golden: &str, kind: &str) -> Vec<Share> {
    let share = |fields: Vec<Vec<u8>>| Share::from_bytes(&*provider(), &fields[0]).unwrap();
    lines(golden, kind).into_iter().map(share).collect()
}

/// The database of a golden file, with the shares of its slot.
pub(crate) fn database(golden: &str) -> Db {
    let (engine, clock) = (Arc::new(Engine::new()), Arc::new(FixedClock::at(NOW)));
    let rows = KINDS.iter().flat_map(|(kind, _)| rows(golden, kind));
    crate::db::write(&*engine, rows.map(|(key, value)| (key, Some(value))));
    let sealed = Sealed::open(engine.clone(), provider(), clock.clone()).unwrap();
    Db { engine, clock, sealed, shares: shares(golden, "share") }
}

fn reads_all(unsealed: &Unsealed) {
    let tenant = unsealed.first_tenant();
    let blind = key(tenant, &[Segment::Blind(b"me@example.org")]);
    let records = [
        (name(tenant, "before"), b"under the first key".as_slice()),
        (name(tenant, "after"), b"under the second key"),
        (blind, b"found blindly"),
    ];
    for (key, expected) in records {
        assert_eq!(value(unsealed, &key).unwrap().unwrap(), expected);
    }
}

#[test]
fn a_database_of_format_2_opens_by_every_slot() {
    let db = database(GOLDEN);
    reads_all(&db.by_file());
    reads_all(&db.by_shares());
    reads_all(&db.sealed.unseal(&Unlock::Shares(&db.shares[..2])).unwrap());
    let status = db.sealed.status().unwrap();
    assert_eq!((status.root, status.root_made, status.old_roots), (2, NOW, 1));
    let mut splits: Vec<_> = status.slots.iter().map(|slot| slot.split).collect();
    splits.sort_by_key(Option::is_some);
    assert_eq!(splits, [None, Some(Split { shares: 3, threshold: 2 })]);
}

#[test]
fn what_a_database_of_format_2_had_begun_is_finished() {
    let db = database(GOLDEN);
    let unsealed = db.by_file();
    let mut events = Vec::new();
    drain(&unsealed, 9, &mut |event: &Event| events.push((event.action, event.tenant))).unwrap();
    assert_eq!(events, [(Action::Rotate, unsealed.first_tenant()), (Action::Rotate, Tenant::SYSTEM)]);
    rewrap(&unsealed, &db.sealed);
    reads_all(&db.by_shares());
    assert_eq!(db.by_shares().rotate_root(&SYSTEM).unwrap(), 3);
}

/// A database in the state of the golden one.
fn like_the_golden_one() -> Db {
    let db = Db::new();
    let unsealed = db.by_file();
    let tenant = unsealed.first_tenant();
    put(&unsealed, &name(tenant, "before"), b"under the first key").unwrap();
    put(&unsealed, &key(tenant, &[Segment::Blind(b"me@example.org")]), b"found blindly").unwrap();
    unsealed.rotate_tenant(&SYSTEM, tenant).unwrap();
    unsealed.rotate_root(&SYSTEM).unwrap();
    put(&unsealed, &name(tenant, "after"), b"under the second key").unwrap();
    db
}

/// A database as the file holds it.
fn text_of(db: &Db) -> String {
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let mut lines: Vec<_> =
        db.shares.iter().map(|share| format!("share {}\n", *share.expose_hex())).collect();
    for (key, value) in db.engine.dump() {
        let table = read_key(&key).table().number();
        let (kind, _) = KINDS.iter().find(|(_, of)| *of == table).unwrap();
        lines.push(format!("{kind} {} {}\n", hex(&key), hex(&value)));
    }
    lines.concat()
}

#[test]
fn what_is_written_now_has_the_shape_of_format_2() {
    let db = like_the_golden_one();
    if let Some(path) = std::env::var_os("STRONGROOM_GOLDEN") {
        // Where a format changes on purpose, this writes the new file.
        std::fs::write(path, text_of(&db)).unwrap();
    }
    // The outbox has formats of its own, and keeps nothing for long.
    for (kind, table) in KINDS.into_iter().filter(|(kind, _)| *kind != "event") {
        // Ids and envelopes are random, but of one length: the rest of a row is its shape.
        let shapes = |rows: Vec<(RecordKey, Vec<u8>)>| {
            let mut shapes: Vec<_> = rows
                .into_iter()
                .map(|(key, value)| (key.as_bytes().len(), value.len(), value[..2].to_vec()))
                .collect();
            shapes.sort();
            shapes
        };
        let now = db.engine.dump().into_iter().map(|(key, value)| (read_key(&key), value));
        let now = now.filter(|(key, _)| key.table().number() == table).collect();
        assert_eq!(shapes(now), shapes(rows(GOLDEN, kind)), "{kind}");
    }
}
