//! A change of a ring and the application's rows in one transaction of SQLite, through the barrier.

use std::{fs, path::Path, sync::Arc};

use strongroom_barrier::{NewSlot, Sealed, Unlock, UnsealSecret, Unsealed};
use strongroom_core::{
    Action, Algorithm, CommitError, Reader, RecordKey, Segment, Store, SystemClock, Table,
};
use strongroom_keys::RustCrypto;
use strongroom_kms::{Kms, RingState, Rings};
use strongroom_store_sqlite::SqliteStore;
use tempfile::TempDir;

use crate::support::{DELETABLE, drained, name, verdict};

/// A database in a file, open.
struct Database {
    folder: TempDir,
    store: Arc<SqliteStore>,
    unsealed: Unsealed,
    rings: Rings,
}

impl Database {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Arc::new(SqliteStore::create(folder.path().join("keys.db")).unwrap());
        let (provider, secret) = (Arc::new(RustCrypto::new()), secret());
        let slots = [NewSlot::Secret(&secret)];
        Sealed::create(store.clone(), provider, Arc::new(SystemClock), &slots, Vec::new()).unwrap();
        let database = Self::over(folder, store);
        let transaction = database.store.begin().unwrap();
        transaction.execute("CREATE TABLE account (id INTEGER PRIMARY KEY, closed INTEGER)", []).unwrap();
        transaction.execute("INSERT INTO account VALUES (7, 0)", []).unwrap();
        transaction.commit_rows().unwrap();
        database.rings.create(&name("ring"), Algorithm::Aes256Gcm).unwrap();
        drained(&database.unsealed);
        database
    }

    fn over(folder: TempDir, store: Arc<SqliteStore>) -> Self {
        let (provider, secret) = (Arc::new(RustCrypto::new()), secret());
        let sealed = Sealed::open(store.clone(), provider, Arc::new(SystemClock)).unwrap();
        let unsealed = sealed.unseal(&Unlock::Secret(&secret)).unwrap();
        let rings = Kms::new(unsealed.base()).without_caller(unsealed.first_tenant());
        Self { folder, store, unsealed, rings }
    }

    /// A new process on the same file.
    fn restarted(self) -> Self {
        let Self { folder, store, unsealed, rings } = self;
        drop((store, unsealed, rings));
        let store = Arc::new(SqliteStore::open(folder.path().join("keys.db")).unwrap());
        Self::over(folder, store)
    }

    fn reader(&self) -> Reader<'_> {
        Reader::new(&self.unsealed, self.unsealed.first_tenant())
    }

    fn encrypt(&self) -> &'static str {
        verdict(self.rings.encrypt(&name("ring"), b"text", b""))
    }

    fn closed(&self) -> i64 {
        let transaction = self.store.begin().unwrap();
        transaction.query_row("SELECT closed FROM account WHERE id = 7", [], |row| row.get(0)).unwrap()
    }
}

fn secret() -> UnsealSecret {
    UnsealSecret::new(vec![7; 32]).unwrap()
}

const CLOSE: &str = "UPDATE account SET closed = 1 WHERE id = 7";

#[test]
fn a_disable_takes_effect_with_the_commit_of_the_application() {
    let database = Database::new();
    assert_eq!(database.encrypt(), "ok");
    let plan = database.rings.plan_disable(database.reader(), &name("ring")).unwrap();
    let change = plan.lower(&database.unsealed).unwrap();
    let transaction = database.store.begin().unwrap();
    transaction.execute(CLOSE, []).unwrap();
    assert_eq!(database.encrypt(), "ok", "not before the commit");
    transaction.commit(change).unwrap();
    assert_eq!(database.encrypt(), "disabled");
    assert_eq!(database.closed(), 1);
    let events = drained(&database.unsealed);
    assert_eq!(events.iter().map(|event| event.action).collect::<Vec<_>>(), [Action::Disable]);
    let database = database.restarted();
    assert_eq!((database.encrypt(), database.closed()), ("disabled", 1));
}

