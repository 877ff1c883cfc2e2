//! Project Wycheproof's key agreements, whole files.

use p256::pkcs8::{der::Decode as _, spki::SubjectPublicKeyInfoRef};
use strongroom_core::{Algorithm, KeyError};
use strongroom_keys::public_from_der;
use wycheproof::{
    TestResult,
    ecdh::{self, TestName::*},
    xdh,
};

use crate::support::load;

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

/// The files write scalars with a sign byte or without zeroes in front; ours are as long as the order.
fn scalar(number: &[u8], length: usize) -> Vec<u8> {
    let number = &number[number.len().saturating_sub(length)..];
    [vec![0; length - number.len()], number.to_vec()].concat()
}

#[test]
fn ecdh_with_points() {
    let mut checked = 0;
    for (name, algorithm, length) in POINTS {
        for test in ecdh::TestSet::load(name).unwrap().test_groups.into_iter().flat_map(|group| group.tests) {
            let key = load(algorithm, &scalar(&test.private_key, length));
            let found = key.agree(&test.public_key);
            // Points are taken as they are written in full: compressed ones, which some accept, are refused.
            let compressed = matches!(test.public_key.first(), Some(2 | 3));
            if test.result == TestResult::Invalid || compressed {
                assert_eq!(found, Err(KeyError::Failed), "{name:?} {} {}", test.tc_id, test.comment);
            } else {
                assert_eq!(*found.unwrap(), *test.shared_secret, "{name:?} {} {}", test.tc_id, test.comment);
            }
            checked += 1;
        }
    }
    assert!(checked > 800, "{checked}");
}

#[test]
fn ecdh_with_documents() {
    let (mut checked, mut refused) = (0, 0);
    for (name, algorithm, length) in DOCUMENTS {
        for test in ecdh::TestSet::load(name).unwrap().test_groups.into_iter().flat_map(|group| group.tests) {
            let public = public_from_der(algorithm, &test.public_key);
            let Ok(public) = public else {
                // What some accept and we refuse: compressed points, and curves that are written out.
                let info = SubjectPublicKeyInfoRef::from_der(&test.public_key);
                let full = info.is_ok_and(|info| info.subject_public_key.raw_bytes().first() == Some(&4));
                let named = test.comment.contains("unnamed") || !full || test.result != TestResult::Valid;
                assert!(named, "{name:?} {} {}", test.tc_id, test.comment);
                refused += 1;
                continue;
            };
            assert_ne!(test.result, TestResult::Invalid, "{name:?} {} {}", test.tc_id, test.comment);
            let key = load(algorithm, &scalar(&test.private_key, length));
            assert_eq!(*key.agree(&public.bytes).unwrap(), *test.shared_secret, "{name:?} {}", test.tc_id);
            checked += 1;
        }
    }
    assert!(checked > 900 && refused > 50, "{checked} {refused}");
}

#[test]
fn x25519() {
    let mut checked = 0;
    let set = xdh::TestSet::load(xdh::TestName::X25519).unwrap();
    for test in set.test_groups.into_iter().flat_map(|group| group.tests) {
        let key = load(Algorithm::X25519, &test.private_key);
        let found = key.agree(&test.public_key);
        // Some accept a public key of small order, whose secret is zero for everyone: refused.
        if test.result == TestResult::Invalid || test.shared_secret.iter().all(|byte| *byte == 0) {
            assert_eq!(found, Err(KeyError::Failed), "{} {}", test.tc_id, test.comment);
        } else {
            assert_eq!(*found.unwrap(), *test.shared_secret, "{} {}", test.tc_id, test.comment);
        }
        checked += 1;
    }
    assert!(checked > 500, "{checked}");
}
