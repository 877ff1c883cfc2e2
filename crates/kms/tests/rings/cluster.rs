//! Three nodes over one database, by the real clock: clients of all of them, and a network that is cut, that is slow
//! and that loses answers. What the clients were told can have happened one after the other.

use std::{
    sync::{Arc, atomic::Ordering},
    thread::{self, sleep},
    time::Duration,
};

use strongroom_core::{
    Action, Algorithm, Base, CommitError, Event, Gate, Lease, SealedStore, SystemClock, Tenant, Verdict,
    memory::MemoryStore,
};
use strongroom_keys::{RustCrypto, envelope::Header};
use strongroom_kms::{Kms, KmsError, Ring, RingState, Settings, VersionState};

use crate::{
    linear::{Act, Answer, Client, Dice, Load, ROLES, Shown, Text, To},
    support::{drained, kind, name},
    taps::{Deaf, Tapped, Wire},
};

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
}

/// A client within the process.
struct Local<'n> {
    nodes: &'n [Node],
    made: Option<Vec<u8>>,
}

impl Client for Local<'_> {
    type Sealed = Vec<u8>;
    const CREATE: Act = Act::Create { may_exist: false };
    const STATES: bool = true;

    fn ask(&mut self, node: usize, ring: &str, act: Act, sealed: Option<&Vec<u8>>) -> Option<Answer> {
        let (rings, name) = (self.nodes[node].kms.without_caller(tenant(ring)), &name(ring));
        let done = |done: Result<(), KmsError>| done.map(|()| Answer::Done);
        let answer = match act {
            Act::Create { .. } => done(rings.create(name, Algorithm::Aes256Gcm).map(drop)),
            Act::Rotate => rings.rotate(name).map(Answer::Version),
            Act::Enable => done(rings.enable(name)),
            Act::Disable => done(rings.disable(name)),
            Act::Least(least) => done(rings.configure(name, &least_version(least)).map(drop)),
            Act::Delete => done(rings.delete(name)),
            Act::Read => rings.read(name).map(|ring| Answer::Shown(shown(&ring))),
            Act::Encrypt => {
                rings.encrypt(name, b"text", b"").map(|made| Answer::Made(text(self.made.insert(made))))
            }
            Act::State(version, to) => {
                let state = match to {
                    To::Active => VersionState::Active,
                    To::Suspended => VersionState::Suspended,
                    To::Compromised => VersionState::Compromised,
                };
                done(rings.set_version_state(name, version, state))
            }
            Act::Decrypt(_) => done(rings.decrypt(name, sealed.unwrap(), b"").map(drop)),
        };
        answer.map_or_else(|error| refusal(&error), Some)
    }

    fn made(&mut self) -> Option<Vec<u8>> {
        self.made.take()
    }
}

/// Each ring is in a tenant of its own: so nothing is heard of by luck, with what another one announced.
fn tenant(ring: &str) -> Tenant {
    Tenant::from_bytes([ring.as_bytes()[0]; 16])
}

fn least_version(least: u32) -> Settings {
    Settings {
        min_decryption_version: Some(least),
        min_encryption_version: None,
        deletion_allowed: Some(true),
        ..Settings::NONE
    }
}

fn shown(ring: &Ring) -> Shown {
    let newest = ring.latest_version;
    Shown { newest, least: ring.min_decryption_version, enabled: ring.state == RingState::Active }
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

/// Nodes over some stores, and what clients were told by them.
struct Cluster {
    nodes: Vec<Node>,
    load: Load<Vec<u8>>,
}

impl Cluster {
    fn of(stores: impl IntoIterator<Item = Arc<dyn SealedStore>>) -> Self {
        let nodes: Vec<_> = stores.into_iter().map(Node::new).collect();
        let load = Load::on(nodes.len(), ["a", "b", "c", "d", "e", "f", "g", "h"].map(str::to_owned).into());
        Self { nodes, load }
    }

    fn client(&self) -> Local<'_> {
        Local { nodes: &self.nodes, made: None }
    }

    /// Runs clients for a while, under what happens to some wires.
    fn run(&self, time: Duration, wires: &[Arc<Tapped<Wire>>]) {
        thread::scope(|scope| {
            for node in &self.nodes {
                scope.spawn(move || self.keep_lease(node));
            }
            for (role, count) in ROLES {
                (0..count).for_each(|_| drop(scope.spawn(move || self.load.work(role, &mut self.client()))));
            }
            for wire in wires {
                scope.spawn(move || self.bad_weather(&wire.tap));
            }
            sleep(time);
            self.load.end();
        });
        self.load.look(&mut self.client());
    }

    fn keep_lease(&self, node: &Node) {
        while !self.load.is_over() {
            // A cut wire: the next time may do better.
            let _ = node.lease.renew();
            sleep(Lease::RENEWED);
        }
    }

    fn bad_weather(&self, wire: &Wire) {
        let mut dice = Dice::new();
        let troubles = [(&wire.cut, 1_300), (&wire.loses_answers, 400), (&wire.slow, 500)];
        while !self.load.is_over() {
            let (trouble, longest) = troubles[dice.one_of(&[0, 1, 1, 2, 2])];
            trouble.store(true, Ordering::SeqCst);
            sleep(Duration::from_millis(dice.below(longest) as u64));
            trouble.store(false, Ordering::SeqCst);
            sleep(Duration::from_millis(dice.below(200) as u64));
        }
    }
}

