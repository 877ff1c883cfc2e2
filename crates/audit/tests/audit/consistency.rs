//! Proofs of consistency, and what a holder of a checkpoint finds.

use std::sync::Arc;

use strongroom_audit::{
    AuditError, AuditLog, ConsistencyProof, LogId, ProofError, SignedCheckpoint, VerifierKey,
};
use strongroom_core::{Batch, Store, Write};
use strongroom_store_postgres::testing::Engine;

use crate::support::{Fixture, TENANT, resized, roots_swapped};

const LOG: LogId = LogId::Tenant(TENANT);

/// A log that was looked at at 5 and at 12 entries.
fn grown() -> (Fixture, VerifierKey, SignedCheckpoint, String) {
    let (fixture, _) = Fixture::with_events(5);
    let old = fixture.log.checkpoint(LOG).unwrap();
    fixture.put_keys(5..12);
    fixture.log.drain_all().unwrap();
    let proof = fixture.log.prove_since(&old).unwrap().to_string();
    let key = fixture.log.verifier_key(LOG).unwrap();
    (fixture, key, old, proof)
}

fn holds(text: &str, key: &VerifierKey) -> bool {
    ConsistencyProof::parse(text).is_ok_and(|proof| proof.verify(key).is_ok())
}

#[test]
fn a_proof_shows_that_a_log_only_grew() {
    let (_, key, old, text) = grown();
    let (from, to) = ConsistencyProof::parse(&text).unwrap().verify(&key).unwrap();
    assert_eq!((from.size, to.size), (5, 12));
    assert_eq!(&from, old.verify(&key).unwrap());
    assert_eq!(ConsistencyProof::parse(&text.replacen("/v1", "/v9", 1)), Err(ProofError::Newer));
}

#[test]
fn every_flipped_bit_of_a_proof_is_refused() {
    let (_, key, _, text) = grown();
    assert!(holds(&text, &key));
    for at in 0..text.len() {
        for bit in 0..8 {
            let mut bytes = text.clone().into_bytes();
            bytes[at] ^= 1 << bit;
            assert!(!String::from_utf8(bytes).is_ok_and(|text| holds(&text, &key)), "bit {bit} of byte {at}");
        }
    }
}

#[test]
fn a_proof_that_is_cut_off_padded_or_turned_round_is_refused() {
    let (_, key, _, text) = grown();
    let lines: Vec<_> = text.lines().collect();
    let joined = |lines: &[&str]| lines.iter().map(|line| format!("{line}\n")).collect::<String>();
    for at in 0..lines.len() {
        assert!(!holds(&joined(&lines[..at]), &key), "{at}");
        let mut doubled = lines.clone();
        doubled.insert(at, lines[at]);
        assert!(!holds(&joined(&doubled), &key), "{at}");
        let mut dropped = lines.clone();
        dropped.remove(at);
        assert!(!holds(&joined(&dropped), &key), "{at}");
    }
    // The two checkpoints in each other's place.
    let (first, rest) = text.split_once('\n').unwrap();
    let end = rest.find("\u{2014}").unwrap();
    let end = end + rest[end..].find('\n').unwrap() + 1;
    let (old, rest) = rest.split_at(end);
    let (path, new) = rest.split_once("\n\n").unwrap();
    assert!(!holds(&format!("{first}\n{new}{path}\n\n{old}"), &key));
}

#[test]
fn another_size_or_root_of_either_checkpoint_is_refused() {
    let (_, key, _, text) = grown();
    let changed = resized(&text);
    assert_eq!(changed.len(), 4);
    changed.iter().for_each(|changed| assert!(!holds(changed, &key), "{changed}"));
    assert!(!holds(&roots_swapped(&text), &key));
}

#[test]
fn a_proof_with_a_byte_less_or_something_around_it_is_refused() {
    let (_, key, _, text) = grown();
    for length in (0..text.len()).filter(|length| text.is_char_boundary(*length)) {
        assert!(!holds(&text[..length], &key), "{length}");
    }
    for around in ["\n", " ", "x", "\0", "hash\n"] {
        assert!(!holds(&format!("{around}{text}"), &key) && !holds(&format!("{text}{around}"), &key));
    }
}

#[test]
fn nothing_to_prove_between_equal_and_from_empty_logs() {
    let (fixture, _) = Fixture::with_events(4);
    let key = fixture.log.verifier_key(LOG).unwrap();
    let now = fixture.log.checkpoint(LOG).unwrap();
    let (from, to) = fixture.log.prove_since(&now).unwrap().verify(&key).unwrap();
    assert_eq!((from.size, to.size), (4, 4));
    let base = crate::support::base(Arc::new(Engine::new()), fixture.clock.clone());
    let log = AuditLog::create(base, &crate::support::name("db")).unwrap();
    let empty = log.checkpoint(LogId::Global).unwrap();
    log.drain_all().unwrap();
    let key = log.verifier_key(LogId::Global).unwrap();
    let (from, to) = log.prove_since(&empty).unwrap().verify(&key).unwrap();
    assert_eq!((from.size, to.size), (0, 1));
}

/// Copies every row of a store into another one, as a backup of the file does.
fn copy(from: &Engine, into: &Engine) {
    let rows = from.dump();
    for (key, value) in rows {
        let key = strongroom_core::RecordKey::from_bytes(key).unwrap();
        let batch = Batch { expectations: Vec::new(), writes: vec![(key, Write::Put(value.into()))] };
        into.commit(&into.lower(batch).unwrap()).unwrap();
    }
}

#[test]
fn a_log_that_was_rolled_back_is_found_by_a_holder_of_a_later_checkpoint() {
    let (fixture, store) = Fixture::with_events(5);
    let backup = Arc::new(Engine::new());
    copy(&store, &backup);
    fixture.put_keys(5..9);
    fixture.log.drain_all().unwrap();
    let kept = fixture.log.checkpoint(LOG).unwrap();
    fixture.log.check_since(&kept).unwrap();

    let base = crate::support::base(backup.clone(), fixture.clock.clone());
    let restored = AuditLog::open(base.clone()).unwrap();
    assert_eq!(restored.fsck(&mut |_| ()).unwrap().findings, [], "an older state is a sound one");
    assert!(matches!(restored.check_since(&kept), Err(AuditError::RolledBack { size: 5, had: 9 })));
    // Also once it has grown past that size, with other events.
    for number in 0..20 {
        crate::support::put(
            &base,
            &crate::support::event(TENANT, &format!("new-{number}"), base.clock.now()),
        )
        .unwrap();
    }
    restored.drain_all().unwrap();
    assert!(matches!(restored.check_since(&kept), Err(AuditError::Rewritten)));
}

#[test]
fn a_checkpoint_of_another_database_is_no_reason_for_alarm() {
    let (fixture, _, _, _) = grown();
    let (_, _, foreign, _) = grown();
    assert!(matches!(fixture.log.check_since(&foreign), Err(AuditError::Proof(ProofError::Signature))));
}
