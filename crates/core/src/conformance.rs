//! What every [`Store`] must do: an engine's test file is one call of [`run`], a wrapper's of [`run_on`].

#![expect(clippy::expect_used, clippy::panic, reason = "a broken contract ends the test")]

use std::{fmt, sync::Arc, thread};

use zeroize::Zeroizing;

use crate::{
    Batch, Direction, Expect, LOWERED_LIMITS, Limits, Outcome, Range, Record, RecordKey, Revision, Segment,
    Store, StoreError, Table, Tenant, Write,
};

const TABLE: Table = Table::new(0x7f00);

/// A fresh store, and what of it the suite may use.
pub struct Subject {
    /// The store, without a row in the tables `0x7fxx`.
    pub store: Arc<dyn Store>,
    /// Three tenants that it keeps records for.
    pub tenants: [Tenant; 3],
    /// What it accepts. Batches that exceed [`LOWERED_LIMITS`] are refused by every store.
    pub limits: Limits,
}

impl fmt::Debug for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subject").field("tenants", &self.tenants).finish_non_exhaustive()
    }
}

/// Runs the suite on fresh engines, which keep records for any tenant.
///
/// # Panics
/// At the first rule of the contract that is broken.
pub fn run(make: &dyn Fn() -> Box<dyn Store>) {
    run_on(&|| Subject {
        store: Arc::from(make()),
        tenants: [0, 1, 2].map(|number| Tenant::from_bytes([number; 16])),
        limits: LOWERED_LIMITS,
    });
}

/// Runs the suite on fresh stores, for wrappers that make tenants known first or accept less than an engine.
///
/// # Panics
/// At the first rule of the contract that is broken.
pub fn run_on(make: &dyn Fn() -> Subject) {
    puts_and_deletes_are_seen_after_the_commit(&make());
    a_conflict_changes_nothing_and_names_its_record(&make());
    all_rows_of_a_commit_get_one_revision_that_never_comes_back(&make());
    an_expectation_may_name_a_record_that_is_not_written(&make());
    scans_are_ordered_bounded_and_keep_to_their_range(&make());
    batches_that_break_a_rule_are_refused(&make());
    a_batch_for_another_store_is_refused(&make());
    one_of_many_that_race_for_a_record_wins(&make());
    commits_that_conflict_fail_alone_among_those_that_wait(&make());
    get_many_and_a_page_are_as_of_one_moment_while_others_write(&make());
}

impl Subject {
    fn key(&self, tenant: usize, number: u64) -> RecordKey {
        let tenant = *self.tenants.get(tenant).expect("one of three tenants");
        RecordKey::new(tenant, TABLE, &[Segment::Number(number)]).expect("a short key")
    }

    fn commit(&self, expectations: &[(RecordKey, Expect)], writes: Vec<(RecordKey, Write)>) -> Outcome {
        let batch = Batch { expectations: expectations.to_vec(), writes };
        let lowered = self.store.lower(batch).expect("a batch within the rules");
        self.store.commit(&lowered).expect("a working engine")
    }

    fn value(&self, key: &RecordKey) -> Option<(Vec<u8>, Revision)> {
        let mut found = self.store.get_many(std::slice::from_ref(key)).expect("a working engine");
        assert_eq!(found.len(), 1);
        found.pop().flatten().map(|record| (record.value.to_vec(), record.revision))
    }
}

fn put(value: &[u8]) -> Write {
    Write::Put(Zeroizing::new(value.to_vec()))
}

fn done(outcome: Outcome) -> Revision {
    match outcome {
        Outcome::Done(revision) => revision,
        other => panic!("not committed: {other:?}"),
    }
}

fn puts_and_deletes_are_seen_after_the_commit(on: &Subject) {
    let revision = done(on.commit(&[], vec![(on.key(1, 1), put(b"one")), (on.key(1, 2), put(b""))]));
    assert_eq!(on.value(&on.key(1, 1)), Some((b"one".to_vec(), revision)));
    assert_eq!(on.value(&on.key(1, 2)), Some((Vec::new(), revision)));
    let found = on.store.get_many(&[on.key(1, 2), on.key(1, 9), on.key(1, 1)]).expect("a working engine");
    assert_eq!(found.iter().map(Option::is_some).collect::<Vec<_>>(), [true, false, true]);
    done(on.commit(&[], vec![(on.key(1, 1), Write::Delete), (on.key(1, 9), Write::Delete)]));
    assert_eq!(on.value(&on.key(1, 1)), None);
}

