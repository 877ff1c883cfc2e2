//! Keys of FIPS 205.

use secrecy::ExposeSecret as _;
use strongroom_core::{Algorithm, KeyError, SignOptions, key_conformance};
use strongroom_keys::{KeyFormat, private_to_der};

use crate::{
    golden::{hash, hex},
    support::{import, import_public, software, unhex},
};

const GOLDEN: &str = include_str!("golden/slh-dsa-1.txt");

/// Of the first test of three groups in NIST's ACVP file SLH-DSA-keyGen-FIPS205: SK.seed ‖ SK.prf ‖ PK.seed ‖ PK.root.
const ACVP: [(Algorithm, &str); 3] = [
    (
        Algorithm::SlhDsaSha2_128s,
        concat!(
            "2f896d61d9cd9038ca303394fadaa22a24ac5ec1d86a989ca2196c3c8632419c1a05a42fe300e87b16aee116cb2e2363",
            "58e2c3e62632c9de03d08a535a0eb7e7",
        ),
    ),
    (
        Algorithm::SlhDsaSha2_192f,
        concat!(
            "8596c97c522d258038765ac80110a584a4e342d58149ebfc763ca88d40d68c201c76c2f8df0908a39f27009b7d3b1e6c",
            "bd409651bf5e717d83096506b715c3543285aa83535f77433ea3d6d2e7ebf150c2f21dad9fb71977c83ec6d59c36e0d4",
        ),
    ),
    (
        Algorithm::SlhDsaShake256f,
        concat!(
            "758161eaf6db91c65f185b26fd490afd808e987b339d2cbb5b3045bc2ed9a33d5a703a6a2a687a8ae1883a9fc957c26e",
            "17f5569d5a28c144780df013c9aa83240a0ee387983fc9fbe9d5b80a2787c39c6fc1be3364b9d1fd0c6dc4edf70e28aa",
            "397dc9d892e41418fcff892135d8b33fbcfdf7ffb82b62c7cd2618e18648151c",
        ),
    ),
];

/// Of the set that signs quickest: the suite signs some hundred times.
#[test]
fn keys_of_fips_205_keep_the_contract() {
    assert!(Algorithm::SLH_DSA.iter().all(|algorithm| software().supports(*algorithm)));
    key_conformance::run_on(software(), &[Algorithm::SlhDsaSha2_128f]);
}

/// A key is loaded only if its root is the one that its seeds give.
#[test]
fn the_root_is_as_in_the_vectors_of_acvp() {
    for (algorithm, text) in ACVP {
        let material = unhex(text);
        let key = import(algorithm, &material).unwrap();
        assert_eq!(key.public().unwrap().bytes, material[material.len() / 2..], "{algorithm:?}");
    }
}

#[test]
fn a_key_whose_root_is_not_of_its_seeds_is_refused() {
    for (algorithm, text) in ACVP {
        let n = text.len() / 8;
        // One bit of SK.seed, of PK.seed and of PK.root; SK.prf has no part in the root.
        for place in [0, 2 * n, 4 * n - 1] {
            let mut changed = unhex(text);
            changed[place] ^= 1;
            assert_eq!(import(algorithm, &changed).err(), Some(KeyError::Invalid), "{algorithm:?} {place}");
        }
    }
}

/// A signature of the fast set of the same length of key would give the secrets of the slow one away.
#[test]
fn a_key_of_one_set_is_none_of_another() {
    let (own, text) = ACVP[0];
    for other in Algorithm::SLH_DSA.into_iter().filter(|other| *other != own) {
        assert_eq!(import(other, &unhex(text)).err(), Some(KeyError::Invalid), "{other:?}");
    }
}

/// A line has the algorithm, the material, and the SHA-256 of a signature without randomness.
#[test]
fn keys_that_were_kept_sign_the_same_today() {
    let mut algorithms = Algorithm::SLH_DSA.into_iter();
    let unhedged = SignOptions { deterministic: true, ..SignOptions::default() };
    for line in GOLDEN.lines() {
        let fields: Vec<_> = line.split(' ').collect();
        let algorithm = algorithms.next().unwrap();
        let key = import(algorithm, &unhex(fields[1])).unwrap();
        let signature = key.sign(b"golden", &unhedged).unwrap();
        assert_eq!(format!("{algorithm:?} {} {}", fields[1], hash(&signature)), line);
        let half = import_public(algorithm, &key.public().unwrap().bytes).unwrap();
        assert_eq!(half.verify(b"golden", &signature, &SignOptions::default()), Ok(true));
        assert_eq!(half.verify(b"another", &signature, &SignOptions::default()), Ok(false));
    }
    assert_eq!(algorithms.next(), None);
}

#[test]
fn a_hedged_signature_is_another_one_each_time() {
    let key = import(ACVP[1].0, &unhex(ACVP[1].1)).unwrap();
    let made = [(), ()].map(|()| key.sign(b"text", &SignOptions::default()).unwrap());
    assert_ne!(made[0], made[1]);
    assert!(made.iter().all(|made| key.verify(b"text", made, &SignOptions::default()).unwrap()));
}

/// RFC 9909, section 6: the four parts stand in the octet string as they are.
#[test]
fn a_document_holds_the_four_parts_and_is_read_back() {
    let (algorithm, text) = ACVP[1];
    let der = private_to_der(algorithm, &unhex(text)).unwrap();
    assert!(hex(der.expose_secret()).ends_with(&format!("0460{text}")));
    let read = KeyFormat::Der.private(algorithm, der.expose_secret()).unwrap();
    assert_eq!(*read.expose_secret(), *unhex(text));
    assert!(KeyFormat::Der.private(Algorithm::SlhDsaSha2_192s, der.expose_secret()).is_err());
}
