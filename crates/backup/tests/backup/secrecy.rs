//! What must not show.

use std::collections::BTreeMap;

use strongroom_backup::{BackupError, RecoveryKey, inspect};

use crate::support::{CHUNK, House, stream};

fn holds(haystack: &[u8], needle: &[u8]) -> bool {
    haystack.windows(needle.len()).any(|window| window == needle)
}

#[test]
fn nothing_of_the_stream_and_no_public_key_of_a_recipient_is_in_the_file() {
    let house = House::new();
    let line = b"the master password is swordfish";
    let backup = house.backup(&line.repeat(500));
    for window in line.windows(8) {
        assert!(!holds(&backup, window));
    }
    let (private, public) = crate::forge::key_pair(3);
    let recovery = RecoveryKey::parse(&crate::key_text::text("strongroom-recovery-", &private)).unwrap();
    let (mut to, mut from) = (Vec::new(), line.as_slice());
    let (manifest, recipients) = (crate::support::manifest(None), [recovery.recipient()]);
    strongroom_backup::write(
        &house.provider,
        &house.ring,
        &manifest,
        &recipients,
        &mut from,
        &mut to,
        &mut |_| (),
    )
    .unwrap();
    assert!(!holds(&to, &public) && !holds(&to, &private));
}

#[test]
fn two_backups_of_one_stream_share_no_chunk_key_or_id() {
    let (house, stream) = (House::new(), stream(CHUNK));
    let [first, second] = [0, 1].map(|_| house.backup(&stream));
    // Blocks of 16 bytes that are in both: only what the manifest and the preamble have in common.
    let blocks = |backup: &[u8]| -> BTreeMap<Vec<u8>, usize> {
        backup.windows(16).enumerate().step_by(1).map(|(at, block)| (block.to_vec(), at)).take(2000).collect()
    };
    let (first_blocks, second_blocks) = (blocks(&first[500..]), blocks(&second[500..]));
    assert!(first_blocks.keys().all(|block| !second_blocks.contains_key(block)));
    let id = |backup: &[u8]| inspect(&house.provider, &mut &*backup).unwrap().unproven().id;
    assert_ne!(id(&first), id(&second));
}

#[test]
fn debug_shows_no_secret() {
    let house = House::new();
    assert_eq!(format!("{:?}", house.recovery), "RecoveryKey");
    assert!(format!("{:?}", house.recovery.recipient()).starts_with("strongroom-recipient-"));
}

#[test]
fn an_error_says_where_and_what_to_do_without_text_of_the_file() {
    let house = House::new();
    let good = house.backup(b"all records");
    let message = |backup: &[u8]| house.read(backup).unwrap_err().to_string();
    let cut = good.len() - 10;
    assert_eq!(
        message(&good[..cut]),
        format!("the backup is truncated: it ends at byte {cut}, in the signature")
    );
    let mut bad = good.clone();
    bad[20] ^= 1;
    assert_eq!(message(&bad), "the backup is damaged: the manifest, at byte 16");
    let stranger = RecoveryKey::generate(&house.provider).unwrap();
    let refused: BackupError = house.read_with(&stranger, &good).unwrap_err();
    assert_eq!(refused.to_string(), "the backup is not for this recovery key");
}
