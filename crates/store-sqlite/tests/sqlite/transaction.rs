use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
    thread,
    time::Duration,
};

use strongroom_core::{Change, CommitError, Expect, Lowered, Pending, Reader, RecordKey, Store, StoreError};
use strongroom_store_sqlite::SqliteStore;

use crate::support::{key, new_store, put, read, sealed, tenant, try_commit, write};

/// A store in whose file an application keeps accounts, one of them open.
fn bank() -> (tempfile::TempDir, SqliteStore) {
    let (folder, store) = new_store();
    let transaction = store.begin().unwrap();
    transaction
        .execute_batch("CREATE TABLE account (id INTEGER PRIMARY KEY, owner UNIQUE); INSERT INTO account VALUES (1, 'a');")
        .unwrap();
    transaction.commit_rows().unwrap();
    (folder, store)
}

fn accounts(store: &SqliteStore) -> Vec<i64> {
    let transaction = store.begin().unwrap();
    let mut rows = transaction.prepare("SELECT id FROM account ORDER BY id").unwrap();
    rows.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
}

/// A change that puts a record if it is as expected, with the answer 42.
fn change(store: &SqliteStore, key: &RecordKey, expect: Expect) -> Change<u8> {
    let mut change = Reader::new(&*sealed(store), tenant(1)).change(42);
    change.expect(key, expect);
    change.put(key, b"changed");
    change
}

fn lowered(store: &SqliteStore) -> (Lowered, Pending<u8>) {
    change(store, &key(1), Expect::Absent).lower(&*sealed(store)).unwrap()
}

/// Neither the application's rows nor the change are there, and the store works.
fn nothing_happened(store: &SqliteStore) {
    assert_eq!(accounts(store), [1]);
    assert_eq!(read(store, &key(1)), None);
    write(store, vec![(key(9), put("works"))]);
}

#[test]
fn rows_of_the_application_and_a_change_are_committed_together() {
    let (_folder, store) = bank();
    let evicted = Arc::new(AtomicBool::new(false));
    let mut change = change(&store, &key(1), Expect::Absent);
    let flag = evicted.clone();
    change.evict(move || flag.store(true, Ordering::SeqCst));
    let transaction = store.begin().unwrap();
    transaction.execute("INSERT INTO account VALUES (2, 'b')", []).unwrap();
    let change = change.lower(&*sealed(&store)).unwrap();
    assert!(!evicted.load(Ordering::SeqCst));
    assert_eq!(transaction.commit(change).unwrap(), 42);
    assert!(evicted.load(Ordering::SeqCst), "what is stale in memory is gone");
    let path = store.path().to_owned();
    drop(store);
    let store = SqliteStore::open(path).unwrap();
    assert_eq!(read(&store, &key(1)).unwrap().0, b"changed");
    assert_eq!(accounts(&store), [1, 2]);
}

#[test]
fn a_rollback_a_drop_and_a_panic_undo_both() {
    let (_folder, store) = bank();
    let end: [fn(&SqliteStore); 3] = [
        |store| begun(store).rollback(),
        |store| drop(begun(store)),
        |store| {
            let panics = || {
                let _transaction = begun(store);
                panic!("the application has a bug");
            };
            assert!(catch_unwind(AssertUnwindSafe(panics)).is_err());
        },
    ];
    for end in end {
        end(&store);
        nothing_happened(&store);
    }
}

/// A transaction with a row of the application in it.
fn begun(store: &SqliteStore) -> strongroom_store_sqlite::Transaction<'_> {
    let transaction = store.begin().unwrap();
    transaction.execute("INSERT INTO account VALUES (2, 'b')", []).unwrap();
    transaction
}

#[test]
fn a_conflict_names_the_record_and_undoes_the_rows() {
    let (_folder, store) = bank();
    write(&store, vec![(key(5), put("somebody was here"))]);
    let late = change(&store, &key(5), Expect::Absent).lower(&*sealed(&store)).unwrap();
    match begun(&store).commit(late) {
        Err(CommitError::Conflict(named)) => assert_eq!(named, key(5)),
        other => panic!("{other:?}"),
    }
    nothing_happened(&store);
    assert_eq!(read(&store, &key(5)).unwrap().0, b"somebody was here");
}

#[test]
fn a_change_for_another_store_is_refused_and_undoes_the_rows() {
    let (_folder, store) = bank();
    let (_other_folder, other) = bank();
    let answer = begun(&store).commit(lowered(&other));
    assert!(matches!(answer, Err(CommitError::Store(StoreError::Invalid(_)))), "{answer:?}");
    nothing_happened(&store);
}

