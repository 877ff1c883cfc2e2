//! What a token cannot do: cross tenants, exceed its creator, be used from elsewhere.

use std::{net::IpAddr, time::Duration};

use strongroom_core::{Caller, Tenant};
use strongroom_identity::{Cidr, Creator, NewToken, TokenError, policy_name};

use crate::world::{HOUR, World, policies, text};

#[test]
fn an_accessor_of_another_tenant_finds_renews_and_ends_nothing() {
    let world = World::new();
    let node = world.node();
    let other = node.unsealed.create_tenant(&Caller::system()).unwrap();
    let made = node.root(&NewToken::default());
    let accessor = made.view.accessor();
    for tenant in [other, Tenant::SYSTEM] {
        let caller = Caller::application(tenant);
        assert!(node.tokens.lookup(tenant, accessor).unwrap().is_none());
        assert!(node.tokens.accessor(tenant, text(&made)).unwrap().is_none());
        assert!(node.tokens.list(tenant, None, 9).unwrap().found.is_empty());
        assert!(matches!(node.tokens.renew(&caller, accessor, None), Err(TokenError::NotFound)));
        assert!(matches!(node.tokens.revoke(&caller, accessor), Err(TokenError::NotFound)));
        assert!(matches!(node.tokens.revoke_orphan(&caller, accessor), Err(TokenError::NotFound)));
        let child = node.tokens.create(&caller, Creator::Token(&made.view), &NewToken::default());
        assert!(matches!(child, Err(TokenError::NotFound)));
    }
    assert!(node.good(&made));
    assert_eq!(node.check(&made).unwrap().tenant, node.tenant);
}

#[test]
fn the_tokens_of_a_tenant_that_was_shredded_are_good_no_more_and_leave_no_row() {
    let world = World::new();
    let node = world.node();
    let tenant = node.unsealed.create_tenant(&Caller::system()).unwrap();
    let new = NewToken { ttl: Some(HOUR), ..NewToken::default() };
    let made = node.tokens.create(&Caller::application(tenant), Creator::Unlimited, &new).unwrap();
    assert!(node.good(&made));
    node.unsealed.shred_tenant(&Caller::system(), tenant).unwrap();
    assert!(!node.good(&made) && !world.node().good(&made));
    world.clock.advance(2 * HOUR);
    node.work();
    let system = |key: &[u8]| key[..18] == [[0; 16].as_slice(), &[2, 1]].concat();
    assert!(!world.engine.dump().iter().any(|(key, _)| system(key)));
}

#[test]
fn a_creator_gives_no_more_than_it_has() {
    let node = World::new().node();
    let parent = node.root(&policies(&["a", "b"]));
    let by = Creator::Token(&parent.view);
    let asks = |by, new: &NewToken| node.tokens.create(&node.caller(), by, new);
    let greedy = [
        policies(&["a", "c"]),
        policies(&["root"]),
        NewToken { orphan: true, ..NewToken::default() },
        NewToken { period: Some(HOUR), ..NewToken::default() },
    ];
    for new in &greedy {
        assert!(matches!(asks(by, new), Err(TokenError::Denied)), "{new:?}");
    }
    for new in [&greedy[0], &greedy[2], &greedy[3]] {
        assert!(asks(Creator::Sudo(&parent.view), new).is_ok(), "{new:?}");
    }
    assert_eq!(node.child(&parent).view.policies(), ["a", "b", "default"]);
    let fewer = NewToken { no_default_policy: true, ..policies(&[" A"]) };
    let child = node.make(by, &fewer);
    assert_eq!(child.view.policies(), ["a"]);
    assert_eq!(node.child(&child).view.policies(), ["a"], "what has no default policy gives none");
    assert!(matches!(asks(Creator::Token(&child.view), &policies(&["default"])), Err(TokenError::Denied)));
    let counted = node.root(&NewToken { uses: Some(2), ..NewToken::default() });
    assert!(matches!(asks(Creator::Sudo(&counted.view), &NewToken::default()), Err(TokenError::Denied)));
}

#[test]
fn a_policy_has_one_spelling() {
    for text in ["ops", "OPS", " Ops "] {
        assert_eq!(policy_name(text).unwrap(), "ops");
    }
    for text in ["", "a b", "a/b", "ü", "a\0", "a\n", "+", "*", &"x".repeat(129)] {
        assert!(matches!(policy_name(text), Err(TokenError::Invalid(_))), "{text:?}");
    }
    for text in ["root", "ROOT", " Root"] {
        assert!(matches!(policy_name(text), Err(TokenError::Denied)));
    }
}

#[test]
fn a_bound_token_is_good_from_its_addresses_only_and_a_refused_use_is_not_counted() {
    let node = World::new().node();
    let bound_cidrs = vec![Cidr::parse("192.0.2.0/24").unwrap()];
    let made = node.root(&NewToken { bound_cidrs: bound_cidrs.clone(), ..NewToken::default() });
    let counted = node.root(&NewToken { bound_cidrs, uses: Some(1), ..NewToken::default() });
    let good = |token, from: Option<&str>| {
        let from = from.map(|from| from.parse::<IpAddr>().unwrap());
        node.tokens.check(text(token), from).unwrap().is_some()
    };
    for _ in ["from the store", "from memory"] {
        assert!(!good(&made, None) && !good(&made, Some("192.0.3.1")));
        assert!(good(&made, Some("192.0.2.1")) && good(&made, Some("::ffff:192.0.2.1")));
    }
    assert!(!good(&counted, Some("192.0.3.1")) && good(&counted, Some("192.0.2.1")));
    let child = node.child(&made);
    assert!(!good(&child, Some("192.0.3.1")) && good(&child, Some("192.0.2.9")));
}

#[test]
fn what_is_too_large_is_refused() {
    let node = World::new().node();
    let metadata = [("k".to_owned(), "v".repeat(1 << 20))].into();
    let cases = [
        NewToken { metadata, ..NewToken::default() },
        NewToken { uses: Some(0), ..NewToken::default() },
        policies(&["x"; 257]),
    ];
    for new in cases {
        let made = node.tokens.create(&node.caller(), Creator::Unlimited, &new);
        assert!(matches!(made, Err(TokenError::Invalid(_))));
    }
    let forever = NewToken { period: Some(Duration::MAX), ..NewToken::default() };
    assert!(node.good(&node.root(&forever)));
}
