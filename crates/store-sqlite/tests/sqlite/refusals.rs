use std::{
    fs,
    io::{Read, Write},
    os::unix::fs::{PermissionsExt, symlink},
    path::Path,
    process::Command,
    sync::atomic::{AtomicBool, Ordering},
    thread,
};

use strongroom_store_sqlite::{OpenError, SqliteStore, rusqlite::Connection};

use crate::{
    child::{in_role, said, say, unprivileged},
    support::{beside, contents, key, new_store, place, put, quick_place, read, write},
};

type Answer = Result<SqliteStore, OpenError>;

/// Asks for something that has to be refused, and checks that the folder is as it was before.
fn refused<'p>(path: &'p Path, ask: impl FnOnce(&'p Path) -> Answer) -> OpenError {
    let folder = path.parent().unwrap();
    let before = contents(folder);
    let error = ask(path).unwrap_err();
    let changed = contents(folder) != before;
    assert!(!changed, "{error:?} changed the folder: {:?}", contents(folder).keys());
    error
}

/// As [`refused`], for a file that is in use: nothing new may lie in the folder.
fn refused_in_use(path: &Path) {
    let names = || contents(path.parent().unwrap()).into_keys().collect::<Vec<_>>();
    let before = names();
    let asked = [SqliteStore::open(path), SqliteStore::open_in(path)];
    for answer in asked {
        assert!(matches!(answer, Err(OpenError::InUse)), "{answer:?}");
    }
    assert_eq!(names(), before);
}

/// A store with a record, closed, after the application had its way with it.
fn store_after(statements: &str) -> (tempfile::TempDir, std::path::PathBuf) {
    let (folder, path) = place();
    write(&SqliteStore::create(&path).unwrap(), vec![(key(1), put("one"))]);
    let connection = Connection::open(&path).unwrap();
    connection.execute_batch(statements).unwrap();
    connection.close().unwrap();
    fs::remove_file(beside(&path, ".owner")).unwrap();
    (folder, path)
}

/// The files of a database as a crash leaves them: copied to another folder while it is open.
fn crashed(path: &Path, endings: &[&str]) -> (tempfile::TempDir, std::path::PathBuf) {
    let (folder, copy) = place();
    for ending in endings {
        let there = fs::read(beside(path, ending)).unwrap();
        assert!(!there.is_empty());
        fs::write(beside(&copy, ending), there).unwrap();
    }
    (folder, copy)
}

#[test]
fn what_is_not_there_is_not_found_and_not_made() {
    let (folder, path) = place();
    assert!(matches!(refused(&path, SqliteStore::open), OpenError::NotFound));
    assert!(matches!(refused(&path, SqliteStore::open_in), OpenError::NotFound));
    assert!(matches!(refused(&path, SqliteStore::create_in), OpenError::NotFound));
    let nowhere = folder.path().join("no folder").join("keys.db");
    for ask in [SqliteStore::create, SqliteStore::open] {
        assert!(matches!(refused(&path, |_| ask(nowhere.clone())), OpenError::NotFound));
    }
}

#[test]
fn a_file_that_is_no_database_is_foreign() {
    let (_folder, path) = place();
    let long = "a text, and no database at all\n".repeat(1_000);
    for text in ["", "x", "SQLite format 3\0", &long] {
        fs::write(&path, text).unwrap();
        assert!(matches!(refused(&path, SqliteStore::open), OpenError::Foreign), "{} bytes", text.len());
        assert!(matches!(refused(&path, SqliteStore::open_in), OpenError::Foreign), "{} bytes", text.len());
        assert!(matches!(refused(&path, SqliteStore::create), OpenError::Exists));
    }
    assert!(matches!(refused(&path, SqliteStore::create_in), OpenError::Foreign));
}

#[test]
fn a_folder_is_foreign() {
    let (_folder, path) = place();
    fs::create_dir(&path).unwrap();
    assert!(matches!(refused(&path, SqliteStore::open), OpenError::Foreign));
    assert!(matches!(refused(&path, SqliteStore::create_in), OpenError::Foreign));
    assert!(matches!(refused(&path, SqliteStore::create), OpenError::Exists));
}

