//! Rings of keys with a public half.

use strongroom_core::{
    Algorithm, Encoding, HashAlgorithm, OaepHash, Padding, Purpose, Salt, SealOptions, SignOptions,
};
use strongroom_kms::{KmsError, Rings, Sealed, Signature};

use crate::support::{minimums, name, rings, verdict};

const RSA: SealOptions<'static> = SealOptions::Oaep { hash: OaepHash::Sha256, label: b"label" };
const HPKE: SealOptions<'static> = SealOptions::Hpke { info: b"info", aad: b"aad" };

fn asymmetric() -> impl Iterator<Item = Algorithm> {
    // RSA of other sizes takes its time to make, and differs in nothing else.
    let quick = |algorithm: &Algorithm| !matches!(algorithm, Algorithm::Rsa3072 | Algorithm::Rsa4096);
    Algorithm::ALL.into_iter().filter(|algorithm| algorithm.is_asymmetric()).filter(quick)
}

fn sealing(algorithm: Algorithm) -> SealOptions<'static> {
    if algorithm.modulus_bits().is_some() { RSA } else { HPKE }
}

/// What the first version made is still taken after a rotation, and no longer below the minimum.
#[test]
fn a_ring_of_every_kind_does_its_work_across_a_rotation_and_down_to_its_minimum() {
    for algorithm in asymmetric() {
        let (rings, ring) = (rings(), name("ring"));
        rings.create(&ring, algorithm).unwrap();
        let again = work(&rings, algorithm);
        assert_eq!(rings.rotate(&ring).unwrap(), 2);
        again.iter().for_each(|again| again(&rings).unwrap());
        work(&rings, algorithm).iter().for_each(|again| again(&rings).unwrap());
        rings.configure(&ring, &minimums(2, 0)).unwrap();
        for again in &again {
            assert_eq!(verdict(again(&rings)), "too old", "{algorithm:?}");
        }
        rings.disable(&ring).unwrap();
        for again in &again {
            assert_eq!(verdict(again(&rings)), "disabled", "{algorithm:?}");
        }
    }
}

type Again = Box<dyn Fn(&Rings) -> Result<(), KmsError>>;

/// Uses the newest version; answers how to use what it made.
fn work(rings: &Rings, algorithm: Algorithm) -> Vec<Again> {
    let (ring, mut all) = (name("ring"), Vec::<Again>::new());
    if algorithm.signs() {
        let signature = rings.sign_with(&ring, None, b"text", &SignOptions::default()).unwrap();
        all.push(Box::new(move |rings| {
            rings
                .verify_with(&name("ring"), b"text", &signature, &SignOptions::default())
                .map(|right| assert!(right))
        }));
    }
    if algorithm.opens() {
        let sealed = rings.seal(&ring, None, b"text", &sealing(algorithm)).unwrap();
        all.push(Box::new(move |rings| {
            rings.open(&name("ring"), &sealed, &sealing(algorithm)).map(|text| assert_eq!(*text, b"text"))
        }));
    }
    if algorithm.purpose() == Purpose::Decapsulate {
        let made = rings.encapsulate(&ring, None).unwrap();
        all.push(Box::new(move |rings| {
            let secret = rings.decapsulate(&name("ring"), made.version, &made.ciphertext);
            secret.map(|secret| assert_eq!(*secret, *made.secret))
        }));
    }
    if algorithm.purpose() == Purpose::Agree {
        let version = rings.read(&ring).unwrap().versions.pop().unwrap();
        let peer = version.public.unwrap().bytes;
        let secret = rings.agree(&ring, None, &peer).unwrap();
        all.push(Box::new(move |rings| {
            let again = rings.agree(&name("ring"), Some(version.version), &peer);
            again.map(|again| assert_eq!(*again, *secret))
        }));
    }
    assert!(!all.is_empty(), "{algorithm:?}");
    all
}

