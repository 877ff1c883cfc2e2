//! Proofs of inclusion, and what must not pass for one.

use strongroom_audit::{AuditError, InclusionProof, LogId, ProofError, VerifierKey};

use crate::support::{Fixture, OTHER, TENANT, event, resized, roots_swapped};

/// A log with events of two tenants, so that heads have neighbours, and the proof of one in the middle.
fn proven() -> (Fixture, VerifierKey, String) {
    let (fixture, _) = Fixture::with_events(11);
    fixture.put(&event(OTHER, "theirs", fixture.base.clock.now()));
    fixture.log.drain_all().unwrap();
    fixture.put_keys(11..13);
    fixture.log.drain_all().unwrap();
    let key = fixture.log.verifier_key(LogId::Global).unwrap();
    let proof = fixture.prove(6).to_string();
    (fixture, key, proof)
}

/// Whether a text is a proof that holds.
fn holds(text: &str, key: &VerifierKey) -> bool {
    InclusionProof::parse(text).is_ok_and(|proof| proof.verify(key).is_ok())
}

#[test]
fn a_proof_shows_the_event_and_where_it_stands() {
    let (fixture, key, text) = proven();
    let proven = InclusionProof::parse(&text).unwrap().verify(&key).unwrap();
    assert_eq!(proven.payload.unwrap(), fixture.all(TENANT)[6]);
    assert_eq!((proven.index, proven.leaf.tenant), (6, TENANT));
    assert_eq!((proven.checkpoint.size, proven.global.size), (13, fixture.size(LogId::Global)));
}

#[test]
fn a_proof_verifies_with_the_key_of_its_tenant_and_with_that_of_no_other() {
    let (fixture, key, text) = proven();
    let proof = InclusionProof::parse(&text).unwrap();
    proof.verify(&key.of_log(LogId::Tenant(TENANT))).unwrap();
    assert_eq!(proof.verify(&key.of_log(LogId::Tenant(OTHER))).unwrap_err(), ProofError::OtherLog);
    let (other, other_key, _) = proven_elsewhere();
    assert_eq!(proof.verify(&other_key).unwrap_err(), ProofError::Signature);
    drop((fixture, other));
}

fn proven_elsewhere() -> (Fixture, VerifierKey, String) {
    proven()
}

#[test]
fn every_flipped_bit_of_a_proof_is_refused() {
    let (_, key, text) = proven();
    assert!(holds(&text, &key));
    for at in 0..text.len() {
        for bit in 0..8 {
            let mut bytes = text.clone().into_bytes();
            bytes[at] ^= 1 << bit;
            let held = String::from_utf8(bytes).is_ok_and(|text| holds(&text, &key));
            assert!(!held, "bit {bit} of byte {at} of\n{text}");
        }
    }
}

#[test]
fn a_proof_that_is_cut_off_or_has_something_around_it_is_refused() {
    let (_, key, text) = proven();
    for length in (0..text.len()).filter(|length| text.is_char_boundary(*length)) {
        assert!(!holds(&text[..length], &key), "{length}");
    }
    for around in ["\n", " ", "x", "\0", "hash\n"] {
        assert!(!holds(&format!("{around}{text}"), &key) && !holds(&format!("{text}{around}"), &key));
    }
}

#[test]
fn lines_that_are_dropped_doubled_or_swapped_are_refused() {
    let (_, key, text) = proven();
    let lines: Vec<_> = text.lines().collect();
    let joined = |lines: &[&str]| lines.iter().map(|line| format!("{line}\n")).collect::<String>();
    assert_eq!(joined(&lines), text);
    for at in 0..lines.len() {
        let mut changed = lines.clone();
        changed.remove(at);
        assert!(!holds(&joined(&changed), &key), "without line {at}");
        let mut changed = lines.clone();
        changed.insert(at, lines[at]);
        assert!(!holds(&joined(&changed), &key), "line {at} twice");
        for other in at + 1..lines.len() {
            let mut changed = lines.clone();
            changed.swap(at, other);
            assert!(changed == lines || !holds(&joined(&changed), &key), "lines {at} and {other}");
        }
    }
}

#[test]
fn another_index_or_size_is_refused() {
    let (_, key, text) = proven();
    for (from, to) in
        [("index 6\n", "index 5\n"), ("index 6\n", "index 7\n"), ("\n13\n", "\n12\n"), ("\n13\n", "\n14\n")]
    {
        assert!(text.contains(from), "{from:?}");
        assert!(!holds(&text.replacen(from, to, 1), &key), "{to:?}");
    }
    // Of both checkpoints, that of the tenant and the global one.
    let changed = resized(&text);
    assert_eq!(changed.len(), 4);
    changed.iter().for_each(|changed| assert!(!holds(changed, &key), "{changed}"));
}

#[test]
fn roots_in_each_others_place_are_refused() {
    let (_, key, text) = proven();
    assert!(!holds(&roots_swapped(&text), &key));
}

#[test]
fn a_proof_of_one_event_does_not_show_another() {
    let (fixture, key, text) = proven();
    let other = fixture.prove(7).to_string();
    // Whole parts of one proof in the place of those of another one of the same log.
    for prefix in ["leaf ", "blind ", "payload ", "index "] {
        let line = |text: &str| text.lines().find(|line| line.starts_with(prefix)).unwrap().to_owned();
        assert!(!holds(&text.replacen(&line(&text), &line(&other), 1), &key), "{prefix}");
    }
    // The disclosed event of the other one, with its blind: it has its own leaf only.
    let body = |text: &str| text.split_once("blind ").unwrap().1.split_once("index ").unwrap().0.to_owned();
    assert!(!holds(&text.replacen(&body(&text), &body(&other), 1), &key));
}

#[test]
fn an_older_checkpoint_in_its_place_is_refused() {
    let (fixture, key, old) = proven();
    fixture.put_keys(13..20);
    fixture.log.drain_all().unwrap();
    let new = fixture.prove(6).to_string();
    let tail = |text: &str| text.rsplit_once("index ").unwrap().1.to_owned();
    assert!(holds(&new, &key) && holds(&old, &key), "an old proof stays good");
    assert!(!holds(&new.replace(&tail(&new), &tail(&old)), &key));
    assert!(!holds(&old.replace(&tail(&old), &tail(&new)), &key));
}

#[test]
fn other_versions_and_other_texts_are_told_apart() {
    let (_, _, text) = proven();
    assert_eq!(InclusionProof::parse(&text.replacen("/v1", "/v2", 1)), Err(ProofError::Newer));
    assert_eq!(
        InclusionProof::parse(&text.replacen("inclusion", "consistency", 1)),
        Err(ProofError::Malformed)
    );
    assert_eq!(InclusionProof::parse(""), Err(ProofError::Malformed));
}

#[test]
fn there_is_no_proof_of_what_is_not_there() {
    let (fixture, _, _) = proven();
    for index in [13, 14, u64::MAX] {
        assert!(matches!(fixture.log.prove(TENANT, index), Err(AuditError::NotFound)));
    }
    let nobody = strongroom_core::Tenant::from_bytes([77; 16]);
    assert!(matches!(fixture.log.prove(nobody, 0), Err(AuditError::NotFound)));
}

#[test]
fn the_only_event_of_a_log_has_a_proof() {
    let (fixture, _) = Fixture::with_events(1);
    let key = fixture.log.verifier_key(LogId::Global).unwrap();
    let proven = fixture.prove(0).verify(&key).unwrap();
    assert_eq!((proven.index, proven.checkpoint.size), (0, 1));
}
