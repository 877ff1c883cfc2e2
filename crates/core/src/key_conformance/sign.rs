use super::{Subject, damaged, done};
use crate::Key;

pub(super) fn takes(on: &Subject<'_>, key: &dyn Key) -> bool {
    let signature = done(on.key.sign(b"text"));
    done(key.verify(b"text", &signature))
}

pub(super) fn check(on: &Subject<'_>) {
    let signature = done(on.key.sign(b"a message"));
    let right = |message: &[u8], signature: &[u8]| done(on.key.verify(message, signature));
    assert!(right(b"a message", &signature));
    assert!(right(b"", &done(on.key.sign(b""))));
    assert!(damaged(b"a message").all(|wrong| !right(&wrong, &signature)), "{:?}", on.algorithm);
    let wrong = damaged(&signature).step_by(7).find(|wrong| right(b"a message", wrong));
    assert_eq!(wrong, None, "{:?}: a signature that was changed", on.algorithm);
}
