//! What is not the right backup, or not the right key to it: each says what it is.

use std::fs;

use super::house::{House, TWO_SHARES, flip};
use crate::support::{private_file, set_mode};

/// What the three commands that read a backup say; nothing is restored.
fn all_say(house: &House, says: &[&str]) {
    let verify = vec!["verify-backup", "--from", "monday.backup", "--signer", &house.signer];
    for command in [verify, house.back("restore", &["--data", "new"]), house.back("drill", &TWO_SHARES)] {
        let said = house.refused(&command);
        says.iter().for_each(|word| assert!(said.contains(word), "{word}: {said}"));
        assert!(!house.path("new").exists());
    }
}

#[test]
fn a_flipped_byte_and_a_truncated_file_are_named_with_their_place() {
    let house = House::new();
    let whole = fs::read(house.path("monday.backup")).unwrap();
    let backup = house.path("monday.backup");
    for (byte, says) in [
        (0, "not a backup"),
        (60, "damaged: the manifest, at byte 16"),
        (whole.len() / 2, "damaged: chunk 0"),
        (whole.len() - 1, "damaged: the signature"),
    ] {
        flip(&backup, byte);
        all_say(&house, &[says, "fetch it again", "monday.backup"]);
        fs::write(&backup, &whole).unwrap();
    }
    for length in [0, 10, whole.len() / 2, whole.len() - 1] {
        fs::write(&backup, &whole[..length]).unwrap();
        all_say(&house, &[&format!("truncated: it ends at byte {length}"), "fetch it again"]);
    }
    fs::remove_file(&backup).unwrap();
    all_say(&house, &["monday.backup cannot be read", "No such file"]);
    fs::create_dir(&backup).unwrap();
    all_say(&house, &["monday.backup cannot be read", "directory"]);
}

#[test]
fn a_backup_that_another_database_signed_is_refused_with_its_signer() {
    let (house, other) = (House::new(), House::new());
    fs::copy(other.path("monday.backup"), house.path("monday.backup")).unwrap();
    all_say(&house, &["was signed by", &other.signer, "--signer does not name"]);
}

#[test]
fn a_wrong_recovery_key_is_refused_with_those_that_would_open() {
    let house = House::new();
    let right = house.json(&["verify-backup", "--from", "monday.backup", "--signer", &house.signer]);
    let made = house.json(&["recovery-key", "--out", "other.key"]);
    fs::copy(house.path("other.key"), house.path("recovery.key")).unwrap();
    for command in [house.back("restore", &["--data", "new"]), house.back("drill", &TWO_SHARES)] {
        let said = house.refused(&command);
        let fingerprints = [&made["fingerprint"], &right["recipients"][0]];
        fingerprints.iter().for_each(|one| assert!(said.contains(one.as_str().unwrap()), "{said}"));
    }
    assert!(!house.path("new").exists());
}

#[test]
fn what_is_no_key_is_told_from_a_damaged_one_and_not_repeated() {
    let house = House::new();
    let restore = house.back("restore", &["--data", "new"]);
    let key = fs::read(house.path("recovery.key")).unwrap();
    let mut typo = key.clone();
    typo[30] = if typo[30] == b'a' { b'b' } else { b'a' };
    for (bytes, says) in [
        (&typo[..], "check it for a typing error"),
        (&key[..40], "enter the whole text"),
        (b"canary", "recovery.key is no recovery key"),
        (&[b'x'; 5000], "too long"),
    ] {
        private_file(house.folder.path(), "recovery.key", bytes);
        let said = house.refused(&restore);
        assert!(said.contains(says) && !said.contains("canary"), "{says}: {said}");
    }
    private_file(house.folder.path(), "recovery.key", &key);
    set_mode(&house.path("recovery.key"), 0o644);
    let said = house.refused(&restore);
    assert!(said.contains("everybody may read recovery.key") && said.contains("chmod 600"), "{said}");

    // Whoever mixes them up does not find the secret in a log.
    let pasted = String::from_utf8(key).unwrap();
    let said = house.refused(&["verify-backup", "--from", "monday.backup", "--signer", pasted.trim()]);
    assert!(said.contains("--signer"), "{said}");
    assert!(!house.path("new").exists());
}
