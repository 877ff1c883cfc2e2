use super::{Subject, damaged, done};
use crate::{Key, SignOptions};

pub(super) fn takes(on: &Subject<'_>, key: &dyn Key) -> bool {
    let signature = done(on.key.sign(b"text", &SignOptions::default()));
    done(key.verify(b"text", &signature, &SignOptions::default()))
}

pub(super) fn check(on: &Subject<'_>) {
    let signature = done(on.key.sign(b"a message", &SignOptions::default()));
    let right =
        |message: &[u8], signature: &[u8]| done(on.key.verify(message, signature, &SignOptions::default()));
    assert!(right(b"a message", &signature));
    assert!(right(b"", &done(on.key.sign(b"", &SignOptions::default()))));
    assert!(damaged(b"a message").all(|wrong| !right(&wrong, &signature)), "{:?}", on.algorithm);
    let step = (signature.len() / 9).max(7);
    let wrong = damaged(&signature).step_by(step).find(|wrong| right(b"a message", wrong));
    assert_eq!(wrong, None, "{:?}: a signature that was changed", on.algorithm);
}
