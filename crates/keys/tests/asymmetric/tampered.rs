//! What was changed on the way is refused, always in the same way.

use proptest::prelude::*;
use strongroom_core::{Algorithm, Key, KeyError, Purpose, SignOptions};

use crate::support::{asymmetric, generate, import_public, sealing};

const TEXT: &[u8] = b"a message";

fn quick() -> impl Iterator<Item = Algorithm> {
    asymmetric().filter(|algorithm| !matches!(algorithm, Algorithm::Rsa3072 | Algorithm::Rsa4096))
}

/// Every byte changed in turn (of long ones a sample), and one more or fewer.
fn changed(bytes: &[u8]) -> Vec<Vec<u8>> {
    let step = (bytes.len() / 60).max(1);
    let flip = |place: usize| {
        let mut changed = bytes.to_vec();
        changed[place] ^= 1 << (place % 8);
        changed
    };
    let mut all: Vec<_> = (0..bytes.len()).step_by(step).map(flip).collect();
    all.extend([
        flip(bytes.len() - 1),
        bytes[1..].to_vec(),
        [bytes, &[0]].concat(),
        [&[0], bytes].concat(),
        vec![],
    ]);
    all
}

#[test]
fn a_signature_with_any_change_is_wrong() {
    let usual = SignOptions::default();
    for algorithm in quick().filter(|algorithm| algorithm.signs()) {
        let (_, key, half) = generate(algorithm);
        for signature in changed(&key.sign(TEXT, &usual).unwrap()) {
            assert_eq!(half.verify(TEXT, &signature, &usual), Ok(false), "{algorithm:?}");
        }
    }
}

#[test]
fn a_ciphertext_with_any_change_does_not_open_and_says_no_more() {
    for algorithm in quick().filter(|algorithm| algorithm.opens()) {
        let (_, key, half) = generate(algorithm);
        let options = sealing(algorithm);
        for sealed in changed(&half.seal(TEXT, &options).unwrap()) {
            assert_eq!(key.open(&sealed, &options).err(), Some(KeyError::Failed), "{algorithm:?}");
        }
    }
}

#[test]
fn an_encapsulation_with_any_change_gives_another_secret_or_none() {
    for algorithm in quick().filter(|algorithm| algorithm.purpose() == Purpose::Decapsulate) {
        let (_, key, half) = generate(algorithm);
        let made = half.encapsulate().unwrap();
        for ciphertext in changed(&made.ciphertext) {
            match key.decapsulate(&ciphertext) {
                Ok(secret) => assert!(secret != made.secret && secret.len() == 32, "{algorithm:?}"),
                Err(error) => assert_eq!(error, KeyError::Failed, "{algorithm:?}"),
            }
        }
    }
}

fn small() -> impl Strategy<Value = Algorithm> {
    let all: Vec<_> = quick().collect();
    prop::sample::select(all)
}

/// Everything that takes bytes from outside. It may refuse them; it may not panic.
fn used(key: &dyn Key, bytes: &[u8]) {
    let _ = key.verify(TEXT, bytes, &SignOptions::default());
    let _ = key.open(bytes, &sealing(key.algorithm()));
    let _ = (key.agree(bytes), key.decapsulate(bytes));
    let _ = key.seal(TEXT, &sealing(key.algorithm()));
    let _ = key.encapsulate();
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn arbitrary_bytes_are_no_public_key_or_one_that_does_not_panic(
        algorithm in small(),
        bytes in prop::collection::vec(any::<u8>(), 0..2_000),
    ) {
        if let Ok(half) = import_public(algorithm, &bytes) {
            used(&*half, &bytes);
        }
    }
}
