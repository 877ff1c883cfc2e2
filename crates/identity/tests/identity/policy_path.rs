//! One spelling of each place.

use proptest::prelude::*;
use strongroom_identity::{InvalidPolicyPath as Invalid, Pattern, PolicyPath};

#[test]
fn a_second_spelling_of_a_place_is_no_path() {
    let table = [
        ("", Invalid::Length),
        ("/sys", Invalid::EmptySegment),
        ("/", Invalid::EmptySegment),
        ("a//b", Invalid::EmptySegment),
        ("a//", Invalid::EmptySegment),
        ("./a", Invalid::DotSegment),
        ("a/..", Invalid::DotSegment),
        ("a/../", Invalid::DotSegment),
        ("a\\b", Invalid::Character),
        ("a\0", Invalid::Character),
        ("a\u{80}", Invalid::Character),
        ("a\n", Invalid::Character),
        ("%2e%2e/a", Invalid::Encoded),
        ("a%2Fb", Invalid::Encoded),
    ];
    for (text, why) in table {
        assert_eq!(PolicyPath::parse(text), Err(why), "{text:?}");
        assert!(text.is_empty() || Pattern::parse(&format!("a/{text}/b")).is_err(), "{text:?}");
    }
}

#[test]
fn bounds_of_a_path_are_exact() {
    assert!(PolicyPath::parse(&"a".repeat(PolicyPath::MAX)).is_ok());
    assert_eq!(PolicyPath::parse(&"a".repeat(PolicyPath::MAX + 1)), Err(Invalid::Length));
    assert!(PolicyPath::parse(&"a/".repeat(PolicyPath::MAX_SEGMENTS)).is_ok());
    assert_eq!(PolicyPath::parse(&"a/".repeat(PolicyPath::MAX_SEGMENTS + 1)), Err(Invalid::Segments));
}

#[test]
fn case_and_harmless_signs_are_kept() {
    for text in ["Secret/Data", "secret/data", "a/100%", "a/%zz", "a b/ä", "...", "a/.b/"] {
        assert_eq!(PolicyPath::parse(text).unwrap().as_str(), text);
    }
}

/// Texts made of what leads canonicalisers astray.
fn tricky() -> impl Strategy<Value = String> {
    let part =
        prop::sample::select(vec!["a", "A", "/", ".", "%", "2", "e", "f", "\\", "\0", "ä", " ", "+", "*"]);
    prop::collection::vec(part, 0..12).prop_map(|parts| parts.concat())
}

proptest! {
    #[test]
    fn reading_is_idempotent_and_injective(one in tricky(), two in tricky()) {
        let (first, second) = (PolicyPath::parse(&one), PolicyPath::parse(&two));
        if let Ok(first) = &first {
            prop_assert_eq!(PolicyPath::parse(first.as_str()), Ok(first.clone()));
            prop_assert_eq!(first.segments().collect::<Vec<_>>().join("/"), one.clone());
            prop_assert_eq!(first.as_listing().as_listing(), first.as_listing());
            prop_assert!(PolicyPath::parse(first.as_listing().as_str()).is_ok());
        }
        if let (Ok(first), Ok(second)) = (first, second) {
            prop_assert_eq!(first == second, one == two);
        }
    }

    #[test]
    fn what_is_a_path_has_no_segment_that_another_reader_would_read_otherwise(text in tricky()) {
        if let Ok(path) = PolicyPath::parse(&text) {
            let inner = text.strip_suffix('/').unwrap_or(&text);
            let odd = |segment: &str| matches!(segment, "" | "." | "..") || segment.contains(['\\', '\0']);
            prop_assert!(!inner.split('/').any(odd));
            prop_assert!(!text.contains("%2e") && !text.contains("%22") && !text.contains("%ff"));
            prop_assert_eq!(path.to_string(), text);
        }
    }
}
