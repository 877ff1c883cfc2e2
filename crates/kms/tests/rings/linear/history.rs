use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
    time::Instant,
};

use crate::linear::{Act, Answer, Call, Operation, State, search::check};

/// What was done to several rings, by their names, and when.
pub(crate) struct History {
    origin: Instant,
    rings: Mutex<BTreeMap<String, Vec<Operation<Call>>>>,
}

impl History {
    pub(crate) fn new() -> Self {
        Self { origin: Instant::now(), rings: Mutex::default() }
    }

    /// Runs something through a node and records it; not where `run` answers nothing, as that tells nothing.
    pub(crate) fn record(
        &self,
        ring: &str,
        node: usize,
        act: Act,
        run: impl FnOnce() -> Option<Answer>,
    ) -> Option<Answer> {
        let begun = self.origin.elapsed();
        let answer = run()?;
        let ended = (answer != Answer::Unknown).then(|| self.origin.elapsed());
        let operation = Operation { node, call: Call { act, answer }, begun, ended };
        let mut rings = self.rings.lock().unwrap_or_else(PoisonError::into_inner);
        rings.entry(ring.to_owned()).or_default().push(operation);
        Some(answer)
    }

    /// What tells of each ring whose history no order explains.
    pub(crate) fn unexplained(&self) -> Vec<String> {
        let rings = self.rings.lock().unwrap_or_else(PoisonError::into_inner);
        let broken =
            rings.iter().filter_map(|(name, history)| Some((name, check(State::default(), history).err()?)));
        broken.map(|(name, broken)| format!("{name}: {broken}")).collect()
    }

    /// How many operations there are of which this is true.
    pub(crate) fn count(&self, is: impl Fn(&str, Act, Answer) -> bool) -> usize {
        let rings = self.rings.lock().unwrap_or_else(PoisonError::into_inner);
        let count = |(ring, history): (&String, &Vec<Operation<Call>>)| {
            history.iter().filter(|operation| is(ring, operation.call.act, operation.call.answer)).count()
        };
        rings.iter().map(count).sum()
    }
}
