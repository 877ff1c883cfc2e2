//! A node of the first release with this engine: the statements that it sent, recorded, and what it did with them.

mod text;
mod wire;

use std::{
    collections::HashMap,
    io,
    path::PathBuf,
    sync::{
        Mutex, MutexGuard,
        atomic::{AtomicU64, Ordering},
    },
};

use strongroom_core::{
    Batch, Direction, History, Lowered, Outcome, Range, Record, RecordKey, Revision, SealedStore, Store,
    StoreError,
};
use strongroom_store_postgres::testing::Database;

use self::{
    text::{bytes, hex, long, longs, parameters},
    wire::Wire,
};

/// The last step of the layout that this release knew.
const KNOWN: i64 = 1;

/// A commit that collides is tried so often.
const ATTEMPTS: u32 = 8;

/// One session on the database, and the rules of the first release.
pub(crate) struct OldNode {
    socket: PathBuf,
    database: String,
    /// Tells its batches from those of other nodes.
    instance: [u8; 16],
    batches: AtomicU64,
    state: Mutex<State>,
}

/// What is lost of the next commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Loss {
    Request,
    Answer,
}

#[derive(Default)]
struct State {
    wire: Option<Wire>,
    lane: Option<String>,
    calls: i64,
    loses: Option<Loss>,
    /// Lane, call and place of batches whose answer was lost.
    open: HashMap<u128, (String, i64, usize)>,
    told: HashMap<u128, Outcome>,
}

impl OldNode {
    /// Opens a store as the first release did; the number that it refused is the least layout that a release has to
    /// know.
    pub(crate) fn open(database: &Database) -> Result<Self, i64> {
        let node = Self {
            socket: database.socket(),
            database: database.name().to_owned(),
            instance: *b"an old node here",
            batches: AtomicU64::new(0),
            state: Mutex::default(),
        };
        let (names, meta) = node.ask(|wire| Ok((wire.script("names")?, wire.script("meta")?))).unwrap();
        assert!(long(&names[0][2]) >= 3, "its tables are there");
        match (long(&meta[0][0]), long(&meta[0][1])) {
            (_, least) if least > KNOWN => Err(least),
            (layout, least) => {
                assert!(layout >= 1 && least >= 1);
                Ok(node)
            }
        }
    }

    /// Loses what the next commit says or hears.
    pub(crate) fn lose(&self, loss: Loss) {
        self.state().loses = Some(loss);
    }

    /// Commits batches, none of which writes what another one writes or expects, in one call.
    pub(crate) fn commit_together(&self, group: &[&Lowered]) -> Result<Vec<Outcome>, StoreError> {
        let batches: Vec<_> =
            group.iter().map(|lowered| lowered.batch(self.instance)).collect::<Result<_, _>>()?;
        let mut state = self.state();
        let Some(loss) = state.loses.take() else {
            let outcomes = outcomes(&batches, &state.commit(self, &batches).map_err(failed)?);
            let told = group.iter().zip(&outcomes);
            state.told.extend(told.map(|(lowered, outcome)| (lowered.id(), outcome.clone())));
            return Ok(outcomes);
        };
        let (lane, call) = state.begin(self).map_err(failed)?;
        if loss == Loss::Answer {
            let parameters = parameters(&lane, call, &batches);
            state.wire(self).and_then(|wire| wire.send("commit", &parameters)).map_err(failed)?;
        }
        (state.wire, state.lane) = (None, None);
        let lost = group.iter().enumerate();
        state.open.extend(lost.map(|(place, lowered)| (lowered.id(), (lane.clone(), call, place))));
        Ok(vec![Outcome::Unknown; group.len()])
    }

    /// What became of a batch whose answer was lost; nothing if it did not happen and never will.
    fn recover(&self, lowered: &Lowered) -> Result<Option<Outcome>, StoreError> {
        let mut state = self.state();
        let Some((lane, call, place)) = state.open.remove(&lowered.id()) else {
            return Ok(state.told.get(&lowered.id()).cloned());
        };
        let fence = [lane];
        let found = state.wire(self).and_then(|wire| wire.call("fence", &fence)).map_err(failed)?;
        let result = (long(&found[0][0]) == call).then(|| longs(&found[0][1])[place]);
        let outcome = result.and_then(|result| u64::try_from(result).ok()).filter(|revision| *revision > 0);
        let outcome = outcome.map(|revision| Outcome::Done(Revision(revision)));
        state.told.extend(outcome.iter().map(|outcome| (lowered.id(), outcome.clone())));
        Ok(outcome)
    }

    fn ask<T>(&self, ask: impl FnOnce(&mut Wire) -> io::Result<T>) -> Result<T, StoreError> {
        self.state().wire(self).and_then(ask).map_err(failed)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }
}

