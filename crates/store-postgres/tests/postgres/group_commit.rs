use std::thread;

use strongroom_core::{Expect, Outcome};
use strongroom_store_postgres::{PostgresStore, testing::database};

use crate::support::{commit, done, get, key, put};

const THREADS: u64 = 32;
const ROUNDS: u64 = 20;

#[test]
fn commits_that_wait_share_a_call_and_one_that_conflicts_fails_alone() {
    let Some(database) = database() else { return };
    let store = PostgresStore::create(database.config()).unwrap();
    let parent = done(&commit(&store, &[], vec![(key(0), put(b"parent"))]));
    thread::scope(|scope| {
        for thread in 0..THREADS {
            let store = &store;
            scope.spawn(move || {
                for round in 1..=ROUNDS {
                    let (number, fits) = (thread * 1_000 + round, (thread + round) % 3 > 0);
                    let expect = if fits { Expect::At(parent) } else { Expect::Absent };
                    let outcome = commit(store, &[(key(0), expect)], vec![(key(number), put(b"child"))]);
                    match get(store, number) {
                        Some(record) => assert!(fits && outcome == Outcome::Done(record.revision)),
                        None => assert!(!fits && outcome == Outcome::Conflict(key(0))),
                    }
                }
            });
        }
    });
    let calls: u64 = database.run("SELECT sum(call) FROM strongroom_lane").unwrap()[0].parse().unwrap();
    assert!(calls < THREADS * ROUNDS / 2, "{calls} calls");
}

#[test]
fn those_who_race_for_one_record_do_not_share_a_call_and_one_wins() {
    let Some(database) = database() else { return };
    let store = PostgresStore::create(database.config()).unwrap();
    for round in 0..10 {
        let outcomes: Vec<_> = thread::scope(|scope| {
            let race = || commit(&store, &[(key(round), Expect::Absent)], vec![(key(round), put(b"x"))]);
            let racers: Vec<_> = (0..16).map(|_| scope.spawn(race)).collect();
            racers.into_iter().map(|racer| racer.join().unwrap()).collect()
        });
        let won: Vec<_> =
            outcomes.iter().filter(|outcome| **outcome != Outcome::Conflict(key(round))).collect();
        assert_eq!(won, [&Outcome::Done(get(&store, round).unwrap().revision)]);
    }
}
