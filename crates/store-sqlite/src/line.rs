use std::{
    collections::VecDeque,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread::{self, ThreadId},
};

use strongroom_core::{Lowered, Outcome, StoreError};

/// At most this many batches share a sync.
const GROUP_BATCHES: usize = 256;
/// A group takes no further batch once it holds this many expectations and writes.
const GROUP_OPERATIONS: usize = 2_000;

type Answer = Result<Outcome, StoreError>;

/// The line in front of the one writer. Who finds nobody there leads at once; all others wait until a leader
/// took their batch along and answers, or until it is their turn to lead.
///
/// Nobody waits unless somebody leads.
#[derive(Debug, Default)]
pub(crate) struct Line(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    led: bool,
    /// The thread that holds the writer across several calls, in an application's transaction.
    holder: Option<ThreadId>,
    waiting: VecDeque<Arc<Place>>,
}

#[derive(Debug)]
struct Place {
    /// What a leader may take along, and how many expectations and writes it has; nothing for those who need
    /// the writer for themselves.
    batch: Option<(Lowered, usize)>,
    turn: Mutex<Option<Turn>>,
    called: Condvar,
}

/// How waiting ended.
#[derive(Debug)]
pub(crate) enum Turn {
    /// This thread has the writer until its [`Baton`] drops.
    Lead,
    /// A leader committed the batch, or failed to.
    Answered(Answer),
}

impl Line {
    /// Waits for the writer, with a batch (and its size) that others may commit meanwhile.
    pub(crate) fn join(&self, batch: Option<(&Lowered, usize)>) -> Result<Turn, StoreError> {
        let mut state = self.state();
        if state.holder.is_some_and(|holder| holder == thread::current().id()) {
            return Err(StoreError::Invalid("this thread holds a transaction: commit through it, or end it"));
        }
        if !state.led {
            state.led = true;
            return Ok(Turn::Lead);
        }
        let place = Arc::new(Place::new(batch.map(|(lowered, operations)| (lowered.clone(), operations))));
        state.waiting.push_back(place.clone());
        drop(state);
        Ok(place.wait())
    }

    /// Those at the head of the line whose batches the leader takes along.
    pub(crate) fn followers(&self) -> Vec<Follower> {
        let (mut followers, mut operations) = (Vec::new(), 0);
        let mut state = self.state();
        while followers.len() < GROUP_BATCHES && operations < GROUP_OPERATIONS {
            let Some(size) = state.waiting.front().and_then(|place| Some(place.batch.as_ref()?.1)) else {
                break;
            };
            operations += size;
            followers.extend(state.waiting.pop_front().map(Follower));
        }
        followers
    }

    /// Notes that the leader keeps the writer between calls; ends with its baton.
    pub(crate) fn hold(&self) {
        self.state().holder = Some(thread::current().id());
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // No step between taking and releasing the lock can fail half-way.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Leadership: dropping it calls the next in line.
#[derive(Debug)]
pub(crate) struct Baton<'l>(pub(crate) &'l Line);

impl Drop for Baton<'_> {
    fn drop(&mut self) {
        let mut state = self.0.state();
        state.holder = None;
        match state.waiting.pop_front() {
            Some(next) => {
                drop(state);
                next.call(Turn::Lead);
            }
            None => state.led = false,
        }
    }
}

/// Somebody whose batch the leader took along. Always gets an answer.
#[derive(Debug)]
pub(crate) struct Follower(Arc<Place>);

impl Follower {
    pub(crate) fn batch(&self) -> Option<&Lowered> {
        self.0.batch.as_ref().map(|(lowered, _)| lowered)
    }

    pub(crate) fn answer(self, answer: Answer) {
        self.0.call(Turn::Answered(answer));
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        // Has no effect after an answer. A leader that came to grief before it gave one knows of no commit.
        self.0.call(Turn::Answered(Err(StoreError::Broken)));
    }
}

impl Place {
    fn new(batch: Option<(Lowered, usize)>) -> Self {
        Self { batch, turn: Mutex::new(None), called: Condvar::new() }
    }

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
