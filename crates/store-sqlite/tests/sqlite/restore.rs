use std::{
    fs,
    path::{Path, PathBuf},
};

use strongroom_core::Revision;
use strongroom_store_sqlite::{OpenError, Origin, Snapshot, SqliteStore};
use tempfile::TempDir;

use crate::{
    snapshot::{LATER, NOW},
    support::{all, beside, contents, key, new_store, put, quick_place, read, write},
};

/// A folder with a snapshot of some records, and no store.
fn with_snapshot() -> (TempDir, PathBuf, Snapshot) {
    let (folder, path) = quick_place();
    let store = SqliteStore::create(&path).unwrap();
    write(&store, (0..40).map(|row| (key(row), put(vec![row as u8; 50 * row as usize]))).collect());
    let to = folder.path().join("snapshot");
    let snapshot = store.snapshot(&to, NOW, &mut |_| ()).unwrap();
    drop(store);
    fs::remove_file(beside(&path, ".owner")).unwrap();
    fs::remove_file(path).unwrap();
    (folder, to, snapshot)
}

#[test]
fn a_restored_store_says_from_when_it_is_and_goes_on_in_a_history_of_its_own() {
    let (folder, store) = new_store();
    write(&store, vec![(key(1), put("one"))]);
    let (snapshot, copy) = (folder.path().join("snapshot"), folder.path().join("copy.db"));
    let taken = store.snapshot(&snapshot, NOW, &mut |_| ()).unwrap();
    let lost: Vec<Revision> = (0..30).map(|_| write(&store, vec![(key(2), put("lost"))])).collect();
    let before = fs::read(&snapshot).unwrap();
    let origin = SqliteStore::restore(&snapshot, &copy, LATER).unwrap();
    assert!(fs::read(&snapshot).unwrap() == before, "the snapshot stays as it is");

    let (was, restored) = (store.identity().unwrap(), SqliteStore::open(&copy).unwrap());
    assert_eq!(was.restored, None);
    let is = restored.identity().unwrap();
    let expected =
        Origin { history: was.history, revision: taken.revision, taken_at: NOW, restored_at: LATER };
    assert_eq!((is.restored, origin), (Some(expected), expected));
    assert!(is.store == was.store && is.history != was.history && is.layout == was.layout);
    assert_eq!(read(&restored, &key(1)), read(&store, &key(1)));
    assert_eq!(read(&restored, &key(2)), None);
    let next = write(&restored, vec![(key(2), put("other"))]);
    assert!(next > *lost.last().unwrap(), "no revision of the lost history comes back");
    assert!(is.revision > was.revision && restored.identity().unwrap().revision == next);
}

#[test]
fn a_store_is_restored_again_and_again_and_its_counter_goes_on_growing() {
    let (folder, snapshot, taken) = with_snapshot();
    let at = |name: &str| folder.path().join(name);
    let (mut snapshot, mut taken, mut histories) = (snapshot, taken, vec![taken.history]);
    for round in 0..4 {
        let [twin, copy] = ["twin", "copy"].map(|name| at(&format!("{name}-{round}.db")));
        for to in [&twin, &copy] {
            SqliteStore::restore(&snapshot, to, LATER).unwrap();
        }
        let [twin, copy] = [twin, copy].map(|path| SqliteStore::open(path).unwrap());
        histories.extend([&twin, &copy].map(|store| store.identity().unwrap().history));
        assert_eq!(all(&twin), all(&copy));
        assert_eq!(copy.identity().unwrap().restored.unwrap().revision, taken.revision);
        write(&copy, vec![(key(100 + round), put("more"))]);
        snapshot = at(&format!("snapshot-{round}"));
        let next = copy.snapshot(&snapshot, NOW, &mut |_| ()).unwrap();
        assert!(next.revision > taken.revision && next.store == taken.store);
        taken = next;
    }
    histories.sort_unstable();
    histories.dedup();
    assert_eq!(histories.len(), 9, "each restoration has a history of its own");
}

