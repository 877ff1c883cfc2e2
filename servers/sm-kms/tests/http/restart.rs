//! The same database, served again.

use serde_json::{Value, json};
use strongroom_sm_kms::open_store;

use crate::support::{Vault, b64};

/// Takes over what the last server had, but for what it had in memory.
fn again(folder: &tempfile::TempDir, last: Vault) -> Vault {
    let (token, shares, hex) = (last.token.clone(), last.shares.clone(), last.hex.clone());
    drop(last);
    let mut vault = Vault::over(open_store(folder.path()).unwrap());
    (vault.token, vault.shares, vault.hex) = (token, shares, hex);
    vault
}

#[test]
fn what_was_answered_is_there_after_a_restart_and_it_is_sealed() {
    let folder = tempfile::tempdir().unwrap();
    let vault = Vault::over(open_store(folder.path()).unwrap()).initialized();
    vault.unseal();
    vault.write("transit/keys/ed", json!({ "type": "ed25519" }));
    vault.write("transit/keys/aes", Value::Null);
    let (ciphertext, signature) = (vault.encrypt("aes", "kept"), vault.sign("ed", "kept"));
    vault.write("transit/keys/aes/rotate", Value::Null);
    vault.write("transit/keys/ed/disable", Value::Null);
    vault.write("sys/rotate/root", Value::Null);
    let vault = again(&folder, vault);
    assert_eq!(vault.decrypt("aes", &ciphertext).status, 503);
    assert_eq!(
        vault.anyone("PUT", "sys/init", json!({ "secret_shares": 1, "secret_threshold": 1 })).status,
        400
    );
    vault.unseal();
    assert_eq!(vault.decrypt("aes", &ciphertext).data()["plaintext"], json!(b64("kept")));
    assert_eq!(vault.read("transit/keys/aes").data()["latest_version"], json!(2));
    assert_eq!(vault.verify("ed", "kept", &signature).error().0, 400, "still disabled");
    vault.write("transit/keys/ed/enable", Value::Null);
    assert_eq!(vault.verify("ed", "kept", &signature).data()["valid"], json!(true));
}

#[test]
fn a_share_that_waited_is_forgotten_by_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let vault = Vault::over(open_store(folder.path()).unwrap()).initialized();
    vault.anyone("PUT", "sys/unseal", json!({ "key": vault.shares[0] }));
    let vault = again(&folder, vault);
    let status = vault.anyone("PUT", "sys/unseal", json!({ "key": vault.shares[1] })).json();
    assert_eq!((&status["sealed"], &status["progress"]), (&json!(true), &json!(1)));
}
