use std::{fs, os::unix::fs::PermissionsExt};

use strongroom::{
    RustCrypto, SqliteStore, Strongroom,
    backup::{self, BackupError, Progress, RecoveryKey, RestoreError, Step, TakeError},
    core::Revision,
    sqlite::SnapshotError,
};

use crate::support::{House, closed_files, name, names};

#[test]
fn a_backup_restores_the_moment_at_which_it_was_taken_and_the_database_says_so() {
    let house = House::new();
    let (keys, orders) = (house.room.keys(), name("orders"));
    let before = keys.encrypt(&orders, b"before", b"").unwrap();
    let taken = house.take("monday.backup");
    keys.rotate(&orders).unwrap();
    let after = keys.encrypt(&orders, b"after", b"").unwrap();
    keys.create(&name("late"), strongroom::Algorithm::Ed25519).unwrap();

    let restored = house.restore("monday.backup", "restored.db").unwrap();
    let (was, store) =
        (house.store.identity().unwrap(), SqliteStore::open(house.path("restored.db")).unwrap());
    let is = store.identity().unwrap();
    assert_eq!(is.restored, Some(restored.origin));
    assert_eq!((is.store, restored.origin.history), (was.store, was.history));
    assert_eq!(restored.origin.revision, Revision(taken.manifest.commit));
    assert_eq!(restored.origin.taken_at, taken.manifest.taken_at);
    assert!(is.history != was.history && is.revision > was.revision);

    let room = Strongroom::open(store, &house.secret).unwrap();
    assert_eq!(*room.keys().decrypt(&orders, &before, b"").unwrap(), b"before");
    assert!(room.keys().decrypt(&orders, &after, b"").is_err(), "the version came later");
    assert_eq!(room.keys().list(None, 10).unwrap(), [name("orders"), name("signing")]);
    assert_eq!(*keys.decrypt(&orders, &after, b"").unwrap(), b"after", "the database goes on");
}

#[test]
fn a_backup_is_one_file_of_its_owner_and_says_what_it_is_of() {
    let house = House::new();
    let before = names(house.folder.path());
    let mut seen: Vec<Progress> = Vec::new();
    let (to, recipients) = (house.path("a.backup"), [house.recovery.recipient()]);
    let taken = backup::take(&house.room, &house.store, &recipients, &to, &mut |at| seen.push(at)).unwrap();
    let mut after = before.clone();
    after.push("a.backup".into());
    after.sort();
    assert_eq!(names(house.folder.path()), after, "neither the snapshot nor a draft is left");
    let metadata = fs::metadata(&to).unwrap();
    assert_eq!((metadata.permissions().mode() & 0o7777, metadata.len()), (0o600, taken.size));

    let header = backup::inspect(&RustCrypto::new(), &mut fs::File::open(&to).unwrap()).unwrap();
    let header = header.trust(&[taken.signer]).unwrap();
    assert_eq!((header.id, &header.manifest), (taken.id, &taken.manifest));
    let identity = house.store.identity().unwrap();
    assert_eq!((header.manifest.history, header.manifest.commit), (identity.history, identity.revision.0));
    assert_eq!(header.recipients, [house.recovery.recipient().fingerprint(&RustCrypto::new())]);
    assert!(taken.check.is_sound() && taken.check.rows > 9, "{:?}", taken.check);
    assert!(seen.iter().any(|at| at.step == Step::Check));
    for step in [Step::Snapshot, Step::Encrypt] {
        let last = seen.iter().rfind(|at| at.step == step).unwrap();
        assert_eq!(Some(last.done), last.total, "{step:?}");
    }
}

#[test]
fn each_recipient_restores_with_a_key_of_its_own_and_nobody_else() {
    let house = House::new();
    let [second, stranger] = [(), ()].map(|()| RecoveryKey::generate(&RustCrypto::new()).unwrap());
    let (to, recipients) = (house.path("a.backup"), [house.recovery.recipient(), second.recipient()]);
    backup::take(&house.room, &house.store, &recipients, &to, &mut |_| ()).unwrap();
    let restore = |key: &RecoveryKey, to: &str| {
        let mut from = fs::File::open(house.path("a.backup")).unwrap();
        backup::restore(&mut from, key, &house.trusted(), &house.path(to), &mut |_| ())
    };
    restore(&house.recovery, "first.db").unwrap();
    restore(&second, "second.db").unwrap();
    let refused = restore(&stranger, "third.db");
    assert!(matches!(refused, Err(RestoreError::Backup(BackupError::NotForThisKey))), "{refused:?}");
    assert!(!house.path("third.db").exists());
    house.open("second.db").keys().rotate(&name("orders")).unwrap();
}

