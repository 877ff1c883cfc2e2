use std::{
    collections::{HashMap, VecDeque},
    sync::{Mutex, PoisonError},
};

use strongroom_core::{Lowered, Outcome};

use crate::lane::Trace;

/// So many outcomes are kept after they were told.
const KEPT: usize = 4_096;

/// What became of batches, by their numbers.
#[derive(Debug, Default)]
pub(crate) struct Memory(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    told: HashMap<u128, Outcome>,
    order: VecDeque<u128>,
    /// Not known yet. Kept as long as the process lives: an answer that is forgotten might be given twice.
    open: HashMap<u128, (Trace, usize)>,
}

/// What is known of a batch.
#[derive(Debug)]
pub(crate) enum Known {
    Nothing,
    Told(Outcome),
    /// Its answer was lost with this call, of which it was the part with this number.
    Open(Trace, usize),
}

impl Memory {
    pub(crate) fn recall(&self, batch: &Lowered) -> Known {
        let state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match (state.told.get(&batch.id()), state.open.get(&batch.id())) {
            (Some(outcome), _) => Known::Told(outcome.clone()),
            (None, Some((trace, part))) => Known::Open(*trace, *part),
            (None, None) => Known::Nothing,
        }
    }

    /// Notes outcomes that are known, or that nothing happened and nothing will.
    pub(crate) fn note<'m>(&self, outcomes: impl Iterator<Item = (&'m Lowered, Option<Outcome>)>) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for (batch, outcome) in outcomes {
            state.open.remove(&batch.id());
            let Some(outcome) = outcome else { continue };
            if state.told.insert(batch.id(), outcome).is_none() {
                state.order.push_back(batch.id());
            }
        }
        while state.order.len() > KEPT {
            if let Some(oldest) = state.order.pop_front() {
                state.told.remove(&oldest);
            }
        }
    }

    pub(crate) fn lose(&self, batches: &[Lowered], trace: Trace) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.open.extend(batches.iter().enumerate().map(|(part, batch)| (batch.id(), (trace, part))));
    }
}
