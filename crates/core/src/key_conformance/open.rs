use super::{Subject, done, sampled};
use crate::{Algorithm, Key, KeyError, OaepHash, SealOptions};

const OAEP: SealOptions<'static> = SealOptions::Oaep { hash: OaepHash::Sha256, label: b"a label" };
const HPKE: SealOptions<'static> = SealOptions::Hpke { info: b"info", aad: b"aad" };

/// How something is sealed to a key of this kind.
pub(super) fn sealing(algorithm: Algorithm) -> SealOptions<'static> {
    if algorithm.modulus_bits().is_some() { OAEP } else { HPKE }
}

/// How it is not.
pub(super) fn other_sealing(algorithm: Algorithm) -> SealOptions<'static> {
    if algorithm.modulus_bits().is_some() { HPKE } else { OAEP }
}

pub(super) fn takes(on: &Subject<'_>, key: &dyn Key) -> bool {
    let options = sealing(on.algorithm);
    let sealed = done(on.key.seal(b"text", &options));
    key.open(&sealed, &options).is_ok_and(|opened| *opened == b"text")
}

pub(super) fn check(on: &Subject<'_>) {
    let options = sealing(on.algorithm);
    let seal = |text: &[u8]| done(on.key.seal(text, &options));
    for text in [&b""[..], b"a message"] {
        assert_eq!(*done(on.key.open(&seal(text), &options)), text);
    }
    let sealed = seal(b"a message");
    assert_ne!(sealed, seal(b"a message"), "{:?}: sealing is randomised", on.algorithm);
    for wrong in sampled(&sealed) {
        assert_eq!(on.key.open(&wrong, &options).err(), Some(KeyError::Failed), "{:?}", on.algorithm);
    }
    what_is_sealed_opens_with_its_own_options_alone(on);
    nothing_is_sealed_with_sha_1(on);
}

/// Those of a kind of key that differ in one thing or the other.
fn every_option(algorithm: Algorithm) -> Vec<SealOptions<'static>> {
    let texts = [&b""[..], b"one", b"two"];
    if algorithm.modulus_bits().is_some() {
        let hashes = [OaepHash::Sha256, OaepHash::Sha384, OaepHash::Sha512];
        let labelled = |hash| texts.map(|label| SealOptions::Oaep { hash, label });
        return hashes.into_iter().flat_map(labelled).collect();
    }
    let with = |info| texts.map(|aad| SealOptions::Hpke { info, aad });
    texts.into_iter().flat_map(with).collect()
}

fn what_is_sealed_opens_with_its_own_options_alone(on: &Subject<'_>) {
    let all = every_option(on.algorithm);
    for made in &all {
        let sealed = match on.key.seal(b"text", made) {
            // A backend has not every hash.
            Err(KeyError::Unsupported) => continue,
            outcome => done(outcome),
        };
        for asked in &all {
            let opened = on.key.open(&sealed, asked).is_ok_and(|opened| *opened == b"text");
            assert_eq!(opened, made == asked, "{:?} {made:?} {asked:?}", on.algorithm);
        }
    }
}

fn nothing_is_sealed_with_sha_1(on: &Subject<'_>) {
    let options = SealOptions::Oaep { hash: OaepHash::LegacySha1, label: b"" };
    assert_eq!(on.key.seal(b"text", &options).err(), Some(KeyError::Unsupported), "{:?}", on.algorithm);
}
