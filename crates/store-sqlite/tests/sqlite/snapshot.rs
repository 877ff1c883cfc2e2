use std::{
    fs,
    os::unix::fs::{PermissionsExt, symlink},
    path::Path,
};

use strongroom_core::{Outcome, Store, StoreError, Time};
use strongroom_store_sqlite::{
    OpenError, Progress, Snapshot, SnapshotError, SqliteStore, rusqlite::Connection,
};

use crate::support::{
    all, beside, bytes, contents, key, new_store, place, put, quick_place, read, try_commit, write,
};

pub(crate) const NOW: Time = Time::from_millis(1_800_000_000_000);
pub(crate) const LATER: Time = Time::from_millis(1_800_000_100_000);

fn take(store: &SqliteStore, to: &Path) -> Snapshot {
    store.snapshot(to, NOW, &mut |_| ()).unwrap()
}

/// The store that a snapshot becomes.
fn restored(snapshot: &Path) -> SqliteStore {
    let to = snapshot.with_extension("restored");
    SqliteStore::restore(snapshot, &to, LATER).unwrap();
    SqliteStore::open(to).unwrap()
}

#[test]
fn a_snapshot_is_one_new_file_of_its_owner_that_says_what_it_is_of() {
    let (folder, store) = new_store();
    let revision = write(&store, vec![(key(1), put("one"))]);
    let other = tempfile::tempdir().unwrap();
    let to = other.path().join("snapshot");
    let before = contents(folder.path()).into_keys().collect::<Vec<_>>();
    let snapshot = take(&store, &to);
    assert_eq!(contents(folder.path()).into_keys().collect::<Vec<_>>(), before);
    assert_eq!(contents(other.path()).into_keys().collect::<Vec<_>>(), ["snapshot"]);
    assert_eq!(fs::metadata(&to).unwrap().permissions().mode() & 0o7777, 0o600);
    let identity = store.identity().unwrap();
    assert_eq!((snapshot.store, snapshot.history), (identity.store, identity.history));
    assert_eq!((snapshot.revision, snapshot.taken_at, snapshot.layout), (revision, NOW, identity.layout));
    assert!(!snapshot.application && Snapshot::inspect(&to).unwrap() == snapshot);
    assert_eq!(contents(other.path()).into_keys().collect::<Vec<_>>(), ["snapshot"]);
}

#[test]
fn commits_go_on_while_a_snapshot_is_taken_and_are_not_in_it() {
    let (_folder, path) = quick_place();
    let store = SqliteStore::create(&path).unwrap();
    write(&store, (0..900).map(|number| (key(number), put([7; 9_000]))).collect());
    let before = all(&store);
    let mut seen = Vec::new();
    let to = path.with_extension("snapshot");
    let mut during = |progress: Progress| {
        let number = 10_000 + seen.len() as u64;
        write(&store, vec![(key(number), put("late")), (key(seen.len() as u64), put("late"))]);
        seen.push(progress);
    };
    store.snapshot(&to, NOW, &mut during).unwrap();
    assert!(seen.len() > 5 && seen.is_sorted_by_key(|progress| progress.done), "{seen:?}");
    let last = seen.last().unwrap();
    assert_eq!((last.done, last.total), (last.total, fs::metadata(&to).unwrap().len() - 4_096));
    assert_eq!(all(&restored(&to)), before);
    assert!((0..seen.len() as u64).all(|number| read(&store, &key(number)).unwrap().0 == b"late"));
}

/// Rows of the application, 45 MB.
const MUCH: &str = "CREATE TABLE much (row BLOB);
    WITH RECURSIVE counter (number) AS (SELECT 1 UNION ALL SELECT number + 1 FROM counter LIMIT 15000)
    INSERT INTO much SELECT zeroblob(3000) FROM counter;";

#[test]
fn a_log_that_grew_under_a_snapshot_shrinks_again() {
    let (_folder, path) = quick_place();
    let store = SqliteStore::create(&path).unwrap();
    let log = || fs::metadata(beside(&path, "-wal")).unwrap().len();
    let mut grown = 0;
    let mut during = |_| {
        let transaction = store.begin().unwrap();
        transaction.execute_batch(MUCH).unwrap();
        transaction.commit_rows().unwrap();
        grown = log();
    };
    store.snapshot(path.with_extension("snapshot"), NOW, &mut during).unwrap();
    assert!(grown >= 40 << 20);
    write(&store, vec![(key(2), put("the next commit"))]);
    assert!(log() <= 32 << 20, "the log has {} bytes", log());
    assert!(fs::metadata(&path).unwrap().len() > 40 << 20, "it was written back");
}

