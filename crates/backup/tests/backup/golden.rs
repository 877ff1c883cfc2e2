//! Backups of format 1 that were made once and must open for ever, and a second implementation.

use std::{path::Path, process::Command};

use strongroom_backup::{RecoveryKey, SignerKey, read, verify};
use strongroom_keys::RustCrypto;

use crate::{key_text::text, support::manifest};

/// What the recovery key of the fixtures is derived from (RFC 9180, DeriveKeyPair).
pub(crate) const RECOVERY_SEED: u8 = 42;

const STREAM: &[u8] = b"What was written once can be read for ever.\n";

const RECOVERY: &str = "strongroom-recovery-pb676qr2uhuh7fnilllzhv4c5cgkyisss5wmlogqixd64rntbfxjaslt5scanrj6";
const SIGNER: &str = "strongroom-signer-5jfgyy7ctrjavpxvkb5rglwf7gkuo5vox27hxescd3vgsfcg2iwgd7iuvyimppkv";

/// By `golden/make.py`, which was written from the documentation alone.
const BY_PYTHON: &[u8] = include_bytes!("golden/python.backup");
/// By the first version of this crate.
const BY_RUST: &[u8] = include_bytes!("golden/rust.backup");

pub(crate) fn recovery_text() -> String {
    text("strongroom-recovery-", &crate::forge::key_pair(RECOVERY_SEED).0)
}

#[test]
fn a_backup_of_format_1_opens_with_the_keys_of_its_time() {
    let provider = RustCrypto::new();
    let recovery = RecoveryKey::parse(RECOVERY).unwrap();
    let trusted = [SignerKey::parse(SIGNER).unwrap()];
    for (backup, id) in [(BY_PYTHON, Some([49; 16])), (BY_RUST, None)] {
        let mut stream = Vec::new();
        let verified = read(&provider, &recovery, &trusted, &mut &*backup, &mut stream, &mut |_| ()).unwrap();
        assert_eq!(stream, STREAM);
        assert_eq!(verified.header.manifest, manifest(Some(STREAM.len() as u64)));
        assert_eq!(verified.header.id, id.unwrap_or(verified.header.id));
        assert_eq!(verify(&provider, &trusted, &mut &*backup, &mut |_| ()).unwrap(), verified);
    }
}

#[test]
fn the_fixture_is_what_the_second_implementation_writes() {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/backup/golden/make.py");
    let probe = Command::new("python3").args(["-c", "import cryptography"]).output();
    if !probe.is_ok_and(|probe| probe.status.success()) {
        println!("not compared: there is no python3 with the package cryptography here");
        return;
    }
    let output = Command::new("python3").arg(script).output().unwrap();
    assert!(output.status.success() && output.stdout == BY_PYTHON);
}
