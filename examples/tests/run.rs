//! The examples run, and show what they say.

#![expect(clippy::unwrap_used, reason = "a test ends at the first surprise")]

use std::process::Command;

fn output(program: &str) -> String {
    let output = Command::new(program).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn embed_kms_survives_a_restart_and_refuses_what_it_should() {
    let shown = output(env!("CARGO_BIN_EXE_embed_kms"));
    for line in [
        "rotated     to version 2",
        "logged      4 events, the first is proven: Create",
        "decrypted   4111 1111 1111 1111",
        "verified    true",
        "swapped     the ciphertext does not open: it is damaged, another key's, or has other additional data",
        "disabled    the key is disabled: enable it first",
    ] {
        assert!(shown.lines().any(|shown| shown == line), "{line}\nis not in\n{shown}");
    }
}

#[test]
fn app_transaction_changes_both_or_neither_and_leaves_no_plaintext() {
    let shown = output(env!("CARGO_BIN_EXE_app_transaction"));
    assert_eq!(
        shown,
        "rolled back: closed = 0, the key decrypts\n\
         committed:   closed = 1, the key is disabled\n\
         plaintext in the files: 0\n"
    );
}
