use super::{Subject, done, sampled};
use crate::{Key, KeyError};

pub(super) fn takes(on: &Subject<'_>, key: &dyn Key) -> bool {
    let made = done(on.key.encapsulate());
    done(key.decapsulate(&made.ciphertext)) == made.secret
}

pub(super) fn check(on: &Subject<'_>) {
    let (made, again) = (done(on.key.encapsulate()), done(on.key.encapsulate()));
    assert!(made.secret.len() == 32 && made.secret != again.secret && made.ciphertext != again.ciphertext);
    assert_eq!(done(on.key.decapsulate(&made.ciphertext)), made.secret, "{:?}", on.algorithm);
    for wrong in sampled(&made.ciphertext) {
        match on.key.decapsulate(&wrong) {
            Ok(secret) => assert!(secret != made.secret, "{:?}", on.algorithm),
            Err(error) => assert_eq!(error, KeyError::Failed, "{:?}", on.algorithm),
        }
    }
}
