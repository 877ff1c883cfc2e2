//! Two nodes over one database, each with its own memory and its own wire, and a clock that moves when it is told to.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use proptest::prelude::*;
use strongroom_core::{
    Algorithm, Base, FixedClock, Gate, Lease, SealedStore, Time, deferring,
    tap::{Tap, Tapped},
};
use strongroom_keys::RustCrypto;
use strongroom_kms::{Kms, KmsError, Rings};
use strongroom_store_postgres::testing::Engine;

use crate::{
    support::{DELETABLE, NOW, TENANT, minimums, name, verdict},
    taps::{Hold, Wire},
};

/// The database and the time.
struct World {
    engine: Arc<Engine>,
    clock: Arc<FixedClock>,
}

struct Node {
    rings: Rings,
    wire: Arc<Tapped<Wire>>,
}

impl World {
    fn new() -> Self {
        Self { engine: Arc::new(Engine::shared()), clock: Arc::new(FixedClock::at(NOW)) }
    }

    fn rings(&self, store: Arc<dyn SealedStore>) -> Rings {
        let (gate, clock) = (Arc::new(Gate::new()), Arc::clone(&self.clock));
        let base = Base::new(store, gate, Arc::new(RustCrypto::new()), clock).unwrap();
        Kms::new(base).without_caller(TENANT)
    }

    fn node(&self) -> Node {
        let wire = Tapped::over(self.engine.clone(), Wire::default());
        Node { rings: self.rings(wire.clone()), wire }
    }

    /// Two nodes, and a ring `r` of two versions that both have in memory, as the second has a text of each version.
    fn pair(&self) -> (Node, Node, [Vec<u8>; 2]) {
        let (one, two) = (self.node(), self.node());
        one.rings.create(&name("r"), Algorithm::Aes256Gcm).unwrap();
        let first = one.rings.encrypt(&name("r"), b"text", b"").unwrap();
        one.rings.rotate(&name("r")).unwrap();
        deferring(|| one.rings.configure(&name("r"), &DELETABLE)).0.unwrap();
        self.clock.advance(Lease::AWAITED);
        let second = one.rings.encrypt(&name("r"), b"text", b"").unwrap();
        two.rings.decrypt(&name("r"), &second, b"").unwrap();
        (one, two, [first, second])
    }
}

impl Node {
    fn cut(&self, cut: bool) {
        self.wire.tap.cut.store(cut, Ordering::SeqCst);
    }
}

