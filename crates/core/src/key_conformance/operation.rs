use super::Subject;
use crate::{Key, KeyError, Purpose};

/// What one operation answers where nothing comes back of it but whether it is one.
type Try = fn(&dyn Key) -> Result<(), KeyError>;

/// Every operation, and the purpose of the keys that have it.
const OPERATIONS: [(&str, Purpose, Try); 9] = [
    ("mac", Purpose::Envelope, |key| key.mac().map(drop).ok_or(KeyError::Unsupported)),
    ("encrypt", Purpose::Aead, |key| key.encrypt(b"", b"", &mut Vec::new())),
    ("decrypt", Purpose::Aead, |key| key.decrypt(b"", &[7; 64]).map(drop)),
    ("compute_mac", Purpose::Mac, |key| key.compute_mac(b"").map(drop)),
    ("verify_mac", Purpose::Mac, |key| key.verify_mac(b"", &[7; 32]).map(drop)),
    ("derive", Purpose::Derive, |key| key.derive(b"", b"", 32).map(drop)),
    ("sign", Purpose::Sign, |key| key.sign(b"").map(drop)),
    ("verify", Purpose::Sign, |key| key.verify(b"", &[7; 64]).map(drop)),
    // Of keys that sign, some take no digest.
    ("sign_digest", Purpose::Sign, |key| match key.sign_digest(&[7; 32]) {
        Err(KeyError::Unsupported) if key.algorithm().signs() => Ok(()),
        outcome => outcome.map(drop),
    }),
];

pub(super) fn what_its_keys_are_not_for_is_unsupported(on: &Subject<'_>) {
    for (name, purpose, operation) in OPERATIONS {
        let unsupported = operation(&*on.key) == Err(KeyError::Unsupported);
        assert_eq!(unsupported, purpose != on.algorithm.purpose(), "{:?}: {name}", on.algorithm);
    }
}