#[test]
fn a_plain_commit_of_the_thread_that_holds_the_transaction_is_an_error_and_no_deadlock() {
    let (end, ended) = mpsc::channel();
    let test = thread::spawn(move || {
        commit_plainly_within_a_transaction();
        let _ = end.send(());
    });
    let deadlock = ended.recv_timeout(Duration::from_secs(60)) == Err(mpsc::RecvTimeoutError::Timeout);
    assert!(!deadlock && test.join().is_ok());
}

fn commit_plainly_within_a_transaction() {
    let (_folder, store) = bank();
    let transaction = begun(&store);
    let plain = try_commit(&store, Vec::new(), vec![(key(1), put("x"))]);
    assert!(matches!(plain, Err(StoreError::Invalid(_))), "{plain:?}");
    assert!(matches!(store.begin(), Err(StoreError::Invalid(_))));
    assert!(matches!(store.scrub(), Err(StoreError::Invalid(_))));
    let change = change(&store, &key(1), Expect::Absent).commit(&*sealed(&store));
    assert!(matches!(change, Err(CommitError::Store(StoreError::Invalid(_)))), "{change:?}");
    transaction.commit(lowered(&store)).unwrap();
    assert_eq!(accounts(&store), [1, 2]);
    write(&store, vec![(key(1), put("afterwards it may"))]);
}

#[test]
fn other_threads_wait_for_the_transaction_and_read_the_state_before() {
    let (_folder, store) = bank();
    let (tell, told) = mpsc::channel();
    thread::scope(|scope| {
        let transaction = begun(&store);
        let late = |number| {
            let (tell, store) = (tell.clone(), &store);
            scope.spawn(move || {
                assert_eq!(read(store, &key(1)), None, "reading waits for nobody");
                tell.send("read").unwrap();
                write(store, vec![(key(number), put("late"))]);
                tell.send("written").unwrap();
            })
        };
        let _threads = [late(7), late(8)];
        assert_eq!((told.recv().unwrap(), told.recv().unwrap()), ("read", "read"));
        assert!(told.recv_timeout(Duration::from_millis(150)).is_err(), "a commit waits");
        assert_eq!(read(&store, &key(7)), None);
        transaction.commit(lowered(&store)).unwrap();
    });
    assert_eq!([told.recv().unwrap(), told.recv().unwrap()], ["written", "written"]);
    assert!(read(&store, &key(1)).unwrap().1 < read(&store, &key(7)).unwrap().1);
}

#[test]
fn a_transaction_that_a_statement_ended_commits_no_change() {
    for statements in [
        &["ROLLBACK"][..],
        &["ROLLBACK", "BEGIN"],
        &["COMMIT"],
        &["COMMIT", "BEGIN"],
        &["COMMIT", "INSERT INTO account VALUES (3, 'c')"],
        &["INSERT OR ROLLBACK INTO account VALUES (3, 'a')", "INSERT INTO account VALUES (4, 'd')"],
        &["END TRANSACTION", "BEGIN IMMEDIATE", "INSERT INTO account VALUES (3, 'c')"],
    ] {
        let (_folder, store) = bank();
        for with_change in [true, false] {
            let transaction = begun(&store);
            for statement in statements {
                // Some of them answer with an error, which the application here does not look at.
                let _ = transaction.execute(statement, []);
            }
            let answer = match with_change {
                true => transaction.commit(lowered(&store)).map(drop),
                false => transaction.commit_rows().map_err(CommitError::from),
            };
            let refused = matches!(answer, Err(CommitError::Store(StoreError::Invalid(_))));
            assert!(refused, "{statements:?}: {answer:?}");
            nothing_happened(&store);
        }
    }
}

#[test]
fn a_savepoint_of_the_application_is_its_own() {
    let (_folder, store) = bank();
    let transaction = begun(&store);
    transaction
        .execute_batch(
            "SAVEPOINT a; INSERT INTO account VALUES (3, 'c'); ROLLBACK TO a; RELEASE a;
            SAVEPOINT b; INSERT INTO account VALUES (4, 'd'); RELEASE b;",
        )
        .unwrap();
    assert!(transaction.execute("INSERT INTO account VALUES (5, 'a')", []).is_err(), "a failed statement");
    transaction.commit(lowered(&store)).unwrap();
    assert_eq!(accounts(&store), [1, 2, 4]);
}

#[test]
fn a_constraint_that_the_commit_finds_broken_undoes_both_and_breaks_nothing() {
    let (_folder, store) = bank();
    let transaction = begun(&store);
    transaction
        .execute_batch(
            "CREATE TABLE card (account REFERENCES account DEFERRABLE INITIALLY DEFERRED);
            INSERT INTO card VALUES (77);",
        )
        .unwrap();
    let answer = transaction.commit(lowered(&store));
    assert!(matches!(answer, Err(CommitError::Store(StoreError::Engine(_)))), "{answer:?}");
    nothing_happened(&store);
}
