//! Three nodes over one database, by the real clock: clients of all of them, and a network that is cut, that is slow
//! and that loses answers. What the clients were told can have happened one after the other.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, sleep},
    time::Duration,
};

use strongroom_core::{
    Action, Algorithm, Base, CommitError, Event, Gate, Lease, SealedStore, SystemClock, Tenant,
    memory::MemoryStore,
};
use strongroom_keys::{RustCrypto, envelope::Header};
use strongroom_kms::{Kms, KmsError, Ring, Settings};

use crate::{
    linear::{Act, Answer, Dice, History, Shown, Text, Texts},
    support::{drained, kind, name},
    taps::{Deaf, Tapped, Wire},
};

/// Each in a tenant of its own, so that nothing is heard of by luck, with what another one announced.
const RINGS: [&str; 6] = ["a", "b", "c", "d", "e", "f"];
const USERS: usize = 5;
const GIVERS: usize = 1;
/// These wait most of the time.
const TAKERS: usize = 5;

struct Node {
    kms: Kms,
    lease: Arc<Lease>,
}

impl Node {
    fn new(store: Arc<dyn SealedStore>) -> Self {
        let (gate, provider) = (Arc::new(Gate::new()), Arc::new(RustCrypto::new()));
        let base = Base::new(store, gate, provider, Arc::new(SystemClock)).unwrap();
        Self { lease: Arc::clone(&base.lease), kms: Kms::new(base) }
    }

    /// Does something as a client asks; answers nothing where it certainly was not done.
    fn run(&self, ring: &str, act: Act, sealed: &[u8]) -> (Option<Answer>, Vec<u8>) {
        let (rings, name) = (self.kms.without_caller(tenant(ring)), &name(ring));
        let done = |done: Result<(), KmsError>| done.map(|()| Answer::Done);
        let mut made = Vec::new();
        let answer = match act {
            Act::Create | Act::Ensure => done(rings.create(name, Algorithm::Aes256Gcm).map(drop)),
            Act::Rotate => rings.rotate(name).map(Answer::Version),
            Act::Enable => done(rings.enable(name)),
            Act::Disable => done(rings.disable(name)),
            Act::Least(least) => done(rings.configure(name, &least_version(least)).map(drop)),
            Act::Delete => done(rings.delete(name)),
            Act::Read => rings.read(name).map(|ring| Answer::Shown(shown(&ring))),
            Act::Encrypt => rings.encrypt(name, b"text", b"").map(|sealed| {
                made = sealed;
                Answer::Made(text(&made))
            }),
            Act::Decrypt(_) => done(rings.decrypt(name, sealed, b"").map(drop)),
        };
        (answer.map_or_else(|error| refusal(&error), Some), made)
    }
}

fn tenant(ring: &str) -> Tenant {
    Tenant::from_bytes([ring.as_bytes()[0]; 16])
}

fn least_version(least: u32) -> Settings {
    Settings {
        min_decryption_version: Some(least),
        min_encryption_version: None,
        deletion_allowed: Some(true),
    }
}

fn shown(ring: &Ring) -> Shown {
    let newest = ring.versions.last().unwrap().version;
    Shown { newest, least: ring.min_decryption_version, enabled: !ring.disabled }
}

fn text(sealed: &[u8]) -> Text {
    let key = Header::parse(sealed).unwrap().key;
    Text { id: key.id, version: key.version }
}

fn refusal(error: &KmsError) -> Option<Answer> {
    match error {
        KmsError::Store(_) | KmsError::Commit(CommitError::Contended) => None,
        KmsError::Commit(_) => Some(Answer::Unknown),
        other => Some(Answer::Refused(kind(other))),
    }
}

/// All that runs at once.
struct Cluster {
    nodes: Vec<Node>,
    history: History,
    texts: Texts<Vec<u8>>,
    over: AtomicBool,
}

impl Cluster {
    fn of(stores: impl IntoIterator<Item = Arc<dyn SealedStore>>) -> Self {
        let nodes = stores.into_iter().map(Node::new).collect();
        Self { nodes, history: History::new(), texts: Texts::new(), over: AtomicBool::new(false) }
    }

    /// Runs clients for a while, and what is done to the network meanwhile.
    fn run(&self, time: Duration, wires: &[Arc<Tapped<Wire>>]) {
        let until_over = |work: &dyn Fn(&mut Dice)| {
            let mut dice = Dice::new();
            while !self.over.load(Ordering::Relaxed) {
                work(&mut dice);
            }
        };
        thread::scope(|scope| {
            for node in &self.nodes {
                scope.spawn(move || until_over(&|_| self.keep_lease(node)));
            }
            (0..USERS).for_each(|_| drop(scope.spawn(|| until_over(&|dice| self.use_one(dice)))));
            (0..GIVERS).for_each(|_| drop(scope.spawn(|| until_over(&|dice| self.give_one(dice)))));
            (0..TAKERS).for_each(|_| drop(scope.spawn(|| until_over(&|dice| self.take_one(dice)))));
            for wire in wires {
                scope.spawn(move || until_over(&|dice| bad_weather(&wire.tap, dice)));
            }
            RINGS.iter().for_each(|ring| self.act(ring, Act::Create, &mut Dice::new()));
            sleep(time);
            self.over.store(true, Ordering::Relaxed);
        });
    }

    fn keep_lease(&self, node: &Node) {
        // A cut wire: the next try may do better.
        let _ = node.lease.renew();
        sleep(Lease::RENEWED);
    }

