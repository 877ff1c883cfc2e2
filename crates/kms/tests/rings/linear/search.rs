use std::{collections::HashSet, fmt, hash::Hash, time::Duration};

use strongroom_core::Lease;

/// The state of something that is used by one operation at a time.
pub(crate) trait Model: Clone + Eq + Hash + fmt::Debug {
    type Call: Kind + PartialEq + fmt::Debug;

    /// The state after an operation that was answered as it was; nothing where it cannot be answered so.
    fn after(&self, call: &Self::Call) -> Option<Self>;
}

/// What an operation is, as far as the order matters that others may see it in.
pub(crate) trait Kind {
    fn effect(&self) -> Effect;

    /// Whether a node may answer it from its memory.
    fn uses_memory(&self) -> bool;
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effect {
    /// It leaves every state as it is.
    Nothing,
    /// Something is allowed, or there, that was not.
    Gives,
    /// It gives, or finds that another one gave already.
    MayGive,
    Takes,
}

/// What a client asked a node, what it was answered, and when.
#[derive(Debug, Clone)]
pub(crate) struct Operation<C> {
    pub(crate) node: usize,
    pub(crate) call: C,
    pub(crate) begun: Duration,
    /// None where no answer came: it may happen at any time, or never.
    pub(crate) ended: Option<Duration>,
}

/// No order explains a history.
#[derive(Debug)]
pub(crate) struct Broken<M> {
    /// How many operations the longest order that was found explains, and the state after them.
    pub(crate) explained: usize,
    pub(crate) state: M,
    /// The first operations that it does not explain, by when they began.
    pub(crate) rest: Vec<String>,
}

impl<M: fmt::Debug> fmt::Display for Broken<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { explained, state, rest } = self;
        write!(f, "after {explained} operations it is {state:?}, and not explained are\n{}", rest.join("\n"))
    }
}

/// States that are looked at before it is given up: a history that needs more was recorded too wide.
const STATES: usize = 1_000_000;
const SHOWN: usize = 12;

/// Finds an order in which a history can have happened, from the state `first` on.
pub(crate) fn check<M: Model>(first: M, history: &[Operation<M::Call>]) -> Result<(), Broken<M>> {
    let mut history: Vec<_> = history.iter().collect();
    history.sort_by_key(|operation| operation.begun);
    let mut search = Search { history, seen: HashSet::new() };
    let mut best = Point { done: Done::new(search.history.len()), state: first };
    let mut open = vec![best.clone()];
    while let Some(mut point) = open.pop() {
        let choices = search.advance(&mut point);
        if search.answered(&point) {
            return Ok(());
        }
        if !search.seen.insert((point.done.clone(), point.state.clone())) {
            continue;
        }
        assert!(search.seen.len() < STATES, "there are too many orders to try");
        // The last one is looked at first.
        open.extend(choices.into_iter().rev().map(|(index, state)| point.with(index, state)));
        if best.done.count < point.done.count {
            best = point;
        }
    }
    Err(search.broken(&best))
}

/// How far an order goes.
#[derive(Clone)]
struct Point<M> {
    done: Done,
    state: M,
}

impl<M: Model> Point<M> {
    fn with(&self, index: usize, state: M) -> Self {
        let mut done = self.done.clone();
        done.add(index);
        Self { done, state }
    }
}

struct Search<'h, M: Model> {
    history: Vec<&'h Operation<M::Call>>,
    seen: HashSet<(Done, M)>,
}

