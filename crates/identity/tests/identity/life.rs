//! One token: checked, renewed, used up, ended.

use std::time::Duration;

use base64ct::{Base64UrlUnpadded, Encoding};
use strongroom_core::{Actor, Event, StoreError, drain};
use strongroom_identity::{NewToken, TokenError};

use crate::world::{DAY, HOUR, NOW, World, policies, text};

#[test]
fn a_token_is_good_after_a_restart_and_the_store_does_not_show_it() {
    let world = World::new();
    let node = world.node();
    let made = node.root(&policies(&["Reader ", "admin", "reader"]));
    let view = world.node().check(&made).unwrap();
    assert_eq!(*view, made.view);
    assert_eq!(view.policies(), ["admin", "default", "reader"]);
    assert_eq!(view.caller(None).actor, Actor::Token(*view.accessor()));
    let bytes = Base64UrlUnpadded::decode_vec(&text(&made)[4..]).unwrap();
    assert_eq!(bytes.len(), 32);
    assert!(
        !world.contains(&bytes)
            && !world.contains(text(&made).as_bytes())
            && !world.contains(view.accessor())
    );
    let mut events = String::new();
    drain(&node.unsealed, 9, &mut |event: &Event| events += &format!("{event:?}")).unwrap();
    assert!(events.contains("Create") && !events.contains(text(&made)));
    assert!(!format!("{made:?} {view:?} {:?}", node.tokens).contains(text(&made)));
}

#[test]
fn what_is_not_the_text_is_nobody_s() {
    let world = World::new();
    let node = world.node();
    let made = node.root(&NewToken::default());
    let good = text(&made);
    let mut wrong: Vec<_> = (0..good.len()).map(|at| good[..at].to_owned()).collect();
    wrong.extend([format!("{good} "), good.to_uppercase(), good.repeat(2), "x".repeat(1 << 20)]);
    for at in 0..good.len() {
        let mut bytes = good.as_bytes().to_vec();
        bytes[at] ^= 1;
        wrong.push(String::from_utf8(bytes).unwrap());
    }
    for text in wrong {
        assert!(node.tokens.check(&text, None).unwrap().is_none());
        assert!(node.tokens.accessor(node.tenant, &text).unwrap().is_none());
    }
    assert!(node.good(&made));
}

#[test]
fn expiry_is_checked_at_use_whether_it_is_in_memory_or_not() {
    let world = World::new();
    let node = world.node();
    let made = node.root(&NewToken { ttl: Some(HOUR), ..NewToken::default() });
    world.clock.advance(HOUR - Duration::from_millis(1));
    assert!(node.good(&made));
    world.clock.advance(Duration::from_millis(1));
    assert!(!node.good(&made) && !world.node().good(&made));
    assert!(node.tokens.lookup(node.tenant, made.view.accessor()).unwrap().is_none());
    let renewed = node.tokens.renew(&node.caller(), made.view.accessor(), None);
    assert!(matches!(renewed, Err(TokenError::NotFound)));
    node.work();
    assert_eq!(world.rows(), 0, "due work deletes what has ended");
}

#[test]
fn renewing_adds_what_is_asked_and_never_passes_the_maximum() {
    let world = World::new();
    let node = world.node();
    let new = NewToken { ttl: Some(HOUR), explicit_max: Some(4 * HOUR), ..NewToken::default() };
    let (made, other) = (node.root(&new), node.root(&NewToken { fixed: true, ..new.clone() }));
    assert!(node.good(&made));
    let renew =
        |increment| node.tokens.renew(&node.caller(), made.view.accessor(), increment).unwrap().expires();
    world.clock.advance(HOUR / 2);
    assert_eq!(renew(None), NOW + HOUR * 3 / 2);
    assert_eq!(renew(Some(2 * HOUR)), NOW + HOUR * 5 / 2);
    assert_eq!(renew(Some(Duration::from_secs(1))), NOW + HOUR * 5 / 2, "it does not end earlier");
    assert_eq!(renew(Some(100 * DAY)), NOW + 4 * HOUR);
    world.clock.advance(3 * HOUR);
    node.work();
    assert!(node.good(&made), "it was renewed, and its row is still there");
    world.clock.advance(HOUR);
    assert!(!node.good(&made));
    let refused = World::new().node();
    let fixed = refused.root(&NewToken { fixed: true, ..NewToken::default() });
    let renewed = refused.tokens.renew(&refused.caller(), fixed.view.accessor(), None);
    assert!(matches!(renewed, Err(TokenError::NotRenewable)));
    assert!(!node.good(&other));
}

#[test]
fn a_token_without_a_wish_lives_for_the_default_and_one_with_a_period_as_long_as_it_is_renewed() {
    let world = World::new();
    let node = world.node();
    let plain = node.root(&NewToken { ttl: Some(Duration::ZERO), ..NewToken::default() });
    assert_eq!((plain.view.expires(), plain.view.latest()), (NOW + DAY, Some(NOW + 10 * DAY)));
    let long = node.root(&NewToken { ttl: Some(99 * DAY), ..NewToken::default() });
    assert_eq!(long.view.expires(), NOW + 10 * DAY);
    let periodic = node.root(&NewToken { period: Some(DAY), ttl: Some(HOUR), ..NewToken::default() });
    for day in 1..=20 {
        let view = node.tokens.renew(&node.caller(), periodic.view.accessor(), Some(99 * DAY)).unwrap();
        assert_eq!((view.expires(), view.latest()), (NOW + day * DAY, None));
        world.clock.advance(DAY - Duration::from_millis(1));
        assert!(node.good(&periodic));
        world.clock.advance(Duration::from_millis(1));
        assert!(!node.good(&periodic) || day < 20);
        if !node.good(&periodic) {
            return;
        }
    }
}

#[test]
fn a_use_that_was_counted_is_spent_also_after_a_restart() {
    let world = World::new();
    let made = world.node().root(&NewToken { uses: Some(3), ..NewToken::default() });
    for left in [2, 1, 0] {
        let node = world.node();
        assert!(node.tokens.accessor(node.tenant, text(&made)).unwrap().is_some(), "looking costs no use");
        assert_eq!(node.check(&made).unwrap().uses_left(), Some(left));
        assert!(node.tokens.cached(text(&made), None).unwrap().is_none());
    }
    assert!(!world.node().good(&made));
}

#[test]
fn many_that_use_a_token_at_once_use_it_as_often_as_it_allows() {
    let world = World::new();
    let node = world.node();
    let made = node.root(&NewToken { uses: Some(5), ..NewToken::default() });
    let good = std::thread::scope(|scope| {
        let threads: Vec<_> =
            (0..4).map(|_| scope.spawn(|| (0..3).filter(|_| node.good(&made)).count())).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).sum::<usize>()
    });
    assert_eq!(good, 5);
}

#[test]
fn a_sealed_database_answers_sealed() {
    let world = World::new();
    let node = world.node();
    let made = node.root(&NewToken::default());
    assert!(node.good(&made));
    node.unsealed.seal(Duration::from_secs(9)).unwrap();
    assert!(matches!(node.tokens.cached(text(&made), None), Err(StoreError::Sealed)));
    assert!(node.tokens.check(text(&made), None).is_err());
    assert!(node.tokens.revoke(&node.caller(), made.view.accessor()).is_err());
    assert!(world.node().good(&made));
}
