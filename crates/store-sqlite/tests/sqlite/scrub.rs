use std::{fs, path::Path};

use strongroom_core::{RecordKey, Store, StoreError, Write};
use strongroom_store_sqlite::{SqliteStore, rusqlite::Connection};
use tempfile::TempDir;

use crate::support::{all, bytes, key, named, put, quick_place, read, write};

/// Stands in all keys and values that go away.
const GONE: &[u8] = b"GoneForever";
/// Stands in those that stay.
const KEPT: &[u8] = b"KeptForever";

/// Numbers that look random and are the same in each run.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % end
    }
}

fn new_quick_store() -> (TempDir, SqliteStore) {
    let (folder, path) = quick_place();
    (folder, SqliteStore::create(path).unwrap())
}

/// How often `GONE` stands in files of a folder, by name.
fn traces(folder: &Path) -> Vec<(String, usize)> {
    let mut found = Vec::new();
    for file in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let bytes = bytes(&file.path());
        let count = bytes.windows(GONE.len()).filter(|window| *window == GONE).count();
        if count > 0 {
            found.push((file.file_name().to_string_lossy().into_owned(), count));
        }
    }
    found
}

fn value(mark: &[u8], length: u64) -> Write {
    put(mark.iter().copied().cycle().take(length as usize).collect::<Vec<_>>())
}

fn row(mark: &[u8], number: u64) -> RecordKey {
    named(&format!("{number:05} {}", str::from_utf8(mark).unwrap()))
}

/// Writes rows of many sizes in random order, so that pages split, overflow and are rebuilt, then deletes some and
/// overwrites others: what was marked to go is not to be read any more.
fn churn(store: &SqliteStore, numbers: &mut Numbers) {
    let mut leaving = Vec::new();
    for _ in 0..40 {
        let mut writes = std::collections::BTreeMap::new();
        for _ in 0..10 {
            let (number, length) =
                (numbers.below(50_000), [40, 400, 3_000, 20_000][numbers.below(4) as usize]);
            let length = numbers.below(length);
            match numbers.below(3) {
                0 => drop(writes.insert(row(KEPT, number), value(KEPT, length))),
                1 => {
                    leaving.push((row(GONE, number), Write::Delete));
                    writes.insert(row(GONE, number), value(GONE, length));
                }
                _ => {
                    leaving.push((row(KEPT, number), value(KEPT, numbers.below(500))));
                    writes.insert(row(KEPT, number), value(GONE, length));
                }
            }
        }
        write(store, writes.into_iter().collect());
        while leaving.len() > 60 {
            let leaves = leaving.swap_remove(numbers.below(leaving.len() as u64) as usize);
            write(store, vec![leaves]);
        }
    }
    for leaves in leaving {
        write(store, vec![leaves]);
    }
}

#[test]
fn a_scrub_leaves_no_byte_of_what_was_deleted_or_overwritten() {
    for seed in 1..=3 {
        let (folder, store) = new_quick_store();
        churn(&store, &mut Numbers(seed));
        assert!(!traces(folder.path()).is_empty(), "there was something to scrub");
        let before = all(&store);
        store.scrub().unwrap();
        assert_eq!(traces(folder.path()), [], "seed {seed}");
        assert!(all(&store) == before, "no record and no revision changed");
        let path = store.path().to_owned();
        drop(store);
        assert_eq!(traces(folder.path()), []);
        assert!(all(&SqliteStore::open(path).unwrap()) == before);
    }
}

#[test]
fn a_scrub_after_a_reopening_finds_what_went_before() {
    let (folder, store) = new_quick_store();
    churn(&store, &mut Numbers(9));
    let path = store.path().to_owned();
    drop(store);
    let store = SqliteStore::open(path).unwrap();
    store.scrub().unwrap();
    assert_eq!(traces(folder.path()), []);
}

#[test]
fn a_scrub_works_in_the_file_of_an_application_that_has_it_open() {
    let (folder, path) = quick_place();
    let connection = Connection::open(&path).unwrap();
    connection
        .execute_batch("CREATE TABLE account (id); INSERT INTO account VALUES ('KeptForever');")
        .unwrap();
    let store = SqliteStore::create_in(&path).unwrap();
    churn(&store, &mut Numbers(4));
    store.scrub().unwrap();
    assert_eq!(traces(folder.path()), []);
    let kept: String = connection.query_row("SELECT id FROM account", [], |row| row.get(0)).unwrap();
    assert_eq!(kept.as_bytes(), KEPT);
}

#[test]
fn what_is_deleted_is_overwritten_at_once_and_leaves_with_the_log() {
    let (folder, store) = new_quick_store();
    write(&store, vec![(row(GONE, 1), value(GONE, 30_000)), (row(KEPT, 2), value(KEPT, 300))]);
    write(&store, vec![(row(GONE, 1), Write::Delete)]);
    drop(store);
    assert_eq!(traces(folder.path()), []);
}

#[test]
fn a_scrub_that_a_reader_keeps_waiting_says_so_and_works_later() {
    let (folder, store) = new_quick_store();
    write(&store, vec![(row(GONE, 1), value(GONE, 3_000))]);
    let reader = Connection::open(store.path()).unwrap();
    reader.execute_batch("BEGIN").unwrap();
    let rows: i64 =
        reader.query_row("SELECT count(*) FROM strongroom_records", [], |row| row.get(0)).unwrap();
    assert_eq!(rows, 1);
    write(&store, vec![(row(GONE, 1), Write::Delete)]);
    let answer = store.scrub();
    assert!(matches!(answer, Err(StoreError::Engine(_))), "{answer:?}");
    assert!(!traces(folder.path()).is_empty(), "the reader still sees it");
    write(&store, vec![(key(1), put("works"))]);
    reader.execute_batch("COMMIT").unwrap();
    store.scrub().unwrap();
    assert_eq!(traces(folder.path()), []);
    assert_eq!(read(&store, &key(1)).unwrap().0, b"works");
}
