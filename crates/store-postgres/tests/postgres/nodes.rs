//! Two nodes on one database, whose commits are as if one came after the other.

use std::{sync::Barrier, thread};

use strongroom_core::{Direction, Expect, Outcome, RecordKey, Revision, Store, StoreError, Write};
use strongroom_store_postgres::{PostgresStore, testing::database};

use crate::{
    replay::{History, Player},
    support::{commit, done, everything, get, key, lower, made_large, put, value},
};

fn two_nodes() -> Option<[PostgresStore; 2]> {
    let database = database()?;
    let first = PostgresStore::create(database.config()).unwrap();
    Some([first, PostgresStore::open(database.config()).unwrap()])
}

#[test]
fn of_two_that_each_rely_on_the_other_not_being_there_one_fails() {
    let Some(nodes) = two_nodes() else { return };
    // Both batches are small, one of them, or none.
    for round in 0..90 {
        let (left, right) = (round * 2, round * 2 + 1);
        let begin = Barrier::new(2);
        // Each writes one record if the other one is absent: write skew, if both did.
        let both = thread::scope(|scope| {
            let race = |node: usize, own: u64, other: u64| {
                let (nodes, begin) = (&nodes, &begin);
                let expected = vec![(key(other), Expect::Absent)];
                let large = round % 3 > node as u64;
                let expected = if large { made_large(expected) } else { expected };
                scope.spawn(move || {
                    begin.wait();
                    commit(&nodes[node], &expected, vec![(key(own), put(b"on call"))])
                })
            };
            [race(0, left, right), race(1, right, left)].map(|thread| thread.join().unwrap())
        });
        let committed = both.iter().filter(|outcome| matches!(outcome, Outcome::Done(_))).count();
        assert_eq!(committed, 1, "{both:?}");
        let there = [left, right].iter().filter(|number| value(&nodes[0], **number).is_some()).count();
        assert_eq!(there, 1);
    }
}

#[test]
fn a_record_that_was_deleted_and_made_again_is_another_one() {
    let Some([one, other]) = two_nodes() else { return };
    let first = done(&commit(&one, &[], vec![(key(1), put(b"same"))]));
    done(&commit(&other, &[], vec![(key(1), Write::Delete)]));
    let again = done(&commit(&other, &[(key(1), Expect::Absent)], vec![(key(1), put(b"same"))]));
    assert!(again > first);
    let stale = commit(&one, &[(key(1), Expect::At(first))], vec![(key(1), put(b"stale"))]);
    assert_eq!(stale, Outcome::Conflict(key(1)));
    assert_eq!(get(&one, 1).unwrap().revision, again);
}

#[test]
fn a_batch_of_another_node_is_refused() {
    let Some([one, other]) = two_nodes() else { return };
    let lowered = lower(&one, &[], vec![(key(1), put(b"x"))]);
    assert!(matches!(other.commit(&lowered), Err(StoreError::Invalid(_))));
}

#[test]
fn a_batch_of_which_one_expectation_does_not_hold_leaves_nothing_wherever_it_stands() {
    let Some([store, _]) = two_nodes() else { return };
    let first = done(&commit(&store, &[], (0..3).map(|number| (key(number), put(b"old"))).collect()));
    // Records 0 to 2 are there, 3 to 5 are not.
    let holds = |number| if number < 3 { Expect::At(first) } else { Expect::Absent };
    let writes =
        || vec![(key(1), Write::Delete), (key(6), put(b"new")), (key(4), put(b"new")), (key(2), put(b"new"))];
    let before = dump(&store);
    for wrong in 0..6 {
        for other in [Expect::Absent, Expect::At(Revision(first.0 + 1_000))] {
            if other == holds(wrong) {
                continue;
            }
            let expected: Vec<_> = (0..6)
                .map(|number| (key(number), if number == wrong { other } else { holds(number) }))
                .collect();
            for expected in [expected.clone(), made_large(expected)] {
                assert_eq!(commit(&store, &expected, writes()), Outcome::Conflict(key(wrong)));
                assert_eq!(dump(&store), before);
            }
        }
    }
    let expected: Vec<_> = (0..6).map(|number| (key(number), holds(number))).collect();
    let second = done(&commit(&store, &expected, writes()));
    let after: Vec<_> = dump(&store).into_iter().map(|(key, _, revision)| (key, revision)).collect();
    let expected = [(0, first), (2, second), (4, second), (6, second)];
    assert_eq!(after, expected.map(|(number, revision)| (key(number), revision)));
}

fn dump(store: &PostgresStore) -> Vec<(RecordKey, Vec<u8>, Revision)> {
    let rows = store.scan(&everything(), Direction::Forward, 100).unwrap();
    rows.into_iter().map(|(key, record)| (key, record.value.to_vec(), record.revision)).collect()
}

#[test]
fn commits_of_two_nodes_replay_one_after_the_other_in_the_order_of_their_revisions() {
    let Some(nodes) = two_nodes() else { return };
    let history = History::of(&nodes[0]);
    thread::scope(|scope| {
        for seed in 0..6 {
            let (nodes, history) = (&nodes, &history);
            scope.spawn(move || {
                let mut player = Player::new(seed);
                (0..150).for_each(|_| player.play(&nodes[usize::from(seed % 2)], history));
            });
        }
    });
    history.leads_to(&nodes[0]);
}