#[test]
fn nothing_of_the_database_can_be_read_in_a_backup() {
    let house = House::new();
    house.take("a.backup");
    let contains = |file: &str, word: &[u8]| {
        fs::read(house.path(file)).unwrap().windows(word.len()).any(|part| part == word)
    };
    house.restore("a.backup", "restored.db").unwrap();
    for word in [b"orders".as_slice(), b"strongroom_records", b"SQLite format 3"] {
        assert!(contains("restored.db", word) && !contains("a.backup", word));
    }
}

#[test]
fn neither_a_backup_nor_a_restoration_overwrites() {
    let house = House::new();
    house.take("a.backup");
    fs::write(house.path("taken"), "somebody's").unwrap();
    std::os::unix::fs::symlink("nowhere", house.path("link")).unwrap();
    let before = names(house.folder.path());
    let recipients = [house.recovery.recipient()];
    for to in ["taken", "link", "a.backup", "keys.db"] {
        let answer = backup::take(&house.room, &house.store, &recipients, &house.path(to), &mut |_| ());
        assert!(matches!(answer, Err(TakeError::Backup(BackupError::Exists))), "{to}: {answer:?}");
        let answer = house.restore("a.backup", to);
        assert!(matches!(answer, Err(RestoreError::Exists)), "{to}: {answer:?}");
    }
    fs::write(house.path("new.db-wal"), "left").unwrap();
    assert!(matches!(house.restore("a.backup", "new.db"), Err(RestoreError::Exists)));
    fs::remove_file(house.path("new.db-wal")).unwrap();
    assert_eq!(names(house.folder.path()), before);
    assert_eq!(fs::read(house.path("taken")).unwrap(), b"somebody's");
    house.restore("a.backup", "restored.db").unwrap();
}

#[test]
fn what_keeps_a_backup_from_being_taken_is_named_and_leaves_nothing() {
    let (house, other) = (House::new(), House::new());
    let (before, to) = (names(house.folder.path()), house.path("a.backup"));
    let take = |store: &SqliteStore, recipients: &[_]| {
        backup::take(&house.room, store, recipients, &to, &mut |_| ())
    };
    let recipients = [house.recovery.recipient()];
    let answer = take(&other.store, &recipients);
    assert!(matches!(answer, Err(TakeError::AnotherDatabase)), "{answer:?}");
    for wrong in [&[][..], &[recipients[0]; 2]] {
        let answer = take(&house.store, wrong);
        assert!(matches!(answer, Err(TakeError::Backup(BackupError::Recipients))), "{answer:?}");
    }
    let transaction = house.store.begin().unwrap();
    let answer = take(&house.store, &recipients);
    assert!(matches!(answer, Err(TakeError::Snapshot(SnapshotError::Store(_)))), "{answer:?}");
    transaction.rollback();
    house.room.seal(std::time::Duration::from_secs(9)).unwrap();
    let answer = take(&house.store, &recipients);
    assert!(matches!(answer, Err(TakeError::Database(_))), "{answer:?}");
    assert_eq!(names(house.folder.path()), before);
}

#[test]
fn a_backup_of_a_restored_database_restores_again_and_counts_on() {
    let house = House::new();
    let first = house.take("0.backup");
    let (mut commit, mut histories) = (first.manifest.commit, vec![first.manifest.history]);
    for round in 0..3 {
        let (from, to) = (format!("{round}.backup"), format!("{round}.db"));
        house.restore(&from, &to).unwrap();
        let store = SqliteStore::open(house.path(&to)).unwrap();
        let room = Strongroom::open(store.clone(), &house.secret).unwrap();
        room.keys().rotate(&name("orders")).unwrap();
        let (next, recipients) = (house.path(&format!("{}.backup", round + 1)), [house.recovery.recipient()]);
        let taken = backup::take(&room, &store, &recipients, &next, &mut |_| ()).unwrap();
        assert_eq!((taken.manifest.database, taken.signer), (first.manifest.database, first.signer));
        assert!(taken.manifest.commit > commit && !histories.contains(&taken.manifest.history));
        commit = taken.manifest.commit;
        histories.push(taken.manifest.history);
    }
    assert_eq!(closed_files(house.folder.path()).len(), 4 + 2 * 3, "backups, and databases with their locks");
}
