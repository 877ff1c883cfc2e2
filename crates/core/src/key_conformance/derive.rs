use std::collections::HashSet;

use super::{Subject, done};
use crate::{Key, KeyError, MAX_DERIVED};

pub(super) fn takes(on: &Subject<'_>, key: &dyn Key) -> bool {
    done(on.key.derive(b"label", b"context", 32)) == done(key.derive(b"label", b"context", 32))
}

pub(super) fn check(on: &Subject<'_>) {
    every_request_gives_something_else(on);
    what_is_no_request_is_refused(on);
}

/// Among them those that would be the same if label and context were only put one after the other.
fn every_request_gives_something_else(on: &Subject<'_>) {
    let requests: [(&[u8], &[u8]); 8] = [
        (b"", b""),
        (b"a", b""),
        (b"", b"a"),
        (b"ab", b"c"),
        (b"a", b"bc"),
        (b"", b"abc"),
        (b"a", b"\0bc"),
        (b"a", b"\0\0bc"),
    ];
    let mut seen = HashSet::new();
    for (label, context) in requests {
        for length in [16, 17, 31, 32, 33, 64, 100, MAX_DERIVED] {
            let derived = done(on.key.derive(label, context, length));
            assert_eq!(derived.len(), length);
            assert_eq!(derived, done(on.key.derive(label, context, length)), "the same once more");
            // Nor is a shorter one the beginning of a longer one.
            let start = derived.iter().take(16).copied().collect::<Vec<_>>();
            assert!(seen.insert(start), "{label:?} {context:?} {length}");
        }
    }
}

fn what_is_no_request_is_refused(on: &Subject<'_>) {
    for (label, length) in [(&b"label"[..], 0), (b"label", MAX_DERIVED + 1), (b"la\0bel", 32), (b"\0", 32)] {
        assert_eq!(on.key.derive(label, b"", length).err(), Some(KeyError::Invalid), "{label:?} {length}");
    }
}