#[test]
fn creating_replaces_nothing_not_even_a_link_that_leads_nowhere() {
    let (folder, path) = place();
    symlink(folder.path().join("nowhere"), &path).unwrap();
    assert!(matches!(refused(&path, SqliteStore::create), OpenError::Exists));
    let (_folder, path) = store_after("");
    assert!(matches!(refused(&path, SqliteStore::create), OpenError::Exists));
    assert_eq!(read(&SqliteStore::open(&path).unwrap(), &key(1)).unwrap().0, b"one");
}

#[test]
fn creating_takes_no_log_of_a_file_that_is_gone_for_its_own() {
    let (_folder, store) = new_store();
    write(&store, vec![(key(1), put("one"))]);
    let (_copy, path) = crashed(store.path(), &["", "-wal"]);
    fs::remove_file(&path).unwrap();
    assert!(matches!(refused(&path, SqliteStore::create), OpenError::Exists));
    fs::remove_file(beside(&path, "-wal")).unwrap();
    assert_eq!(read(&SqliteStore::create(&path).unwrap(), &key(1)), None);
}

#[test]
fn a_database_of_somebody_else_is_foreign_whatever_its_journal() {
    for mode in ["DELETE", "WAL"] {
        let (_folder, path) = place();
        let connection = Connection::open(&path).unwrap();
        connection.pragma_update_and_check(None, "journal_mode", mode, |_| Ok(())).unwrap();
        connection.execute_batch("CREATE TABLE account (id); INSERT INTO account VALUES (1);").unwrap();
        connection.close().unwrap();
        assert!(matches!(refused(&path, SqliteStore::open), OpenError::Foreign), "{mode}");
        assert!(matches!(refused(&path, SqliteStore::open_in), OpenError::Foreign), "{mode}");
    }
}

#[test]
fn what_a_crash_left_beside_a_foreign_database_stays_there() {
    let (_folder, path) = place();
    let connection = Connection::open(&path).unwrap();
    connection.execute_batch("CREATE TABLE account (id); PRAGMA cache_size = 1; BEGIN;").unwrap();
    for _ in 0..100 {
        connection.execute("INSERT INTO account VALUES (randomblob(1000))", []).unwrap();
    }
    let (_copy, journal) = crashed(&path, &["", "-journal"]);
    assert!(matches!(refused(&journal, SqliteStore::open), OpenError::Foreign));
    connection.execute_batch("COMMIT; PRAGMA journal_mode = WAL; DELETE FROM account;").unwrap();
    let (_copy, log) = crashed(&path, &["", "-wal"]);
    assert!(matches!(refused(&log, SqliteStore::open), OpenError::Foreign));
    assert!(matches!(refused(&log, SqliteStore::open_in), OpenError::Foreign));
}

#[test]
fn a_store_of_a_later_release_is_newer_and_left_to_it() {
    let later = "UPDATE strongroom_meta SET schema_version = 2";
    let (_folder, path) = store_after(&format!(
        "{later}; ALTER TABLE strongroom_meta DROP COLUMN reserved_revision; DROP TABLE strongroom_records;"
    ));
    for ask in [SqliteStore::open, SqliteStore::open_in] {
        let error = refused(&path, ask);
        assert!(matches!(error, OpenError::Newer { found: 2, known: 1 }), "{error:?}");
    }
    // The same with the news in the log.
    let (_folder, store) = new_store();
    Connection::open(store.path()).unwrap().execute_batch(later).unwrap();
    let (_copy, crashed) = crashed(store.path(), &["", "-wal"]);
    assert!(matches!(refused(&crashed, SqliteStore::open), OpenError::Newer { found: 2, known: 1 }));
}

#[test]
fn a_store_without_one_of_its_parts_is_damaged() {
    for loss in [
        "DROP TABLE strongroom_meta",
        "DROP TABLE strongroom_records",
        "DROP TABLE strongroom_meta; DROP TABLE strongroom_records",
        "DELETE FROM strongroom_meta",
        "ALTER TABLE strongroom_records DROP COLUMN revision",
        "UPDATE strongroom_meta SET schema_version = 0",
        "UPDATE strongroom_meta SET schema_version = -1",
        "UPDATE strongroom_meta SET reserved_revision = 0",
        "UPDATE strongroom_meta SET reserved_revision = 9223372036854775807",
    ] {
        let (_folder, path) = store_after(loss);
        let error = refused(&path, SqliteStore::open);
        assert!(matches!(error, OpenError::Damaged), "{loss}: {error:?}");
    }
}