impl<M: Model> Search<'_, M> {
    /// Takes everything into the order that may come next and that never changes anything: it would be as good later, as
    /// nothing else has to come before it, and all others can go on without it. Answers what else may come next, what
    /// was answered first at the beginning.
    fn advance(&self, point: &mut Point<M>) -> Vec<(usize, M)> {
        let (mut choices, mut limits) = (Vec::new(), Limits::default());
        for index in point.done.first_open()..self.history.len() {
            if point.done.has(index) {
                continue;
            }
            let operation = self.history[index];
            if limits.end_before(operation.begun) {
                break;
            }
            if limits.allow(operation)
                && let Some(state) = point.state.after(&operation.call)
            {
                if state == point.state && operation.call.effect() == Effect::Nothing {
                    point.done.add(index);
                    continue;
                }
                if operation.ended.is_some() || self.may_matter(operation, &state, point, &choices) {
                    choices.push((index, state));
                }
            }
            limits.add(operation);
        }
        choices.sort_by_key(|(index, _)| self.history[*index].ended.unwrap_or(Duration::MAX));
        choices
    }

    /// Whether to try that something happened that was never answered. Where it changes nothing it may as well never
    /// happen, and of two that are alike the one that began first is as good as the other.
    fn may_matter(
        &self,
        operation: &Operation<M::Call>,
        state: &M,
        point: &Point<M>,
        choices: &[(usize, M)],
    ) -> bool {
        let alike = |other: &Operation<M::Call>| other.ended.is_none() && other.call == operation.call;
        *state != point.state && !choices.iter().any(|(index, _)| alike(self.history[*index]))
    }

    /// Whether nothing is left but what was never answered.
    fn answered(&self, point: &Point<M>) -> bool {
        self.open(point).all(|operation| operation.ended.is_none())
    }

    fn open<'a>(&'a self, point: &'a Point<M>) -> impl Iterator<Item = &'a Operation<M::Call>> {
        let all = self.history.iter().enumerate().skip(point.done.first_open());
        all.filter(|(index, _)| !point.done.has(*index)).map(|(_, operation)| *operation)
    }

    fn broken(&self, best: &Point<M>) -> Broken<M> {
        let rest = self.open(best).take(SHOWN).map(|operation| format!("{operation:?}")).collect();
        Broken { explained: best.done.count, state: best.state.clone(), rest }
    }
}

/// Until when the next operation must have begun, by all that is open and began before it.
///
/// What goes to the database sees all that was answered before. A node that answers from its memory sees what was taken
/// away, and what went through itself; what was given it may see so much later as a lease lasts.
#[derive(Default)]
struct Limits {
    exact: Option<Duration>,
    memory: Option<Duration>,
    /// By node.
    own: Vec<Option<Duration>>,
}

impl Limits {
    fn allow<C: Kind>(&self, operation: &Operation<C>) -> bool {
        let within = |limit: Option<Duration>| limit.is_none_or(|limit| operation.begun <= limit);
        match operation.call.uses_memory() {
            false => within(self.exact),
            true => within(self.memory) && within(self.own.get(operation.node).copied().flatten()),
        }
    }

    /// Whether nothing that begins at this time, or later, is allowed.
    fn end_before(&self, begun: Duration) -> bool {
        [self.exact, self.memory].iter().all(|limit| limit.is_some_and(|limit| limit < begun))
    }

    fn add<C: Kind>(&mut self, operation: &Operation<C>) {
        let Some(ended) = operation.ended else { return };
        let effect = operation.call.effect();
        lower(&mut self.exact, ended);
        lower(
            &mut self.memory,
            ended + if effect == Effect::Takes { Duration::ZERO } else { Lease::AWAITED },
        );
        if matches!(effect, Effect::Gives | Effect::Takes) {
            self.own.resize(self.own.len().max(operation.node + 1), None);
            lower(&mut self.own[operation.node], ended);
        }
    }
}

fn lower(limit: &mut Option<Duration>, to: Duration) {
    *limit = Some(limit.map_or(to, |limit| limit.min(to)));
}

/// A set of operations, by their place in the history.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Done {
    words: Vec<u64>,
    count: usize,
}

impl Done {
    fn new(length: usize) -> Self {
        Self { words: vec![0; length.div_ceil(64)], count: 0 }
    }

    fn has(&self, index: usize) -> bool {
        self.words[index / 64] & 1 << (index % 64) != 0
    }

    fn add(&mut self, index: usize) {
        self.words[index / 64] |= 1 << (index % 64);
        self.count += 1;
    }

    fn first_open(&self) -> usize {
        let full = self.words.iter().take_while(|word| **word == u64::MAX).count();
        full * 64 + self.words.get(full).map_or(0, |word| word.trailing_ones() as usize)
    }
}
