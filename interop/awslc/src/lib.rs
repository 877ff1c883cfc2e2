//! AWS-LC beside Strongroom: which of its algorithms are which of ours. The tests let each do the other's work.

use aws_lc_rs::{
    kem::{Algorithm as Kem, AlgorithmId, ML_KEM_512, ML_KEM_768, ML_KEM_1024},
    signature::{
        ML_DSA_44, ML_DSA_44_SIGNING, ML_DSA_65, ML_DSA_65_SIGNING, ML_DSA_87, ML_DSA_87_SIGNING,
        PqdsaSigningAlgorithm, PqdsaVerificationAlgorithm,
    },
};
use strongroom_core::Algorithm;

/// FIPS 204: ours, how AWS-LC signs, and how it verifies.
pub static ML_DSA: [(Algorithm, &PqdsaSigningAlgorithm, &PqdsaVerificationAlgorithm); 3] = [
    (Algorithm::MlDsa44, &ML_DSA_44_SIGNING, &ML_DSA_44),
    (Algorithm::MlDsa65, &ML_DSA_65_SIGNING, &ML_DSA_65),
    (Algorithm::MlDsa87, &ML_DSA_87_SIGNING, &ML_DSA_87),
];

/// FIPS 203.
pub static ML_KEM: [(Algorithm, &Kem<AlgorithmId>); 3] = [
    (Algorithm::MlKem512, &ML_KEM_512),
    (Algorithm::MlKem768, &ML_KEM_768),
    (Algorithm::MlKem1024, &ML_KEM_1024),
];
