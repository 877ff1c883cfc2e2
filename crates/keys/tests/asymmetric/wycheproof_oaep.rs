//! Project Wycheproof's OAEP, every file.

use std::sync::Arc;

use secrecy::ExposeSecret as _;
use strongroom_core::{Algorithm, Key, KeyError, OaepHash, SealOptions};
use strongroom_keys::private_from_der;
use wycheproof::{
    HashFunction, Mgf, TestResult,
    rsa_oaep::{TestGroup, TestName, TestSet},
};

use crate::{support::load, tally::Tally};

const OTHER_SIZE: &str = "a modulus of another size";
const OTHER_HASH: &str = "SHA-224 and SHA-512/t are no hashes of OAEP here";
const OTHER_MASK: &str = "a mask by another hash than the label's";

fn hash(hash: &HashFunction) -> Option<OaepHash> {
    match hash {
        HashFunction::Sha1 => Some(OaepHash::LegacySha1),
        HashFunction::Sha2_256 => Some(OaepHash::Sha256),
        HashFunction::Sha2_384 => Some(OaepHash::Sha384),
        HashFunction::Sha2_512 => Some(OaepHash::Sha512),
        _ => None,
    }
}

/// The key and the hash of a group, or the reason why it is none of ours.
fn key(group: &TestGroup) -> Result<(Arc<dyn Key>, OaepHash), &'static str> {
    let algorithm = match group.key_size {
        2048 => Algorithm::Rsa2048,
        3072 => Algorithm::Rsa3072,
        4096 => Algorithm::Rsa4096,
        _ => return Err(OTHER_SIZE),
    };
    if group.mgf != Mgf::Mgf1 || group.mgf_hash != group.hash {
        return Err(OTHER_MASK);
    }
    let hash = hash(&group.hash).ok_or(OTHER_HASH)?;
    let material = private_from_der(algorithm, &group.pkcs8).unwrap();
    Ok((load(algorithm, material.expose_secret()), hash))
}

#[test]
fn rsa_oaep() {
    let mut tally = Tally::default();
    for name in TestName::all() {
        let set = TestSet::load(name).unwrap();
        tally.set(set.number_of_tests);
        for group in set.test_groups {
            let (key, hash) = match key(&group) {
                Ok(found) => found,
                Err(reason) => {
                    tally.except(reason, group.tests.len());
                    continue;
                }
            };
            for test in group.tests {
                let found = key.open(&test.ct, &SealOptions::Oaep { hash, label: &test.label });
                let wanted = test.result != TestResult::Invalid;
                let expected = if wanted { Ok(test.pt.to_vec()) } else { Err(KeyError::Failed) };
                let found = found.map(|plaintext| plaintext.to_vec());
                assert_eq!(found, expected, "{name:?} {} {}", test.tc_id, test.comment);
                tally.compared();
            }
        }
    }
    tally.is(319, &[(OTHER_HASH, 113), (OTHER_MASK, 481), (OTHER_SIZE, 185)]);
}
