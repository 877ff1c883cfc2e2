use std::{
    sync::atomic::{AtomicBool, Ordering},
    thread::sleep,
    time::{Duration, Instant},
};

use crate::linear::{Act, Answer, Dice, History, Texts, To};

/// Somebody who asks nodes.
pub(crate) trait Client {
    /// A ciphertext as this one gets it.
    type Sealed: Clone;
    /// How this one creates a ring.
    const CREATE: Act;
    /// Whether this one can bring versions into other states.
    const STATES: bool;

    /// Does something to a ring, or with it, through a node. Answers nothing where it certainly was not done, or tells
    /// nothing.
    fn ask(&mut self, node: usize, ring: &str, act: Act, sealed: Option<&Self::Sealed>) -> Option<Answer>;

    /// The ciphertext that was made last.
    fn made(&mut self) -> Option<Self::Sealed>;
}

/// What a client does all the time.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Role {
    Uses,
    Gives,
    /// This waits most of the time.
    Takes,
}

/// How long a node may take to answer again after all that was done to it.
const LONGEST: Duration = Duration::from_secs(60);

/// How often each is there. What is given is announced to all nodes, so that it hides what was taken and not announced:
/// much is taken, and little given.
pub(crate) const ROLES: [(Role, usize); 3] = [(Role::Uses, 5), (Role::Takes, 10), (Role::Gives, 2)];

/// What is done to some rings by many clients of some nodes.
pub(crate) struct Load<T> {
    pub(crate) history: History,
    nodes: usize,
    rings: Vec<String>,
    texts: Texts<T>,
    over: AtomicBool,
}

impl<T: Clone> Load<T> {
    pub(crate) fn on(nodes: usize, rings: Vec<String>) -> Self {
        let (history, texts) = (History::new(), Texts::new());
        Self { history, nodes, rings, texts, over: AtomicBool::new(false) }
    }

    pub(crate) fn rings(&self) -> &[String] {
        &self.rings
    }

    /// Whether the clients end now.
    pub(crate) fn is_over(&self) -> bool {
        self.over.load(Ordering::Relaxed)
    }

    pub(crate) fn end(&self) {
        self.over.store(true, Ordering::Relaxed);
    }

    /// Works until it is over.
    pub(crate) fn work<C: Client<Sealed = T>>(&self, role: Role, client: &mut C) {
        let mut dice = Dice::new();
        while !self.is_over() {
            let (act, longest) = Self::chosen::<C>(role, &mut dice);
            let ring = &self.rings[dice.below(self.rings.len())];
            self.act(client, dice.below(self.nodes), ring, act, &mut dice);
            sleep(Duration::from_micros(dice.below(longest) as u64));
        }
    }

    /// Creates all rings through one node.
    pub(crate) fn begin<C: Client<Sealed = T>>(&self, client: &mut C, node: usize) {
        for ring in &self.rings {
            self.act(client, node, ring, Some(C::CREATE), &mut Dice::new());
        }
    }

    /// All that the nodes show of all rings, once they answer, and whether they open what was encrypted.
    pub(crate) fn look(&self, client: &mut impl Client<Sealed = T>) {
        let (mut dice, begun) = (Dice::new(), Instant::now());
        for (ring, node) in self.rings.iter().flat_map(|ring| (0..self.nodes).map(move |node| (ring, node))) {
            while self.act(client, node, ring, Some(Act::Read), &mut dice).is_none() {
                assert!(begun.elapsed() < LONGEST, "node {node} does not answer");
                sleep(Duration::from_millis(20));
            }
            self.act(client, node, ring, None, &mut dice);
        }
    }

    /// What to do, or to decrypt something, and how long to rest then, in microseconds.
    fn chosen<C: Client>(role: Role, dice: &mut Dice) -> (Option<Act>, usize) {
        match role {
            Role::Uses => {
                let act = [Some(Act::Read), Some(Act::Encrypt), Some(Act::Encrypt), None, None, None];
                (dice.one_of(&act), 4_000)
            }
            Role::Gives => {
                let resume = Act::State(1 + dice.below(3) as u32, To::Active);
                let acts = [C::CREATE, Act::Enable, Act::Enable, Act::Rotate, resume];
                let known = if C::STATES { 5 } else { 4 };
                (Some(dice.one_of(&acts[..known])), 300_000)
            }
            Role::Takes => {
                let least = Act::Least(1 + dice.below(3) as u32);
                let to = dice.one_of(&[To::Suspended, To::Suspended, To::Suspended, To::Compromised]);
                let state = Act::State(1 + dice.below(3) as u32, to);
                let acts = [Act::Disable, Act::Disable, least, least, least, Act::Delete, state, state];
                let known = if C::STATES { 8 } else { 6 };
                (Some(dice.one_of(&acts[..known])), 20_000)
            }
        }
    }

    /// Does it, or decrypts something that was encrypted before.
    fn act(
        &self,
        client: &mut impl Client<Sealed = T>,
        node: usize,
        ring: &str,
        act: Option<Act>,
        dice: &mut Dice,
    ) -> Option<Answer> {
        let (act, sealed) = match act {
            Some(act) => (act, None),
            None => {
                let (sealed, text) = self.texts.one(ring, dice)?;
                (Act::Decrypt(text), Some(sealed))
            }
        };
        let answer = self.history.record(ring, node, act, || client.ask(node, ring, act, sealed.as_ref()));
        if let (Some(Answer::Made(text)), Some(made)) = (answer, client.made()) {
            self.texts.keep(ring, made, text, dice);
        }
        answer
    }
}
