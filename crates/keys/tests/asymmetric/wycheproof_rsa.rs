//! Project Wycheproof's RSA signatures, every file.

use std::sync::Arc;

use strongroom_core::{Algorithm, HashAlgorithm, Key, Padding, Salt, SignOptions};
use strongroom_keys::public_from_der;
use wycheproof::{HashFunction, Mgf, TestResult, rsa_pkcs1_verify as pkcs1, rsa_pss_verify as pss};

use crate::{support::import_public, tally::Tally};

const SIZES: [(usize, Algorithm); 3] =
    [(2048, Algorithm::Rsa2048), (3072, Algorithm::Rsa3072), (4096, Algorithm::Rsa4096)];

const OTHER_SIZE: &str = "a modulus of another size";
const OTHER_EXPONENT: &str = "another exponent than 65537";
const OTHER_HASH: &str = "SHA-1, SHA-512/224 and SHAKE are no hashes of a signature here";
const OTHER_MASK: &str = "a mask by another hash than the message's";
/// RFC 8017, appendix A.2.4, note: some accept it.
const NO_NULL: &str = "no NULL in the DigestInfo, refused";

/// The hashes that are not ours are these: SHA-1, SHA-512/224 and SHAKE.
pub(crate) fn hash(hash: HashFunction) -> Option<HashAlgorithm> {
    match hash {
        HashFunction::Sha2_224 => Some(HashAlgorithm::Sha224),
        HashFunction::Sha2_256 => Some(HashAlgorithm::Sha256),
        HashFunction::Sha2_384 => Some(HashAlgorithm::Sha384),
        HashFunction::Sha2_512 => Some(HashAlgorithm::Sha512),
        HashFunction::Sha2_512_256 => Some(HashAlgorithm::Sha512_256),
        HashFunction::Sha3_224 => Some(HashAlgorithm::Sha3_224),
        HashFunction::Sha3_256 => Some(HashAlgorithm::Sha3_256),
        HashFunction::Sha3_384 => Some(HashAlgorithm::Sha3_384),
        HashFunction::Sha3_512 => Some(HashAlgorithm::Sha3_512),
        HashFunction::Sha1 | HashFunction::Sha2_512_224 | HashFunction::Shake128 | HashFunction::Shake256 => {
            None
        }
    }
}

/// The key of a group, or the reason why it is none of ours; then it is refused.
fn key(bits: usize, der: &[u8], spki: &[u8]) -> Result<Arc<dyn Key>, &'static str> {
    let ours = SIZES.iter().find(|(size, _)| *size == bits);
    let refused = |reason| {
        for (_, algorithm) in SIZES {
            assert!(import_public(algorithm, der).is_err(), "{bits} bits: {reason}");
        }
        Err(reason)
    };
    let Some((_, algorithm)) = ours else { return refused(OTHER_SIZE) };
    // 65537, as DER has it at the end of the key.
    if !der.ends_with(&[2, 3, 1, 0, 1]) {
        return refused(OTHER_EXPONENT);
    }
    let key = import_public(*algorithm, der).unwrap();
    if let Ok(public) = public_from_der(*algorithm, spki) {
        assert_eq!(Some(&public), key.public());
    }
    Ok(key)
}

#[test]
fn rsa_pkcs1() {
    let mut tally = Tally::default();
    for name in pkcs1::TestName::all() {
        let set = pkcs1::TestSet::load(name).unwrap();
        tally.set(set.number_of_tests);
        for group in set.test_groups {
            let key = key(group.key_size, &group.asn_key, &group.der)
                .and_then(|key| Ok((key, hash(group.hash).ok_or(OTHER_HASH)?)));
            let (key, hash) = match key {
                Ok(found) => found,
                Err(reason) => {
                    tally.except(reason, group.tests.len());
                    continue;
                }
            };
            let options = SignOptions { padding: Padding::Pkcs1v15, ..SignOptions::hash(hash) };
            for test in group.tests {
                let found = key.verify(&test.msg, &test.sig, &options).unwrap();
                if test.result == TestResult::Acceptable {
                    assert_eq!(test.flags, [pkcs1::TestFlag::MissingNull], "{name:?} {}", test.tc_id);
                    assert!(!found, "{name:?} {} {}", test.tc_id, test.comment);
                    tally.except(NO_NULL, 1);
                    continue;
                }
                let expected = test.result == TestResult::Valid;
                assert_eq!(found, expected, "{name:?} {} {}", test.tc_id, test.comment);
                tally.compared();
            }
        }
    }
    tally.is(5143, &[(OTHER_HASH, 258), (OTHER_SIZE, 776), (OTHER_EXPONENT, 5), (NO_NULL, 20)]);
}

/// The key and the hash of a group of PSS.
fn pss_group(group: &pss::TestGroup) -> Result<(Arc<dyn Key>, HashAlgorithm), &'static str> {
    let key = key(group.key_size, &group.asn_key, &group.der)?;
    let hash = hash(group.hash).ok_or(OTHER_HASH)?;
    let same = group.mgf == Mgf::Mgf1 && group.mgf_hash.as_ref() == Some(&group.hash);
    if same { Ok((key, hash)) } else { Err(OTHER_MASK) }
}

#[test]
fn rsa_pss() {
    let mut tally = Tally::default();
    for name in pss::TestName::all() {
        let set = pss::TestSet::load(name).unwrap();
        tally.set(set.number_of_tests);
        for group in set.test_groups {
            let (key, hash) = match pss_group(&group) {
                Ok(found) => found,
                Err(reason) => {
                    tally.except(reason, group.tests.len());
                    continue;
                }
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
                tally.compared();
            }
        }
    }
    tally.is(1903, &[(OTHER_HASH, 1116), (OTHER_MASK, 478)]);
}
