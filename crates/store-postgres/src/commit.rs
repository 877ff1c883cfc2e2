use std::{thread, time::Duration, time::Instant};

use strongroom_core::{Lowered, Outcome, StoreError};

use crate::{
    cause::{Cause, Failure},
    group::Group,
    lane::{Failed, Lane, Trace},
    line::{Lead, Turn},
    memory::Known,
    store::Shared,
};

/// So many calls that can commit at once. One is at work on the server while the other one waits for its disk.
pub(crate) const LANES: usize = 2;

/// A commit that collides is tried so often.
const ATTEMPTS: u32 = 8;

impl Shared {
    pub(crate) fn commit(&self, lowered: &Lowered) -> Result<Outcome, StoreError> {
        lowered.batch(self.instance)?;
        let deadline = Instant::now() + self.config.timeouts.operation;
        match self.memory.recall(lowered) {
            Known::Told(outcome) => return Ok(outcome),
            Known::Open(trace, part) => {
                if let Some(outcome) = self.recover(lowered, trace, part, deadline) {
                    return Ok(outcome);
                }
            }
            Known::Nothing => {}
        }
        match self.line.join(lowered) {
            Turn::Lead(lane) => self.lead(lane, lowered, deadline),
            Turn::Answered(answer) => answer,
        }
    }

    /// Commits the leader's batch together with those of threads that wait, and answers them.
    fn lead(&self, lane: Lane, own: &Lowered, deadline: Instant) -> Result<Outcome, StoreError> {
        let mut lead = Lead::new(&self.line, lane);
        let mut group = Group::of(self.instance, own)?;
        let followers = self.line.followers(&mut group);
        let result = self.settle(lead.lane(), &group, deadline);
        if let Ok(outcomes) = &result {
            let known =
                outcomes.iter().map(|outcome| (*outcome != Outcome::Unknown).then(|| outcome.clone()));
            let pairs = group.members().iter().zip(known);
            self.memory.note(pairs.filter(|(_, outcome)| outcome.is_some()));
        }
        // The next leader is at work while these are told.
        drop(lead);
        let mut answers = match &result {
            Ok(outcomes) => outcomes.iter(),
            Err(_) => [].iter(),
        };
        let mut answer = || match (&result, answers.next()) {
            (Ok(_), outcome) => Ok(outcome.cloned().unwrap_or(Outcome::Unknown)),
            (Err(cause), _) => Err(cause.clone().at(&self.at)),
        };
        let own = answer();
        followers.into_iter().for_each(|follower| follower.answer(answer()));
        own
    }

    /// Commits a group, whatever becomes of the connection on the way. Outcomes are unknown only where the database
    /// could not be asked until the deadline.
    fn settle(&self, lane: &mut Lane, group: &Group, deadline: Instant) -> Result<Vec<Outcome>, Cause> {
        let mut attempt = 0;
        loop {
            let failed = match lane.commit(&self.config, &self.meta, group, attempt, deadline) {
                Ok(results) => return group.outcomes(&results).ok_or(Cause::Protocol),
                Err(failed) => failed,
            };
            let again = match failed {
                Failed::Refused(cause) => return Err(cause),
                Failed::Again(cause) => cause,
                Failed::Lost(trace) => match self.ask(lane, trace, deadline) {
                    Ok(Some(results)) => return group.outcomes(&results).ok_or(Cause::Protocol),
                    Ok(None) => Cause::Late,
                    Err(_) => {
                        self.memory.lose(group.members(), trace);
                        return Ok(vec![Outcome::Unknown; group.members().len()]);
                    }
                },
            };
            attempt += 1;
            if attempt == ATTEMPTS || Instant::now() >= deadline {
                return Err(again);
            }
            thread::sleep(pause(attempt));
        }
    }

    /// What became of a call: asks until the database answers or time is up.
    fn ask(&self, lane: &mut Lane, trace: Trace, deadline: Instant) -> Result<Option<Vec<i64>>, Cause> {
        let mut attempt = 0;
        loop {
            let within = self.config.timeouts.attempt(0, deadline);
            let failure = match lane.settle(&self.config, &self.meta, trace, within) {
                Err(Failure::Refused(cause @ (Cause::Exchanged | Cause::Newer))) => return Err(cause),
                Err(failure) => failure,
                Ok(found) => return Ok(found),
            };
            attempt += 1;
            let pause = pause(attempt.min(8));
            if Instant::now() + pause >= deadline {
                return Err(failure.cause());
            }
            thread::sleep(pause);
        }
    }

    /// The outcome of a batch whose answer was lost; nothing if it did not happen, so that it may be committed anew.
    fn recover(&self, lowered: &Lowered, trace: Trace, part: usize, deadline: Instant) -> Option<Outcome> {
        let found = match self.ask(&mut Lane::default(), trace, deadline) {
            Ok(found) => found,
            Err(_) => return Some(Outcome::Unknown),
        };
        let result = found.and_then(|results| results.get(part).copied()).unwrap_or_default();
        let outcome = u64::try_from(result).ok().filter(|revision| *revision > 0);
        let outcome = outcome.map(|revision| Outcome::Done(strongroom_core::Revision(revision)));
        self.memory.note([(lowered, outcome.clone())].into_iter());
        outcome
    }
}

/// Grows, with jitter, so that two that met do not meet again.
fn pause(attempt: u32) -> Duration {
    use std::hash::{BuildHasher, RandomState};
    let ceiling = 1_000 << attempt.min(8);
    Duration::from_micros(ceiling / 2 + RandomState::new().hash_one(attempt) % ceiling / 2)
}
