//! Every rule of leases under every fault of the network: between the database and the node that changes something, and
//! between it and the node that has to hear of it.

use std::{sync::Arc, time::Duration};

use strongroom_core::{
    Clock, CommitError, FixedClock, Hold, Lease, Reader, StoreError, Tenant, deferring, memory::MemoryStore,
    tap::Tapped,
};

use crate::support::{Node, Sending, TENANT, Wire, clock, lost};

/// What a node does that others have to hear of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rule {
    Announce,
    Revoke,
    OrderSeal,
}

/// What becomes of its commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Doing {
    Sends(Sending),
    IsCut,
}

/// What becomes of the questions of the node that has to hear of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Hearing {
    Fair,
    /// Answers come so many milliseconds after the database gave them.
    Late(u64),
    IsCut,
}

const RULES: [Rule; 3] = [Rule::Announce, Rule::Revoke, Rule::OrderSeal];
const DOINGS: [Doing; 4] = [
    Doing::Sends(Sending::Fair),
    Doing::Sends(Sending::AnswerLost),
    Doing::Sends(Sending::RequestLost),
    Doing::IsCut,
];
const HEARINGS: [Hearing; 5] =
    [Hearing::Fair, Hearing::Late(1), Hearing::Late(400), Hearing::Late(1_100), Hearing::IsCut];

impl Doing {
    fn happens(self) -> bool {
        matches!(self, Self::Sends(Sending::Fair | Sending::AnswerLost))
    }
}

/// Two nodes, each with a wire of its own to one database.
fn pair(clock: &Arc<FixedClock>) -> [Node; 2] {
    let rows = Arc::new(MemoryStore::shared());
    [(); 2].map(|()| Node::on(&Tapped::over(rows.clone(), Wire::default()), clock))
}

impl Node {
    fn does(&self, rule: Rule) -> (Result<(), CommitError>, Option<Hold>) {
        let mut change = Reader::new(&*self.database, Tenant::SYSTEM).change(());
        match rule {
            Rule::Announce => self.lease.announce(&mut change, TENANT),
            Rule::Revoke => self.lease.revoke(&mut change, TENANT),
            Rule::OrderSeal => self.lease.order_seal(&mut change),
        }
        .unwrap();
        deferring(|| change.commit(&*self.database))
    }

    /// Whether it knows of what another one did. It has followed the tenant.
    fn has_heard(&self, rule: Rule) -> bool {
        match rule {
            Rule::OrderSeal => self.gate.is_closed(),
            Rule::Announce | Rule::Revoke => !self.forgotten().is_empty(),
        }
    }

    fn is_late_by(&self, delay: Duration, clock: &Arc<FixedClock>) {
        let clock = clock.clone();
        self.database.tap.meanwhile(move || clock.advance(delay));
    }
}

#[test]
fn once_the_wait_is_over_no_node_answers_from_memory_what_it_has_not_heard_of_whatever_the_network_does() {
    for rule in RULES {
        for doing in DOINGS {
            for hearing in HEARINGS {
                [0, 1, 450, 899].into_iter().for_each(|age| holds(rule, doing, hearing, age));
            }
        }
    }
}

fn holds(rule: Rule, doing: Doing, hearing: Hearing, age: u64) {
    let case = format!("{rule:?}, {doing:?}, {hearing:?}, {age} ms after the renewal");
    let clock = clock();
    let [one, two] = pair(&clock);
    two.lease.follow(TENANT).unwrap();
    two.lease.check().unwrap();
    clock.advance(Duration::from_millis(age));
    match doing {
        Doing::Sends(sending) => one.database.tap.send(sending),
        Doing::IsCut => one.database.tap.cut(true),
    }
    match hearing {
        Hearing::Fair => {}
        Hearing::Late(delay) => two.is_late_by(Duration::from_millis(delay), &clock),
        Hearing::IsCut => two.database.tap.cut(true),
    }
    let (done, hold) = one.does(rule);
    assert_eq!(done.is_ok(), doing == Doing::Sends(Sending::Fair), "{case}");
    assert_eq!(hold.is_some(), rule != Rule::Announce, "what may have happened is waited for: {case}");
    // What waits for nobody is heard of in the same time.
    let until = clock.elapsed() + hold.map_or(Lease::AWAITED, |hold| hold.left());
    assert!(two.lease.check().is_ok() || age == 899, "it need not ask yet: {case}");
    let mut heard = two.has_heard(rule);
    while clock.elapsed() < until {
        let answers = two.lease.check();
        heard |= two.has_heard(rule);
        assert!(answers.is_ok() || lost(answers) || heard, "{case}");
        clock.advance(Duration::from_millis(97));
    }
    let answers = two.lease.check();
    heard |= two.has_heard(rule);
    assert!(answers.is_err() || heard == doing.happens(), "{case}");
    // It recovers by itself, and knows all.
    two.database.tap.is_fair_again();
    let answers = two.lease.check();
    heard |= two.has_heard(rule);
    assert_eq!(heard, doing.happens(), "{case}");
    match answers {
        Err(StoreError::Sealed) => assert!(rule == Rule::OrderSeal && heard, "{case}"),
        answers => assert!(answers.is_ok() && !(rule == Rule::OrderSeal && heard), "{case}"),
    }
}