#[test]
fn a_restoration_never_overwrites() {
    let (folder, snapshot, _) = with_snapshot();
    let to = folder.path().join("keys.db");
    for ending in ["", "-wal", "-journal"] {
        fs::write(beside(&to, ending), "somebody's").unwrap();
        let before = contents(folder.path());
        let answer = SqliteStore::restore(&snapshot, &to, LATER);
        assert!(matches!(answer, Err(OpenError::Exists)), "{answer:?}");
        assert!(contents(folder.path()) == before);
        fs::remove_file(beside(&to, ending)).unwrap();
    }
    assert!(matches!(SqliteStore::restore(&snapshot, &snapshot, LATER), Err(OpenError::Exists)));
    let nowhere = folder.path().join("no folder/keys.db");
    assert!(matches!(SqliteStore::restore(&snapshot, nowhere, LATER), Err(OpenError::NotFound)));
}

#[test]
fn only_a_snapshot_is_restored_and_a_store_in_use_keeps_its_locks() {
    let (folder, store) = new_store();
    write(&store, vec![(key(1), put("one"))]);
    let to = folder.path().join("copy.db");
    let restored =
        [SqliteStore::restore(store.path(), &to, LATER), SqliteStore::restore_in(store.path(), &to, LATER)];
    for answer in restored {
        assert!(matches!(answer, Err(OpenError::NotASnapshot)), "{answer:?}");
    }
    assert!(matches!(Snapshot::inspect(store.path()), Err(OpenError::NotASnapshot)));
    let text = folder.path().join("text");
    fs::write(&text, "no database".repeat(1_000)).unwrap();
    assert!(matches!(SqliteStore::restore(&text, &to, LATER), Err(OpenError::Foreign)));
    assert!(!to.exists());
    assert!(matches!(SqliteStore::open(store.path()), Err(OpenError::InUse)));
    write(&store, vec![(key(2), put("two"))]);
    let path = store.path().to_owned();
    drop(store);
    assert_eq!(read(&SqliteStore::open(path).unwrap(), &key(2)).unwrap().0, b"two");
}

/// Restores what was damaged. Nothing new is there if it is refused.
fn refusal(folder: &Path, snapshot: &Path, damaged: &[u8]) -> Option<OpenError> {
    let to = folder.join("keys.db");
    fs::write(snapshot, damaged).unwrap();
    let answer = SqliteStore::restore(snapshot, &to, LATER);
    match answer {
        Err(error) => {
            let names: Vec<_> = contents(folder).into_keys().collect();
            assert_eq!(names, ["snapshot"], "{error:?}");
            Some(error)
        }
        Ok(_) => {
            // The engine does not check values: the barrier does.
            all(&SqliteStore::open(&to).unwrap());
            fs::remove_file(beside(&to, ".owner")).unwrap();
            fs::remove_file(&to).unwrap();
            None
        }
    }
}

#[test]
fn a_snapshot_that_is_cut_is_refused() {
    let (folder, snapshot, _) = with_snapshot();
    let good = fs::read(&snapshot).unwrap();
    for cut in [0, 1, 99, 100, 511, 512, 4_095, 4_096, 4_097, 8_192, good.len() - 4_096, good.len() - 1] {
        let refusal = refusal(folder.path(), &snapshot, &good[..cut]);
        let fits = matches!(refusal, Some(OpenError::Damaged | OpenError::Foreign));
        assert!(fits, "cut to {cut} of {} bytes: {refusal:?}", good.len());
    }
}

#[test]
fn a_snapshot_with_a_flipped_bit_is_refused_or_sound() {
    let (folder, snapshot, _) = with_snapshot();
    let good = fs::read(&snapshot).unwrap();
    assert!(refusal(folder.path(), &snapshot, &good).is_none());
    // The header of the file, the headers and cell pointers of all pages, and steps through their content.
    let bytes = (0..good.len())
        .filter(|byte| *byte < 100 && byte % 3 == 0 || byte % 4_096 < 16 || byte.is_multiple_of(1_021));
    let mut refused = 0;
    for byte in bytes {
        let mut damaged = good.clone();
        damaged[byte] ^= 1 << (byte % 8);
        match refusal(folder.path(), &snapshot, &damaged) {
            None => {}
            Some(OpenError::Damaged | OpenError::Foreign | OpenError::NotASnapshot) => refused += 1,
            Some(other) => panic!("byte {byte}: {other:?}"),
        }
    }
    assert!(refused > 40, "{refused} were refused");
}
