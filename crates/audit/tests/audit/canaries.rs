//! What the log is handed are closed types, and texts that others keep: of those nothing comes back in an error. Each
//! public function has its row: a new one without fails.

use std::{collections::BTreeSet, fmt::Display};

use strongroom_audit::{
    ConsistencyProof, Cursor, InclusionProof, LogId, Order, Origin, SignedCheckpoint, VerifierKey,
};
use strongroom_core::surface::public_functions;

use crate::support::{Fixture, TENANT};

const MARK: &str = "canary-3hT9";

/// Functions of the log, by what they take.
const TYPED: &[&str] = &[
    "append",
    "check_since",
    "checkpoint",
    "consistency",
    "create",
    "drain",
    "drain_all",
    "entries",
    "erase_month",
    "events",
    "export",
    "fsck",
    "holds",
    "open",
    "place_hold",
    "producers",
    "prove",
    "prove_since",
    "query",
    "register_producer",
    "reindex",
    "release_hold",
    "retention",
    "set_retention",
    "tile",
    "verifier_key",
];

/// Whatever reads a text, and what its refusal says.
type Parse = (&'static str, fn(&str) -> Option<String>);

const PARSERS: &[Parse] = &[
    ("VerifierKey", |text| refusal(VerifierKey::parse(text))),
    ("SignedCheckpoint", |text| refusal(SignedCheckpoint::parse(text))),
    ("Cursor", |text| refusal(Cursor::parse(text))),
    ("InclusionProof", |text| refusal(InclusionProof::parse(text))),
    ("ConsistencyProof", |text| refusal(ConsistencyProof::parse(text))),
    ("Origin", |text| Origin::parse(text).is_none().then(String::new)),
];

fn refusal<T, E: Display + std::fmt::Debug>(read: Result<T, E>) -> Option<String> {
    read.err().map(|error| format!("{error} {error:?}"))
}

/// A good text of each type.
fn texts() -> Vec<String> {
    let (fixture, _) = Fixture::with_events(3);
    let log = LogId::Tenant(TENANT);
    let old = fixture.log.checkpoint(log).unwrap();
    fixture.put_keys(3..5);
    fixture.log.drain_all().unwrap();
    let key = fixture.log.verifier_key(log).unwrap();
    vec![
        key.to_string(),
        old.to_string(),
        Cursor::at(TENANT, Order::OldestFirst, 3).to_string(),
        fixture.prove(1).to_string(),
        fixture.log.prove_since(&old).unwrap().to_string(),
        key.origin().to_string(),
    ]
}

#[test]
fn nothing_of_a_text_that_is_refused_is_in_the_refusal() {
    for (text, (of, parse)) in texts().iter().zip(PARSERS) {
        assert_eq!(parse(text), None, "{of}");
        let mut refused = 0;
        for at in (0..=text.len()).filter(|at| text.is_char_boundary(*at)) {
            let marked = [&text[..at], MARK, &text[at..]].concat();
            let Some(said) = parse(&marked) else { continue };
            refused += 1;
            assert!(!said.contains("canary"), "{of} at {at}: {said}");
        }
        assert!(refused > 0 && parse(MARK).is_some_and(|said| !said.contains("canary")), "{of}");
    }
}

#[test]
fn every_public_function_of_the_log_is_known_and_every_parser_has_its_row() {
    let functions = |of| public_functions(env!("CARGO_MANIFEST_DIR"), of).unwrap();
    assert_eq!(functions("AuditLog"), TYPED.iter().map(|name| (*name).to_owned()).collect::<BTreeSet<_>>());
    let types = [
        "AuditLog",
        "Checkpoint",
        "ConsistencyProof",
        "Cursor",
        "Fsck",
        "Hash",
        "Hold",
        "InclusionProof",
        "Leaf",
        "Month",
        "Origin",
        "Payload",
        "Producer",
        "Pruner",
        "Query",
        "Retention",
        "Rule",
        "SignedCheckpoint",
        "TileId",
        "VerifierKey",
    ];
    let parsers: BTreeSet<_> = types.into_iter().filter(|of| functions(of).contains("parse")).collect();
    assert_eq!(parsers, PARSERS.iter().map(|(of, _)| *of).collect());
}
