//! Every kind of key: made, kept, loaded, taken over, let out.

use secrecy::{ExposeSecret as _, SecretSlice};
use strongroom_core::{
    Algorithm, Cost, Key, KeyError, Provider, PublicKey, Purpose, Random, SignOptions, Stored,
};
use strongroom_keys::RustCrypto;

use crate::support::{asymmetric, generate, import, sealing, software};

const TEXT: &[u8] = b"a message";

/// Everything that the kind is for, by the key and by its public half alone.
fn works(key: &dyn Key, half: &dyn Key) {
    let (algorithm, usual) = (key.algorithm(), SignOptions::default());
    if algorithm.signs() {
        let signature = key.sign(TEXT, &usual).unwrap();
        for verifier in [key, half] {
            assert_eq!(verifier.verify(TEXT, &signature, &usual), Ok(true), "{algorithm:?}");
            assert_eq!(verifier.verify(b"another", &signature, &usual), Ok(false), "{algorithm:?}");
        }
    }
    if algorithm.opens() {
        for sealer in [key, half] {
            let sealed = sealer.seal(TEXT, &sealing(algorithm)).unwrap();
            assert_eq!(**key.open(&sealed, &sealing(algorithm)).unwrap(), *TEXT, "{algorithm:?}");
        }
    }
    if algorithm.purpose() == Purpose::Decapsulate {
        for sender in [key, half] {
            let made = sender.encapsulate().unwrap();
            assert_eq!(made.secret.len(), 32);
            assert_eq!(key.decapsulate(&made.ciphertext).unwrap(), made.secret, "{algorithm:?}");
        }
    }
    if algorithm.purpose() == Purpose::Agree {
        let (_, other, other_half) = generate(algorithm);
        let (ours, theirs) = (half.public().unwrap(), other_half.public().unwrap());
        assert_eq!(key.agree(&theirs.bytes), other.agree(&ours.bytes), "{algorithm:?}");
    }
}

#[test]
fn every_kind_is_made_kept_let_out_taken_over_and_does_its_work() {
    for algorithm in asymmetric() {
        assert!(software().supports(algorithm));
        let (stored, key, half) = generate(algorithm);
        works(&*key, &*half);
        assert_eq!(key.public(), stored.public.as_ref());
        let material = software().export(&stored).unwrap();
        let again = software().import(algorithm, material.expose_secret()).unwrap();
        assert_eq!((again.expose(), &again.public), (stored.expose(), &stored.public), "{algorithm:?}");
        works(&*software().load(&again).unwrap(), &*half);
    }
}

#[test]
fn a_new_rsa_key_does_its_work_whatever_its_size() {
    for algorithm in asymmetric().filter(|algorithm| algorithm.generation() == Cost::Slow) {
        let stored = software().generate(algorithm).unwrap();
        let key = software().load(&stored).unwrap();
        works(&*key, &*key);
        assert_ne!(stored.public, generate(algorithm).0.public);
    }
}

#[test]
fn two_keys_are_never_the_same() {
    for algorithm in asymmetric().filter(|algorithm| algorithm.generation() == Cost::Inline) {
        let (first, second) =
            (software().generate(algorithm).unwrap(), software().generate(algorithm).unwrap());
        assert_ne!(first.expose(), second.expose(), "{algorithm:?}");
        assert_ne!(first.public, second.public, "{algorithm:?}");
    }
}

#[test]
fn of_a_public_half_nothing_secret_comes() {
    for algorithm in asymmetric().filter(|algorithm| algorithm.generation() == Cost::Inline) {
        let (stored, _, half) = generate(algorithm);
        let refused = Some(KeyError::Unsupported);
        assert_eq!(half.sign(TEXT, &SignOptions::default()).err(), refused);
        assert_eq!(half.open(TEXT, &sealing(algorithm)).err(), refused);
        assert_eq!(half.agree(TEXT).err(), refused);
        assert_eq!(half.decapsulate(TEXT).err(), refused);
        let kept = software().import_public(stored.public.as_ref().unwrap()).unwrap();
        assert_eq!(kept.expose(), [2]);
        assert_eq!(software().export(&kept).err(), refused);
    }
}

#[test]
fn a_key_does_nothing_that_is_not_its_own() {
    let other_sealing = |algorithm: Algorithm| match algorithm.modulus_bits() {
        Some(_) => sealing(Algorithm::HpkeX25519),
        None => sealing(Algorithm::Rsa2048),
    };
    for algorithm in
        asymmetric().filter(|algorithm| !matches!(algorithm, Algorithm::Rsa3072 | Algorithm::Rsa4096))
    {
        let (_, key, _) = generate(algorithm);
        let refused = Some(KeyError::Unsupported);
        assert!(key.mac().is_none());
        if !algorithm.signs() {
            assert_eq!(key.sign(TEXT, &SignOptions::default()).err(), refused);
            assert_eq!(key.verify(TEXT, TEXT, &SignOptions::default()).err(), refused);
        }
        assert_eq!(key.seal(TEXT, &other_sealing(algorithm)).err(), refused, "{algorithm:?}");
        assert_eq!(key.open(TEXT, &other_sealing(algorithm)).err(), refused, "{algorithm:?}");
        if algorithm.purpose() != Purpose::Agree {
            assert_eq!(key.agree(TEXT).err(), refused);
        }
        if algorithm.purpose() != Purpose::Decapsulate {
            assert_eq!(key.encapsulate().err(), refused);
            assert_eq!(key.decapsulate(TEXT).err(), refused);
        }
    }
}

