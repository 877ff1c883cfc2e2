//! The checker of histories agrees with trying every order of small ones.

use std::{cell::Cell, time::Duration};

use proptest::{
    prelude::*,
    sample::Index,
    test_runner::{Config, TestRunner},
};
use strongroom_core::Lease;

use crate::{
    histories::{CREATE, FIRST, OPENS_FIRST, SECOND, at, linear, text},
    linear::{
        Act::{self, *},
        Answer::{self, Done, Made, Refused, Unknown, Version},
        Call, Operation, Shown, State,
        search::{Effect, Kind, Model},
    },
};

/// Whether an operation must have happened before another one.
fn precedes(one: &Operation<Call>, other: &Operation<Call>) -> bool {
    let effect = one.call.effect();
    let own = one.node == other.node && matches!(effect, Effect::Gives | Effect::Takes);
    let exact = !other.call.uses_memory() || own || effect == Effect::Takes;
    let late = if exact { Duration::ZERO } else { Lease::AWAITED };
    one.ended.is_some_and(|ended| ended + late < other.begun)
}

/// Tries every order of a history, by the rules as they are written.
fn any_order(state: &State, rest: &[&Operation<Call>]) -> bool {
    if rest.iter().all(|operation| operation.ended.is_none()) {
        return true;
    }
    (0..rest.len()).any(|next| {
        let mut others = rest.to_vec();
        let next = others.remove(next);
        let first = others.iter().all(|other| !precedes(other, next));
        first && state.after(&next.call).is_some_and(|state| any_order(&state, &others))
    })
}

const ACTS: [Act; 13] = [
    CREATE,
    CREATE,
    Create { may_exist: true },
    Rotate,
    Rotate,
    Enable,
    Disable,
    Act::Least(1),
    Act::Least(2),
    Delete,
    Read,
    Encrypt,
    OPENS_FIRST,
];
const REFUSALS: [&str; 8] =
    ["not found", "exists", "disabled", "not deletable", "too old", "invalid", "does not open", "no version"];

/// All that could be answered.
fn answers() -> Vec<Answer> {
    let shown = |(newest, least, enabled)| Answer::Shown(Shown { newest, least, enabled });
    let states = [(1, 1, true), (2, 1, true), (2, 2, true), (1, 1, false), (2, 1, false), (3, 1, true)];
    let texts = [(FIRST, 1), (FIRST, 2), (SECOND, 1)].map(|(id, version)| Made(text(id, version)));
    let all = [Done, Unknown].into_iter().chain((2..4).map(Version)).chain(states.map(shown)).chain(texts);
    all.chain(REFUSALS.map(Refused)).collect()
}

/// An operation that is yet to be answered.
#[derive(Debug, Clone)]
struct Step {
    node: usize,
    act: usize,
    begun: u64,
    length: u64,
    /// When in its time it happens.
    point: u64,
    lost: bool,
    pick: Index,
}

fn step() -> impl Strategy<Value = Step> {
    let times = (0..9u64, 0..7u64, 0..7u64);
    (0..2usize, 0..ACTS.len(), times, prop::bool::weighted(0.15), any::<Index>()).prop_map(
        |(node, act, (begun, length, point), lost, pick)| {
            let (begun, length, point) = (begun * 250, length * 250, (begun + point.min(length)) * 250);
            Step { node, act, begun, length, point, lost, pick }
        },
    )
}

/// Small histories: each operation is answered as it happens at a moment of its time, one after the other, and then
/// perhaps one answer is another.
fn history() -> impl Strategy<Value = Vec<Operation<Call>>> {
    let wrong = prop::option::of((any::<Index>(), any::<Index>()));
    (prop::collection::vec(step(), 1..7), wrong).prop_map(|(mut steps, wrong)| {
        steps.sort_by_key(|step| step.point);
        let (mut state, all) = (State::default(), answers());
        let mut given = Vec::new();
        for step in &steps {
            let after = |answer: Answer| state.after(&Call { act: ACTS[step.act], answer });
            let right: Vec<_> = all.iter().filter(|answer| after(**answer).is_some()).collect();
            let answer = if step.lost { Unknown } else { *right[step.pick.index(right.len())] };
            state = after(answer).unwrap_or(state);
            given.push(answer);
        }
        if let Some((place, answer)) = wrong {
            let place = place.index(given.len());
            given[place] = all[answer.index(all.len())];
        }
        let answered = steps.iter().zip(given);
        answered
            .map(|(step, answer)| at(step.node, step.begun, step.begun + step.length, ACTS[step.act], answer))
            .collect()
    })
}

#[test]
fn the_checker_agrees_with_trying_every_order() {
    let (linear_ones, others) = (Cell::new(0), Cell::new(0));
    let mut runner = TestRunner::new(Config::with_cases(8_000));
    let agreed = runner.run(&history(), |history| {
        let all: Vec<_> = history.iter().collect();
        let expected = any_order(&State::default(), &all);
        let counted = if expected { &linear_ones } else { &others };
        counted.set(counted.get() + 1);
        prop_assert_eq!(linear(&history), expected);
        Ok(())
    });
    agreed.unwrap_or_else(|error| panic!("{error}"));
    assert!(linear_ones.get() > 400 && others.get() > 400, "{linear_ones:?} {others:?}");
}
