use std::{
    collections::VecDeque,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
};

use strongroom_core::{Lowered, Outcome, StoreError};

use crate::{group::Group, lane::Lane};

type Answer = Result<Outcome, StoreError>;

/// The line in front of the lanes. Who finds one free leads at once; all others wait until a leader took their batch
/// along and answers, or until it is their turn to lead.
///
/// Nobody waits unless every lane is led.
#[derive(Debug)]
pub(crate) struct Line(Mutex<State>);

#[derive(Debug)]
struct State {
    free: Vec<Lane>,
    waiting: VecDeque<Arc<Place>>,
}

#[derive(Debug)]
struct Place {
    batch: Lowered,
    turn: Mutex<Option<Turn>>,
    called: Condvar,
}

/// How waiting ended.
#[derive(Debug)]
pub(crate) enum Turn {
    /// This thread has a lane, which it puts back with [`Lead`].
    Lead(Lane),
    /// A leader committed the batch, or failed to.
    Answered(Answer),
}

impl Line {
    pub(crate) fn new(lanes: Vec<Lane>) -> Self {
        Self(Mutex::new(State { free: lanes, waiting: VecDeque::new() }))
    }

    /// Waits for a lane, with a batch that others may commit meanwhile.
    pub(crate) fn join(&self, batch: &Lowered) -> Turn {
        let mut state = self.state();
        if let Some(lane) = state.free.pop() {
            return Turn::Lead(lane);
        }
        let place = Arc::new(Place { batch: batch.clone(), turn: Mutex::new(None), called: Condvar::new() });
        state.waiting.push_back(place.clone());
        drop(state);
        place.wait()
    }

    /// Those in the line whose batches go along with a group, in the order of its members.
    pub(crate) fn followers(&self, group: &mut Group) -> Vec<Follower> {
        let mut followers = Vec::new();
        let mut state = self.state();
        state.waiting.retain(|place| {
            let taken = group.take(&place.batch);
            followers.extend(taken.then(|| Follower(place.clone())));
            !taken
        });
        followers
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // No step between taking and releasing the lock can fail half-way.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn hand_on(&self, lane: Lane) {
        let mut state = self.state();
        match state.waiting.pop_front() {
            Some(next) => {
                drop(state);
                next.call(Turn::Lead(lane));
            }
            None => state.free.push(lane),
        }
    }
}

/// Leadership of a lane: dropping it calls the next in line.
#[derive(Debug)]
pub(crate) struct Lead<'l> {
    line: &'l Line,
    lane: Option<Lane>,
}

impl<'l> Lead<'l> {
    pub(crate) fn new(line: &'l Line, lane: Lane) -> Self {
        Self { line, lane: Some(lane) }
    }

    pub(crate) fn lane(&mut self) -> &mut Lane {
        self.lane.get_or_insert_default()
    }
}

impl Drop for Lead<'_> {
    fn drop(&mut self) {
        self.line.hand_on(self.lane.take().unwrap_or_default());
    }
}

/// Somebody whose batch the leader took along. Always gets an answer.
#[derive(Debug)]
pub(crate) struct Follower(Arc<Place>);

impl Follower {
    pub(crate) fn answer(self, answer: Answer) {
        self.0.call(Turn::Answered(answer));
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        // Has no effect after an answer. A leader that came to grief may have committed before.
        self.0.call(Turn::Answered(Err(StoreError::Broken)));
    }
}

impl Place {
    fn wait(&self) -> Turn {
        let mut turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            match turn.take() {
                Some(turn) => return turn,
                None => turn = self.called.wait(turn).unwrap_or_else(PoisonError::into_inner),
            }
        }
    }

    /// The first call counts.
    fn call(&self, turn: Turn) {
        self.turn.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(turn);
        self.called.notify_one();
    }
}