fn a_conflict_changes_nothing_and_names_its_record(on: &Subject) {
    let revision = done(on.commit(&[(on.key(1, 1), Expect::Absent)], vec![(on.key(1, 1), put(b"a"))]));
    let wrong = [(on.key(1, 1), Expect::Absent), (on.key(1, 1), Expect::At(Revision(revision.0 + 1)))];
    for expect in wrong {
        let outcome = on.commit(&[expect], vec![(on.key(1, 1), put(b"b")), (on.key(1, 3), put(b"c"))]);
        assert_eq!(outcome, Outcome::Conflict(on.key(1, 1)));
    }
    let missing = on.commit(&[(on.key(1, 4), Expect::At(revision))], vec![(on.key(1, 1), Write::Delete)]);
    assert_eq!(missing, Outcome::Conflict(on.key(1, 4)));
    assert_eq!(on.value(&on.key(1, 1)), Some((b"a".to_vec(), revision)));
    assert_eq!(on.value(&on.key(1, 3)), None);
}

fn all_rows_of_a_commit_get_one_revision_that_never_comes_back(on: &Subject) {
    let mut last = Revision(0);
    for round in 0..20_u8 {
        let writes = vec![(on.key(1, 1), put(&[round])), (on.key(1, 2), put(&[round]))];
        let revision = done(on.commit(&[], writes));
        assert!(revision > last, "revisions grow");
        assert_eq!(on.value(&on.key(1, 1)).map(|row| row.1), Some(revision));
        assert_eq!(on.value(&on.key(1, 2)).map(|row| row.1), Some(revision));
        let deleted =
            done(on.commit(&[(on.key(1, 1), Expect::At(revision))], vec![(on.key(1, 1), Write::Delete)]));
        assert!(deleted > revision, "a delete is a commit too");
        last = deleted;
    }
}

fn an_expectation_may_name_a_record_that_is_not_written(on: &Subject) {
    let parent = done(on.commit(&[], vec![(on.key(1, 1), put(b"parent"))]));
    let expect = [(on.key(1, 1), Expect::At(parent)), (on.key(2, 1), Expect::Absent)];
    done(on.commit(&expect, vec![(on.key(1, 2), put(b"child"))]));
    done(on.commit(&[], vec![(on.key(1, 1), put(b"changed"))]));
    let outcome = on.commit(&expect, vec![(on.key(1, 3), put(b"child"))]);
    assert_eq!(outcome, Outcome::Conflict(on.key(1, 1)));
}

fn scans_are_ordered_bounded_and_keep_to_their_range(on: &Subject) {
    let writes = [3, 1, 2, 300, 5].map(|number| (on.key(1, number), put(&[7])));
    done(on.commit(&[], writes.into()));
    done(on.commit(&[], vec![(on.key(0, 9), put(b"x")), (on.key(2, 0), put(b"x"))]));
    let all = Range::under(on.tenants[1], TABLE, &[]).expect("a short key");
    let scan = |range: &Range, direction, limit| -> Vec<RecordKey> {
        let rows = on.store.scan(range, direction, limit).expect("a working engine");
        rows.into_iter().map(|(key, _)| key).collect()
    };
    assert_eq!(scan(&all, Direction::Forward, 9), [1, 2, 3, 5, 300].map(|number| on.key(1, number)));
    assert_eq!(scan(&all, Direction::Backward, 2), [300, 5].map(|number| on.key(1, number)));
    let inner =
        all.after(&on.key(1, 1)).and_then(|range| range.before(&on.key(1, 5))).expect("cursors of the range");
    assert_eq!(scan(&inner, Direction::Forward, 9), [2, 3].map(|number| on.key(1, number)));
    assert_eq!(scan(&inner, Direction::Forward, 0), []);
    let other = RecordKey::new(on.tenants[1], Table::new(0x7f0f), &[]).expect("a short key");
    done(on.commit(&[], vec![(other.clone(), put(b"x"))]));
    let tenant = Range::of_tenant(on.tenants[1]);
    assert_eq!(scan(&tenant, Direction::Backward, 2), [other, on.key(1, 300)]);
    let (first, last) = (on.key(0, 9), on.key(2, 0));
    let everything = scan(&Range::all(), Direction::Forward, 1_000);
    assert!(everything.contains(&first) && everything.contains(&last) && everything.is_sorted());
}

