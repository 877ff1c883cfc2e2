use std::path::Path;

use strongroom_core::{Direction, Outcome, Range, Store, StoreError};
use strongroom_store_sqlite::SqliteStore;

use crate::{
    child::{in_role, run, say},
    support::{TABLE, all, beside, key, place, put, read, tenant, try_commit, write},
    trace,
};

/// In a child whose writes or syncs fail after a while: commits until that happens, then looks whether anything is
/// done after it.
pub(crate) fn commit_until_broken(path: &Path, value: usize) {
    let store = SqliteStore::open(path).unwrap();
    let attempt = |number: u64| {
        let rows = [2 * number, 2 * number + 1].map(|row| (key(row), put(vec![number as u8; value])));
        try_commit(&store, Vec::new(), rows.into())
    };
    let broken = (0..10_000).find_map(|number| match attempt(number) {
        Ok(Outcome::Done(_)) => {
            say(number);
            None
        }
        other => Some(other),
    });
    assert!(matches!(broken, Some(Err(StoreError::Broken))), "{broken:?}");
    refuses_everything(&store);
    drop(store);
    assert!(beside(path, "-wal").exists(), "the log is left to the next owner");
}

fn refuses_everything(store: &SqliteStore) {
    let range = Range::under(tenant(1), TABLE, &[]).unwrap();
    let answers = [
        try_commit(store, Vec::new(), vec![(key(1), put("x"))]).map(drop),
        store.get_many(&[key(1)]).map(drop),
        store.scan(&range, Direction::Forward, 1).map(drop),
        store.scrub(),
        store.begin().map(drop),
    ];
    for answer in answers {
        assert!(matches!(answer, Err(StoreError::Broken)), "{answer:?}");
    }
}

/// In the arguments of a wrapper: the path of the store.
const STORE: &str = "the store";

/// Runs a child into the failure; all that it acknowledged is there in a store that works.
fn breaks_and_reopens(role: &str, wrapper: &[&str]) {
    let (folder, path) = place();
    drop(SqliteStore::create(&path).unwrap());
    let path = path.canonicalize().unwrap();
    let words: Vec<_> =
        wrapper.iter().map(|word| if *word == STORE { path.to_str().unwrap() } else { word }).collect();
    let acknowledged = run(in_role(role, folder.path(), &words));
    assert!(acknowledged.len() >= 2, "{acknowledged:?}");
    let store = SqliteStore::open(&path).unwrap();
    let rows = all(&store);
    for number in acknowledged.iter().map(|line| line.parse::<u64>().unwrap()) {
        let [one, other] = [2 * number, 2 * number + 1].map(|row| &rows[&key(row)]);
        assert_eq!(one, other);
    }
    assert!(rows.len().is_multiple_of(2), "no half of the commit that failed");
    write(&store, vec![(key(0), put("works"))]);
    drop(store);
    assert_eq!(read(&SqliteStore::open(&path).unwrap(), &key(0)).unwrap().0, b"works");
}

#[test]
fn after_a_failed_write_the_store_refuses_everything_until_it_is_reopened() {
    // A file of more than some hundred KiB fails with EFBIG here, once the signal is ignored.
    breaks_and_reopens("fail", &["sh", "-c", "trap '' XFSZ; ulimit -f 300; exec \"$0\" \"$@\""]);
}

#[test]
fn after_a_failed_sync_the_store_refuses_everything_until_it_is_reopened() {
    if !trace::available("the failed sync") {
        return;
    }
    // One sync fails, all later ones would succeed, as on Linux where the pages are taken for clean then.
    for (call, which) in [("fsync", 6), ("fsync", 9)] {
        let fault = format!("inject={call},fdatasync:error=EIO:when={which}");
        let traced = format!("trace={call},fdatasync");
        breaks_and_reopens("fail", &["strace", "-f", "-qq", "-o", "/dev/null", "-e", &traced, "-e", &fault]);
    }
}

#[test]
fn after_a_failed_sync_of_the_database_itself_the_store_refuses_everything_until_it_is_reopened() {
    if !trace::available("the failed sync of the database") {
        return;
    }
    // It is synced when the log is full and was written back.
    let (traced, fault) = ("trace=fsync,fdatasync", "inject=fsync,fdatasync:error=EIO:when=1");
    let wrapper = ["strace", "-f", "-qq", "-o", "/dev/null", "-P", STORE, "-e", traced, "-e", fault];
    breaks_and_reopens("fail-large", &wrapper);
}
