use std::collections::HashSet;

use super::{Subject, damaged, done};
use crate::{Key, KeyError};

fn encrypt(on: &Subject<'_>, aad: &[u8], plaintext: &[u8]) -> Vec<u8> {
    let mut out = b"before".to_vec();
    done(on.key.encrypt(aad, plaintext, &mut out));
    out.strip_prefix(b"before").expect("what is encrypted is appended").to_vec()
}

pub(super) fn takes(on: &Subject<'_>, key: &dyn Key) -> bool {
    match key.decrypt(b"aad", &encrypt(on, b"aad", b"text")) {
        Ok(plaintext) => *plaintext == b"text",
        Err(error) => {
            assert_eq!(error, KeyError::Failed, "another key's ciphertext is one opaque failure");
            false
        }
    }
}

pub(super) fn check(on: &Subject<'_>) {
    what_is_encrypted_is_decrypted(on);
    nothing_that_was_changed_decrypts(on);
    the_same_twice_shows_only_where_the_algorithm_says_so(on);
}

fn what_is_encrypted_is_decrypted(on: &Subject<'_>) {
    for length in [0, 1, 15, 16, 17, 64, 1_000, 100_000] {
        let plaintext = vec![0x5a; length];
        for aad in [&b""[..], b"aad", &[7; 1_000]] {
            let ciphertext = encrypt(on, aad, &plaintext);
            assert_eq!(*done(on.key.decrypt(aad, &ciphertext)), plaintext, "{:?}: {length}", on.algorithm);
        }
    }
}

fn nothing_that_was_changed_decrypts(on: &Subject<'_>) {
    let ciphertext = encrypt(on, b"aad", b"attack at dawn");
    let failed = |aad: &[u8], ciphertext: &[u8]| {
        let outcome = on.key.decrypt(aad, ciphertext).map(|plaintext| plaintext.len());
        assert_eq!(outcome, Err(KeyError::Failed), "{:?}", on.algorithm);
    };
    damaged(&ciphertext).for_each(|wrong| failed(b"aad", &wrong));
    damaged(b"aad").for_each(|wrong| failed(&wrong, &ciphertext));
}

fn the_same_twice_shows_only_where_the_algorithm_says_so(on: &Subject<'_>) {
    const TIMES: usize = 200;
    let different: HashSet<_> = (0..TIMES).map(|_| encrypt(on, b"aad", b"text")).collect();
    let expected = if on.algorithm.is_deterministic() { 1 } else { TIMES };
    assert_eq!(different.len(), expected, "{:?}", on.algorithm);
}
