//! Known answers of ML-DSA and ML-KEM, and those of RFC 9180 for HPKE: whole files, as far as they are of what is here.

use serde_json::Value;
use strongroom_core::{Algorithm, SealOptions};

use crate::{
    rsp::{cases, read},
    support::{import, import_public, unhex},
    tally::Tally,
};

const CONTEXT: &str = "ours have an empty context: of these the keys are compared alone";
const OTHER_SUITE: &str = "another suite or mode of HPKE";

#[test]
fn ml_dsa() {
    for (algorithm, number) in [(Algorithm::MlDsa44, 44), (Algorithm::MlDsa65, 65), (Algorithm::MlDsa87, 87)]
    {
        let Some(cases) = cases(&format!("asymmetric/MLDSA/kat_MLDSA_{number}_det_pure.rsp")) else { return };
        let mut tally = Tally::default();
        for case in &cases {
            tally.set(1);
            let key = import(algorithm, &case.bytes("xi")).unwrap();
            assert_eq!(key.public().unwrap().bytes, case.bytes("pk"), "{}", case.text("count"));
            assert_ne!(case.text("ctx"), "", "a signature that could be compared");
            tally.except(CONTEXT, 1);
        }
        tally.is(0, &[(CONTEXT, 100)]);
    }
}

#[test]
fn ml_kem() {
    for (algorithm, number) in
        [(Algorithm::MlKem512, 512), (Algorithm::MlKem768, 768), (Algorithm::MlKem1024, 1024)]
    {
        let Some(cases) = cases(&format!("asymmetric/MLKEM/kat_MLKEM_{number}.rsp")) else { return };
        assert_eq!(cases.len(), 1_000);
        for case in &cases {
            let key = import(algorithm, &[case.bytes("d"), case.bytes("z")].concat()).unwrap();
            assert_eq!(key.public().unwrap().bytes, case.bytes("pk"), "{}", case.text("count"));
            // The second one is a ciphertext that nobody made, of which a secret comes all the same.
            for (ciphertext, secret) in [("ct", "ss"), ("ct_n", "ss_n")] {
                let found = key.decapsulate(&case.bytes(ciphertext)).unwrap();
                assert_eq!(*found, case.bytes(secret), "{algorithm:?} {}", case.text("count"));
            }
        }
    }
}

/// Base mode, with HKDF-SHA-256 and AES-256-GCM.
fn hpke_key(case: &Value) -> Option<Algorithm> {
    let number = |name: &str| case[name].as_u64().unwrap();
    match (number("mode"), number("kem_id"), number("kdf_id"), number("aead_id")) {
        (0, 0x20, 1, 2) => Some(Algorithm::HpkeX25519),
        (0, 0x10, 1, 2) => Some(Algorithm::HpkeP256),
        _ => None,
    }
}

#[test]
fn hpke() {
    let Some(text) = read("HPKE/test-vectors.json") else { return };
    let cases: Vec<Value> = serde_json::from_str(&text).unwrap();
    let mut tally = Tally::default();
    for case in &cases {
        tally.set(1);
        let bytes = |value: &Value| unhex(value.as_str().unwrap());
        let Some(algorithm) = hpke_key(case) else {
            tally.except(OTHER_SUITE, 1);
            continue;
        };
        let key = import(algorithm, &bytes(&case["skRm"])).unwrap();
        let half = import_public(algorithm, &bytes(&case["pkRm"])).unwrap();
        assert_eq!(key.public(), half.public());
        // A message of one call is the first of those in the file.
        let message = &case["encryptions"][0];
        let (info, aad) = (bytes(&case["info"]), bytes(&message["aad"]));
        let sealed = [bytes(&case["enc"]), bytes(&message["ct"])].concat();
        let opened = key.open(&sealed, &SealOptions::Hpke { info: &info, aad: &aad }).unwrap();
        assert_eq!(**opened, bytes(&message["pt"]));
        tally.compared();
    }
    tally.is(2, &[(OTHER_SUITE, 126)]);
}