#[test]
fn rsa_is_slow_and_says_so() {
    for algorithm in asymmetric() {
        let rsa = algorithm.modulus_bits().is_some();
        assert_eq!(algorithm.generation() == Cost::Slow, rsa, "{algorithm:?}");
    }
    let (_, key, half) = generate(Algorithm::Rsa2048);
    assert_eq!((key.cost(), half.cost()), (Cost::Slow, Cost::Inline));
}

#[test]
fn a_record_of_another_key_form_or_algorithm_is_not_loaded() {
    for algorithm in asymmetric().filter(|algorithm| algorithm.generation() == Cost::Inline) {
        let (stored, ..) = generate(algorithm);
        let other = software().generate(algorithm).unwrap();
        let with = |secret: &[u8], public: Option<PublicKey>| Stored {
            algorithm,
            secret: SecretSlice::from(secret.to_vec()),
            public,
        };
        assert!(software().load(&with(stored.expose(), stored.public.clone())).is_ok());
        assert!(software().load(&with(stored.expose(), None)).is_ok());
        let moved = PublicKey { algorithm: Algorithm::Rsa2048, ..stored.public.clone().unwrap() };
        let newer = [&[2], &stored.expose()[1..]].concat();
        let short = &stored.expose()[..stored.expose().len() - 1];
        for bad in [
            with(stored.expose(), other.public),
            with(stored.expose(), Some(moved.clone())),
            with(&[2], Some(moved)),
            with(&[], None),
            with(&[2], None),
            // A secret that got lost is no public key.
            with(&[], stored.public.clone()),
            with(short, stored.public.clone()),
            with(&newer, stored.public.clone()),
        ] {
            assert!(software().load(&bad).is_err(), "{algorithm:?}");
        }
    }
}

#[test]
fn of_a_source_that_has_dried_up_comes_no_key_and_no_ciphertext() {
    struct Dry;

    impl Random for Dry {
        fn fill(&self, bytes: &mut [u8]) {
            bytes.fill(0);
        }

        fn fill_secret(&self, _: &mut [u8]) -> Result<(), KeyError> {
            Err(KeyError::Random)
        }
    }

    let dry = RustCrypto::with_random(Box::new(Dry));
    for algorithm in asymmetric() {
        assert_eq!(dry.software().generate(algorithm).err(), Some(KeyError::Random), "{algorithm:?}");
        if matches!(algorithm, Algorithm::Rsa3072 | Algorithm::Rsa4096) {
            continue;
        }
        let (stored, ..) = generate(algorithm);
        let key = dry.software().load(&stored).unwrap();
        let randomised = algorithm.modulus_bits().is_some() || format!("{algorithm:?}").starts_with("MlDsa");
        if randomised {
            assert_eq!(
                key.sign(TEXT, &SignOptions::default()).err(),
                Some(KeyError::Random),
                "{algorithm:?}"
            );
        }
        if algorithm.opens() {
            let refused = key.seal(TEXT, &sealing(algorithm)).err();
            assert_eq!(refused, Some(KeyError::Random), "{algorithm:?}");
        }
        if algorithm.purpose() == Purpose::Decapsulate {
            assert_eq!(key.encapsulate().err(), Some(KeyError::Random), "{algorithm:?}");
        }
    }
}

#[test]
fn x25519_refuses_a_peer_whose_secret_is_the_same_for_everyone() {
    let (_, key, _) = generate(Algorithm::X25519);
    let one = [&[1][..], &[0; 31]].concat();
    for small in [vec![0; 32], one] {
        assert_eq!(key.agree(&small).err(), Some(KeyError::Failed));
    }
    // And so does HPKE over it.
    let sealed = crate::support::import_public(Algorithm::HpkeX25519, &[0; 32])
        .and_then(|half| half.seal(TEXT, &sealing(Algorithm::HpkeX25519)));
    assert!(sealed.is_err());
}

#[test]
fn what_is_no_key_is_not_taken_over() {
    for algorithm in asymmetric() {
        for length in [0, 1, 31, 33, 65, 67, 300] {
            let made = import(algorithm, &vec![1; length]).err();
            assert_eq!(made, Some(KeyError::Invalid), "{algorithm:?} {length}");
        }
    }
    for (algorithm, length) in [
        (Algorithm::EcdsaP256, 32),
        (Algorithm::EcdsaP384, 48),
        (Algorithm::EcdsaP521, 66),
        (Algorithm::EcdsaSecp256k1, 32),
        (Algorithm::EcdhP256, 32),
        (Algorithm::EcdhP384, 48),
        (Algorithm::EcdhP521, 66),
        (Algorithm::HpkeP256, 32),
    ] {
        for scalar in [vec![0; length], vec![0xff; length]] {
            assert_eq!(import(algorithm, &scalar).err(), Some(KeyError::Invalid), "{algorithm:?}");
        }
    }
}

#[test]
fn debug_output_holds_no_secret() {
    let stored = software().import(Algorithm::X25519, &[0xab; 32]).unwrap();
    let (_, key, _) = generate(Algorithm::MlKem512);
    let shown = format!("{stored:?} {:?}", key.encapsulate().unwrap());
    assert!(!shown.contains("171") && !shown.contains("ab, ab") && !shown.contains('['), "{shown}");
}
