//! Project Wycheproof's key agreements, every file.

use p256::pkcs8::{der::Decode as _, spki::SubjectPublicKeyInfoRef};
use strongroom_core::{Algorithm, KeyError};
use strongroom_keys::public_from_der;
use wycheproof::{
    TestResult,
    ecdh::{self, TestName::*},
    xdh,
};

use crate::{support::load, tally::Tally};

const POINTS: [(ecdh::TestName, Algorithm, usize); 3] = [
    (EcdhSecp256r1Ecpoint, Algorithm::EcdhP256, 32),
    (EcdhSecp384r1Ecpoint, Algorithm::EcdhP384, 48),
    (EcdhSecp521r1Ecpoint, Algorithm::EcdhP521, 66),
];

const DOCUMENTS: [(ecdh::TestName, Algorithm, usize); 3] = [
    (EcdhSecp256r1, Algorithm::EcdhP256, 32),
    (EcdhSecp384r1, Algorithm::EcdhP384, 48),
    (EcdhSecp521r1, Algorithm::EcdhP521, 66),
];

const OTHER_CURVE: &str = "another curve";
/// Points are taken as they are written in full, although the files take compressed ones.
const COMPRESSED: &str = "a compressed point, refused";
/// RFC 5480, section 2.1.1: "specifiedCurve MUST NOT be used in PKIX". The files say that it is acceptable, or valid.
const WRITTEN_OUT: &str = "a curve that is written out, refused";
/// X.690, section 10, has one encoding.
const NO_DER: &str = "a document that is not DER, refused";
/// RFC 7748, section 6.1, lets one check for it.
const ZERO: &str = "a public key of small order, whose secret is zero for everyone, refused";

/// The files write scalars with a sign byte or without zeroes in front; ours are as long as the order.
fn scalar(number: &[u8], length: usize) -> Vec<u8> {
    let number = &number[number.len().saturating_sub(length)..];
    [vec![0; length - number.len()], number.to_vec()].concat()
}

fn is_compressed(point: &[u8]) -> bool {
    matches!(point.first(), Some(2 | 3))
}

#[test]
fn ecdh_with_points() {
    let mut tally = Tally::default();
    for (name, algorithm, length) in POINTS {
        let set = ecdh::TestSet::load(name).unwrap();
        tally.set(set.number_of_tests);
        for test in set.test_groups.into_iter().flat_map(|group| group.tests) {
            let key = load(algorithm, &scalar(&test.private_key, length));
            let found = key.agree(&test.public_key);
            let wanted = test.result != TestResult::Invalid;
            if is_compressed(&test.public_key) && wanted {
                assert_eq!(found, Err(KeyError::Failed), "{name:?} {} {}", test.tc_id, test.comment);
                tally.except(COMPRESSED, 1);
                continue;
            }
            let expected = if wanted { Ok(test.shared_secret.to_vec()) } else { Err(KeyError::Failed) };
            let found = found.map(|secret| secret.to_vec());
            assert_eq!(found, expected, "{name:?} {} {}", test.tc_id, test.comment);
            tally.compared();
        }
    }
    tally.is(1803, &[(COMPRESSED, 3)]);
}

/// Why a document is refused that the file would take.
fn refusal(test: &ecdh::Test) -> &'static str {
    let info = SubjectPublicKeyInfoRef::from_der(&test.public_key);
    let compressed = |info: SubjectPublicKeyInfoRef<'_>| is_compressed(info.subject_public_key.raw_bytes());
    if info.is_ok_and(compressed) {
        return COMPRESSED;
    }
    if test.flags.contains(&ecdh::TestFlag::UnnamedCurve) {
        return WRITTEN_OUT;
    }
    assert_eq!(test.result, TestResult::Acceptable, "{} {}", test.tc_id, test.comment);
    NO_DER
}

#[test]
fn ecdh_with_documents() {
    let mut tally = Tally::default();
    for (name, algorithm, length) in DOCUMENTS {
        let set = ecdh::TestSet::load(name).unwrap();
        tally.set(set.number_of_tests);
        for test in set.test_groups.into_iter().flat_map(|group| group.tests) {
            let wanted = test.result != TestResult::Invalid;
            match public_from_der(algorithm, &test.public_key) {
                Ok(public) => {
                    assert!(wanted, "{name:?} {} {}", test.tc_id, test.comment);
                    let key = load(algorithm, &scalar(&test.private_key, length));
                    let secret = key.agree(&public.bytes).unwrap();
                    assert_eq!(*secret, *test.shared_secret, "{name:?} {}", test.tc_id);
                    tally.compared();
                }
                Err(_) if wanted => tally.except(refusal(&test), 1),
                Err(error) => {
                    assert_eq!(error, KeyError::Invalid, "{name:?} {}", test.tc_id);
                    tally.compared();
                }
            }
        }
    }
    tally.is(1887, &[(COMPRESSED, 3), (WRITTEN_OUT, 21), (NO_DER, 664)]);
}

#[test]
fn curves_that_are_not_ours() {
    let ours: Vec<_> = POINTS.iter().chain(&DOCUMENTS).map(|(name, ..)| *name).collect();
    let mut tally = Tally::default();
    for name in ecdh::TestName::all().into_iter().filter(|name| !ours.contains(name)) {
        let tests = ecdh::TestSet::load(name).unwrap().number_of_tests;
        tally.set(tests);
        tally.except(OTHER_CURVE, tests);
    }
    tally.is(0, &[(OTHER_CURVE, 6016)]);
}

#[test]
fn x25519() {
    let set = xdh::TestSet::load(xdh::TestName::X25519).unwrap();
    let mut tally = Tally::default();
    tally.set(set.number_of_tests);
    for test in set.test_groups.into_iter().flat_map(|group| group.tests) {
        let key = load(Algorithm::X25519, &test.private_key);
        let found = key.agree(&test.public_key).map(|secret| secret.to_vec());
        if test.result != TestResult::Invalid && test.shared_secret.iter().all(|byte| *byte == 0) {
            assert_eq!(found, Err(KeyError::Failed), "{} {}", test.tc_id, test.comment);
            tally.except(ZERO, 1);
            continue;
        }
        let wanted = test.result != TestResult::Invalid;
        let expected = if wanted { Ok(test.shared_secret.to_vec()) } else { Err(KeyError::Failed) };
        assert_eq!(found, expected, "{} {}", test.tc_id, test.comment);
        tally.compared();
    }
    tally.is(487, &[(ZERO, 31)]);
}