#[test]
fn a_snapshot_never_overwrites() {
    let (folder, store) = new_store();
    write(&store, vec![(key(1), put("one"))]);
    let to = folder.path().join("snapshot");
    let refused = |at: &Path| {
        let before = contents(folder.path()).into_keys().collect::<Vec<_>>();
        let answer = store.snapshot(&to, NOW, &mut |_| ());
        assert!(matches!(answer, Err(SnapshotError::Copy(OpenError::Exists))), "{answer:?}");
        assert_eq!(contents(folder.path()).into_keys().collect::<Vec<_>>(), before);
        fs::remove_file(at).unwrap();
    };
    fs::write(&to, "somebody's").unwrap();
    refused(&to);
    symlink("nowhere", &to).unwrap();
    refused(&to);
    for ending in ["-wal", "-journal"] {
        fs::write(beside(&to, ending), "left").unwrap();
        refused(&beside(&to, ending));
    }
    // What comes while the copy is made.
    let mut comes = |_| fs::write(&to, "somebody's").unwrap();
    let answer = store.snapshot(&to, NOW, &mut comes);
    assert!(matches!(answer, Err(SnapshotError::Copy(OpenError::Exists))), "{answer:?}");
    assert_eq!(fs::read(&to).unwrap(), b"somebody's");
    fs::remove_file(&to).unwrap();
    take(&store, &to);
    let names = contents(folder.path()).into_keys().collect::<Vec<_>>();
    assert_eq!(names, ["keys.db", "keys.db-shm", "keys.db-wal", "keys.db.owner", "snapshot"]);
}

#[test]
fn a_snapshot_is_not_opened_as_a_store() {
    let (folder, store) = new_store();
    let to = folder.path().join("snapshot");
    take(&store, &to);
    let before = fs::read(&to).unwrap();
    for answer in [SqliteStore::open(&to), SqliteStore::open_in(&to)] {
        assert!(matches!(answer, Err(OpenError::Snapshot)), "{answer:?}");
    }
    assert!(matches!(SqliteStore::create_in(&to), Err(OpenError::Exists)));
    assert!(fs::read(&to).unwrap() == before && !beside(&to, ".owner").exists());
}

#[test]
fn a_thread_that_holds_a_transaction_takes_no_snapshot() {
    let (folder, store) = new_store();
    let transaction = store.begin().unwrap();
    let answer = store.snapshot(folder.path().join("snapshot"), NOW, &mut |_| ());
    assert!(matches!(answer, Err(SnapshotError::Store(StoreError::Invalid(_)))), "{answer:?}");
    assert!(matches!(store.identity(), Err(StoreError::Invalid(_))));
    transaction.rollback();
    take(&store, &folder.path().join("snapshot"));
    assert_eq!(contents(folder.path()).len(), 5, "the first try left nothing");
}

#[test]
fn a_snapshot_holds_back_no_deletion() {
    let (_folder, path) = quick_place();
    let store = SqliteStore::create(&path).unwrap();
    write(&store, vec![(key(1), put("a secret that is to go"))]);
    take(&store, &path.with_extension("snapshot"));
    assert!(matches!(
        try_commit(&store, Vec::new(), vec![(key(1), strongroom_core::Write::Delete)]).unwrap(),
        Outcome::Done(_)
    ));
    store.scrub().unwrap();
    for ending in ["", "-wal"] {
        let found = bytes(&beside(&path, ending)).windows(22).any(|part| part == b"a secret that is to go");
        assert!(!found, "{ending}");
    }
}

#[test]
fn a_store_that_is_not_sound_gives_no_snapshot() {
    let (folder, path) = place();
    let store = SqliteStore::create(&path).unwrap();
    write(&store, (0..400).map(|number| (key(number), put([7; 900]))).collect());
    drop(store);
    let mut file = fs::read(&path).unwrap();
    // The last page is one of records. Its header says now that it has none, and its cells lie about.
    let page = file.len() - 4_096;
    file[page + 3..page + 5].fill(0);
    fs::write(&path, file).unwrap();
    let store = SqliteStore::open(&path).unwrap();
    let answer = store.snapshot(folder.path().join("snapshot"), NOW, &mut |_| ());
    assert!(matches!(answer, Err(SnapshotError::Copy(OpenError::Damaged))), "{answer:?}");
    assert_eq!(contents(folder.path()).len(), 4, "nothing was left");
}

#[test]
fn the_file_of_an_application_is_copied_as_a_whole() {
    let (folder, path) = place();
    let application = Connection::open(&path).unwrap();
    application.create_collation("mine", |one: &str, other: &str| one.cmp(other)).unwrap();
    let tables = "PRAGMA page_size = 8192; PRAGMA application_id = 7;
        CREATE TABLE account (name TEXT); CREATE INDEX names ON account (name COLLATE mine);
        INSERT INTO account VALUES ('one'), ('two');";
    application.execute_batch(tables).unwrap();
    let store = SqliteStore::create_in(&path).unwrap();
    let revision = write(&store, vec![(key(1), put("one"))]);
    let (to, other) = (folder.path().join("snapshot"), folder.path().join("other.db"));
    let snapshot = take(&store, &to);
    assert_eq!((snapshot.revision, snapshot.application), (revision, true));
    assert_eq!(Snapshot::inspect(&to).unwrap(), snapshot);
    let refused = SqliteStore::restore(&to, &other, LATER);
    assert!(matches!(refused, Err(OpenError::Foreign)), "{refused:?}");
    SqliteStore::restore_in(&to, &other, LATER).unwrap();
    let copy = SqliteStore::open_in(&other).unwrap();
    assert_eq!(read(&copy, &key(1)).unwrap().0, b"one");
    let copied = Connection::open(&other).unwrap();
    let names: i64 = copied.query_row("SELECT count(*) FROM account", [], |row| row.get(0)).unwrap();
    assert_eq!(names, 2);
}
