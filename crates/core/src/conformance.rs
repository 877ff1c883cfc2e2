//! What every [`Store`] must do: an engine's test file is one call of [`run`].

#![expect(clippy::expect_used, clippy::panic, reason = "a broken contract ends the test")]

use std::{sync::Arc, thread};

use zeroize::Zeroizing;

use crate::{
    Batch, Direction, Expect, LOWERED_LIMITS, Outcome, Range, Record, RecordKey, Revision, Segment, Store,
    StoreError, Table, Tenant, Write,
};

const TABLE: Table = Table::new(0x7f00);

/// Runs the suite on fresh stores.
///
/// # Panics
/// At the first rule of the contract that is broken.
pub fn run(make: &dyn Fn() -> Box<dyn Store>) {
    puts_and_deletes_are_seen_after_the_commit(&*make());
    a_conflict_changes_nothing_and_names_its_record(&*make());
    all_rows_of_a_commit_get_one_revision_that_never_comes_back(&*make());
    an_expectation_may_name_a_record_that_is_not_written(&*make());
    scans_are_ordered_bounded_and_keep_to_their_range(&*make());
    batches_that_break_a_rule_are_refused(&*make());
    a_batch_for_another_store_is_refused(&*make());
    one_of_many_that_race_for_a_record_wins(Arc::from(make()));
    commits_that_conflict_fail_alone_among_those_that_wait(&*make());
    get_many_and_a_page_are_as_of_one_moment_while_others_write(&*make());
}

fn key(tenant: u8, number: u64) -> RecordKey {
    RecordKey::new(Tenant::from_bytes([tenant; 16]), TABLE, &[Segment::Number(number)]).expect("a short key")
}

fn put(value: &[u8]) -> Write {
    Write::Put(Zeroizing::new(value.to_vec()))
}

fn commit(
    store: &dyn Store,
    expectations: &[(RecordKey, Expect)],
    writes: Vec<(RecordKey, Write)>,
) -> Outcome {
    let batch = Batch { expectations: expectations.to_vec(), writes };
    let lowered = store.lower(batch).expect("a batch within the rules");
    store.commit(&lowered).expect("a working engine")
}

fn done(outcome: Outcome) -> Revision {
    match outcome {
        Outcome::Done(revision) => revision,
        other => panic!("not committed: {other:?}"),
    }
}

fn value(store: &dyn Store, key: &RecordKey) -> Option<(Vec<u8>, Revision)> {
    let mut found = store.get_many(std::slice::from_ref(key)).expect("a working engine");
    assert_eq!(found.len(), 1);
    found.pop().flatten().map(|record| (record.value.to_vec(), record.revision))
}

fn puts_and_deletes_are_seen_after_the_commit(store: &dyn Store) {
    let revision = done(commit(store, &[], vec![(key(1, 1), put(b"one")), (key(1, 2), put(b""))]));
    assert_eq!(value(store, &key(1, 1)), Some((b"one".to_vec(), revision)));
    assert_eq!(value(store, &key(1, 2)), Some((Vec::new(), revision)));
    let found = store.get_many(&[key(1, 2), key(1, 9), key(1, 1)]).expect("a working engine");
    assert_eq!(found.iter().map(Option::is_some).collect::<Vec<_>>(), [true, false, true]);
    done(commit(store, &[], vec![(key(1, 1), Write::Delete), (key(1, 9), Write::Delete)]));
    assert_eq!(value(store, &key(1, 1)), None);
}

fn a_conflict_changes_nothing_and_names_its_record(store: &dyn Store) {
    let revision = done(commit(store, &[(key(1, 1), Expect::Absent)], vec![(key(1, 1), put(b"a"))]));
    let wrong = [(key(1, 1), Expect::Absent), (key(1, 1), Expect::At(Revision(revision.0 + 1)))];
    for expect in wrong {
        let outcome = commit(store, &[expect], vec![(key(1, 1), put(b"b")), (key(1, 3), put(b"c"))]);
        assert_eq!(outcome, Outcome::Conflict(key(1, 1)));
    }
    let missing = commit(store, &[(key(1, 4), Expect::At(revision))], vec![(key(1, 1), Write::Delete)]);
    assert_eq!(missing, Outcome::Conflict(key(1, 4)));
    assert_eq!(value(store, &key(1, 1)), Some((b"a".to_vec(), revision)));
    assert_eq!(value(store, &key(1, 3)), None);
}

