//! What software keys have to do as every backend, and that the suite notices who does not.

mod faulty;
mod faulty_key;
mod providers;

use std::{
    collections::BTreeSet,
    panic::{self, AssertUnwindSafe},
};

use strongroom_core::{
    Algorithm::{
        self, Aes256Siv, CmacAes128, EcdhP256, EcdsaP256, Ed25519, HmacSha256, HpkeX25519, KbkdfHmacSha256,
        MlDsa44, MlKem768, RawAes256Gcm, Rsa2048, X25519,
    },
    Cost, Provider, key_conformance,
};
use strongroom_keys::RustCrypto;

use crate::faulty::{Fault, Faulty};

/// All that are made in as long as this; together both have every algorithm.
fn keep_the_contract(generation: Cost) {
    let all = Algorithm::ALL.into_iter().filter(|algorithm| algorithm.generation() == generation);
    key_conformance::run_on(RustCrypto::new().software(), &all.collect::<Vec<_>>());
}

#[test]
fn software_keys_keep_the_contract() {
    keep_the_contract(Cost::Inline);
}

#[test]
fn software_keys_of_rsa_keep_the_contract() {
    keep_the_contract(Cost::Slow);
}

fn passes(fault: Fault, algorithms: &[Algorithm]) -> bool {
    let backend = Faulty::new(fault);
    panic::catch_unwind(AssertUnwindSafe(|| key_conformance::run_on(&backend, algorithms))).is_ok()
}

/// Each fault, and the algorithms by which it shows.
const FAULTS: [(Fault, &[Algorithm]); 29] = [
    (Fault::GeneratesOneKey, &EVERY),
    (Fault::LoadsAnotherKey, &EVERY),
    (Fault::LoadsWhatItDidNotMake, &[Aes256Siv, CmacAes128, KbkdfHmacSha256, RawAes256Gcm]),
    (Fault::ImportsAnyLength, &[Aes256Siv, CmacAes128, HmacSha256, KbkdfHmacSha256, RawAes256Gcm]),
    (Fault::ExportsWrongly, &EVERY),
    (Fault::IgnoresAdditionalData, &[Aes256Siv, RawAes256Gcm]),
    (Fault::LosesWhatWasThere, &[Aes256Siv, RawAes256Gcm]),
    (Fault::SaysWhyItDoesNotOpen, &[RawAes256Gcm, Aes256Siv]),
    (Fault::IsDeterministic, &[RawAes256Gcm, HpkeX25519, MlKem768]),
    (Fault::TakesTruncatedCodes, &[CmacAes128, HmacSha256]),
    (Fault::TakesEveryCode, &[CmacAes128, HmacSha256]),
    (Fault::HasShortCodes, &[CmacAes128, HmacSha256]),
    (Fault::RunsLabelAndContextTogether, &[KbkdfHmacSha256]),
    (Fault::TakesEverySignature, &SIGNING),
    (Fault::SignsWithEveryKey, &[RawAes256Gcm, HmacSha256, MlKem768]),
    (Fault::SignsAnotherMessage, &SIGNING),
    (Fault::SignsWithAnotherKey, &SIGNING),
    (Fault::KnowsOneHash, &[EcdsaP256, Rsa2048, Ed25519, MlDsa44]),
    (Fault::KnowsOnePadding, &[EcdsaP256, Rsa2048, Ed25519, MlDsa44]),
    (Fault::KnowsOneEncoding, &[EcdsaP256, Ed25519, MlDsa44]),
    (Fault::HashesDigests, &[EcdsaP256]),
    (Fault::TakesDigestsOfAnyLength, &[EcdsaP256]),
    (Fault::SealsWithSha1, &[Rsa2048]),
    (Fault::ForgetsLabels, &[Rsa2048, HpkeX25519]),
    (Fault::OpensEverything, &[Rsa2048, HpkeX25519]),
    (Fault::AgreesWithEverything, &[EcdhP256, X25519]),
    (Fault::AgreesOnTheSame, &[EcdhP256, X25519]),
    (Fault::DecapsulatesWhatWasChanged, &[MlKem768]),
    (Fault::ImportsAnotherPublicHalf, &[Ed25519, EcdsaP256, HpkeX25519, MlKem768, X25519]),
];

const EVERY: [Algorithm; 6] = [Aes256Siv, CmacAes128, Ed25519, HmacSha256, KbkdfHmacSha256, RawAes256Gcm];
const SIGNING: [Algorithm; 3] = [Ed25519, EcdsaP256, MlDsa44];

#[test]
fn a_backend_that_breaks_a_rule_does_not_pass() {
    for (fault, algorithms) in FAULTS {
        for algorithm in algorithms {
            assert!(!passes(fault, &[*algorithm]), "{algorithm:?} {fault:?}");
        }
    }
    assert!(!passes(Fault::SupportsNothing, &EVERY));
}

/// A table in which every fault is caught because the backend around it is broken shows nothing.
#[test]
fn the_same_backend_without_a_fault_passes() {
    let shown: Vec<_> = FAULTS.iter().flat_map(|(_, algorithms)| algorithms.iter().copied()).collect();
    let shown: BTreeSet<_> = shown.into_iter().collect();
    assert!(passes(Fault::None, &shown.into_iter().collect::<Vec<_>>()));
}