#[test]
fn a_ring_does_nothing_that_is_not_its_own() {
    for algorithm in asymmetric().chain([Algorithm::Aes256Gcm]) {
        let (rings, ring) = (rings(), name("ring"));
        rings.create(&ring, algorithm).unwrap();
        let (signature, sealed) =
            (Signature { version: 1, bytes: vec![1; 64] }, Sealed { version: 1, bytes: vec![1; 256] });
        let usual = SignOptions::default();
        let purpose = algorithm.purpose();
        for (what, allowed, found) in [
            ("sign", algorithm.signs(), verdict(rings.sign_with(&ring, None, b"", &usual))),
            ("verify", algorithm.signs(), verdict(rings.verify_with(&ring, b"", &signature, &usual))),
            ("seal", algorithm.opens(), verdict(rings.seal(&ring, None, b"", &sealing(algorithm)))),
            ("open", algorithm.opens(), verdict(rings.open(&ring, &sealed, &sealing(algorithm)))),
            ("agree", purpose == Purpose::Agree, verdict(rings.agree(&ring, None, b""))),
            ("encapsulate", purpose == Purpose::Decapsulate, verdict(rings.encapsulate(&ring, None))),
            ("decapsulate", purpose == Purpose::Decapsulate, verdict(rings.decapsulate(&ring, 1, b""))),
            ("encrypt", algorithm == Algorithm::Aes256Gcm, verdict(rings.encrypt(&ring, b"", b""))),
        ] {
            assert_eq!(found != "wrong type", allowed, "{algorithm:?} {what} {found}");
        }
    }
}

#[test]
fn whatever_does_not_open_is_one_error() {
    for algorithm in [Algorithm::Rsa2048, Algorithm::HpkeX25519, Algorithm::HpkeXWing] {
        let (rings, ring) = (rings(), name("ring"));
        rings.create(&ring, algorithm).unwrap();
        let sealed = rings.seal(&ring, None, b"text", &sealing(algorithm)).unwrap();
        for place in [0, sealed.bytes.len() / 2, sealed.bytes.len() - 1] {
            let mut changed = sealed.clone();
            changed.bytes[place] ^= 1;
            assert_eq!(verdict(rings.open(&ring, &changed, &sealing(algorithm))), "does not open");
        }
        let short = Sealed { bytes: Vec::new(), ..sealed.clone() };
        assert_eq!(verdict(rings.open(&ring, &short, &sealing(algorithm))), "does not open");
        let gone = Sealed { version: 2, ..sealed };
        assert_eq!(verdict(rings.open(&ring, &gone, &sealing(algorithm))), "no version");
    }
    let (rings, ring) = (rings(), name("ring"));
    rings.create(&ring, Algorithm::X25519).unwrap();
    assert_eq!(verdict(rings.agree(&ring, None, &[0; 32])), "does not open");
}

#[test]
fn options_reach_the_key_and_what_does_not_fit_it_is_refused() {
    let (rings, ring) = (rings(), name("ring"));
    rings.create(&ring, Algorithm::Rsa2048).unwrap();
    let pkcs1 = SignOptions { padding: Padding::Pkcs1v15, ..SignOptions::hash(HashAlgorithm::Sha512) };
    let salted = SignOptions { padding: Padding::Pss(Salt::Bytes(9)), ..pkcs1 };
    for options in [SignOptions::default(), pkcs1, salted] {
        let signature = rings.sign_with(&ring, None, b"text", &options).unwrap();
        for other in [SignOptions::default(), pkcs1, salted] {
            let right = rings.verify_with(&ring, b"text", &signature, &other).unwrap();
            assert_eq!(right, other == options, "{options:?} {other:?}");
        }
    }
    let der = SignOptions { encoding: Encoding::Der, ..SignOptions::default() };
    assert_eq!(verdict(rings.sign_with(&ring, None, b"text", &der)), "wrong type");
    let digest = SignOptions::digest(HashAlgorithm::Sha256);
    assert_eq!(verdict(rings.sign_with(&ring, None, b"text", &digest)), "invalid");
    assert_eq!(verdict(rings.seal(&ring, None, &[0; 200], &RSA)), "invalid");
    assert_eq!(verdict(rings.seal(&ring, None, b"", &HPKE)), "wrong type");
}
