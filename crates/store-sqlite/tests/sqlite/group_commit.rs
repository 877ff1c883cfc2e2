use std::{
    sync::atomic::{AtomicU64, Ordering},
    thread,
    time::Duration,
};

use strongroom_core::{Expect, Outcome};
use strongroom_store_sqlite::SqliteStore;

use crate::support::{all, beside, key, new_store, put, read, transactions, try_commit, write};

const THREADS: u64 = 32;

/// Runs a commit in each of many threads, all of which stand in line before the first one gets the writer.
fn in_line(store: &SqliteStore, commit: impl Fn(u64) -> Outcome + Sync) -> Vec<Outcome> {
    let arrived = AtomicU64::new(0);
    thread::scope(|scope| {
        let writer = store.begin().unwrap();
        let (arrived, commit) = (&arrived, &commit);
        let thread = |number| {
            scope.spawn(move || {
                arrived.fetch_add(1, Ordering::SeqCst);
                commit(number)
            })
        };
        let threads: Vec<_> = (0..THREADS).map(thread).collect();
        while arrived.load(Ordering::SeqCst) < THREADS {
            thread::yield_now();
        }
        // From here it is a few instructions to the line.
        thread::sleep(Duration::from_millis(200));
        writer.rollback();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    })
}

#[test]
fn commits_that_wait_share_one_sync() {
    let (_folder, store) = new_store();
    write(&store, vec![(key(1_000), put("first"))]);
    let log = beside(store.path(), "-wal");
    let before = transactions(&log);
    let outcomes = in_line(&store, |number| {
        try_commit(&store, Vec::new(), vec![(key(number), put(number.to_be_bytes()))]).unwrap()
    });
    let syncs = transactions(&log) - before;
    assert!((1..=4).contains(&syncs), "{syncs} syncs for {THREADS} commits");
    for (number, outcome) in (0..).zip(&outcomes) {
        let (value, revision) = read(&store, &key(number)).unwrap();
        assert_eq!((value, outcome), (u64::to_be_bytes(number).to_vec(), &Outcome::Done(revision)));
    }
}

#[test]
fn batches_of_one_group_have_revisions_of_their_own() {
    let (_folder, store) = new_store();
    let outcomes = in_line(&store, |number| {
        let rows = [2 * number, 2 * number + 1].map(|row| (key(row), put("x")));
        try_commit(&store, Vec::new(), rows.into()).unwrap()
    });
    let rows = all(&store);
    for (number, outcome) in (0..).zip(&outcomes) {
        let [one, other] = [2 * number, 2 * number + 1].map(|row| rows[&key(row)].1);
        assert_eq!((outcome, one), (&Outcome::Done(other), other));
        let same = rows.values().filter(|(_, revision)| *revision == one).count();
        assert_eq!(same, 2, "no other commit has this revision");
    }
}

#[test]
fn a_batch_that_conflicts_fails_alone_in_its_group() {
    let (_folder, store) = new_store();
    let there = write(&store, vec![(key(1_000), put("there"))]);
    let outcomes = in_line(&store, |number| {
        let expect = if number % 2 == 0 { Expect::At(there) } else { Expect::Absent };
        try_commit(&store, vec![(key(1_000), expect)], vec![(key(number), put("x"))]).unwrap()
    });
    for (number, outcome) in (0..).zip(outcomes) {
        let row = read(&store, &key(number));
        match outcome {
            Outcome::Done(revision) => assert!(number % 2 == 0 && row.unwrap().1 == revision),
            other => assert!(number % 2 == 1 && row.is_none() && other == Outcome::Conflict(key(1_000))),
        }
    }
}

#[test]
fn a_batch_sees_what_an_earlier_one_of_its_group_wrote() {
    let (_folder, store) = new_store();
    let outcomes = in_line(&store, |number| {
        let rows = vec![(key(7), put(number.to_be_bytes())), (key(100 + number), put("won"))];
        try_commit(&store, vec![(key(7), Expect::Absent)], rows).unwrap()
    });
    let winners: Vec<_> = outcomes.iter().filter(|outcome| matches!(outcome, Outcome::Done(_))).collect();
    let rows = all(&store);
    assert_eq!((winners.len(), rows.len()), (1, 2), "one wins, and no row of a loser is there");
    assert_eq!(winners[0], &Outcome::Done(rows[&key(7)].1));
}

#[test]
fn more_than_fits_into_one_group_is_committed_all_the_same() {
    let (_folder, store) = new_store();
    const ROWS: u64 = 400;
    in_line(&store, |number| {
        let rows = (number * ROWS..(number + 1) * ROWS).map(|row| (key(row), put("x"))).collect();
        try_commit(&store, Vec::new(), rows).unwrap()
    });
    assert_eq!(all(&store).len() as u64, THREADS * ROWS);
}