    fn use_one(&self, dice: &mut Dice) {
        let ring = dice.one_of(&RINGS);
        match dice.below(12) {
            0 => self.act(ring, Act::Read, dice),
            1..4 => self.act(ring, Act::Encrypt, dice),
            _ => self.decrypt(ring, dice),
        }
        sleep(Duration::from_micros(dice.below(4_000) as u64));
    }

    fn give_one(&self, dice: &mut Dice) {
        let act = dice.one_of(&[Act::Create, Act::Enable, Act::Enable, Act::Rotate]);
        self.act(dice.one_of(&RINGS), act, dice);
        sleep(Duration::from_millis(dice.below(100) as u64));
    }

    fn take_one(&self, dice: &mut Dice) {
        let least = Act::Least(1 + dice.below(3) as u32);
        let act = dice.one_of(&[Act::Disable, Act::Disable, least, least, least, Act::Delete]);
        self.act(dice.one_of(&RINGS), act, dice);
        sleep(Duration::from_millis(dice.below(20) as u64));
    }

    fn act(&self, ring: &str, act: Act, dice: &mut Dice) {
        let (node, mut made) = (dice.below(self.nodes.len()), Vec::new());
        self.history.record(ring, node, act, || {
            let (answer, sealed) = self.nodes[node].run(ring, act, &[]);
            made = sealed;
            answer
        });
        if !made.is_empty() {
            let text = text(&made);
            self.texts.keep(ring, made, text, dice);
        }
    }

    fn decrypt(&self, ring: &str, dice: &mut Dice) {
        let Some((sealed, text)) = self.texts.one(ring, dice) else { return };
        let (node, act) = (dice.below(self.nodes.len()), Act::Decrypt(text));
        self.history.record(ring, node, act, || self.nodes[node].run(ring, act, &sealed).0);
    }
}

/// What happens to a wire now and then.
fn bad_weather(wire: &Wire, dice: &mut Dice) {
    let troubles = [(&wire.cut, 1_300), (&wire.loses_answers, 400), (&wire.slow, 200)];
    let (trouble, longest) = troubles[[0, 1, 1, 2, 2][dice.below(5)]];
    trouble.store(true, Ordering::SeqCst);
    sleep(Duration::from_millis(dice.below(longest) as u64));
    trouble.store(false, Ordering::SeqCst);
    sleep(Duration::from_millis(dice.below(200) as u64));
}

#[test]
fn what_clients_of_three_nodes_were_told_under_bad_weather_can_have_happened_one_after_the_other() {
    let engine = Arc::new(MemoryStore::shared());
    let wires = [(); 3].map(|()| Tapped::new(engine.clone(), Wire::default()));
    let cluster = Cluster::of(wires.iter().map(|wire| wire.clone() as Arc<dyn SealedStore>));
    cluster.run(Duration::from_secs(3), &wires);
    for ring in RINGS {
        (0..3).for_each(|_| cluster.act(ring, Act::Read, &mut Dice::new()));
    }
    let unexplained = cluster.history.unexplained();
    assert!(unexplained.is_empty(), "{}", unexplained.join("\n"));
    let count = |is: fn(Act, Answer) -> bool| cluster.history.count(|_, act, answer| is(act, answer));
    assert!(count(|act, answer| matches!(act, Act::Decrypt(_)) && answer == Answer::Done) > 50);
    assert!(count(|act, answer| matches!(act, Act::Disable | Act::Delete) && answer == Answer::Done) > 0);
    assert!(count(|_, answer| answer == Answer::Unknown) > 0, "answers were lost");
    each_change_has_one_event(&cluster.history, &engine);
}

type Same = fn(Act) -> bool;
const CHANGES: [(Action, Same); 6] = [
    (Action::Create, |act| matches!(act, Act::Create)),
    (Action::Rotate, |act| matches!(act, Act::Rotate)),
    (Action::Enable, |act| matches!(act, Act::Enable)),
    (Action::Disable, |act| matches!(act, Act::Disable)),
    (Action::Configure, |act| matches!(act, Act::Least(_))),
    (Action::Delete, |act| matches!(act, Act::Delete)),
];

/// Of each kind there are as many events as changes that were answered, and perhaps some that were not.
fn each_change_has_one_event(history: &History, engine: &MemoryStore) {
    let events = drained(engine);
    for (ring, (action, same)) in RINGS.iter().flat_map(|ring| CHANGES.map(|change| (ring, change))) {
        let count = |is: fn(Answer) -> bool| {
            history.count(|name, act, answer| name == *ring && same(act) && is(answer))
        };
        let least = count(|answer| !matches!(answer, Answer::Unknown | Answer::Refused(_)));
        let most = least + count(|answer| answer == Answer::Unknown);
        let of_this = |event: &&Event| event.action == action && event.resource.as_deref() == Some(*ring);
        let found = events.iter().filter(of_this).count();
        assert!((least..=most).contains(&found), "{ring} {action:?}: {least} to {most}, not {found}");
    }
}

#[test]
fn a_node_that_trusts_its_memory_without_a_lease_is_found_out() {
    let engine = Arc::new(MemoryStore::shared());
    let deaf: Arc<dyn SealedStore> = Tapped::new(engine.clone(), Deaf);
    let cluster = Cluster::of([engine.clone(), engine.clone(), deaf]);
    cluster.run(Duration::from_secs(2), &[]);
    assert!(!cluster.history.unexplained().is_empty());
}
