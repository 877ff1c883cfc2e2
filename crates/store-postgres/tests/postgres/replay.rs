//! Random batches over few records, and a model that repeats those that happened in the order of their revisions.

use std::{
    collections::BTreeMap,
    ops::Range,
    sync::Mutex,
    thread,
    time::{Duration, Instant},
};

use strongroom_core::{Direction, Expect, Lowered, Outcome, Revision, Store, Write};

use crate::support::{everything, key, lower, made_large, number, put};

/// Records that batches meet on.
pub(crate) const RECORDS: u64 = 6;

/// What a batch expected, and what it wrote.
pub(crate) struct Step {
    expectations: Vec<(u64, Option<Revision>)>,
    writes: BTreeMap<u64, Option<Vec<u8>>>,
    /// No commit that was answered before this one began was later.
    after: Revision,
}

type Rows = BTreeMap<u64, (Vec<u8>, Revision)>;

/// What was there at first, and the commits that were answered since.
pub(crate) struct History {
    before: Rows,
    committed: Mutex<BTreeMap<Revision, Step>>,
}

/// Makes batches.
pub(crate) struct Player {
    seed: u8,
    dice: Dice,
    round: u8,
    pub(crate) conflicts: u32,
}

impl History {
    pub(crate) fn of(node: &dyn Store) -> Self {
        Self { before: rows(node), committed: Mutex::default() }
    }

    pub(crate) fn len(&self) -> usize {
        self.committed.lock().unwrap().len()
    }

    /// Waits for so many commits more.
    pub(crate) fn grow(&self, by: usize) {
        let (least, begun) = (self.len() + by, Instant::now());
        while self.len() < least {
            assert!(begun.elapsed() < Duration::from_secs(60), "no progress");
            thread::sleep(Duration::from_millis(1));
        }
    }

    fn newest(&self) -> Revision {
        self.committed.lock().unwrap().last_key_value().map_or(Revision(0), |(revision, _)| *revision)
    }

    fn note(&self, revision: Revision, step: Step) {
        assert!(revision > step.after, "what began after a commit was answered comes after it");
        let known = self.committed.lock().unwrap().insert(revision, step);
        assert!(known.is_none(), "a revision is given once");
    }

    /// Whether the rows are what the commits make of those at first, each of which found what it expected.
    pub(crate) fn leads_to(&self, node: &dyn Store) {
        let mut model = self.before.clone();
        for (revision, step) in &*self.committed.lock().unwrap() {
            for (number, expected) in &step.expectations {
                assert_eq!(model.get(number).map(|row| row.1), *expected, "{number} at {revision:?}");
            }
            for (number, value) in &step.writes {
                match value {
                    Some(value) => drop(model.insert(*number, (value.clone(), *revision))),
                    None => drop(model.remove(number)),
                }
            }
        }
        assert_eq!(rows(node), model);
    }
}

/// The outcome of a batch: asks again while it is unknown.
pub(crate) fn known(node: &dyn Store, lowered: &Lowered, mut outcome: Outcome) -> Outcome {
    while outcome == Outcome::Unknown {
        outcome = node.commit(lowered).unwrap();
    }
    outcome
}

fn rows(node: &dyn Store) -> Rows {
    let rows = node.scan(&everything(), Direction::Forward, 100).unwrap();
    rows.into_iter().map(|(key, row)| (number(&key), (row.value.to_vec(), row.revision))).collect()
}

impl Player {
    pub(crate) fn new(seed: u8) -> Self {
        Self { seed, dice: Dice(u64::from(seed)), round: 0, conflicts: 0 }
    }

    /// Whether something happens that does so once in so many times.
    pub(crate) fn once_in(&mut self, times: u64) -> bool {
        self.dice.below(times) == 0
    }

    /// A random batch over some of the records, which expects what is there now.
    pub(crate) fn batch(
        &mut self,
        node: &dyn Store,
        history: &History,
        records: &Range<u64>,
    ) -> (Lowered, Step) {
        self.round = self.round.wrapping_add(1);
        let after = history.newest();
        let dice = &mut self.dice;
        let any = |dice: &mut Dice| records.start + dice.below(records.end - records.start);
        let read: Vec<_> = (0..dice.below(3)).map(|_| any(dice)).collect();
        let found = node.get_many(&read.iter().map(|number| key(*number)).collect::<Vec<_>>()).unwrap();
        let found = found.into_iter().map(|record| record.map(|record| record.revision));
        let expectations: Vec<_> = read.into_iter().zip(found).collect();
        let mut writes = BTreeMap::new();
        for _ in 0..=dice.below(2) {
            let value = (dice.below(3) > 0).then(|| vec![self.seed, self.round]);
            writes.insert(any(dice), value);
        }
        let expected: Vec<_> = expectations
            .iter()
            .map(|(number, found)| (key(*number), found.map_or(Expect::Absent, Expect::At)))
            .collect();
        let expected = if dice.below(3) == 0 { made_large(expected) } else { expected };
        let batch = writes
            .iter()
            .map(|(number, value)| (key(*number), value.as_ref().map_or(Write::Delete, |value| put(value))));
        (lower(node, &expected, batch.collect()), Step { expectations, writes, after })
    }

    /// Commits a batch, asking again while the outcome is unknown.
    pub(crate) fn play(&mut self, node: &dyn Store, history: &History) {
        let (lowered, step) = self.batch(node, history, &(0..RECORDS));
        let outcome = known(node, &lowered, node.commit(&lowered).unwrap());
        self.note(outcome, step, history);
    }

    pub(crate) fn note(&mut self, outcome: Outcome, step: Step, history: &History) {
        match outcome {
            Outcome::Done(revision) => history.note(revision, step),
            Outcome::Conflict(at) => {
                assert!(step.expectations.iter().any(|(expected, _)| key(*expected) == at));
                self.conflicts += 1;
            }
            Outcome::Unknown => unreachable!("it was asked for"),
        }
    }
}

/// The same throws for the same seed: SplitMix64.
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % end
    }
}
