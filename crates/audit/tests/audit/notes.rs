//! The texts that others keep: origins, verifier keys, checkpoints.

use proptest::prelude::*;
use strongroom_audit::{
    ConsistencyProof, Cursor, InclusionProof, InvalidVerifierKey, Leaf, LogId, Origin, ProofError,
    SignedCheckpoint, VerifierKey,
};

use crate::support::{Fixture, OTHER, TENANT};

fn texts() -> (Fixture, VerifierKey, String) {
    let (fixture, _) = Fixture::with_events(3);
    let log = LogId::Tenant(TENANT);
    let (key, note) =
        (fixture.log.verifier_key(log).unwrap(), fixture.log.checkpoint(log).unwrap().to_string());
    (fixture, key, note)
}

#[test]
fn a_checkpoint_reads_as_c2sp_writes_it() {
    let (fixture, _, note) = texts();
    let history = fixture.base.store.history().unwrap().id;
    let lines: Vec<_> = note.split('\n').collect();
    assert_eq!(lines[0], "strongroom/db/01010101010101010101010101010101");
    assert_eq!(lines[1], "3");
    assert_eq!(lines[2].len(), 44);
    assert_eq!(lines[3], format!("history {:032x}", u128::from_be_bytes(history)));
    assert!(lines[4].starts_with("commit "));
    assert_eq!(lines[5], "");
    assert!(lines[6].starts_with("\u{2014} strongroom/db/01010101010101010101010101010101 "));
    assert_eq!(lines[7..], [""]);
}

#[test]
fn each_text_has_one_spelling() {
    let (_, key, note) = texts();
    let key = key.to_string();
    assert_eq!(VerifierKey::parse(&key).unwrap().to_string(), key);
    assert_eq!(SignedCheckpoint::parse(&note).unwrap().to_string(), note);
    for wrong in [
        key.replace("+A", "+B"),
        format!("{key}\n"),
        format!(" {key}"),
        key.to_uppercase(),
        key.replacen('+', "++", 1),
        key.replace("strongroom/db/", "strongroom/db//"),
        String::new(),
    ] {
        assert_eq!(VerifierKey::parse(&wrong), Err(InvalidVerifierKey), "{wrong}");
    }
    for wrong in [
        note.replace("\n3\n", "\n03\n"),
        note.replace("\n3\n", "\n+3\n"),
        note.replace("\n3\n", "\n3 \n"),
        note.replace("history ", "history  "),
        note.replace("db/0", "db/x"),
        note.replace('\n', "\r\n"),
        note.trim_end().to_owned(),
        format!("{note}\n"),
        note.replace("\n\n", "\n\n\n"),
        note.replace("\n\n", "\nmore 1\n\n"),
        note.replace("\n3\n", "\n99999999999999999999\n"),
        note.replace("\n3\n", "\n281474976710657\n"),
    ] {
        assert_eq!(SignedCheckpoint::parse(&wrong), Err(ProofError::Malformed), "{wrong}");
    }
}

#[test]
fn a_flipped_bit_in_a_checkpoint_does_not_verify() {
    let (_, key, note) = texts();
    for at in 0..note.len() {
        for bit in 0..8 {
            let mut bytes = note.clone().into_bytes();
            bytes[at] ^= 1 << bit;
            let verified = String::from_utf8(bytes).ok().and_then(|text| SignedCheckpoint::parse(&text).ok());
            assert!(verified.is_none_or(|note| note.verify(&key).is_err()), "bit {bit} of byte {at}");
        }
    }
}

#[test]
fn a_checkpoint_of_another_log_or_by_another_key_is_refused() {
    let (fixture, key, note) = texts();
    let note = SignedCheckpoint::parse(&note).unwrap();
    assert!(note.verify(&key).is_ok());
    assert_eq!(note.verify(&key.of_log(LogId::Global)), Err(ProofError::OtherLog));
    assert_eq!(
        note.verify(&fixture.log.verifier_key(LogId::Tenant(OTHER)).unwrap()),
        Err(ProofError::OtherLog)
    );
    // Another database of the same name, with a key of its own.
    let (_, other, _) = texts();
    assert_ne!(other, key);
    assert_eq!(note.verify(&other), Err(ProofError::Signature));
}

#[test]
fn origins_of_different_logs_differ_and_read_back() {
    for text in ["strongroom/db/global", "strongroom/a.b/01010101010101010101010101010101"] {
        assert_eq!(Origin::parse(text).unwrap().to_string(), text);
    }
    for wrong in [
        "strongroom/db",
        "strongroom//global",
        "strongroom/db/Global",
        "strongroom/db/0101",
        "strongroom/db/0101010101010101010101010101010A",
        "strongroom/d b/global",
        "other/db/global",
        "strongroom/db/global/",
    ] {
        assert_eq!(Origin::parse(wrong), None, "{wrong}");
    }
}

proptest! {
    #[test]
    fn no_text_does_harm(text in "\\PC{0,300}", lines in proptest::collection::vec("[a-z0-9+/= ]{0,60}", 0..20)) {
        let lines = lines.join("\n") + "\n";
        for first in ["", "strongroom/audit/inclusion/v1\n", "strongroom/audit/consistency/v1\n", "strongroom/db/global\n"] {
            for rest in [&text, &lines] {
                let text = format!("{first}{rest}");
                prop_assert!(InclusionProof::parse(&text).is_err());
                prop_assert!(ConsistencyProof::parse(&text).is_err());
                prop_assert!(SignedCheckpoint::parse(&text).is_err());
                prop_assert!(VerifierKey::parse(&text).is_err());
                prop_assert!(Cursor::parse(&text).is_err());
                prop_assert!(Leaf::from_bytes(text.as_bytes()).is_none());
            }
        }
    }
}