fn all_rows_of_a_commit_get_one_revision_that_never_comes_back(store: &dyn Store) {
    let mut last = Revision(0);
    for round in 0..20_u8 {
        let writes = vec![(key(1, 1), put(&[round])), (key(1, 2), put(&[round]))];
        let revision = done(commit(store, &[], writes));
        assert!(revision > last, "revisions grow");
        assert_eq!(value(store, &key(1, 1)).map(|row| row.1), Some(revision));
        assert_eq!(value(store, &key(1, 2)).map(|row| row.1), Some(revision));
        let deleted =
            done(commit(store, &[(key(1, 1), Expect::At(revision))], vec![(key(1, 1), Write::Delete)]));
        assert!(deleted > revision, "a delete is a commit too");
        last = deleted;
    }
}

fn an_expectation_may_name_a_record_that_is_not_written(store: &dyn Store) {
    let parent = done(commit(store, &[], vec![(key(1, 1), put(b"parent"))]));
    let expect = [(key(1, 1), Expect::At(parent)), (key(2, 1), Expect::Absent)];
    done(commit(store, &expect, vec![(key(1, 2), put(b"child"))]));
    done(commit(store, &[], vec![(key(1, 1), put(b"changed"))]));
    let outcome = commit(store, &expect, vec![(key(1, 3), put(b"child"))]);
    assert_eq!(outcome, Outcome::Conflict(key(1, 1)));
}

fn scans_are_ordered_bounded_and_keep_to_their_range(store: &dyn Store) {
    let writes = [3, 1, 2, 300, 5].map(|number| (key(1, number), put(&[7])));
    done(commit(store, &[], writes.into()));
    done(commit(store, &[], vec![(key(0, 9), put(b"x")), (key(2, 0), put(b"x"))]));
    let all = Range::under(Tenant::from_bytes([1; 16]), TABLE, &[]).expect("a short key");
    let scan = |range: &Range, direction, limit| -> Vec<RecordKey> {
        let rows = store.scan(range, direction, limit).expect("a working engine");
        rows.into_iter().map(|(key, _)| key).collect()
    };
    assert_eq!(scan(&all, Direction::Forward, 9), [1, 2, 3, 5, 300].map(|number| key(1, number)));
    assert_eq!(scan(&all, Direction::Backward, 2), [300, 5].map(|number| key(1, number)));
    let inner =
        all.after(&key(1, 1)).and_then(|range| range.before(&key(1, 5))).expect("cursors of the range");
    assert_eq!(scan(&inner, Direction::Forward, 9), [2, 3].map(|number| key(1, number)));
    assert_eq!(scan(&inner, Direction::Forward, 0), []);
}

fn batches_that_break_a_rule_are_refused(store: &dyn Store) {
    let lower = |writes: Vec<(RecordKey, Write)>| store.lower(Batch { expectations: Vec::new(), writes });
    let twice = lower(vec![(key(1, 1), put(b"a")), (key(1, 1), Write::Delete)]);
    assert!(matches!(twice, Err(StoreError::Invalid(_))));
    let large = lower(vec![(key(1, 1), put(&vec![0; LOWERED_LIMITS.value + 1]))]);
    assert!(matches!(large, Err(StoreError::TooLarge(_))));
    let many = (0..=LOWERED_LIMITS.operations as u64).map(|number| (key(1, number), Write::Delete)).collect();
    assert!(matches!(lower(many), Err(StoreError::TooLarge(_))));
    let largest = lower(vec![(key(1, 1), put(&vec![0; LOWERED_LIMITS.value]))]);
    done(store.commit(&largest.expect("within the limit")).expect("a working engine"));
}

