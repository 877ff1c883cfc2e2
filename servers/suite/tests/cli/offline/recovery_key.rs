use std::fs;

use strongroom::backup::RecoveryKey;

use super::house::{House, flip};
use crate::support::{mode, text};

#[test]
fn a_recovery_key_is_a_file_of_its_owner_and_only_its_recipient_is_printed() {
    let house = House::new();
    let key = |file: &str| RecoveryKey::parse(fs::read_to_string(house.path(file)).unwrap().trim()).unwrap();
    let output = house.run(&["recovery-key", "--out", "one.key"]);
    let said = text(&output.stdout) + &text(&output.stderr);
    assert!(output.status.success(), "{said}");
    assert!(said.contains(&key("one.key").recipient().to_string()), "{said}");
    let made = house.json(&["recovery-key", "--out", "two.key"]);
    assert_eq!(made["recipient"], key("two.key").recipient().to_string());
    for file in ["one.key", "two.key"] {
        assert_eq!(mode(&house.path(file)), 0o600);
        let digits = key(file).expose().rsplit_once('-').unwrap().1.to_owned();
        assert!(!said.contains(&digits) && !made.to_string().contains(&digits));
    }
    assert_ne!(key("one.key").recipient(), key("two.key").recipient());
}

#[test]
fn no_key_is_overwritten() {
    let house = House::new();
    let before = fs::read(house.path("recovery.key")).unwrap();
    let said = house.refused(&["recovery-key", "--out", "recovery.key"]);
    assert!(said.contains("recovery.key already") && said.contains("choose another"), "{said}");
    assert_eq!(fs::read(house.path("recovery.key")).unwrap(), before);
    let said = house.refused(&["recovery-key", "--out", "nowhere/recovery.key"]);
    assert!(said.contains("nowhere/recovery.key cannot be written"), "{said}");
}

#[test]
fn what_verify_backup_says_needs_no_key() {
    let house = House::new();
    let verify = ["verify-backup", "--from", "monday.backup", "--signer", &house.signer];
    let output = house.run(&verify);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let said = text(&output.stdout);
    assert!(said.contains("whole, unchanged and signed") && said.contains(&house.signer), "{said}");
    let found = house.json(&verify);
    assert_eq!(found["signer"], house.signer);
    assert_eq!(found["bytes"], fs::metadata(house.path("monday.backup")).unwrap().len());
    assert_eq!(found["recipients"].as_array().unwrap().len(), 1);
    flip(&house.path("monday.backup"), 2000);
    let said = house.refused(&verify);
    assert!(said.contains("damaged: chunk 0") && said.contains("fetch it again"), "{said}");
}
