use super::{Subject, damaged, done};
use crate::{Algorithm, HashAlgorithm, Key};

pub(super) fn takes(on: &Subject<'_>, key: &dyn Key) -> bool {
    let code = done(on.key.compute_mac(b"text"));
    done(key.verify_mac(b"text", &code))
}

pub(super) fn check(on: &Subject<'_>) {
    let code = done(on.key.compute_mac(b"a message"));
    assert_eq!(code.len(), length(on.algorithm), "{:?}: a code is whole", on.algorithm);
    assert_eq!(code, done(on.key.compute_mac(b"a message")), "a code depends on nothing else");
    for length in [0, 1, 15, 16, 17, 63, 64, 65, 127, 128, 129, 144, 100_000] {
        let message = vec![0x5a; length];
        let other = done(on.key.compute_mac(&message));
        assert_eq!(other.len(), code.len());
        assert!(done(on.key.verify_mac(&message, &other)), "{:?}: {length}", on.algorithm);
    }
    let right = |message: &[u8], code: &[u8]| done(on.key.verify_mac(message, code));
    // Also no code that is right as far as it goes.
    assert!(damaged(&code).all(|wrong| !right(b"a message", &wrong)), "{:?}", on.algorithm);
    assert!(damaged(b"a message").all(|wrong| !right(&wrong, &code)), "{:?}", on.algorithm);
}

/// Of a code: the digest's (FIPS 198-1), or one block (SP 800-38B).
fn length(algorithm: Algorithm) -> usize {
    match algorithm {
        Algorithm::HmacSha224 | Algorithm::HmacSha3_224 => HashAlgorithm::Sha224.size(),
        Algorithm::HmacSha256 | Algorithm::HmacSha3_256 => HashAlgorithm::Sha256.size(),
        Algorithm::HmacSha384 | Algorithm::HmacSha3_384 => HashAlgorithm::Sha384.size(),
        Algorithm::HmacSha512 | Algorithm::HmacSha3_512 => HashAlgorithm::Sha512.size(),
        _ => 16,
    }
}
