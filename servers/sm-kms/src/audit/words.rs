//! How the closed sets of an event are spelled in JSON and in queries: their names in lower case, with `_` between words.

use std::fmt::Debug;

use strongroom_core::{Action, Failure, Refusal, Service};

/// The word for one of a closed set.
pub(super) fn word(of: impl Debug) -> String {
    let mut word = String::new();
    for letter in format!("{of:?}").chars() {
        if letter.is_ascii_uppercase() && !word.is_empty() {
            word.push('_');
        }
        word.push(letter.to_ascii_lowercase());
    }
    word
}

/// The one that a word is for.
pub(super) fn named<T: Debug + Copy>(all: &[T], text: &str) -> Option<T> {
    all.iter().copied().find(|one| word(one) == text)
}

pub(super) fn service(text: &str) -> Option<Service> {
    named(Service::ALL, text)
}

pub(super) fn action(text: &str) -> Option<Action> {
    named(Action::ALL, text)
}

pub(super) fn refusal(text: &str) -> Option<Refusal> {
    named(Refusal::ALL, text)
}

pub(super) fn failure(text: &str) -> Option<Failure> {
    named(Failure::ALL, text)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Clients store and search these: they stay.
    #[test]
    fn every_word_is_as_it_was_published() {
        let words = |all: Vec<String>| all.join(" ");
        assert_eq!(
            words(Service::ALL.iter().map(word).collect()),
            "barrier kms identity backup server audit"
        );
        assert_eq!(
            words(Action::ALL.iter().map(word).collect()),
            "create rotate configure disable enable delete rewrap reseal destroy shred renew initialize seal \
             unseal submit reset login back_up scrub check ask suspend resume deactivate compromise \
             schedule_deletion cancel_deletion activate trim near_limit encrypt decrypt reencrypt sign \
             verify read list mac verify_mac derive data_key agree encapsulate decapsulate random hash knock \
             lose import export restore"
        );
        assert_eq!(
            words(Refusal::ALL.iter().map(word).collect()),
            "denied state unknown malformed wrong_secret busy"
        );
        assert_eq!(
            words(Failure::ALL.iter().map(word).collect()),
            "input not_found conflict cryptography unavailable unknown partly"
        );
        assert!(Action::ALL.iter().all(|one| action(&word(one)) == Some(*one)));
        assert_eq!((action("Create"), action(""), service("none")), (None, None, None));
    }
}
