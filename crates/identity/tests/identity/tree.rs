//! What ends with a token, and what does not.

use strongroom_identity::{Created, Creator, NewToken, TokenError};

use crate::world::{DAY, HOUR, Node, World};

fn chain(node: &Node, length: usize) -> Vec<Created> {
    let mut tokens = vec![node.root(&NewToken::default())];
    while tokens.len() < length {
        tokens.push(node.child(tokens.last().unwrap()));
    }
    tokens
}

fn good(node: &Node, tokens: &[Created]) -> Vec<bool> {
    tokens.iter().map(|token| node.good(token)).collect()
}

#[test]
fn a_revocation_ends_all_that_a_token_made_at_once_and_due_work_deletes_it() {
    let world = World::new();
    let node = world.node();
    let tokens = chain(&node, 5);
    let other = node.child(&tokens[0]);
    assert_eq!(good(&node, &tokens), [true; 5]);
    node.tokens.revoke(&node.caller(), tokens[1].view.accessor()).unwrap();
    for node in [&node, &world.node()] {
        assert_eq!(good(node, &tokens), [true, false, false, false, false]);
        assert!(node.good(&other));
        let grandchild = &tokens[3].view;
        let made = node.tokens.create(&node.caller(), Creator::Token(grandchild), &NewToken::default());
        assert!(matches!(made, Err(TokenError::NotFound)), "what has ended makes nothing");
        assert!(node.tokens.lookup(node.tenant, grandchild.accessor()).unwrap().is_none());
        let renewed = node.tokens.renew(&node.caller(), grandchild.accessor(), None);
        assert!(matches!(renewed, Err(TokenError::NotFound)));
        assert_eq!(node.tokens.list(node.tenant, None, 99).unwrap().found.len(), 2);
    }
    node.work();
    assert_eq!(world.rows(), 5, "two tokens, their texts, and whose child one is");
    let again = node.tokens.revoke(&node.caller(), tokens[1].view.accessor());
    assert!(matches!(again, Err(TokenError::NotFound)));
}

#[test]
fn a_tree_that_is_wider_than_one_step_is_deleted_whole() {
    let world = World::new();
    let node = world.node();
    let root = node.root(&NewToken::default());
    let children: Vec<_> = (0..70).map(|_| node.child(&root)).collect();
    let leaf = node.child(&children[69]);
    node.tokens.revoke(&node.caller(), root.view.accessor()).unwrap();
    assert!(!children.iter().chain([&leaf]).any(|token| node.good(token)));
    node.work();
    assert_eq!(world.rows(), 0);
}

#[test]
fn a_token_that_is_revoked_alone_leaves_what_it_made_and_its_ancestors_end_that_no_more() {
    let world = World::new();
    let node = world.node();
    let tokens = chain(&node, 4);
    let revoke_alone = |at: usize| node.tokens.revoke_orphan(&node.caller(), tokens[at].view.accessor());
    assert_eq!(good(&node, &tokens), [true; 4]);
    revoke_alone(1).unwrap();
    assert_eq!(good(&node, &tokens), [true, false, true, true]);
    assert!(matches!(revoke_alone(1), Err(TokenError::NotFound)));
    node.tokens.revoke(&node.caller(), tokens[0].view.accessor()).unwrap();
    node.work();
    assert_eq!(good(&world.node(), &tokens), [false, false, true, true]);
    node.tokens.revoke(&node.caller(), tokens[2].view.accessor()).unwrap();
    assert_eq!(good(&node, &tokens), [false; 4]);
    world.clock.advance(2 * DAY);
    node.work();
    assert_eq!(world.rows(), 0);
}

#[test]
fn what_a_token_made_ends_with_it_when_its_time_is_over_unless_it_is_an_orphan() {
    let world = World::new();
    let node = world.node();
    let parent = node.root(&NewToken { ttl: Some(HOUR), ..NewToken::default() });
    let child = node.child(&parent);
    let orphan = node.make(Creator::Sudo(&parent.view), &NewToken { orphan: true, ..NewToken::default() });
    assert!(node.good(&child) && node.good(&orphan) && orphan.view.is_orphan());
    world.clock.advance(HOUR / 2);
    node.tokens.renew(&node.caller(), parent.view.accessor(), None).unwrap();
    world.clock.advance(HOUR / 2);
    assert!(node.good(&child), "its parent was renewed");
    world.clock.advance(HOUR / 2);
    assert!(!node.good(&child) && node.good(&orphan));
    node.work();
    assert_eq!(world.rows(), 2, "the orphan and its text");
}

#[test]
fn a_chain_has_an_end() {
    let node = World::new().node();
    let tokens = chain(&node, 33);
    assert!(node.good(&tokens[32]));
    let made = node.tokens.create(&node.caller(), Creator::Token(&tokens[32].view), &NewToken::default());
    assert!(matches!(made, Err(TokenError::Invalid("ancestors"))));
}

#[test]
fn a_list_has_every_good_token_once_page_by_page() {
    let node = World::new().node();
    let mut made: Vec<_> = (0..25).map(|_| *node.root(&NewToken::default()).view.accessor()).collect();
    let (mut listed, mut after) = (Vec::new(), None);
    loop {
        let page = node.tokens.list(node.tenant, after.as_ref(), 10).unwrap();
        listed.extend(page.found);
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    made.sort_unstable();
    listed.sort_unstable();
    assert_eq!(made, listed);
}