#[test]
fn a_renewal_whose_answer_is_late_lasts_from_when_it_was_asked_for() {
    for delay in [0, 1, 500, 899] {
        let clock = clock();
        let [node, _] = pair(&clock);
        let tap = &node.database.tap;
        node.is_late_by(Duration::from_millis(delay), &clock);
        node.lease.check().unwrap();
        tap.is_fair_again();
        let asked = tap.asked();
        clock.advance(Lease::HELD - Duration::from_millis(delay + 1));
        node.lease.check().unwrap();
        assert_eq!(tap.asked(), asked, "{delay}");
        clock.advance(Duration::from_millis(1));
        node.lease.check().unwrap();
        assert_eq!(tap.asked(), asked + 1, "{delay}");
    }
}

#[test]
fn a_renewal_that_is_answered_after_its_time_serves_nobody_who_comes_later() {
    let clock = clock();
    let [node, _] = pair(&clock);
    node.is_late_by(Lease::AWAITED, &clock);
    node.lease.check().unwrap();
    node.database.tap.cut(true);
    assert!(lost(node.lease.check()), "who comes later has to ask for himself");
}

#[test]
fn what_changes_while_an_answer_is_on_its_way_is_heard_of() {
    let clock = clock();
    let [one, two] = pair(&clock);
    let one = Arc::new(one);
    two.lease.renew().unwrap();
    let changes = |one: &Arc<Node>| {
        let one = one.clone();
        move || one.changes(TENANT)
    };
    // While it begins to follow the tenant, and while it renews.
    two.database.tap.meanwhile(changes(&one));
    two.lease.follow(TENANT).unwrap();
    two.database.tap.is_fair_again();
    two.lease.renew().unwrap();
    assert_eq!(two.forgotten(), [TENANT]);
    two.database.tap.meanwhile(changes(&one));
    two.lease.renew().unwrap();
    two.database.tap.is_fair_again();
    assert_eq!(two.forgotten(), []);
    two.lease.renew().unwrap();
    assert_eq!(two.forgotten(), [TENANT]);
}

#[test]
fn a_tenant_that_could_not_be_followed_is_not_and_is_later() {
    let clock = clock();
    let [one, two] = pair(&clock);
    two.database.tap.cut(true);
    assert!(lost(two.lease.follow(TENANT)), "nothing of the tenant may be kept");
    two.database.tap.cut(false);
    one.changes(TENANT);
    two.lease.renew().unwrap();
    assert_eq!(two.forgotten(), []);
    two.lease.follow(TENANT).unwrap();
    one.changes(TENANT);
    two.lease.renew().unwrap();
    assert_eq!(two.forgotten(), [TENANT]);
}

#[test]
fn who_is_left_to_keep_the_lease_finds_out_what_happened_while_it_was_cut_off() {
    let clock = clock();
    let [one, two] = pair(&clock);
    two.lease.follow(TENANT).unwrap();
    two.lease.keep().unwrap();
    two.database.tap.cut(true);
    let (revoked, hold) = one.does(Rule::Revoke);
    revoked.unwrap();
    assert!(two.lease.check().is_ok() && two.lease.keep().is_err(), "its last lease runs");
    clock.advance(hold.unwrap().left());
    assert!(matches!(two.lease.check(), Err(StoreError::LeaseLost)));
    two.database.tap.cut(false);
    two.lease.keep().unwrap();
    assert_eq!(two.forgotten(), [TENANT]);
    two.lease.check().unwrap();
}
