use secrecy::{ExposeSecret, SecretSlice};

use super::{Subject, done, load, open, sign};
use crate::{Algorithm, KeyBackend, KeyError, Purpose, SignOptions, Stored};

pub(super) fn an_algorithm_that_is_not_supported_is_refused(backend: &dyn KeyBackend, algorithm: Algorithm) {
    assert_eq!(backend.generate(algorithm).err(), Some(KeyError::Unsupported), "{algorithm:?}");
    assert_eq!(backend.import(algorithm, &[7; 32]).err(), Some(KeyError::Unsupported), "{algorithm:?}");
    let stored = Stored { algorithm, secret: SecretSlice::from(vec![7; 32]), public: None };
    assert!(backend.load(&stored).is_err(), "{algorithm:?}");
}

pub(super) fn a_key_is_what_was_asked_for(on: &Subject<'_>) {
    assert_eq!(on.stored.algorithm, on.algorithm);
    assert_eq!(on.key.algorithm(), on.algorithm);
    assert_eq!(on.key.public(), on.stored.public.as_ref(), "{:?}", on.algorithm);
    if let Some(public) = on.key.public() {
        assert_eq!(public.algorithm, on.algorithm);
        assert_ne!(Some(public), on.other.public(), "two keys with one public half");
    }
}

pub(super) fn a_key_that_is_loaded_again_is_the_same(on: &Subject<'_>) {
    let again = load(on.backend, &on.stored);
    assert_eq!(again.public(), on.key.public());
    on.alike(&*again);
    assert!(!on.takes(&*on.other), "{:?}: two keys that were generated are the same", on.algorithm);
}

pub(super) fn a_key_that_left_comes_back_the_same(on: &Subject<'_>) {
    let Some(secret) = exported(on) else { return };
    let imported = done(on.backend.import(on.algorithm, secret.expose_secret()));
    assert_eq!(imported.public, on.stored.public);
    on.alike(&*load(on.backend, &imported));
    assert_eq!(done(on.backend.export(&imported)).expose_secret(), secret.expose_secret());
}

pub(super) fn a_public_half_alone_does_its_part_and_no_more(on: &Subject<'_>) {
    let Some(public) = on.key.public() else { return };
    let stored = match on.backend.import_public(public) {
        Err(KeyError::Unsupported) => return,
        outcome => done(outcome),
    };
    let half = load(on.backend, &stored);
    assert_eq!((half.algorithm(), half.public()), (on.algorithm, Some(public)));
    let algorithm = on.algorithm;
    if algorithm.signs() {
        assert!(sign::takes(on, &*half), "{algorithm:?}: the half verifies");
    }
    if algorithm.opens() {
        let sealed = done(half.seal(b"text", &open::sealing(algorithm)));
        assert_eq!(*done(on.key.open(&sealed, &open::sealing(algorithm))), b"text", "{algorithm:?}");
        assert!(half.open(&sealed, &open::sealing(algorithm)).is_err(), "{algorithm:?}: the half opens");
    }
    if algorithm.purpose() == Purpose::Decapsulate {
        let made = done(half.encapsulate());
        assert_eq!(done(on.key.decapsulate(&made.ciphertext)), made.secret, "{algorithm:?}");
        assert!(half.decapsulate(&made.ciphertext).is_err(), "{algorithm:?}: the half decapsulates");
    }
    let secret = [half.sign(b"", &SignOptions::default()).is_ok(), half.agree(&public.bytes).is_ok()];
    assert_eq!(secret, [false; 2], "{algorithm:?}: the half does what takes the secret");
    assert!(on.backend.export(&stored).is_err(), "{algorithm:?}: a half has a secret");
}

pub(super) fn a_secret_of_another_length_is_refused(on: &Subject<'_>) {
    let Some(secret) = exported(on) else { return };
    let refused = |secret: &[u8]| {
        let imported = on.backend.import(on.algorithm, secret).err();
        assert_eq!(imported, Some(KeyError::Invalid), "{:?}: {} bytes", on.algorithm, secret.len());
    };
    match on.algorithm.secret_lengths() {
        Some(lengths) => {
            for length in (0..600).chain([1 << 20]) {
                let secret = vec![7; length];
                if lengths.contains(&length) {
                    let imported = done(on.backend.import(on.algorithm, &secret));
                    assert_eq!(done(on.backend.export(&imported)).expose_secret(), secret);
                } else {
                    refused(&secret);
                }
            }
        }
        None => {
            let secret = secret.expose_secret();
            let (_, shorter) = secret.split_last().expect("a secret has bytes");
            [&[], shorter, &[secret, &[0]].concat()].into_iter().for_each(refused);
        }
    }
}

pub(super) fn stored_bytes_that_are_not_its_own_are_refused(on: &Subject<'_>) {
    let loaded = |algorithm, secret: &[u8]| {
        let secret = SecretSlice::from(secret.to_vec());
        on.backend.load(&Stored { algorithm, secret, public: on.stored.public.clone() }).err()
    };
    let own = on.stored.expose();
    assert_eq!(loaded(on.algorithm, own), None);
    let (_, shorter) = own.split_last().expect("something is stored");
    for wrong in [&[], shorter, &[own, &[0]].concat(), &[&[0], own].concat()] {
        let exact = on.algorithm.secret_lengths().is_none_or(|lengths| lengths.start() == lengths.end());
        // Of a key that may have any length, a shorter one is another key.
        assert!(loaded(on.algorithm, wrong).is_some() || !exact, "{:?}: {} bytes", on.algorithm, wrong.len());
    }
    for other in Algorithm::known().filter(|other| *other != on.algorithm) {
        // The first types of all are stored as they are: two of a length can only be told apart by their public halves.
        let known = |algorithm: Algorithm| algorithm.number() > 3;
        if known(on.algorithm) || known(other) {
            assert!(loaded(other, own).is_some(), "{:?} was loaded as {other:?}", on.algorithm);
        }
    }
}

pub(super) fn debug_output_holds_no_secret(on: &Subject<'_>) {
    let shown = format!("{:?}", on.stored);
    for secret in
        [Some(on.stored.expose().to_vec()), exported(on).map(|secret| secret.expose_secret().to_vec())]
            .into_iter()
            .flatten()
    {
        let start = secret.get(..secret.len().min(8)).unwrap_or_default();
        let hex: String = start.iter().map(|byte| format!("{byte:02x}")).collect();
        let list = start.iter().map(u8::to_string).collect::<Vec<_>>().join(", ");
        assert!(!shown.contains(&hex) && !shown.contains(&list), "{shown}");
    }
}

/// The secret of the key, unless the backend lets none out.
fn exported(on: &Subject<'_>) -> Option<SecretSlice<u8>> {
    match on.backend.export(&on.stored) {
        Err(KeyError::Unsupported) => None,
        outcome => Some(done(outcome)),
    }
}
