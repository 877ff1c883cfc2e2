//! A file of layout 1, `tests/golden/layout-1.db`: [`make`] made it, and every later release opens it.

use std::{fs, path::Path};

use strongroom_core::{RecordKey, Segment, Store, Table, Tenant, Write};
use strongroom_store_sqlite::{SqliteStore, rusqlite::Connection};

use crate::support::{place, put, read, write};

const LAYOUT_1: &[u8] = include_bytes!("../golden/layout-1.db");

fn keys() -> [RecordKey; 5] {
    let key = |tenant: u8, table, segments: &[Segment<'_>]| {
        RecordKey::new(Tenant::from_bytes([tenant; 16]), Table::new(table), segments).unwrap()
    };
    [
        key(0, 0x0010, &[]),
        key(1, 0x7f00, &[Segment::Number(7), Segment::Name("name")]),
        key(1, 0x7f00, &[Segment::Id([0xab; 16])]),
        key(1, 0x7f01, &[Segment::Blinded([0xcd; 32])]),
        key(2, 0x7f00, &[Segment::Number(u64::MAX)]),
    ]
}

/// The store that the file shows.
fn make(path: &Path) -> SqliteStore {
    let store = SqliteStore::create(path).unwrap();
    let [state, named, id, blinded, last] = keys();
    write(&store, vec![(state, put("state")), (named.clone(), put("first")), (id.clone(), put("goes"))]);
    write(&store, vec![(named, put("second")), (last, put([0x5a; 6_000])), (blinded, put(""))]);
    write(&store, vec![(id, Write::Delete)]);
    store
}

/// The records with their revisions, as SQLite shows them.
fn records(connection: &Connection) -> Vec<(Vec<u8>, Vec<u8>, i64)> {
    let mut rows =
        connection.prepare("SELECT key, value, revision FROM strongroom_records ORDER BY key").unwrap();
    let rows = rows.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).unwrap();
    rows.map(Result::unwrap).collect()
}

/// What else makes up the layout.
fn layout(connection: &Connection) -> (Vec<String>, [i64; 2], [i64; 2]) {
    let mut tables = connection.prepare("SELECT sql FROM sqlite_schema WHERE sql NOT NULL").unwrap();
    let tables = tables.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
    let number = |pragma| connection.pragma_query_value(None, pragma, |row| row.get(0)).unwrap();
    let meta = connection
        .query_row("SELECT schema_version, reserved_revision FROM strongroom_meta", [], |row| {
            Ok([row.get(0)?, row.get(1)?])
        })
        .unwrap();
    (tables, ["application_id", "page_size"].map(number), meta)
}

#[test]
fn a_file_of_layout_1_opens_and_shows_its_records() {
    let (_folder, path) = place();
    fs::write(&path, LAYOUT_1).unwrap();
    let store = SqliteStore::open(&path).unwrap();
    let found = store.get_many(&keys()).unwrap();
    let values: Vec<_> = found.iter().map(|row| row.as_ref().map(|row| row.value.to_vec())).collect();
    let expected =
        [Some(b"state".to_vec()), Some(b"second".to_vec()), None, Some(Vec::new()), Some(vec![0x5a; 6_000])];
    assert_eq!(values, expected);
    let revisions: Vec<_> = found.iter().flatten().map(|row| row.revision.0).collect();
    assert_eq!(revisions, [1, 2, 2, 2]);
    assert!(write(&store, vec![(keys()[2].clone(), put("new"))]).0 > 3, "no revision comes back");
    store.scrub().unwrap();
    drop(store);
    assert_eq!(read(&SqliteStore::open(&path).unwrap(), &keys()[1]).unwrap().0, b"second");
}

#[test]
fn a_new_store_has_the_layout_of_the_golden_file() {
    let (_folder, path) = place();
    fs::write(&path, LAYOUT_1).unwrap();
    let (_new_folder, new) = place();
    drop(make(&new));
    let [golden, new] = [path, new].map(|path| Connection::open(path).unwrap());
    assert_eq!(layout(&new), layout(&golden));
    assert_eq!(records(&new), records(&golden));
}
