//! What policies allow.

use std::time::Duration;

use proptest::prelude::*;
use strongroom_identity::{
    Acl, Capabilities, Operation, Pattern, Policy, PolicyPath, Request, Rule, Unfilled,
};

use crate::policy_reference::Reference;

fn path(text: &str) -> PolicyPath {
    PolicyPath::parse(text).unwrap()
}

fn acl(policies: &[&str]) -> Acl {
    let read: Vec<_> = policies.iter().map(|text| Policy::parse(text).unwrap()).collect();
    Acl::of(&read, |_| None).unwrap()
}

fn may(acl: &Acl, operation: Operation, text: &str) -> bool {
    acl.allows(&Request::new(operation, &path(text))).is_some()
}

fn writes(acl: &Acl, parameters: &[(&str, &str)]) -> bool {
    acl.allows(&Request { parameters, ..Request::new(Operation::Update, &path("a")) }).is_some()
}

fn filled(text: &str, value: Option<&str>) -> Result<Acl, Unfilled> {
    let policy = Policy::parse(text).unwrap();
    Acl::of([&policy], |name| value.filter(|_| name == "identity.entity.id").map(str::to_owned))
}

#[test]
fn a_denied_tree_is_not_listed_by_its_name_without_the_slash() {
    let acl =
        acl(&[r#"path "*" { capabilities = ["list", "scan"] } path "x/*" { capabilities = ["deny"] }"#]);
    for operation in [Operation::List, Operation::Scan] {
        assert!(!may(&acl, operation, "x/") && !may(&acl, operation, "x") && may(&acl, operation, "y"));
    }
}

#[test]
fn deny_wins_among_policies_that_name_the_same_place_and_capabilities_add_up() {
    let (read, write) =
        (r#"path "a" { capabilities = ["read"] }"#, r#"path "a" { capabilities = ["update"] }"#);
    let both = acl(&[read, write]);
    assert_eq!(both.capabilities(&path("a")), ["read", "update"]);
    for policies in
        [[read, write, r#"path "a" { policy = "deny" }"#], [r#"path "a" { policy = "deny" }"#, write, read]]
    {
        assert_eq!(acl(&policies).capabilities(&path("a")), ["deny"]);
        assert!(Operation::ALL.iter().all(|operation| !may(&acl(&policies), *operation, "a")));
    }
    assert_eq!(both.capabilities(&path("b")), ["deny"]);
    assert_eq!(Acl::root().capabilities(&path("b")), ["root"]);
}

#[test]
fn parameters_are_held_to_their_lists() {
    let only = acl(&[r#"path "a" { capabilities = ["update"]
        required_parameters = ["owner"] allowed_parameters = { "owner" = ["team-*"] "note" = [] } }"#]);
    assert!(writes(&only, &[("OWNER", "team-a"), ("note", "any")]));
    for wrong in [&[][..], &[("note", "x")], &[("owner", "me")], &[("owner", "team-a"), ("other", "x")]] {
        assert!(!writes(&only, wrong), "{wrong:?}");
    }
    let without =
        acl(&[r#"path "a" { capabilities = ["update"] denied_parameters = { "force" = [] "n" = ["*x"] } }"#]);
    assert!(
        writes(&without, &[("n", "a")])
            && !writes(&without, &[("n", "ax")])
            && !writes(&without, &[("Force", "")])
    );
    assert!(!writes(
        &acl(&[r#"path "a" { policy = "write" denied_parameters = { "*" = [] } }"#]),
        &[("b", "")]
    ));
}

#[test]
fn a_limit_of_nothing_does_not_lift_the_limit_of_a_page() {
    let place = path("a");
    let acl = acl(&[r#"path "a/" { capabilities = ["list"] pagination_limit = 10 }"#]);
    for (limit, page) in
        [(None, 10), (Some(0), 10), (Some(1), 1), (Some(10), 10), (Some(11), 10), (Some(u64::MAX), 10)]
    {
        let request = Request { limit, ..Request::new(Operation::List, &place) };
        assert_eq!(acl.allows(&request).unwrap().page, Some(page), "{limit:?}");
    }
}

#[test]
fn an_answer_is_wrapped_for_as_long_as_the_rule_says() {
    let place = path("a");
    let acl = acl(&[r#"path "a" { capabilities = ["read"] min_wrapping_ttl = 10 max_wrapping_ttl = 20 }"#]);
    for (seconds, allowed) in
        [(None, false), (Some(9), false), (Some(10), true), (Some(20), true), (Some(21), false)]
    {
        let wrap = seconds.map(Duration::from_secs);
        let request = Request { wrap, ..Request::new(Operation::Read, &place) };
        assert_eq!(acl.allows(&request).is_some(), allowed, "{seconds:?}");
    }
}

#[test]
fn the_value_of_a_template_is_text_and_never_a_pattern() {
    let own = r#"path "home/{{identity.entity.id}}/x" { capabilities = ["read"] }"#;
    for value in ["+", "*", "a*", "a,b", "{{identity.entity.id}}"] {
        let acl = filled(own, Some(value)).unwrap();
        assert!(may(&acl, Operation::Read, &format!("home/{value}/x")), "{value}");
        assert!(
            !may(&acl, Operation::Read, "home/ab/x") && !may(&acl, Operation::Read, "home/b/x"),
            "{value}"
        );
    }
    for value in ["", "a/b", ".", "..", "a\n", "%2e"] {
        assert_eq!(filled(own, Some(value)).err(), Some(Unfilled), "{value:?}");
    }
}

#[test]
fn a_rule_without_its_value_allows_nothing_and_a_denial_is_not_lost() {
    let rest = r#"path "*" { capabilities = ["read"] } path "home/{{identity.entity.id}}" "#;
    assert!(may(
        &filled(&format!("{rest} {{ policy = \"write\" }}"), None).unwrap(),
        Operation::Read,
        "home/b"
    ));
    assert!(!may(
        &filled(&format!("{rest} {{ policy = \"write\" }}"), None).unwrap(),
        Operation::Update,
        "home/b"
    ));
    assert_eq!(filled(&format!("{rest} {{ policy = \"deny\" }}"), None).err(), Some(Unfilled));
}

#[test]
fn what_needs_sudo_is_told_apart() {
    let acl = acl(&[r#"path "a" { policy = "sudo" } path "b" { policy = "write" }"#]);
    let sudo = |text| acl.allows(&Request::new(Operation::Read, &path(text))).unwrap().sudo;
    assert!(sudo("a") && !sudo("b"));
}

/// Patterns and paths of so few words that they often meet.
fn patterns() -> impl Strategy<Value = String> {
    let word = prop::sample::select(vec!["a", "ab", "b", "+"]);
    let end = prop::sample::select(vec!["", "/", "/*", "*", "/a*"]);
    (prop::collection::vec(word, 1..4), end).prop_map(|(words, end)| words.join("/") + end)
}

fn rules() -> impl Strategy<Value = Vec<(String, Capabilities)>> {
    let sets = vec![
        Capabilities::READ,
        Capabilities::LIST,
        Capabilities::DENY,
        Capabilities::READ | Capabilities::LIST | Capabilities::SCAN | Capabilities::PATCH,
    ];
    let pattern = prop_oneof![8 => patterns(), 1 => Just("*".to_owned())];
    let valid = pattern.prop_filter("a pattern", |text| Pattern::parse(text).is_ok());
    prop::collection::vec((valid, prop::sample::select(sets)), 0..10)
}

fn paths() -> impl Strategy<Value = String> {
    let word = prop::sample::select(vec!["a", "ab", "b", "abc"]);
    (prop::collection::vec(word, 1..5), any::<bool>())
        .prop_map(|(words, slash)| words.join("/") + if slash { "/" } else { "" })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]
    #[test]
    fn the_fast_evaluator_decides_as_the_documentation_says(rules in rules(), paths in prop::collection::vec(paths(), 8)) {
        let rule = |(text, capabilities): &(String, Capabilities)| Rule {
            pattern: Pattern::parse(text).unwrap(),
            capabilities: *capabilities,
            conditions: Default::default(),
        };
        // Each rule in a policy of its own.
        let policies: Vec<_> = rules.iter().map(|one| Policy { rules: vec![rule(one)] }).collect();
        let (acl, reference) = (Acl::of(&policies, |_| None).unwrap(), Reference(rules));
        for (text, operation) in paths.iter().flat_map(|text| Operation::ALL.map(|operation| (text, operation))) {
            prop_assert_eq!(may(&acl, operation, text), reference.allows(operation, text), "{:?} {}", operation, text);
        }
    }
}