fn batches_that_break_a_rule_are_refused(on: &Subject) {
    let lower = |writes: Vec<(RecordKey, Write)>| on.store.lower(Batch { expectations: Vec::new(), writes });
    let twice = lower(vec![(on.key(1, 1), put(b"a")), (on.key(1, 1), Write::Delete)]);
    assert!(matches!(twice, Err(StoreError::Invalid(_))));
    let large = lower(vec![(on.key(1, 1), put(&vec![0; LOWERED_LIMITS.value + 1]))]);
    assert!(matches!(large, Err(StoreError::TooLarge(_))));
    let many =
        (0..=LOWERED_LIMITS.operations as u64).map(|number| (on.key(1, number), Write::Delete)).collect();
    assert!(matches!(lower(many), Err(StoreError::TooLarge(_))));
    let largest = lower(vec![(on.key(1, 1), put(&vec![0; on.limits.value]))]);
    done(on.store.commit(&largest.expect("within the limit")).expect("a working engine"));
}

fn a_batch_for_another_store_is_refused(on: &Subject) {
    let batch = Batch { expectations: Vec::new(), writes: vec![(on.key(1, 1), put(b"a"))] };
    let foreign = crate::Lowered::new(*b"some other store", 1, batch).expect("a batch within the rules");
    assert!(matches!(on.store.commit(&foreign), Err(StoreError::Invalid(_))));
    assert_eq!(on.value(&on.key(1, 1)), None);
}

fn one_of_many_that_race_for_a_record_wins(on: &Subject) {
    let wins = |racer: u8, round: u64| {
        let expect = [(on.key(1, round), Expect::Absent)];
        matches!(on.commit(&expect, vec![(on.key(1, round), put(&[racer]))]), Outcome::Done(_))
    };
    let race = &|racer: u8| (0..20).filter(|round| wins(racer, *round)).count();
    let won: usize = thread::scope(|scope| {
        let racers: Vec<_> = (0..16).map(|racer| scope.spawn(move || race(racer))).collect();
        racers.into_iter().map(|racer| racer.join().expect("no panic")).sum()
    });
    assert_eq!(won, 20, "each record has exactly one winner");
}

fn commits_that_conflict_fail_alone_among_those_that_wait(on: &Subject) {
    let there = done(on.commit(&[], vec![(on.key(2, 1), put(b"there"))]));
    thread::scope(|scope| {
        for racer in 0..16 {
            scope.spawn(move || {
                for round in 0..8 {
                    let fits = (racer + round) % 2 == 0;
                    let expect = [(on.key(2, 1), if fits { Expect::At(there) } else { Expect::Absent })];
                    let row = on.key(1, racer * 100 + round);
                    let outcome = on.commit(&expect, vec![(row.clone(), put(b"x"))]);
                    match on.value(&row) {
                        Some((_, revision)) => assert!(fits && outcome == Outcome::Done(revision)),
                        None => assert!(!fits && outcome == Outcome::Conflict(on.key(2, 1))),
                    }
                }
            });
        }
    });
}

fn get_many_and_a_page_are_as_of_one_moment_while_others_write(on: &Subject) {
    const ROWS: u64 = 12;
    let keys: Vec<_> = (0..ROWS).map(|row| on.key(1, row)).collect();
    let all = Range::under(on.tenants[1], TABLE, &[]).expect("a short key");
    // All rows are written by each commit, so a snapshot has one revision and one value.
    let fill = |content: u8| {
        let rows = keys.iter().map(|key| (key.clone(), put(&[content; 2_000])));
        done(on.commit(&[], rows.collect()))
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
            let got = on.store.get_many(&keys).expect("a working engine").into_iter().flatten();
            let mut seen = one_moment(got.collect());
            assert!(seen >= last, "time goes back");
            for direction in [Direction::Forward, Direction::Backward] {
                let page = on.store.scan(&all, direction, 100).expect("a working engine");
                let scanned = one_moment(page.into_iter().map(|(_, record)| record).collect());
                assert!(scanned >= seen, "time goes back");
                seen = scanned;
            }
            last = seen;
        }
    });
}
