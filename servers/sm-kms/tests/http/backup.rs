//! `sys/backup`: into the folder and for the recipients of whoever started the server, and nowhere else.

use std::{
    fs::{self, File},
    path::Path,
    sync::Arc,
    thread::sleep,
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use strongroom::backup::{RecoveryKey, SignerKey, verify};
use strongroom_keys::RustCrypto;
use strongroom_sm_kms::{BackupOptions, open_store};

use crate::support::{LONG, Vault};

fn vault(folder: &Path, key: &RecoveryKey) -> Vault {
    let store = open_store(&folder.join("data")).unwrap();
    let options = BackupOptions {
        backup_dir: Some(folder.join("backups")),
        backup_recipient: vec![key.recipient().to_string()],
    };
    let backups = options.backups(&store).unwrap();
    let vault = Vault::with_backups(store as Arc<_>, backups).initialized();
    vault.unseal();
    vault
}

/// The last backup, once none is being taken.
fn last(vault: &Vault) -> Value {
    let begin = Instant::now();
    loop {
        let status = vault.read("sys/backup").data();
        if status["running"].is_null() && !status["last"].is_null() {
            return status["last"].clone();
        }
        assert!(begin.elapsed() < LONG, "{status}");
        sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_backup_lands_in_the_folder_of_the_host_whatever_the_request_says() {
    let (folder, key) = (tempfile::tempdir().unwrap(), RecoveryKey::generate(&RustCrypto::new()).unwrap());
    let vault = vault(folder.path(), &key);
    let elsewhere = folder.path().join("elsewhere");
    let stranger = RecoveryKey::generate(&RustCrypto::new()).unwrap().recipient().to_string();
    let wishes = json!({
        "path": elsewhere, "file": elsewhere, "folder": "/tmp", "name": "../x", "recipients": [stranger],
        "recipient": stranger,
    });
    let begun = vault.write("sys/backup", wishes).data();
    let last = last(&vault);
    assert_eq!(last["file"], begun["file"]);
    assert_eq!(last["file"], "strongroom-2026-01-01T00-00-00.000Z.backup");
    let files: Vec<_> =
        fs::read_dir(folder.path().join("backups")).unwrap().map(|file| file.unwrap().file_name()).collect();
    assert_eq!(files, ["strongroom-2026-01-01T00-00-00.000Z.backup"]);
    assert!(!elsewhere.exists());

    let path = folder.path().join("backups").join(&files[0]);
    assert_eq!(last["size"], fs::metadata(&path).unwrap().len());
    let status = vault.read("sys/backup").data();
    assert_eq!(status["recipients"], json!([key.recipient().to_string()]));
    let signer = SignerKey::parse(last["signer"].as_str().unwrap()).unwrap();
    verify(&RustCrypto::new(), &[signer], &mut File::open(&path).unwrap(), &mut |_| ()).unwrap();

    // A second one in the same moment has the same name: what is there stays.
    vault.write("sys/backup", Value::Null).data();
    let refused = vault_error(&vault);
    assert!(refused.contains("exists already"), "{refused}");
}

fn vault_error(vault: &Vault) -> String {
    let begin = Instant::now();
    loop {
        let status = vault.read("sys/backup").data();
        if let Some(error) = status["last"]["error"].as_str() {
            return error.to_owned();
        }
        assert!(begin.elapsed() < LONG, "{status}");
        sleep(Duration::from_millis(5));
    }
}

#[test]
fn without_a_folder_there_are_no_backups() {
    let vault = Vault::open();
    let (status, text) = vault.write("sys/backup", json!({ "folder": "/tmp" })).error();
    assert!(status == 400 && text.contains("--backup-dir") && text.contains("--backup-recipient"), "{text}");
    assert_eq!(vault.read("sys/backup").data(), json!({ "configured": false }));
}