impl State {
    fn wire(&mut self, node: &OldNode) -> io::Result<&mut Wire> {
        if self.wire.is_none() {
            let mut wire = Wire::open(&node.socket, &node.database)?;
            assert_eq!(wire.call("history", &[])?.len(), 1);
            self.wire = Some(wire);
        }
        Ok(self.wire.as_mut().unwrap())
    }

    /// What the function answers. A call that collided with another transaction is made again.
    fn commit(&mut self, node: &OldNode, batches: &[&Batch]) -> io::Result<Vec<i64>> {
        for _ in 1..ATTEMPTS {
            match self.call(node, batches) {
                Err(error) if error.to_string().starts_with("SQLSTATE 40") => {}
                other => return other,
            }
        }
        self.call(node, batches)
    }

    fn call(&mut self, node: &OldNode, batches: &[&Batch]) -> io::Result<Vec<i64>> {
        let (lane, call) = self.begin(node)?;
        let rows = self.wire(node)?.call("commit", &parameters(&lane, call, batches))?;
        Ok(longs(&rows[0][0]))
    }

    /// The next call of the lane, whose row is in the database.
    fn begin(&mut self, node: &OldNode) -> io::Result<(String, i64)> {
        let lane = self.lane(node)?;
        self.calls += 1;
        Ok((lane, self.calls))
    }

    fn lane(&mut self, node: &OldNode) -> io::Result<String> {
        if let Some(lane) = &self.lane {
            return Ok(lane.clone());
        }
        let mut id = [0; 16];
        getrandom::fill(&mut id).unwrap();
        let lane = hex(&id);
        let wire = self.wire(node)?;
        wire.call("lane", std::slice::from_ref(&lane))?;
        wire.call("sweep", &[])?;
        self.lane = Some(lane.clone());
        Ok(lane)
    }
}

fn failed(error: io::Error) -> StoreError {
    StoreError::Engine(error.into())
}

fn outcomes(batches: &[&Batch], results: &[i64]) -> Vec<Outcome> {
    let expectations: Vec<_> = batches.iter().flat_map(|batch| &batch.expectations).collect();
    let outcome = |result: &i64| match u64::try_from(*result) {
        Ok(revision) => Outcome::Done(Revision(revision)),
        Err(_) => {
            let place = usize::try_from(result.unsigned_abs()).unwrap();
            Outcome::Conflict(expectations[place - 1].0.clone())
        }
    };
    results.iter().map(outcome).collect()
}

fn record(row: &[String]) -> Record {
    Record { revision: Revision(row[0].parse().unwrap()), value: bytes(&row[1]).into() }
}

impl Store for OldNode {
    fn get_many(&self, keys: &[RecordKey]) -> Result<Vec<Option<Record>>, StoreError> {
        if let [key] = keys {
            let rows = self.ask(|wire| wire.call("get", &[hex(key.as_bytes())]))?;
            return Ok(vec![rows.first().map(|row| record(row))]);
        }
        let asked = text::array(keys.iter().map(|key| text::quoted(key.as_bytes())));
        let mut found: Vec<_> = keys.iter().map(|_| None).collect();
        for row in self.ask(|wire| wire.call("get_many", &[asked]))? {
            found[row[2].parse::<usize>().unwrap() - 1] = Some(record(&row));
        }
        Ok(found)
    }

    fn scan(
        &self,
        range: &Range,
        direction: Direction,
        limit: usize,
    ) -> Result<Vec<(RecordKey, Record)>, StoreError> {
        let (start, end) = range.bounds();
        let name = match direction {
            Direction::Forward => "forward",
            Direction::Backward => "backward",
        };
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let rows = self.ask(|wire| wire.call(name, &[hex(&start), hex(&end), limit.to_string()]))?;
        Ok(rows.iter().map(|row| (RecordKey::from_bytes(bytes(&row[2])).unwrap(), record(row))).collect())
    }

    fn lower(&self, batch: Batch) -> Result<Lowered, StoreError> {
        Lowered::new(self.instance, self.batches.fetch_add(1, Ordering::Relaxed).into(), batch)
    }

    fn commit(&self, lowered: &Lowered) -> Result<Outcome, StoreError> {
        if let Some(outcome) = self.recover(lowered)? {
            return Ok(outcome);
        }
        Ok(self.commit_together(&[lowered])?.remove(0))
    }

    fn scrub(&self) -> Result<(), StoreError> {
        Err(StoreError::Unsupported("promise that deleted bytes are gone"))
    }

    fn history(&self) -> Result<History, StoreError> {
        let (meta, newest) = self.ask(|wire| Ok((wire.script("meta")?, wire.call("newest", &[])?)))?;
        let id = u128::from_str_radix(&meta[0][3], 16).unwrap().to_be_bytes();
        Ok(History { id, revision: Revision(newest[0][0].parse().unwrap()) })
    }

    fn shared(&self) -> bool {
        true
    }
}

impl SealedStore for OldNode {}
