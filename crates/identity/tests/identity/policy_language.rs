//! Policies as users of Vault write them, in HCL and in JSON.

use std::time::Duration;

use proptest::prelude::*;
use strongroom_identity::{Capabilities, Pattern, Policy, PolicyProblem as Problem};

const HCL: &str = r#"
# what the shop may do
path "secret/data/+/shop*" {
  capabilities = ["create", "update", "read",]   // and nothing else
  required_parameters = ["Owner"]
  allowed_parameters = { "owner" = ["team-*"] "*" = [] "count" = [1, 2] }
  denied_parameters = { "force" = [] }
  min_wrapping_ttl = "1m30s"
  max_wrapping_ttl = 3600
  pagination_limit = 50
}
/* the old way
   of writing */
path "auth/token/lookup-self" { policy = "read" }
"#;

const JSON: &str = r#"{"path": {
  "secret/data/+/shop*": {
    "capabilities": ["create", "update", "read"],
    "required_parameters": ["owner"],
    "allowed_parameters": {"owner": ["team-*"], "*": [], "count": [1, 2]},
    "denied_parameters": {"force": []},
    "min_wrapping_ttl": 90, "max_wrapping_ttl": "1h", "pagination_limit": 50
  },
  "auth/token/lookup-self": {"policy": "read"}
}}"#;

#[test]
fn hcl_and_json_of_the_same_policy_are_the_same() {
    let policy = Policy::parse(HCL).unwrap();
    assert_eq!(policy, Policy::parse(JSON).unwrap());
    let [shop, own] = policy.rules.as_slice() else { panic!("two rules") };
    assert_eq!(shop.pattern, Pattern::parse("secret/data/+/shop*").unwrap());
    assert_eq!(shop.capabilities.names(), ["create", "read", "update"]);
    assert_eq!(shop.conditions.required, ["owner"]);
    assert_eq!(shop.conditions.allowed.get("count").unwrap(), &["1", "2"]);
    assert_eq!(shop.conditions.denied.get("force").unwrap(), &[""; 0]);
    assert_eq!(shop.conditions.min_wrapping, Some(Duration::from_secs(90)));
    assert_eq!(shop.conditions.page, Some(50));
    assert_eq!(own.capabilities, Capabilities::READ | Capabilities::LIST);
}

#[test]
fn an_empty_policy_allows_nothing_and_is_one() {
    for text in ["", "  # nothing\n", "{}", r#"name = "empty""#] {
        assert_eq!(Policy::parse(text), Ok(Policy::default()), "{text:?}");
    }
}

#[test]
fn a_mistake_is_told_with_its_place() {
    let rule = |body: &str| format!("path \"a\" {{\n  {body}\n}}");
    let table = [
        ("paths \"a\" {}".to_owned(), 1, 1, Problem::UnknownKey),
        (rule("capabilites = []"), 2, 3, Problem::UnknownRuleKey),
        (rule("capabilities = [\"root\"]"), 2, 3, Problem::Capability),
        (rule("capabilities = [\"READ\"]"), 2, 3, Problem::Capability),
        (rule("capabilities = \"read\""), 2, 3, Problem::Type("a list of texts")),
        (rule("policy = \"admin\""), 2, 3, Problem::Legacy),
        (rule("comment = \"a\"\n  comment = \"b\""), 3, 3, Problem::Twice),
        (rule("pagination_limit = 0"), 2, 3, Problem::Type("a number above 0")),
        (rule("min_wrapping_ttl = \"1x\""), 2, 3, Problem::Type("a duration such as \"90s\"")),
        (rule("min_wrapping_ttl = 2\n  max_wrapping_ttl = 1"), 1, 1, Problem::Wrapping),
        ("path \"a\" {".to_owned(), 1, 11, Problem::Syntax("a key")),
        ("path \"a\n\" {}".to_owned(), 1, 6, Problem::Syntax("a `\"` that ends the text")),
        ("/* a".to_owned(), 1, 1, Problem::Syntax("a `*/` that ends the comment")),
        ("{} x".to_owned(), 1, 4, Problem::Syntax("nothing more after the end")),
    ];
    for (text, line, column, problem) in table {
        let error = Policy::parse(&text).unwrap_err();
        assert_eq!((error.line, error.column, error.problem), (line, column, problem), "{text}");
    }
}

#[test]
fn a_wildcard_that_would_not_do_what_it_seems_to_is_refused() {
    let refused = ["a*b", "*/a", "a/**", "a/+*", "+b", "a/+b/c", "", "a/../b", "a//b", "a/%2e%2e"];
    for text in refused {
        assert!(Pattern::parse(text).is_err(), "{text:?}");
    }
    for text in ["*", "+", "+/+", "a/*", "a/b*", "a/+/b*", "a+b", "/a", "a/"] {
        assert!(Pattern::parse(text).is_ok(), "{text:?}");
    }
}

#[test]
fn size_depth_and_number_of_rules_are_bounded() {
    let problem = |text: &str| Policy::parse(text).unwrap_err().problem;
    assert_eq!(problem(&" ".repeat(Policy::MAX_BYTES + 1)), Problem::TooLong);
    assert_eq!(problem(&"a {".repeat(100)), Problem::TooDeep);
    assert_eq!(problem(&format!("a = {}", "[".repeat(200_000))), Problem::TooDeep);
    let rules = |count| (0..count).map(|at| format!("path \"{at}\" {{}}\n")).collect::<String>();
    assert_eq!(Policy::parse(&rules(Policy::MAX_RULES)).unwrap().rules.len(), Policy::MAX_RULES);
    assert_eq!(problem(&rules(Policy::MAX_RULES + 1)), Problem::TooManyRules);
}

proptest! {
    #[test]
    fn no_text_makes_the_reader_fail_otherwise_than_by_its_error(
        cut in 0..HCL.len(), with in "[\\[\\]{}\"=:,#/*a0\\\\\n]{0,4}",
    ) {
        let (before, after) = HCL.split_at(cut);
        if let Err(error) = Policy::parse(&format!("{before}{with}{after}")) {
            prop_assert!(error.line >= 1 && error.column >= 1);
        }
    }
}
