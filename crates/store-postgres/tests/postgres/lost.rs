//! Answers that do not come.

use std::{thread, time::Duration};

use strongroom_core::{Expect, Outcome, Store};
use strongroom_store_postgres::{
    PostgresStore, Timeouts,
    testing::{Proxy, Weather, database},
};

use crate::support::{add_one, commit, counter, done, get, impatient, key, lower, put, value};

/// A store behind a proxy, which has committed already, so that the next request is that of a commit.
fn behind_a_proxy(timeouts: Timeouts) -> Option<(Proxy, PostgresStore)> {
    let database = database()?;
    let proxy = database.proxy();
    let config = database.config_through(&proxy).with_timeouts(timeouts);
    let store = PostgresStore::create(config).unwrap();
    // Both lanes, as the next commit takes either.
    thread::scope(|scope| {
        for number in 100..110 {
            let store = &store;
            scope.spawn(move || add_one(store, number));
        }
    });
    Some((proxy, store))
}

#[test]
fn a_commit_whose_answer_is_lost_is_found_and_happens_once() {
    let Some((proxy, store)) = behind_a_proxy(Timeouts::default()) else { return };
    proxy.set(Weather::CutAtAnswer);
    let lowered = lower(&store, &[(key(1), Expect::Absent)], vec![(key(1), put(b"once"))]);
    let revision = done(&store.commit(&lowered).unwrap());
    assert!(proxy.is_fair(), "the cut was made");
    assert_eq!(get(&store, 1).unwrap().revision, revision);
    assert_eq!(store.commit(&lowered).unwrap(), Outcome::Done(revision), "asked again, the first outcome");
}

#[test]
fn a_commit_that_is_lost_on_its_way_is_made_again() {
    let Some((proxy, store)) = behind_a_proxy(Timeouts::default()) else { return };
    proxy.set(Weather::CutAtRequest);
    let revision = done(&commit(&store, &[(key(1), Expect::Absent)], vec![(key(1), put(b"once"))]));
    assert!(proxy.is_fair(), "the cut was made");
    assert_eq!(get(&store, 1).unwrap().revision, revision);
}

#[test]
fn a_commit_that_happened_unheard_is_unknown_until_the_database_can_be_asked() {
    let Some((proxy, store)) = behind_a_proxy(impatient()) else { return };
    proxy.set(Weather::LoseAnswers);
    let lowered = lower(&store, &[(key(1), Expect::Absent)], vec![(key(1), put(b"once"))]);
    assert_eq!(store.commit(&lowered).unwrap(), Outcome::Unknown);
    assert_eq!(store.commit(&lowered).unwrap(), Outcome::Unknown, "still nobody answers");
    proxy.set(Weather::Fair);
    let revision = done(&store.commit(&lowered).unwrap());
    assert_eq!(get(&store, 1).unwrap().revision, revision, "the first commit, and no second one");
    assert_eq!(done(&store.commit(&lowered).unwrap()), revision);
}

#[test]
fn a_commit_that_never_arrived_is_unknown_and_then_made_once() {
    let Some((proxy, store)) = behind_a_proxy(impatient()) else { return };
    proxy.set(Weather::LoseRequests);
    let lowered = lower(&store, &[(key(1), Expect::Absent)], vec![(key(1), put(b"once"))]);
    assert_eq!(store.commit(&lowered).unwrap(), Outcome::Unknown);
    proxy.set(Weather::Fair);
    assert_eq!(value(&store, 1), None);
    let revision = done(&store.commit(&lowered).unwrap());
    assert_eq!(get(&store, 1).unwrap().revision, revision);
    assert_eq!(done(&store.commit(&lowered).unwrap()), revision);
}

#[test]
fn a_commit_that_arrives_after_it_was_asked_about_undoes_itself() {
    let timeouts = Timeouts { operation: Duration::from_secs(20), ..impatient() };
    let Some((proxy, store)) = behind_a_proxy(timeouts) else { return };
    // Without an expectation, a second arrival would write again.
    proxy.hold();
    let lowered = lower(&store, &[], vec![(key(1), put(b"late"))]);
    let first = done(&store.commit(&lowered).unwrap());
    let second = done(&commit(&store, &[], vec![(key(1), put(b"newer"))]));
    proxy.release();
    thread::sleep(Duration::from_millis(300));
    assert!(second > first);
    assert_eq!(get(&store, 1).unwrap().revision, second, "what was held did not overwrite it");
    assert_eq!(value(&store, 1), Some(b"newer".to_vec()));
}

#[test]
fn reads_begin_anew_where_connections_broke() {
    let Some((proxy, store)) = behind_a_proxy(Timeouts::default()) else { return };
    for _ in 0..3 {
        proxy.cut();
        assert_eq!(counter(&store, 100), 1);
    }
    proxy.set(Weather::Slow(Duration::from_millis(30)));
    assert!(add_one(&store, 100));
    assert_eq!(counter(&store, 100), 2);
}