#[test]
fn a_disable_that_is_rolled_back_has_no_effect() {
    let database = Database::new();
    for drops in [true, false] {
        assert_eq!(database.encrypt(), "ok");
        let plan = database.rings.plan_disable(database.reader(), &name("ring")).unwrap();
        let change = plan.lower(&database.unsealed).unwrap();
        let transaction = database.store.begin().unwrap();
        transaction.execute(CLOSE, []).unwrap();
        if drops {
            drop(transaction)
        } else {
            transaction.rollback()
        }
        drop(change);
        assert_eq!((database.encrypt(), database.closed()), ("ok", 0));
        assert!(database.rings.read(&name("ring")).unwrap().state == RingState::Active);
    }
    assert_eq!(drained(&database.unsealed), []);
    let database = database.restarted();
    assert_eq!((database.encrypt(), database.closed()), ("ok", 0));
}

#[test]
fn a_plan_that_was_overtaken_commits_nothing_of_the_application_either() {
    let database = Database::new();
    let plan = database.rings.plan_disable(database.reader(), &name("ring")).unwrap();
    let change = plan.lower(&database.unsealed).unwrap();
    database.rings.rotate(&name("ring")).unwrap();
    let transaction = database.store.begin().unwrap();
    transaction.execute(CLOSE, []).unwrap();
    assert!(matches!(transaction.commit(change), Err(CommitError::Conflict(_))));
    assert_eq!((database.encrypt(), database.closed()), ("ok", 0));
    let events = drained(&database.unsealed);
    assert_eq!(events.iter().map(|event| event.action).collect::<Vec<_>>(), [Action::Rotate]);
}

#[test]
fn every_change_can_be_part_of_a_transaction() {
    let database = Database::new();
    let (rings, unsealed) = (&database.rings, &database.unsealed);
    let (ring, new) = (name("ring"), name("new"));
    let begin = || database.store.begin().unwrap();
    let made =
        rings.plan_create(database.reader(), &new, Algorithm::Ed25519).unwrap().lower(unsealed).unwrap();
    let shown = begin().commit(made).unwrap();
    assert_eq!(rings.read(&new).unwrap(), shown);
    let rotated = rings.plan_rotate(database.reader(), &ring).unwrap().lower(unsealed).unwrap();
    assert_eq!(begin().commit(rotated).unwrap(), 2);
    for disabled in [true, false] {
        let plan = match disabled {
            true => rings.plan_disable(database.reader(), &ring),
            false => rings.plan_enable(database.reader(), &ring),
        };
        begin().commit(plan.unwrap().lower(unsealed).unwrap()).unwrap();
        assert_eq!(rings.read(&ring).unwrap().state == RingState::Disabled, disabled);
    }
    let set = rings.plan_configure(database.reader(), &ring, &DELETABLE).unwrap().lower(unsealed).unwrap();
    assert!(begin().commit(set).unwrap().deletion_allowed);
    let end = rings.plan_delete(database.reader(), &ring).unwrap().lower(unsealed).unwrap();
    begin().commit(end).unwrap();
    assert_eq!(database.encrypt(), "not found");
}

/// Whether any file of a folder holds these bytes.
fn on_disk(folder: &Path, bytes: &[u8]) -> bool {
    fs::read_dir(folder).unwrap().any(|file| {
        let content = fs::read(file.unwrap().path()).unwrap();
        content.windows(bytes.len()).any(|window| window == bytes)
    })
}

#[test]
fn after_a_delete_and_a_scrub_the_keys_are_in_no_file_not_even_sealed() {
    let database = Database::new();
    let tenant = database.unsealed.first_tenant();
    let key = RecordKey::new(tenant, Table::new(0x0101), &[Segment::Name("ring")]).unwrap();
    let sealed = || database.store.get_many(std::slice::from_ref(&key)).unwrap().remove(0);
    let folder = database.folder.path();
    let first = sealed().unwrap().value.to_vec();
    database.rings.rotate(&name("ring")).unwrap();
    let second = sealed().unwrap().value.to_vec();
    assert!(on_disk(folder, &second));
    database.rings.configure(&name("ring"), &DELETABLE).unwrap();
    database.rings.delete(&name("ring")).unwrap();
    database.unsealed.scrub().unwrap();
    assert!(sealed().is_none());
    // Their heads name key and salt: nobody else's record begins so.
    for record in [first, second] {
        assert!(!on_disk(folder, &record[..48]) && !on_disk(folder, &record[48..80]));
    }
    let database = database.restarted();
    assert_eq!(database.encrypt(), "not found");
}