/// What takes something away: the change, what is tried with the older text then, and how that ends.
type Revocation = (fn(&Rings) -> Result<(), KmsError>, &'static str);

const REVOCATIONS: &[Revocation] = &[
    (|rings| rings.disable(&name("r")), "disabled"),
    (|rings| rings.configure(&name("r"), &minimums(2, 2)).map(drop), "too old"),
    (|rings| rings.delete(&name("r")), "not found"),
];

#[test]
fn what_was_revoked_on_one_node_is_served_by_no_other_once_that_returned() {
    for (revoke, expected) in REVOCATIONS {
        for age in [0, 1, 450, 899] {
            let world = World::new();
            let (one, two, [old, _]) = world.pair();
            let opens = || verdict(two.rings.decrypt(&name("r"), &old, b""));
            assert_eq!(opens(), "ok");
            world.clock.advance(Duration::from_millis(age));
            let (revoked, hold) = deferring(|| revoke(&one.rings));
            revoked.unwrap();
            assert_eq!(verdict(one.rings.decrypt(&name("r"), &old, b"")), *expected, "its own node, at once");
            let hold = hold.expect("a revocation waits for others");
            // However the time until it returns is spent, the other node ends in between.
            let mut served = 0;
            while !hold.left().is_zero() {
                served += u32::from(opens() == "ok");
                world.clock.advance(Duration::from_millis(1).max(hold.left() / 7));
            }
            assert!(served > 0, "a lease lets a node serve without asking");
            assert_eq!(opens(), *expected, "after {age} ms");
        }
    }
}

#[test]
fn what_gives_something_waits_for_nobody_and_is_heard_of_within_the_time() {
    let world = World::new();
    let (one, two, [old, _]) = world.pair();
    let (rotated, hold) = deferring(|| one.rings.rotate(&name("r")));
    assert_eq!((rotated.unwrap(), hold.is_none()), (3, true));
    let newest = one.rings.encrypt(&name("r"), b"text", b"").unwrap();
    assert_eq!(verdict(two.rings.decrypt(&name("r"), &newest, b"")), "ok", "what is new is looked up");
    deferring(|| one.rings.disable(&name("r"))).0.unwrap();
    world.clock.advance(Lease::AWAITED);
    assert_eq!(verdict(two.rings.decrypt(&name("r"), &old, b"")), "disabled");
    let (enabled, hold) = deferring(|| one.rings.enable(&name("r")));
    assert!(enabled.is_ok() && hold.is_none());
    world.clock.advance(Lease::HELD);
    assert_eq!(verdict(two.rings.decrypt(&name("r"), &old, b"")), "ok");
}

#[test]
fn a_signature_of_a_version_that_a_node_does_not_know_yet_is_verified() {
    let world = World::new();
    let (one, two) = (world.node(), world.node());
    one.rings.create(&name("s"), Algorithm::Ed25519).unwrap();
    let first = one.rings.sign(&name("s"), None, b"message").unwrap();
    assert!(two.rings.verify(&name("s"), b"message", &first).unwrap());
    one.rings.rotate(&name("s")).unwrap();
    let second = one.rings.sign(&name("s"), None, b"message").unwrap();
    assert!(two.rings.verify(&name("s"), b"message", &second).unwrap());
}

#[test]
fn a_node_that_is_cut_off_stops_in_time_and_learns_all_when_it_is_back() {
    for (revoke, expected) in REVOCATIONS {
        let world = World::new();
        let (one, two, [old, _]) = world.pair();
        let opens = || verdict(two.rings.decrypt(&name("r"), &old, b""));
        assert_eq!(opens(), "ok");
        two.cut(true);
        let (revoked, hold) = deferring(|| revoke(&one.rings));
        revoked.unwrap();
        assert_eq!(opens(), "ok", "it cannot know yet, and nobody was told otherwise");
        world.clock.advance(hold.unwrap().left());
        assert_eq!(opens(), "store");
        assert_eq!(verdict(two.rings.encrypt(&name("r"), b"text", b"")), "store");
        assert_eq!(verdict(two.rings.rotate(&name("r"))), "store");
        assert!(two.rings.list(None, 10).is_err());
        two.cut(false);
        assert_eq!(opens(), *expected);
    }
}

#[test]
fn a_revocation_whose_answer_is_lost_holds_everywhere_or_nowhere_after_the_wait() {
    for (revoke, expected) in REVOCATIONS {
        let world = World::new();
        let (one, two, [old, _]) = world.pair();
        one.wire.tap.loses_answers.store(true, Ordering::SeqCst);
        let (revoked, hold) = deferring(|| revoke(&one.rings));
        assert_eq!(verdict(revoked), "unknown");
        one.wire.tap.loses_answers.store(false, Ordering::SeqCst);
        world.clock.advance(hold.expect("what may have been revoked is waited for").left());
        for node in [&one, &two] {
            assert_eq!(verdict(node.rings.decrypt(&name("r"), &old, b"")), *expected);
        }
    }
}

#[test]
fn a_revocation_that_never_reached_the_database_is_none_on_any_node() {
    for (revoke, _) in REVOCATIONS {
        let world = World::new();
        let (one, two, [old, _]) = world.pair();
        one.cut(true);
        let (revoked, hold) = deferring(|| revoke(&one.rings));
        assert_eq!(verdict(revoked), "store");
        world.clock.advance(hold.map_or(Lease::AWAITED, |hold| hold.left()));
        one.cut(false);
        for node in [&one, &two] {
            assert_eq!(verdict(node.rings.decrypt(&name("r"), &old, b"")), "ok");
        }
    }
}

#[test]
fn a_slow_network_makes_a_revocation_no_later_than_it_returns() {
    for (revoke, expected) in REVOCATIONS {
        for delay in [1, 400, 1_100] {
            let world = World::new();
            let (one, two, [old, _]) = world.pair();
            let clock = Arc::clone(&world.clock);
            let delay = Duration::from_millis(delay);
            *two.wire.tap.delays.lock().unwrap() = Some(Box::new(move || clock.advance(delay)));
            let opens = || verdict(two.rings.decrypt(&name("r"), &old, b""));
            opens();
            let (revoked, hold) = deferring(|| revoke(&one.rings));
            revoked.unwrap();
            let hold = hold.expect("a revocation waits for others");
            while !hold.left().is_zero() {
                opens();
                world.clock.advance(Duration::from_millis(1).max(hold.left() / 7));
            }
            assert_eq!(opens(), *expected, "answers come {delay:?} late");
        }
    }
}

#[test]
fn a_node_whose_read_began_before_a_disable_on_another_does_not_keep_what_it_read() {
    let world = World::new();
    let held = Tapped::over(world.engine.clone(), Hold::default());
    let (one, slow) = (world.node(), world.rings(held.clone()));
    one.rings.create(&name("r"), Algorithm::Aes256Gcm).unwrap();
    let text = one.rings.encrypt(&name("r"), b"text", b"").unwrap();
    // The slow node has its lease, and follows the tenant.
    assert_eq!(verdict(slow.decrypt(&name("none"), &text, b"")), "not found");
    std::thread::scope(|scope| {
        let reading = held.tap.next_read();
        let reader = scope.spawn(|| verdict(slow.decrypt(&name("r"), &text, b"")));
        reading.wait();
        let (disabled, hold) = deferring(|| one.rings.disable(&name("r")));
        disabled.unwrap();
        world.clock.advance(hold.unwrap().left());
        // Another operation of the slow node renews the lease while the first still holds what it read.
        assert_eq!(verdict(slow.decrypt(&name("none"), &text, b"")), "not found");
        reading.release();
        // It began before the disable: either end is right.
        assert!(["ok", "disabled"].contains(&reader.join().unwrap()));
    });
    assert_eq!(verdict(slow.decrypt(&name("r"), &text, b"")), "disabled");
}

#[derive(Debug, Clone, Copy)]
enum Step {
    Disable { node: usize, waits: bool },
    Enable { node: usize },
    Open { node: usize },
    Cut { node: usize, cut: bool },
    Pass { millis: u64 },
}

fn step() -> impl Strategy<Value = Step> {
    let node = || 0..3usize;
    prop_oneof![
        2 => (node(), any::<bool>()).prop_map(|(node, waits)| Step::Disable { node, waits }),
        2 => node().prop_map(|node| Step::Enable { node }),
        8 => node().prop_map(|node| Step::Open { node }),
        1 => (node(), any::<bool>()).prop_map(|(node, cut)| Step::Cut { node, cut }),
        4 => (0..700u64).prop_map(|millis| Step::Pass { millis }),
    ]
}

/// The states that the ring has been in, and until when others may still answer by each.
struct Past {
    enabled: bool,
    /// Until when somebody may open although it is disabled, and be refused although it is enabled.
    opens_until: Option<Time>,
    refuses_until: Option<Time>,
}

impl Past {
    fn allows(&self, answer: &str, now: Time) -> bool {
        let within = |until: Option<Time>| until.is_some_and(|until| now < until);
        match answer {
            "ok" => self.enabled || within(self.opens_until),
            "disabled" => !self.enabled || within(self.refuses_until),
            other => other == "store",
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]
    #[test]
    fn whatever_three_nodes_do_each_answer_was_true_less_than_a_second_ago(
        steps in prop::collection::vec(step(), 1..40),
    ) {
        let world = World::new();
        let nodes = [world.node(), world.node(), world.node()];
        nodes[0].rings.create(&name("r"), Algorithm::Aes256Gcm).unwrap();
        let text = nodes[0].rings.encrypt(&name("r"), b"text", b"").unwrap();
        let mut past = Past { enabled: true, opens_until: None, refuses_until: None };
        for step in steps {
            let now = NOW + world.clock_moved();
            match step {
                Step::Pass { millis } => world.clock.advance(Duration::from_millis(millis)),
                Step::Cut { node, cut } => nodes[node].cut(cut),
                Step::Open { node } => {
                    let answer = verdict(nodes[node].rings.decrypt(&name("r"), &text, b""));
                    prop_assert!(past.allows(answer, now), "{answer} at {now:?}");
                }
                Step::Enable { node } => {
                    if nodes[node].rings.enable(&name("r")).is_ok() {
                        let until = Some(now + Lease::AWAITED);
                        past = Past { enabled: true, refuses_until: until, ..past };
                    }
                }
                Step::Disable { node, waits } => {
                    let (disabled, hold) = deferring(|| nodes[node].rings.disable(&name("r")));
                    if disabled.is_ok() {
                        let until = Some(now + Lease::AWAITED);
                        past = Past { enabled: false, opens_until: until, ..past };
                        if waits {
                            world.clock.advance(hold.unwrap().left());
                        }
                    }
                }
            }
        }
    }
}

impl World {
    fn clock_moved(&self) -> Duration {
        strongroom_core::Clock::now(&*self.clock).since(NOW)
    }
}

/// A wire reaches what it is told to reach.
#[test]
fn a_cut_wire_reaches_nothing() {
    let wire = Wire::default();
    assert!(wire.before().is_ok());
    wire.cut.store(true, Ordering::SeqCst);
    assert!(wire.before().is_err());
}
