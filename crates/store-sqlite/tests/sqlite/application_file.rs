use std::{path::Path, thread, time::Duration};

use strongroom_core::{Expect, Outcome};
use strongroom_store_sqlite::{OpenError, SqliteStore, rusqlite::Connection};

use crate::support::{beside, contents, key, place, put, read, try_commit, write};

const APPLICATION: i64 = 0x00c0_ffee;

/// A file of an application, with a row.
fn application(path: &Path) -> Connection {
    let connection = Connection::open(path).unwrap();
    connection
        .execute_batch(&format!(
            "PRAGMA application_id = {APPLICATION}; PRAGMA user_version = 12;
            CREATE TABLE account (id INTEGER PRIMARY KEY); INSERT INTO account VALUES (1);"
        ))
        .unwrap();
    connection
}

fn accounts(connection: &Connection) -> i64 {
    connection.query_row("SELECT count(*) FROM account", [], |row| row.get(0)).unwrap()
}

fn number(connection: &Connection, pragma: &str) -> i64 {
    connection.pragma_query_value(None, pragma, |row| row.get(0)).unwrap()
}

#[test]
fn a_store_in_the_file_of_an_application_touches_only_tables_of_its_own() {
    let (_folder, path) = place();
    let connection = application(&path);
    let store = SqliteStore::create_in(&path).unwrap();
    let revision = write(&store, vec![(key(1), put("one"))]);
    assert_eq!(
        (number(&connection, "application_id"), number(&connection, "user_version")),
        (APPLICATION, 12)
    );
    let mut tables = connection.prepare("SELECT name FROM sqlite_schema WHERE type = 'table'").unwrap();
    let tables: Vec<String> = tables.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
    assert_eq!(tables, ["account", "strongroom_meta", "strongroom_records"]);
    drop(store);
    assert_eq!(accounts(&connection), 1);
    let store = SqliteStore::open_in(&path).unwrap();
    assert_eq!(read(&store, &key(1)), Some((b"one".to_vec(), revision)));
    assert!(matches!(SqliteStore::open(&path), Err(OpenError::Foreign)), "its file is not ours");
}

#[test]
fn an_application_file_takes_one_store_with_one_owner() {
    let (_folder, path) = place();
    drop(application(&path));
    let nothing = SqliteStore::open_in(&path);
    assert!(matches!(nothing, Err(OpenError::Foreign)), "{nothing:?}");
    let store = SqliteStore::create_in(&path).unwrap();
    assert!(matches!(SqliteStore::create_in(&path), Err(OpenError::Exists)));
    assert!(matches!(SqliteStore::open_in(&path), Err(OpenError::InUse)));
    drop(store);
    assert!(matches!(SqliteStore::create_in(&path), Err(OpenError::Exists)));
    assert!(SqliteStore::open_in(&path).is_ok());
}

#[test]
fn a_table_of_the_application_with_a_name_of_ours_is_left_alone() {
    let (folder, path) = place();
    let connection = application(&path);
    connection.execute_batch("CREATE TABLE strongroom_records (mine)").unwrap();
    connection.close().unwrap();
    let before = contents(folder.path());
    assert!(matches!(SqliteStore::create_in(&path), Err(OpenError::Exists)));
    assert!(contents(folder.path()) == before);
}

#[test]
fn a_file_that_the_application_holds_is_in_use_and_gets_no_half_of_a_store() {
    let (_folder, path) = place();
    let connection = application(&path);
    connection.execute_batch("BEGIN; SELECT * FROM account;").unwrap();
    let answer = SqliteStore::create_in(&path);
    assert!(matches!(answer, Err(OpenError::InUse)), "{answer:?}");
    connection.execute_batch("COMMIT").unwrap();
    assert!(SqliteStore::create_in(&path).is_ok());
}

#[test]
fn connections_of_the_application_and_the_store_commit_side_by_side() {
    let (_folder, path) = place();
    let connection = application(&path);
    let store = SqliteStore::create_in(&path).unwrap();
    connection.busy_timeout(Duration::from_secs(5)).unwrap();
    thread::scope(|scope| {
        scope.spawn(|| {
            for row in 0..40 {
                write(&store, vec![(key(row), put("x"))]);
            }
        });
        for row in 2..40 {
            connection.execute("INSERT INTO account VALUES (?1)", [row]).unwrap();
        }
    });
    assert_eq!(accounts(&connection), 39);
    assert!((0..40).all(|row| read(&store, &key(row)).is_some()));
}

#[test]
fn a_commit_waits_for_a_transaction_of_another_connection() {
    let (_folder, path) = place();
    let connection = application(&path);
    let store = SqliteStore::create_in(&path).unwrap();
    let old = write(&store, vec![(key(1), put("old"))]);
    connection.execute_batch("BEGIN IMMEDIATE; INSERT INTO account VALUES (2);").unwrap();
    thread::scope(|scope| {
        let late = scope.spawn(|| {
            try_commit(&store, vec![(key(1), Expect::At(old))], vec![(key(1), put("new"))]).unwrap()
        });
        thread::sleep(Duration::from_millis(150));
        assert!(!late.is_finished());
        assert_eq!(read(&store, &key(1)).unwrap().0, b"old");
        connection.execute_batch("COMMIT").unwrap();
        assert!(matches!(late.join().unwrap(), Outcome::Done(_)));
    });
    assert_eq!(accounts(&connection), 2);
}

#[test]
fn rows_in_a_transaction_of_the_store_are_seen_by_the_application_after_it() {
    let (_folder, path) = place();
    let connection = application(&path);
    let store = SqliteStore::create_in(&path).unwrap();
    let transaction = store.begin().unwrap();
    transaction.execute("INSERT INTO account VALUES (2)", []).unwrap();
    assert_eq!(accounts(&connection), 1);
    transaction.commit_rows().unwrap();
    assert_eq!(accounts(&connection), 2);
    drop(store);
    assert!(beside(&path, "-wal").exists(), "the application still uses the log");
    assert_eq!(accounts(&connection), 2);
}
