use std::collections::HashMap;

use proptest::{collection::vec, prelude::*, test_runner::TestCaseResult};
use strongroom_core::{
    Batch, Direction, Expect, Outcome, Range, RecordKey, Revision, Segment, Store, StoreError, Table, Tenant,
    Write, memory::MemoryStore,
};
use strongroom_store_sqlite::SqliteStore;

use crate::support::quick_place;

/// What happens to the engine and to its model.
#[derive(Debug, Clone)]
enum Step {
    Commit { expectations: Vec<(usize, Expected)>, writes: Vec<(usize, Option<Vec<u8>>)> },
    Get(Vec<usize>),
    Scan { range: usize, after: Option<usize>, before: Option<usize>, backward: bool, limit: usize },
    Scrub,
    Reopen,
}

/// What a commit expects of a record.
#[derive(Debug, Clone, Copy)]
enum Expected {
    AsItIs,
    Absent,
    /// The revision of an earlier commit.
    Stale(usize),
}

fn tenant(number: usize) -> Tenant {
    Tenant::from_bytes([[0; 16], [7; 16], [0xff; 16]][number % 3])
}

fn table(number: usize) -> Table {
    Table::new(if number.is_multiple_of(2) { 0x7f01 } else { 0xffff })
}

/// Keys of several tenants and tables, among them neighbours in the order of bytes.
fn keys() -> Vec<RecordKey> {
    let lists: [&[Segment<'_>]; 9] = [
        &[],
        &[Segment::Number(0)],
        &[Segment::Number(u64::MAX)],
        &[Segment::Number(0), Segment::Name("")],
        &[Segment::Number(0), Segment::Name("a")],
        &[Segment::Name("a")],
        &[Segment::Name("a"), Segment::Id([0xff; 16])],
        &[Segment::Name("ab")],
        &[Segment::Blinded([0xff; 32])],
    ];
    let places = (0..6).map(|place| (tenant(place), table(place / 3)));
    places
        .flat_map(|(tenant, table)| lists.map(|list| RecordKey::new(tenant, table, list).unwrap()))
        .collect()
}

fn range(number: usize) -> Range {
    let prefix: [&[Segment<'_>]; 3] = [&[], &[Segment::Number(0)], &[Segment::Name("a")]];
    Range::under(tenant(number), table(number / 3), prefix[number / 6 % 3]).unwrap()
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    // Few records are used in most steps, so that commits meet.
    let record = || prop_oneof![3 => 0_usize..6, 1 => 0_usize..54];
    let expected = prop_oneof![
        6 => Just(Expected::AsItIs),
        1 => Just(Expected::Absent),
        1 => any::<usize>().prop_map(Expected::Stale),
    ];
    let value = prop_oneof![1 => Just(None), 3 => vec(any::<u8>(), 0..40).prop_map(Some), 1 => vec(any::<u8>(), 5_000).prop_map(Some)];
    let commit = (vec((record(), expected), 0..4), vec((record(), value), 0..6))
        .prop_map(|(expectations, writes)| Step::Commit { expectations, writes });
    let cursor = || proptest::option::weighted(0.4, 0_usize..54);
    let scan = (any::<usize>(), cursor(), cursor(), any::<bool>(), 0_usize..12).prop_map(
        |(range, after, before, backward, limit)| Step::Scan { range, after, before, backward, limit },
    );
    let step = prop_oneof![
        24 => commit,
        6 => vec(record(), 0..8).prop_map(Step::Get),
        8 => scan,
        1 => Just(Step::Scrub),
        1 => Just(Step::Reopen),
    ];
    vec(step, 1..60)
}

/// The engine beside its model, whose revisions are other numbers.
struct Pair {
    _folder: tempfile::TempDir,
    engine: Option<SqliteStore>,
    model: MemoryStore,
    keys: Vec<RecordKey>,
    /// Revisions of the model with those of the engine.
    revisions: Vec<(Revision, Revision)>,
    by_model: HashMap<Revision, Revision>,
}

type Rows = Vec<(RecordKey, Vec<u8>, Revision)>;

impl Pair {
    fn new() -> Self {
        let (folder, path) = quick_place();
        let engine = SqliteStore::create(path).unwrap();
        let (revisions, by_model) = (Vec::new(), HashMap::new());
        Self {
            _folder: folder,
            engine: Some(engine),
            model: MemoryStore::new(),
            keys: keys(),
            revisions,
            by_model,
        }
    }

    fn engine(&self) -> &SqliteStore {
        self.engine.as_ref().unwrap()
    }

    fn step(&mut self, step: Step) -> TestCaseResult {
        match step {
            Step::Commit { expectations, writes } => self.commit(&expectations, &writes),
            Step::Get(records) => {
                let keys: Vec<_> = records.iter().map(|record| self.keys[*record].clone()).collect();
                let rows = |store: &dyn Store| -> Vec<_> {
                    let found = store.get_many(&keys).unwrap().into_iter();
                    found.map(|row| row.map(|row| (row.value.to_vec(), row.revision))).collect()
                };
                let modelled = rows(&self.model).into_iter();
                let expected: Vec<_> = modelled
                    .map(|row| row.map(|(value, revision)| (value, self.by_model[&revision])))
                    .collect();
                prop_assert_eq!(rows(self.engine()), expected);
                Ok(())
            }
            Step::Scan { range: number, after, before, backward, limit } => {
                let mut range = range(number);
                // A cursor outside of the range is refused before any store sees it.
                if let Some(cursor) = after.and_then(|cursor| range.clone().after(&self.keys[cursor]).ok()) {
                    range = cursor;
                }
                if let Some(cursor) = before.and_then(|cursor| range.clone().before(&self.keys[cursor]).ok())
                {
                    range = cursor;
                }
                self.compare(&range, if backward { Direction::Backward } else { Direction::Forward }, limit)
            }
            Step::Scrub => {
                self.engine().scrub().unwrap();
                Ok(())
            }
            Step::Reopen => {
                let path = self.engine().path().to_owned();
                self.engine = None;
                self.engine = Some(SqliteStore::open(path).unwrap());
                Ok(())
            }
        }
    }

    /// The batch with the revisions of one of the stores.
    fn batch(
        &self,
        expectations: &[(usize, Expected)],
        writes: &[(usize, Option<Vec<u8>>)],
        revision: impl Fn(Revision) -> Revision,
    ) -> Batch {
        let current = self.model.get_many(&self.keys).unwrap();
        let expect = |(record, expected): &(usize, Expected)| {
            let found = current[*record].as_ref().map(|row| row.revision);
            let stale =
                |number: usize| self.revisions.get(number % self.revisions.len().max(1)).map(|pair| pair.0);
            let at = match *expected {
                Expected::AsItIs => found,
                Expected::Absent => None,
                Expected::Stale(number) => stale(number),
            };
            (self.keys[*record].clone(), at.map_or(Expect::Absent, |at| Expect::At(revision(at))))
        };
        let write = |(record, value): &(usize, Option<Vec<u8>>)| {
            let write = value.as_ref().map_or(Write::Delete, |value| Write::Put(value.clone().into()));
            (self.keys[*record].clone(), write)
        };
        Batch {
            expectations: expectations.iter().map(expect).collect(),
            writes: writes.iter().map(write).collect(),
        }
    }

    fn commit(
        &mut self,
        expectations: &[(usize, Expected)],
        writes: &[(usize, Option<Vec<u8>>)],
    ) -> TestCaseResult {
        let model = self.model.lower(self.batch(expectations, writes, |revision| revision));
        let engine =
            self.engine().lower(self.batch(expectations, writes, |revision| self.by_model[&revision]));
        let (Ok(model), Ok(engine)) = (&model, &engine) else {
            let both =
                matches!((&model, &engine), (Err(StoreError::Invalid(_)), Err(StoreError::Invalid(_))));
            prop_assert!(both, "{model:?} {engine:?}");
            return Ok(());
        };
        match (self.model.commit(model).unwrap(), self.engine().commit(engine).unwrap()) {
            (Outcome::Done(model), Outcome::Done(engine)) => {
                let last = self.revisions.last().map(|pair| pair.1);
                prop_assert!(Some(engine) > last, "{engine:?} after {last:?}");
                self.revisions.push((model, engine));
                self.by_model.insert(model, engine);
            }
            (model, engine) => prop_assert_eq!(model, engine),
        }
        Ok(())
    }

    fn compare(&self, range: &Range, direction: Direction, limit: usize) -> TestCaseResult {
        let rows = |store: &dyn Store| -> Rows {
            let found = store.scan(range, direction, limit).unwrap().into_iter();
            found.map(|(key, row)| (key, row.value.to_vec(), row.revision)).collect()
        };
        let modelled = rows(&self.model).into_iter();
        let expected: Rows =
            modelled.map(|(key, value, revision)| (key, value, self.by_model[&revision])).collect();
        prop_assert_eq!(rows(self.engine()), expected);
        Ok(())
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_engine_does_what_the_store_in_memory_does(steps in steps()) {
        let mut pair = Pair::new();
        for step in steps {
            pair.step(step)?;
        }
        for number in 0..18 {
            pair.compare(&range(number), Direction::Forward, usize::MAX)?;
        }
    }
}