fn a_batch_for_another_store_is_refused(store: &dyn Store) {
    let batch = Batch { expectations: Vec::new(), writes: vec![(key(1, 1), put(b"a"))] };
    let foreign = crate::Lowered::new(*b"some other store", 1, batch).expect("a batch within the rules");
    assert!(matches!(store.commit(&foreign), Err(StoreError::Invalid(_))));
    assert_eq!(value(store, &key(1, 1)), None);
}

fn one_of_many_that_race_for_a_record_wins(store: Arc<dyn Store>) {
    let racers: Vec<_> = (0..16_u8)
        .map(|racer| {
            let store = store.clone();
            thread::spawn(move || {
                (0..20)
                    .filter(|round| {
                        let expect = [(key(1, *round), Expect::Absent)];
                        matches!(
                            commit(&*store, &expect, vec![(key(1, *round), put(&[racer]))]),
                            Outcome::Done(_)
                        )
                    })
                    .count()
            })
        })
        .collect();
    let won: usize = racers.into_iter().map(|racer| racer.join().expect("no panic")).sum();
    assert_eq!(won, 20, "each record has exactly one winner");
}

fn commits_that_conflict_fail_alone_among_those_that_wait(store: &dyn Store) {
    let there = done(commit(store, &[], vec![(key(2, 1), put(b"there"))]));
    thread::scope(|scope| {
        for racer in 0..16 {
            scope.spawn(move || {
                for round in 0..8 {
                    let fits = (racer + round) % 2 == 0;
                    let expect = [(key(2, 1), if fits { Expect::At(there) } else { Expect::Absent })];
                    let row = key(1, racer * 100 + round);
                    let outcome = commit(store, &expect, vec![(row.clone(), put(b"x"))]);
                    match value(store, &row) {
                        Some((_, revision)) => assert!(fits && outcome == Outcome::Done(revision)),
                        None => assert!(!fits && outcome == Outcome::Conflict(key(2, 1))),
                    }
                }
            });
        }
    });
}

fn get_many_and_a_page_are_as_of_one_moment_while_others_write(store: &dyn Store) {
    const ROWS: u64 = 12;
    let keys: Vec<_> = (0..ROWS).map(|row| key(1, row)).collect();
    let all = Range::under(Tenant::from_bytes([1; 16]), TABLE, &[]).expect("a short key");
    // All rows are written by each commit, so a snapshot has one revision and one value.
    let fill = |content: u8| {
        let rows = keys.iter().map(|key| (key.clone(), put(&[content; 2_000])));
        done(commit(store, &[], rows.collect()))
    };
    let one_moment = |records: Vec<Record>| {
        let [first, rest @ ..] = records.as_slice() else { panic!("no records") };
        assert_eq!(records.len() as u64, ROWS);
        let same = |record: &Record| record.revision == first.revision && record.value == first.value;
        assert!(rest.iter().all(same), "records of several moments: {records:?}");
        first.revision
    };
    let mut last = fill(0);
    thread::scope(|scope| {
        let fill = &fill;
        let writer = |content| {
            scope.spawn(move || {
                for _ in 0..30 {
                    fill(content);
                }
            })
        };
        let writers: Vec<_> = (1..3).map(writer).collect();
        while !writers.iter().all(thread::ScopedJoinHandle::is_finished) {
            let got = store.get_many(&keys).expect("a working engine").into_iter().flatten();
            let mut seen = one_moment(got.collect());
            assert!(seen >= last, "time goes back");
            for direction in [Direction::Forward, Direction::Backward] {
                let page = store.scan(&all, direction, 100).expect("a working engine");
                let scanned = one_moment(page.into_iter().map(|(_, record)| record).collect());
                assert!(scanned >= seen, "time goes back");
                seen = scanned;
            }
            last = seen;
        }
    });
}
