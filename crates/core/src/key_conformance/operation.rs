use super::{
    Subject,
    open::{other_sealing, sealing},
};
use crate::{HashAlgorithm, Key, KeyError, Purpose, SignOptions};

/// What one operation answers where nothing comes back of it but whether it is one.
type Try = fn(&dyn Key) -> Result<(), KeyError>;

/// Every operation, and the purposes of the keys that have it.
const OPERATIONS: [(&str, &[Purpose], Try); 15] = [
    ("mac", &[Purpose::Envelope], |key| key.mac().map(drop).ok_or(KeyError::Unsupported)),
    ("encrypt", &[Purpose::Aead], |key| key.encrypt(b"", b"", &mut Vec::new())),
    ("decrypt", &[Purpose::Aead], |key| key.decrypt(b"", &[7; 64]).map(drop)),
    ("compute_mac", &[Purpose::Mac], |key| key.compute_mac(b"").map(drop)),
    ("verify_mac", &[Purpose::Mac], |key| key.verify_mac(b"", &[7; 32]).map(drop)),
    ("derive", &[Purpose::Derive], |key| key.derive(b"", b"", 32).map(drop)),
    ("sign", SIGN, |key| key.sign(b"", &SignOptions::default()).map(drop)),
    ("verify", SIGN, |key| key.verify(b"", &[7; 64], &SignOptions::default()).map(drop)),
    // Of keys that sign, some take no digest.
    ("sign a digest", SIGN, |key| match key.sign(&[7; 32], &SignOptions::digest(HashAlgorithm::Sha256)) {
        Err(KeyError::Unsupported) if key.algorithm().signs() => Ok(()),
        outcome => outcome.map(drop),
    }),
    ("seal", OPEN, |key| key.seal(b"", &sealing(key.algorithm())).map(drop)),
    ("open", OPEN, |key| key.open(b"", &sealing(key.algorithm())).map(drop)),
    ("agree", &[Purpose::Agree], |key| key.agree(b"").map(drop)),
    ("encapsulate", &[Purpose::Decapsulate], |key| key.encapsulate().map(drop)),
    ("decapsulate", &[Purpose::Decapsulate], |key| key.decapsulate(b"").map(drop)),
    // Both are for one of them only.
    ("seal in the other way", &[], |key| key.seal(b"", &other_sealing(key.algorithm())).map(drop)),
];

const SIGN: &[Purpose] = &[Purpose::Sign, Purpose::SignAndOpen];
const OPEN: &[Purpose] = &[Purpose::Open, Purpose::SignAndOpen];

pub(super) fn what_its_keys_are_not_for_is_unsupported(on: &Subject<'_>) {
    for (name, purposes, operation) in OPERATIONS {
        let unsupported = operation(&*on.key) == Err(KeyError::Unsupported);
        let own = purposes.contains(&on.algorithm.purpose());
        assert_eq!(unsupported, !own, "{:?}: {name}", on.algorithm);
    }
}
