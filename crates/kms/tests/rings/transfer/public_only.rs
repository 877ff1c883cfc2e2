//! Public halves without their secrets: they verify, encrypt and encapsulate, and no more, until the other half comes.

use strongroom_core::{Algorithm, OaepHash, Purpose, SealOptions, SignOptions};
use strongroom_keys::KeyFormat;
use strongroom_kms::{KmsError, Origin, Rings, Signature, Versions};

use super::material::{Foreign, RING, agree, open, quick, rings};
use crate::support::{minimums, name, verdict};

fn halves() -> impl Iterator<Item = Algorithm> {
    quick().filter(|algorithm| algorithm.is_asymmetric())
}

fn options(algorithm: Algorithm) -> SealOptions<'static> {
    match algorithm.modulus_bits() {
        Some(_) => SealOptions::Oaep { hash: OaepHash::Sha256, label: b"" },
        None => SealOptions::Hpke { info: b"", aad: b"" },
    }
}

/// What takes the secret.
fn secret_use(rings: &Rings, algorithm: Algorithm) -> Result<(), KmsError> {
    secret_use_of(rings, algorithm, 1)
}

/// The same of a version.
fn secret_use_of(rings: &Rings, algorithm: Algorithm, version: u32) -> Result<(), KmsError> {
    let (ring, asked) = (name(RING), Some(version));
    match algorithm.purpose() {
        Purpose::Sign | Purpose::SignAndOpen => rings.sign(&ring, asked, b"text").map(drop),
        Purpose::Open => {
            let sealed = rings.seal(&ring, asked, b"text", &options(algorithm)).unwrap();
            rings.open(&ring, &sealed, &options(algorithm)).map(drop)
        }
        Purpose::Agree => {
            let peer = Foreign::new(algorithm).key.public().unwrap().bytes.clone();
            rings.agree(&ring, asked, &peer).map(drop)
        }
        _ => {
            let made = rings.encapsulate(&ring, asked).unwrap();
            rings.decapsulate(&ring, made.version, &made.ciphertext).map(drop)
        }
    }
}

#[test]
fn a_public_half_does_what_it_can_and_the_other_half_can_follow() {
    for algorithm in halves() {
        let (rings, foreign) = (rings(), Foreign::new(algorithm));
        let ring = rings.import(&name(RING), &open(algorithm), &foreign.half()).unwrap();
        assert_eq!((ring.versions[0].origin, ring.versions[0].has_secret), (Origin::ImportedPublic, false));
        if algorithm.signs() {
            let bytes = foreign.key.sign(b"text", &SignOptions::default()).unwrap();
            let signature = Signature { version: 1, bytes };
            assert!(rings.verify(&name(RING), b"text", &signature).unwrap());
            assert!(!rings.verify(&name(RING), b"other", &signature).unwrap());
        }
        assert_eq!(verdict(secret_use(&rings, algorithm)), "no secret", "{algorithm:?}");
        let exported = rings.export(&name(RING), Versions::All, KeyFormat::of(algorithm));
        assert_eq!(verdict(exported), "no secret");
        let other = Foreign::new(algorithm);
        if algorithm.modulus_bits().is_none() {
            assert_eq!(verdict(rings.import_version(&name(RING), None, &other.secret())), "invalid");
            assert_eq!(verdict(rings.import_version(&name(RING), Some(1), &other.secret())), "invalid");
        }
        assert_eq!(verdict(rings.import_version(&name(RING), Some(2), &foreign.secret())), "no version");
        assert_eq!(verdict(rings.import_version(&name(RING), Some(1), &foreign.half())), "invalid");
        let ring = rings.import_version(&name(RING), None, &foreign.secret()).unwrap();
        assert_eq!((ring.latest_version, ring.versions[0].has_secret), (1, true), "{algorithm:?}");
        agree(&rings, &foreign);
        assert_eq!(verdict(rings.import_version(&name(RING), Some(1), &foreign.secret())), "invalid");
    }
}

#[test]
fn a_public_half_that_is_archived_lacks_its_secret_and_does_the_rest() {
    for algorithm in halves() {
        let (rings, foreign) = (rings(), Foreign::new(algorithm));
        rings.import(&name(RING), &open(algorithm), &foreign.half()).unwrap();
        rings.rotate(&name(RING)).unwrap();
        rings.configure(&name(RING), &minimums(2, 0)).unwrap();
        rings.configure(&name(RING), &minimums(1, 0)).unwrap();
        assert_eq!(rings.read(&name(RING)).unwrap().versions.len(), 1, "{algorithm:?}: it is archived");
        assert_eq!(verdict(secret_use_of(&rings, algorithm, 1)), "no secret", "{algorithm:?}");
        let exported = rings.export(&name(RING), Versions::One(1), KeyFormat::of(algorithm));
        assert_eq!(verdict(exported), "no secret", "{algorithm:?}");
        if algorithm.signs() {
            let bytes = foreign.key.sign(b"text", &SignOptions::default()).unwrap();
            assert!(rings.verify(&name(RING), b"text", &Signature { version: 1, bytes }).unwrap());
        }
    }
}

#[test]
fn a_symmetric_key_has_no_public_half_to_bring_in() {
    for algorithm in quick().filter(|algorithm| !algorithm.is_asymmetric()) {
        let (rings, half) = (rings(), Foreign::new(Algorithm::EcdsaP256));
        assert_eq!(verdict(rings.import(&name(RING), &open(algorithm), &half.half())), "invalid");
    }
}
