//! Two nodes with one database: what was revoked on one is good on no other.

use std::{sync::Arc, time::Duration};

use strongroom_core::{
    deferring,
    fault::{Fault, FaultStore},
};
use strongroom_identity::{Created, NewToken, TokenError};

use crate::world::{Node, World};

fn family(node: &Node) -> [Created; 2] {
    let parent = node.root(&NewToken::default());
    let child = node.child(&parent);
    [parent, child]
}

#[test]
fn a_token_that_was_revoked_on_one_node_is_good_on_no_other_once_that_returned() {
    for age in [0, 1, 450, 899, 900, 1500] {
        let world = World::shared();
        let (one, two) = (world.node(), world.node());
        let [parent, child] = family(&one);
        assert!(two.good(&parent) && two.good(&child));
        world.clock.advance(Duration::from_millis(age));
        let (revoked, hold) = deferring(|| one.tokens.revoke(&one.caller(), parent.view.accessor()));
        revoked.unwrap();
        assert!(!one.good(&parent) && !one.good(&child));
        world.clock.advance(hold.expect("a revocation waits for other nodes").left());
        assert!(!two.good(&parent) && !two.good(&child), "after {age} ms");
    }
}

#[test]
fn a_node_that_read_a_token_before_it_was_revoked_does_not_keep_it() {
    for age in [0, 899] {
        let world = World::shared();
        let (one, two) = (world.node(), world.node());
        let [parent, child] = family(&one);
        assert!(two.good(&child));
        world.clock.advance(Duration::from_millis(age));
        let (revoked, hold) = deferring(|| one.tokens.revoke_orphan(&one.caller(), parent.view.accessor()));
        revoked.unwrap();
        let _ = two.good(&parent);
        world.clock.advance(hold.unwrap().left());
        assert!(!two.good(&parent) && two.good(&child));
    }
}

/// Has the store of a node fail at each operation in turn.
fn fails_everywhere(work: impl Fn(&Node, &Created) -> Result<(), TokenError>, new: &NewToken, uses: bool) {
    for fault in [Fault::Fail, Fault::LoseAnswer, Fault::CrashAfter, Fault::Crash] {
        for at in 0.. {
            let world = World::shared();
            let two = world.node();
            let made = two.root(new);
            assert!(uses || two.good(&made));
            let wire = Arc::new(FaultStore::sound(world.engine.clone()));
            let one = world.through(wire.clone());
            wire.fail(fault, at);
            let (worked, hold) = deferring(|| work(&one, &made));
            if wire.operations() <= at {
                break;
            }
            world.clock.advance(hold.map_or(Duration::ZERO, |hold| hold.left()));
            let (before, later) = (two.good(&made), world.node().good(&made));
            assert!(!(worked.is_ok() && before), "{fault:?} at {at}: it returned");
            assert!(uses || before <= later, "{fault:?} at {at}: it happened, and a node does not know");
        }
    }
}

#[test]
fn a_revocation_that_fails_or_whose_answer_is_lost_holds_on_every_node_or_on_none() {
    let revoke = |node: &Node, made: &Created| node.tokens.revoke(&node.caller(), made.view.accessor());
    fails_everywhere(revoke, &NewToken::default(), false);
}

#[test]
fn a_use_that_was_answered_is_spent_wherever_the_store_fails() {
    let once = NewToken { uses: Some(1), ..NewToken::default() };
    let spend = |node: &Node, made: &Created| {
        let found = node.tokens.check(crate::world::text(made), None)?;
        found.map(drop).ok_or(TokenError::NotFound)
    };
    fails_everywhere(spend, &once, true);
}

#[test]
fn two_nodes_count_the_uses_of_a_token_together() {
    let world = World::shared();
    let (one, two) = (world.node(), world.node());
    let made = one.root(&NewToken { uses: Some(4), ..NewToken::default() });
    let good: Vec<_> = (0..3).flat_map(|_| [one.good(&made), two.good(&made)]).collect();
    assert_eq!(good, [true, true, true, true, false, false]);
}