#[test]
fn the_application_id_tells_a_store_of_its_own_file() {
    let (_folder, path) = store_after("PRAGMA application_id = 7");
    assert!(matches!(refused(&path, SqliteStore::open), OpenError::Foreign));
    assert!(SqliteStore::open_in(&path).is_ok(), "in the application's file its id is its own");
}

#[test]
fn a_store_has_one_owner_by_whatever_name_it_is_called() {
    let (folder, store) = new_store();
    write(&store, vec![(key(1), put("one"))]);
    refused_in_use(store.path());
    let link = folder.path().join("link");
    symlink(store.path(), &link).unwrap();
    refused_in_use(&link);
    fs::create_dir(folder.path().join("sub")).unwrap();
    refused_in_use(&folder.path().join("sub/../keys.db"));
    let clone = store.clone();
    drop(store);
    refused_in_use(&link);
    drop(clone);
    assert_eq!(read(&SqliteStore::open(&link).unwrap(), &key(1)).unwrap().0, b"one");
}

#[test]
fn a_store_of_another_process_is_in_use_until_that_ends() {
    let (folder, path) = place();
    drop(SqliteStore::create(&path).unwrap());
    let mut child = in_role("own", folder.path(), &[]).spawn().unwrap();
    assert_eq!(said(&mut child).next().unwrap(), "own");
    refused_in_use(&path);
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(read(&SqliteStore::open(&path).unwrap(), &key(1)).unwrap().0, b"theirs");
}

/// In a child.
pub(crate) fn own_until_told(path: &Path) {
    let store = SqliteStore::open(path).unwrap();
    write(&store, vec![(key(1), put("theirs"))]);
    say("own");
    std::io::stdin().read_to_end(&mut Vec::new()).unwrap();
}

#[test]
fn a_store_that_was_closed_is_free_also_while_the_process_starts_others() {
    // Between its fork and its exec such a process has all files of this one open.
    let (_folder, path) = quick_place();
    drop(SqliteStore::create(&path).unwrap());
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while !done.load(Ordering::SeqCst) {
                    assert!(Command::new("true").status().unwrap().success());
                }
            });
        }
        let refusal = (0..300).find_map(|_| SqliteStore::open(&path).map(drop).err());
        done.store(true, Ordering::SeqCst);
        assert!(refusal.is_none(), "{refusal:?}");
    });
}

#[test]
fn one_of_many_that_open_or_create_at_once_owns_the_store() {
    let (_folder, path) = place();
    for ask in [SqliteStore::create, SqliteStore::open] {
        let answers: Vec<_> = thread::scope(|scope| {
            let threads: Vec<_> = (0..8).map(|_| scope.spawn(|| ask(&path))).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        let refusals = answers.iter().filter_map(|answer| answer.as_ref().err());
        assert_eq!(refusals.clone().count(), 7);
        for refusal in refusals {
            assert!(matches!(refusal, OpenError::InUse | OpenError::Exists), "{refusal:?}");
        }
    }
}

#[test]
fn without_the_right_to_write_a_store_is_denied() {
    for (file, folder_mode) in [(0o400, 0o777), (0o666, 0o555)] {
        let (folder, path) = place();
        drop(SqliteStore::create(&path).unwrap());
        fs::remove_file(beside(&path, ".owner")).unwrap();
        let command = unprivileged("refused", folder.path());
        fs::set_permissions(&path, PermissionsExt::from_mode(if file == 0o400 { 0o444 } else { file }))
            .unwrap();
        fs::set_permissions(folder.path(), PermissionsExt::from_mode(folder_mode)).unwrap();
        let before = contents(folder.path());
        assert_eq!(crate::child::run(command), ["Denied", "Denied"], "mode {file:o} in {folder_mode:o}");
        assert!(contents(folder.path()) == before);
        fs::set_permissions(folder.path(), PermissionsExt::from_mode(0o700)).unwrap();
    }
}

/// In a child.
pub(crate) fn say_what_opening_answers(path: &Path) {
    for answer in [SqliteStore::open(path), SqliteStore::open_in(path)] {
        say(format!("{:?}", answer.unwrap_err()));
    }
    std::io::stderr().flush().unwrap();
}
