//! Expanded keys of ML-DSA and ML-KEM, to compare with what stands beside a seed. None is ever read: the library of
//! ML-DSA does not check one.

use ml_dsa::{MlDsa44, MlDsa65, MlDsa87, MlDsaParams};
#[expect(deprecated, reason = "the form is old, and documents have it all the same")]
use ml_kem::ExpandedKeyEncoding;
use ml_kem::{
    MlKem512, MlKem768, MlKem1024,
    kem::{FromSeed, Seed},
};
use strongroom_core::{Algorithm, KeyError};
use zeroize::Zeroizing;

type Expanded = Result<Zeroizing<Vec<u8>>, KeyError>;

/// The expanded key of a seed: `sk` of FIPS 204, `dk` of FIPS 203.
pub(super) fn expanded(algorithm: Algorithm, seed: &[u8]) -> Expanded {
    match algorithm {
        Algorithm::MlDsa44 => signing::<MlDsa44>(seed),
        Algorithm::MlDsa65 => signing::<MlDsa65>(seed),
        Algorithm::MlDsa87 => signing::<MlDsa87>(seed),
        Algorithm::MlKem512 => decapsulation::<MlKem512>(seed),
        Algorithm::MlKem768 => decapsulation::<MlKem768>(seed),
        Algorithm::MlKem1024 => decapsulation::<MlKem1024>(seed),
        _ => Err(KeyError::Unsupported),
    }
}

#[expect(deprecated, reason = "the form is old, and documents have it all the same")]
fn signing<P: MlDsaParams>(seed: &[u8]) -> Expanded {
    let seed = <&ml_dsa::Seed>::try_from(seed).map_err(|_| KeyError::Invalid)?;
    let key = ml_dsa::SigningKey::<P>::from_seed(seed);
    Ok(Zeroizing::new(key.expanded_key().to_expanded().to_vec()))
}

#[expect(deprecated, reason = "the form is old, and documents have it all the same")]
fn decapsulation<K: FromSeed<DecapsulationKey: ExpandedKeyEncoding>>(seed: &[u8]) -> Expanded {
    let seed = <&Seed<K>>::try_from(seed).map_err(|_| KeyError::Invalid)?;
    Ok(Zeroizing::new(K::from_seed(seed).0.to_expanded_bytes().to_vec()))
}
