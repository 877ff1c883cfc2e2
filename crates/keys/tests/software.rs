//! What software keys promise, and what is no key.
#![expect(clippy::unwrap_used, reason = "a test ends at the first surprise")]

use std::{collections::HashSet, sync::Arc};

use secrecy::{ExposeSecret, SecretSlice};
use strongroom_core::{
    Algorithm, HashAlgorithm, Key, KeyError, Provider, PublicKey, Random, SignOptions, Stored,
};
use strongroom_keys::{RustCrypto, ecdsa_from_der, ecdsa_to_der, public_pem, verify, verify_with};

/// Those that are kept as 32 bytes.
const BARE: [Algorithm; 3] = [Algorithm::Aes256Gcm, Algorithm::Ed25519, Algorithm::EcdsaP256];

/// A message, signed as is usual.
fn usual() -> SignOptions {
    SignOptions::default()
}

/// A digest of SHA-256.
fn digested() -> SignOptions {
    SignOptions::digest(HashAlgorithm::Sha256)
}

/// n of P-256 (SP 800-186, section 3.2.1.3).
const ORDER: &str = "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551";

fn unhex(text: &str) -> Vec<u8> {
    text.as_bytes()
        .chunks(2)
        .map(|pair| u8::from_str_radix(str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect()
}

fn import(algorithm: Algorithm, material: &str) -> Arc<dyn Key> {
    let provider = RustCrypto::new();
    let stored = provider.software().import(algorithm, &unhex(material)).unwrap();
    provider.software().load(&stored).unwrap()
}

#[test]
fn what_is_kept_as_32_bytes_is_made_loaded_and_computes_the_same_again() {
    let provider = RustCrypto::new();
    let software = provider.software();
    assert_eq!(software.name(), "software");
    for algorithm in BARE {
        assert!(software.supports(algorithm));
        let stored = software.generate(algorithm).unwrap();
        assert_eq!((stored.algorithm, stored.expose().len()), (algorithm, 32));
        assert_eq!(software.export(&stored).unwrap().expose_secret(), stored.expose());
        let (first, second) = (software.load(&stored).unwrap(), software.load(&stored).unwrap());
        assert_eq!(first.public().is_some(), algorithm.signs());
        assert_eq!(first.mac().is_some(), !algorithm.signs());
        assert_eq!(first.sign(b"text", &usual()), second.sign(b"text", &usual()));
        assert_ne!(software.generate(algorithm).unwrap().expose(), stored.expose());
    }
}

#[test]
fn a_key_does_nothing_that_is_not_its_own() {
    let aes = import(Algorithm::Aes256Gcm, &"11".repeat(32));
    let ed25519 = import(Algorithm::Ed25519, &"11".repeat(32));
    let outcomes =
        [aes.sign(b"", &usual()), aes.sign(&[0; 32], &digested()), ed25519.sign(&[0; 32], &digested())];
    for outcome in outcomes {
        assert_eq!(outcome, Err(KeyError::Unsupported));
    }
    let refused = [
        aes.verify(b"", &[0; 64], &usual()),
        aes.verify(&[0; 32], &[0; 64], &digested()),
        ed25519.verify(&[0; 32], &[0; 64], &digested()),
        verify_with(ed25519.public().unwrap(), &[0; 32], &[0; 64], &digested()),
    ];
    assert_eq!(refused, [Err(KeyError::Unsupported); 4]);
}

#[test]
fn ed25519_signs_as_in_rfc_8032_section_7_1_test_3() {
    let key = import(Algorithm::Ed25519, "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7");
    let public = unhex("fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025");
    assert_eq!(key.public().unwrap().bytes, public);
    let signature = unhex(concat!(
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac",
        "18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
    ));
    assert_eq!(key.sign(&[0xaf, 0x82], &usual()).unwrap(), signature);
    assert_eq!(key.verify(&[0xaf, 0x82], &signature, &usual()), Ok(true));
    assert_eq!(key.verify(&[0xaf, 0x83], &signature, &usual()), Ok(false));
}

#[test]
fn p256_signs_as_in_rfc_6979_section_a_2_5() {
    let key =
        import(Algorithm::EcdsaP256, "c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721");
    let point = concat!(
        "04",
        "60fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb6",
        "7903fe1008b8bc99a41ae9e95628bc64f2f1b20c2d7e9f5177a3c294d4462299",
    );
    assert_eq!(key.public().unwrap().bytes, unhex(point));
    let signature = unhex(concat!(
        "efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716",
        "f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8",
    ));
    let digest = RustCrypto::new().sha256(&[b"sam", b"ple"]);
    assert_eq!(key.sign(b"sample", &usual()).unwrap(), signature);
    assert_eq!(key.sign(&digest, &digested()).unwrap(), signature);
    assert_eq!(key.verify(b"sample", &signature, &usual()), Ok(true));
    assert_eq!(key.verify(&digest, &signature, &digested()), Ok(true));
    assert_eq!(verify_with(key.public().unwrap(), &digest, &signature, &digested()), Ok(true));
    assert_eq!(key.verify(b"simple", &signature, &usual()), Ok(false));
}

#[test]
fn longer_digests_count_by_their_leftmost_bits_as_in_rfc_6979_section_a_2_5() {
    let key =
        import(Algorithm::EcdsaP256, "c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721");
    let sha384 = concat!(
        "0eafea039b20e9b42309fb1d89e213057cbf973dc0cfc8f129edddc800ef7719",
        "4861f0491e6998b9455193e34e7b0d284ddd7149a74b95b9261f13abde940954",
    );
    let sha512 = concat!(
        "8496a60b5e9b47c825488827e0495b0e3fa109ec4568fd3f8d1097678eb97f00",
        "2362ab1adbe2b8adf9cb9edab740ea6049c028114f2460f96554f61fae3302fe",
    );
    for (hash, signature) in [(HashAlgorithm::Sha384, sha384), (HashAlgorithm::Sha512, sha512)] {
        let (digest, options) = (RustCrypto::new().hash(hash, &[b"sample"]), SignOptions::digest(hash));
        assert_eq!(key.sign(&digest, &options).unwrap(), unhex(signature), "{hash:?}");
        assert_eq!(key.sign(b"sample", &SignOptions::hash(hash)).unwrap(), unhex(signature), "{hash:?}");
        assert_eq!(key.verify(&digest, &unhex(signature), &options), Ok(true), "{hash:?}");
        let other = RustCrypto::new().hash(hash, &[b"simple"]);
        assert_eq!(key.verify(&other, &unhex(signature), &options), Ok(false), "{hash:?}");
    }
}

#[test]
fn a_p256_signature_counts_with_either_s_and_in_no_other_form() {
    let key = import(Algorithm::EcdsaP256, &"07".repeat(32));
    let signature = key.sign(b"text", &usual()).unwrap();
    let (r, s) = signature.split_at(32);
    let other = [r, &subtract(&unhex(ORDER), s)].concat();
    assert_eq!(key.verify(b"text", &other, &usual()), Ok(true));
    let wrong = [
        ecdsa_to_der(&signature).unwrap(),
        [s, r].concat(),
        r.to_vec(),
        [signature.as_slice(), &[0]].concat(),
        vec![0; 64],
        [r, &unhex(ORDER)].concat(),
        Vec::new(),
    ];
    for wrong in wrong {
        assert_eq!(key.verify(b"text", &wrong, &usual()), Ok(false), "{} bytes", wrong.len());
    }
}

/// a - b, of big-endian numbers of the same length.
fn subtract(a: &[u8], b: &[u8]) -> Vec<u8> {
    let mut borrow = 0;
    let mut difference: Vec<u8> = a
        .iter()
        .zip(b)
        .rev()
        .map(|(a, b)| {
            let digit = i16::from(*a) - i16::from(*b) - borrow;
            borrow = i16::from(digit < 0);
            digit.rem_euclid(256) as u8
        })
        .collect();
    difference.reverse();
    difference
}

#[test]
fn what_has_the_length_of_no_digest_is_refused() {
    let key = import(Algorithm::EcdsaP256, &"07".repeat(32));
    for length in [0, 20, 31, 33, 48, 64, 65] {
        assert_eq!(key.sign(&vec![1; length], &digested()), Err(KeyError::Invalid), "{length}");
        assert_eq!(key.verify(&vec![1; length], &[1; 64], &digested()), Err(KeyError::Invalid), "{length}");
    }
}

#[test]
fn what_is_no_key_is_not_imported() {
    let provider = RustCrypto::new();
    for algorithm in BARE {
        for length in [0, 16, 24, 31, 33, 64] {
            let made = provider.software().import(algorithm, &vec![1; length]);
            assert_eq!(made.err(), Some(KeyError::Invalid), "{algorithm:?} {length}");
        }
    }
    for scalar in ["00".repeat(32), ORDER.into(), "ff".repeat(32)] {
        let made = provider.software().import(Algorithm::EcdsaP256, &unhex(&scalar));
        assert_eq!(made.err(), Some(KeyError::Invalid), "{scalar}");
    }
}

#[test]
fn a_record_with_another_public_half_or_algorithm_is_not_loaded() {
    let provider = RustCrypto::new();
    let stored = |algorithm, public| Stored { algorithm, secret: SecretSlice::from(vec![7; 32]), public };
    let ed25519 = import(Algorithm::Ed25519, &"08".repeat(32)).public().cloned();
    let p256 = import(Algorithm::EcdsaP256, &"07".repeat(32)).public().cloned();
    for (algorithm, public, right) in [
        (Algorithm::Ed25519, None, true),
        (Algorithm::Ed25519, ed25519.clone(), false),
        (Algorithm::Ed25519, p256.clone(), false),
        (Algorithm::EcdsaP256, p256.clone(), true),
        (Algorithm::EcdsaP256, ed25519, false),
        (Algorithm::Aes256Gcm, None, true),
        (Algorithm::Aes256Gcm, p256, false),
    ] {
        let loaded = provider.software().load(&stored(algorithm, public)).err();
        assert_eq!(loaded, (!right).then_some(KeyError::Invalid), "{algorithm:?}");
    }
    let short = Stored { secret: SecretSlice::from(vec![7; 31]), ..stored(Algorithm::Ed25519, None) };
    assert_eq!(provider.software().load(&short).err(), Some(KeyError::Invalid));
}

#[test]
fn what_is_no_public_key_verifies_nothing() {
    let key = import(Algorithm::EcdsaP256, &"07".repeat(32));
    let point = key.public().unwrap().bytes.clone();
    let (_, x_y) = point.split_first().unwrap();
    let (x, _) = x_y.split_at(32);
    let compressed = [&[2], x].concat();
    let hybrid = [&[6], x_y].concat();
    let off_curve = [&[4], x, x].concat();
    let p256 = [compressed, hybrid, off_curve, vec![0], Vec::new(), vec![4; 66]];
    let ed25519 = [vec![0x11; 31], vec![0x11; 33], Vec::new(), [&[2][..], &[0; 31]].concat()];
    let p256 = p256.map(|bytes| PublicKey { algorithm: Algorithm::EcdsaP256, bytes });
    let ed25519 = ed25519.map(|bytes| PublicKey { algorithm: Algorithm::Ed25519, bytes });
    let secret = PublicKey { algorithm: Algorithm::Aes256Gcm, bytes: vec![0; 32] };
    for public in p256.iter().chain(&ed25519).chain([&secret]) {
        assert_eq!(verify(public, b"text", &[1; 64]), Err(KeyError::Invalid), "{public:?}");
        assert_eq!(public_pem(public), Err(KeyError::Invalid), "{public:?}");
    }
}

#[test]
fn der_that_is_not_the_one_encoding_is_refused() {
    let signature = unhex(&format!("{}{}", "7f".repeat(32), "01".repeat(32)));
    let der = ecdsa_to_der(&signature).unwrap();
    assert_eq!(ecdsa_from_der(&der).unwrap().as_slice(), signature);
    assert_eq!(der, unhex(&format!("30440220{}0220{}", "7f".repeat(32), "01".repeat(32))));
    for bad in [
        format!("3081440220{}0220{}", "7f".repeat(32), "01".repeat(32)),
        format!("3045022100{}0220{}", "7f".repeat(32), "01".repeat(32)),
        format!("30440220{}0220{}00", "7f".repeat(32), "01".repeat(32)),
        format!("30460220{}0220{}0500", "7f".repeat(32), "01".repeat(32)),
        format!("30800220{}0220{}0000", "7f".repeat(32), "01".repeat(32)),
        format!("30440220{}0220{}", "ff".repeat(32), "01".repeat(32)),
        format!("30250220{}020100", "7f".repeat(32)),
        "3000".into(),
        String::new(),
    ] {
        assert_eq!(ecdsa_from_der(&unhex(&bad)), Err(KeyError::Invalid), "{bad}");
    }
    for bad in [&[][..], &[1; 63], &[1; 65], &[0; 64], &[0xff; 64]] {
        assert_eq!(ecdsa_to_der(bad), Err(KeyError::Invalid));
    }
}

#[test]
fn hashes_and_key_derivation_agree_with_the_standards() {
    let provider = RustCrypto::new();
    // FIPS 180-4 examples: "abc".
    let abc = |algorithm| provider.hash(algorithm, &[b"a", b"", b"bc"]);
    let sha3 = unhex("3a985da74fe225b2045c172d6bd390bd855f086e3e9d525b46bfe24511431532");
    assert_eq!(abc(HashAlgorithm::Sha3_256), sha3);
    assert_eq!(abc(HashAlgorithm::Sha224), unhex("23097d223405d8228642a477bda255b32aadbce4bda0b3f7e36c9da7"));
    let sha256 = unhex("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    assert_eq!(abc(HashAlgorithm::Sha256), sha256);
    assert_eq!(provider.sha256(&[b"abc"]).as_slice(), sha256);
    assert!(abc(HashAlgorithm::Sha384).starts_with(&unhex("cb00753f45a35e8bb5a03d699ac65007")));
    assert!(abc(HashAlgorithm::Sha512).starts_with(&unhex("ddaf35a193617abacc417349ae204131")));
    let digests = HashAlgorithm::ALL.map(abc);
    assert_eq!(digests.iter().collect::<HashSet<_>>().len(), digests.len());
    assert_eq!(digests.map(|digest| digest.len()), HashAlgorithm::ALL.map(HashAlgorithm::size));
    for length in [0, 1, 32, 64, 65, 200] {
        let (secret, salt, info) = (vec![1; length], vec![2; length], vec![3; length]);
        let mut expected = [0; 32];
        hkdf::Hkdf::<sha2::Sha256>::new(Some(&salt), &secret).expand(&info, &mut expected).unwrap();
        assert_eq!(*provider.hkdf(&secret, &salt, &info), expected, "{length}");
    }
}

/// A source that is stuck, or has dried up.
struct Stuck(Option<u8>);

impl Random for Stuck {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.fill(self.0.unwrap_or_default());
    }

    fn fill_secret(&self, bytes: &mut [u8]) -> Result<(), KeyError> {
        bytes.fill(self.0.ok_or(KeyError::Random)?);
        Ok(())
    }
}

#[test]
fn a_broken_source_of_randomness_makes_no_key() {
    let dry = Algorithm::ALL.map(|algorithm| (Stuck(None), algorithm));
    let stuck = [0, 0xff].map(|byte| (Stuck(Some(byte)), Algorithm::EcdsaP256));
    for (source, algorithm) in dry.into_iter().chain(stuck) {
        let provider = RustCrypto::with_random(Box::new(source));
        assert_eq!(provider.software().generate(algorithm).err(), Some(KeyError::Random));
    }
}

#[test]
fn debug_output_holds_no_key() {
    let provider = RustCrypto::new();
    let stored = provider.software().import(Algorithm::Ed25519, &[0xab; 32]).unwrap();
    let shown = format!("{provider:?} {stored:?}");
    assert!(!shown.contains("171") && !shown.contains("ab, ab"), "{shown}");
}
