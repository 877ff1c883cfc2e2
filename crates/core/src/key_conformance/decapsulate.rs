use super::{Subject, damaged, done};
use crate::{Key, KeyError};

pub(super) fn takes(on: &Subject<'_>, key: &dyn Key) -> bool {
    let made = done(on.key.encapsulate());
    done(key.decapsulate(&made.ciphertext)) == made.secret
}

pub(super) fn check(on: &Subject<'_>) {
    let (made, again) = (done(on.key.encapsulate()), done(on.key.encapsulate()));
    assert!(made.secret.len() == 32 && made.secret != again.secret && made.ciphertext != again.ciphertext);
    assert_eq!(done(on.key.decapsulate(&made.ciphertext)), made.secret, "{:?}", on.algorithm);
    let step = (made.ciphertext.len() / 9).max(7);
    for wrong in damaged(&made.ciphertext).step_by(step) {
        match on.key.decapsulate(&wrong) {
            Ok(secret) => assert!(secret != made.secret, "{:?}", on.algorithm),
            Err(error) => assert_eq!(error, KeyError::Failed, "{:?}", on.algorithm),
        }
    }
}
