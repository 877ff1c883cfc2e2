//! What software keys have to do as every backend, and that the suite notices who does not.

mod faulty;

use std::panic::{self, AssertUnwindSafe};

use strongroom_core::{Algorithm, Provider, key_conformance};
use strongroom_keys::RustCrypto;

use crate::faulty::{Fault, Faulty};

#[test]
fn software_keys_keep_the_contract() {
    key_conformance::run(RustCrypto::new().software());
}

fn passes(fault: Fault, algorithms: &[Algorithm]) -> bool {
    let backend = Faulty::new(fault);
    panic::catch_unwind(AssertUnwindSafe(|| key_conformance::run_on(&backend, algorithms))).is_ok()
}

#[test]
fn a_backend_that_breaks_a_rule_does_not_pass() {
    use Algorithm::{Aes256Siv, CmacAes128, Ed25519, HmacSha256, KbkdfHmacSha256, RawAes256Gcm};
    let every = [Aes256Siv, CmacAes128, Ed25519, HmacSha256, KbkdfHmacSha256, RawAes256Gcm];
    assert!(passes(Fault::None, &every));
    let faults: [(Fault, &[Algorithm]); 15] = [
        (Fault::GeneratesOneKey, &every),
        (Fault::LoadsAnotherKey, &every),
        (Fault::LoadsWhatItDidNotMake, &[Aes256Siv, CmacAes128, KbkdfHmacSha256, RawAes256Gcm]),
        (Fault::ImportsAnyLength, &[Aes256Siv, CmacAes128, HmacSha256, KbkdfHmacSha256, RawAes256Gcm]),
        (Fault::ExportsWrongly, &every),
        (Fault::IgnoresAdditionalData, &[Aes256Siv, RawAes256Gcm]),
        (Fault::LosesWhatWasThere, &[Aes256Siv, RawAes256Gcm]),
        (Fault::SaysWhyItDoesNotOpen, &[RawAes256Gcm, Aes256Siv]),
        (Fault::IsDeterministic, &[RawAes256Gcm]),
        (Fault::TakesTruncatedCodes, &[CmacAes128, HmacSha256]),
        (Fault::TakesEveryCode, &[CmacAes128, HmacSha256]),
        (Fault::RunsLabelAndContextTogether, &[KbkdfHmacSha256]),
        (Fault::TakesEverySignature, &[Ed25519]),
        (Fault::SignsWithEveryKey, &[RawAes256Gcm, HmacSha256]),
        (Fault::SupportsNothing, &every),
    ];
    for (fault, algorithms) in faults {
        for algorithm in algorithms {
            assert!(!passes(fault, &[*algorithm]), "{algorithm:?} {fault:?}");
        }
    }
}