#[test]
fn what_clients_of_three_nodes_were_told_under_bad_weather_can_have_happened_one_after_the_other() {
    let engine = Arc::new(MemoryStore::shared());
    let wires = [(); 3].map(|()| Tapped::new(engine.clone(), Wire::default()));
    let cluster = Cluster::of(wires.iter().map(|wire| wire.clone() as Arc<dyn SealedStore>));
    wires[0].tap.loses_answers.store(true, Ordering::SeqCst);
    cluster.load.begin(&mut cluster.client(), 0);
    wires[0].tap.loses_answers.store(false, Ordering::SeqCst);
    cluster.run(Duration::from_secs(3), &wires);
    let unexplained = cluster.load.history.unexplained();
    assert!(unexplained.is_empty(), "{}", unexplained.join("\n"));
    let count = |is: fn(Act, Answer) -> bool| cluster.load.history.count(|_, act, answer| is(act, answer));
    assert!(count(|act, answer| matches!(act, Act::Decrypt(_)) && answer == Answer::Done) > 50);
    assert!(count(|act, answer| matches!(act, Act::Disable | Act::Delete) && answer == Answer::Done) > 0);
    assert!(count(|_, answer| answer == Answer::Unknown) >= cluster.load.rings().len());
    each_change_has_one_event(&cluster.load, &engine);
}

type Same = fn(Act) -> bool;
const CHANGES: [(Action, Same); 9] = [
    (Action::Create, |act| matches!(act, Act::Create { .. })),
    (Action::Rotate, |act| matches!(act, Act::Rotate)),
    (Action::Enable, |act| matches!(act, Act::Enable)),
    (Action::Disable, |act| matches!(act, Act::Disable)),
    (Action::Configure, |act| matches!(act, Act::Least(_))),
    (Action::Delete, |act| matches!(act, Act::Delete)),
    (Action::Suspend, |act| matches!(act, Act::State(_, To::Suspended))),
    (Action::Resume, |act| matches!(act, Act::State(_, To::Active))),
    (Action::Compromise, |act| matches!(act, Act::State(_, To::Compromised))),
];

/// Of each kind there are as many events as changes that were answered, and perhaps some that were not.
fn each_change_has_one_event(load: &Load<Vec<u8>>, engine: &MemoryStore) {
    let events = drained(engine);
    for (ring, (action, same)) in load.rings().iter().flat_map(|ring| CHANGES.map(|change| (ring, change))) {
        let count = |is: fn(Answer) -> bool| {
            load.history.count(|name, act, answer| name == ring && same(act) && is(answer))
        };
        let least = count(|answer| !matches!(answer, Answer::Unknown | Answer::Refused(_)));
        let most = least + count(|answer| answer == Answer::Unknown);
        let of_this = |event: &&Event| {
            event.outcome == Verdict::Allowed
                && event.action == action
                && event.resource.as_deref() == Some(&**ring)
        };
        let found = events.iter().filter(of_this).count();
        assert!((least..=most).contains(&found), "{ring} {action:?}: {least} to {most}, not {found}");
    }
}

#[test]
fn a_node_that_trusts_its_memory_without_a_lease_is_found_out() {
    let engine = Arc::new(MemoryStore::shared());
    let deaf: Arc<dyn SealedStore> = Tapped::new(engine.clone(), Deaf);
    let cluster = Cluster::of([engine.clone(), engine.clone(), deaf]);
    cluster.load.begin(&mut cluster.client(), 0);
    cluster.run(Duration::from_secs(2), &[]);
    assert!(!cluster.load.history.unexplained().is_empty());
}
