use std::path::Path;

use strongroom_core::{Outcome, Revision, Write};
use strongroom_store_sqlite::SqliteStore;

use crate::{
    child::{in_role, said, say},
    support::{key, new_store, place, put, try_commit, write},
};

/// Commits nothing often enough to use up a block of reserved revisions, without a sync for each.
fn use_up_a_block(store: &SqliteStore) {
    for _ in 0..10_000 {
        assert!(matches!(try_commit(store, Vec::new(), Vec::new()).unwrap(), Outcome::Done(_)));
    }
}

#[test]
fn revisions_grow_over_a_delete_the_end_of_a_block_and_a_reopening() {
    let (_folder, store) = new_store();
    let path = store.path().to_owned();
    let mut last = write(&store, vec![(key(1), put("a"))]);
    let mut grows = |revision: Revision| {
        assert!(revision > last, "{revision:?} after {last:?}");
        last = revision;
    };
    grows(write(&store, vec![(key(1), Write::Delete)]));
    grows(write(&store, vec![(key(1), put("a"))]));
    use_up_a_block(&store);
    grows(write(&store, vec![(key(1), put("b"))]));
    drop(store);
    for _ in 0..3 {
        let store = SqliteStore::open(&path).unwrap();
        grows(write(&store, vec![(key(1), put("d"))]));
        grows(write(&store, vec![(key(1), Write::Delete)]));
    }
}

#[test]
fn revisions_grow_over_a_crash_although_their_counter_is_not_written_each_time() {
    let (folder, path) = place();
    drop(SqliteStore::create(path).unwrap());
    let mut last = 0;
    for _ in 0..3 {
        let mut child = in_role("abort", folder.path(), &[]).spawn().unwrap();
        let revisions: Vec<u64> = said(&mut child).map(|line| line.parse().unwrap()).collect();
        assert!(!child.wait().unwrap().success(), "it aborted");
        assert_eq!(revisions.len(), 6);
        for revision in revisions {
            assert!(revision > last, "{revision} after {last}");
            last = revision;
        }
    }
}

/// In a child.
pub(crate) fn commit_and_abort(path: &Path) {
    let store = SqliteStore::open(path).unwrap();
    for number in 0..6 {
        let outcome = write(&store, vec![(key(number), put("x"))]);
        say(outcome.0);
        if number == 3 {
            use_up_a_block(&store);
        }
    }
    std::process::abort();
}
