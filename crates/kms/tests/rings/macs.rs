//! HMAC with a hash that is asked for: every ring has keys for it beside its own.

use std::collections::HashSet;

use strongroom_core::{Algorithm, HashAlgorithm, Purpose};
use strongroom_kms::{Code, Rings};

use crate::support::{minimums, name, rings, verdict};

const MESSAGE: &[u8] = b"a message";

/// Kinds without and with a public half; those of RSA take long to make.
fn others() -> impl Iterator<Item = Algorithm> {
    let quick = |algorithm: &Algorithm| algorithm.modulus_bits().is_none();
    Algorithm::ALL.into_iter().filter(quick).filter(|algorithm| algorithm.purpose() != Purpose::Mac)
}

fn mac(rings: &Rings, ring: &str, version: Option<u32>, hash: HashAlgorithm) -> Code {
    rings.mac_with(&name(ring), version, hash, MESSAGE).unwrap()
}

#[test]
fn each_kind_version_ring_and_hash_has_a_code_of_its_own_that_verifies_nothing_else() {
    for algorithm in others() {
        let (rings, mut seen) = (rings(), HashSet::new());
        for ring in ["a", "b"] {
            rings.create(&name(ring), algorithm).unwrap();
            rings.rotate(&name(ring)).unwrap();
            for hash in HashAlgorithm::ALL.into_iter().filter(|hash| hash.hmac().is_some()) {
                for version in [1, 2] {
                    let code = mac(&rings, ring, Some(version), hash);
                    assert_eq!((code.version, code.bytes.len()), (version, hash.size()));
                    let verify = |ring: &str, hash, message: &[u8]| {
                        rings.verify_mac_with(&name(ring), hash, message, &code).unwrap()
                    };
                    assert!(verify(ring, hash, MESSAGE), "{algorithm:?} {hash:?}");
                    assert!(!verify(ring, hash, b"another"), "{algorithm:?} {hash:?}");
                    // Each is found once only, whatever it is cut to.
                    assert!(seen.insert(code.bytes[..28].to_vec()), "{algorithm:?} {hash:?}");
                    let cut = Code { version, bytes: code.bytes[..16].to_vec() };
                    assert_eq!(verdict(rings.verify_mac_with(&name(ring), hash, MESSAGE, &cut)), "ok");
                    assert!(!rings.verify_mac_with(&name(ring), hash, MESSAGE, &cut).unwrap());
                }
            }
        }
        let code = mac(&rings, "a", None, HashAlgorithm::Sha256);
        assert_eq!(code.version, 2, "without asking it is the newest");
        for (ring, hash) in [("b", HashAlgorithm::Sha256), ("a", HashAlgorithm::Sha3_256)] {
            assert!(!rings.verify_mac_with(&name(ring), hash, MESSAGE, &code).unwrap());
        }
    }
}

#[test]
fn a_ring_of_hmac_has_its_own_hash_and_no_other_and_one_of_cmac_has_none() {
    let rings = rings();
    for own in HashAlgorithm::ALL {
        let Some(algorithm) = own.hmac() else { continue };
        let ring = format!("{own:?}");
        rings.create(&name(&ring), algorithm).unwrap();
        let code = rings.mac(&name(&ring), None, MESSAGE).unwrap();
        assert_eq!(mac(&rings, &ring, None, own), code);
        assert!(rings.verify_mac_with(&name(&ring), own, MESSAGE, &code).unwrap());
        for other in HashAlgorithm::ALL.into_iter().filter(|other| *other != own) {
            assert_eq!(verdict(rings.mac_with(&name(&ring), None, other, MESSAGE)), "invalid");
            assert_eq!(verdict(rings.verify_mac_with(&name(&ring), other, MESSAGE, &code)), "invalid");
        }
    }
    rings.create(&name("cmac"), Algorithm::CmacAes256).unwrap();
    assert_eq!(verdict(rings.mac_with(&name("cmac"), None, HashAlgorithm::Sha256, MESSAGE)), "wrong type");
}

#[test]
fn a_code_beside_a_key_follows_the_states_of_its_version_and_ring() {
    let (rings, ring, hash) = (rings(), name("ring"), HashAlgorithm::Sha384);
    rings.create(&ring, Algorithm::Ed25519).unwrap();
    rings.rotate(&ring).unwrap();
    let old = mac(&rings, "ring", Some(1), hash);
    let make = |version| verdict(rings.mac_with(&ring, Some(version), hash, MESSAGE));
    let check = || verdict(rings.verify_mac_with(&ring, hash, MESSAGE, &old));
    rings.suspend(&ring, 1).unwrap();
    assert_eq!((make(1), check()), ("suspended", "suspended"));
    rings.resume(&ring, 1).unwrap();
    rings.deactivate(&ring, 1).unwrap();
    assert_eq!((make(1), check()), ("deactivated", "ok"));
    rings.configure(&ring, &minimums(2, 0)).unwrap();
    assert_eq!((make(1), check()), ("too old", "too old"));
    rings.configure(&ring, &minimums(1, 0)).unwrap();
    assert_eq!(check(), "ok", "also from where old versions are kept");
    assert!(rings.verify_mac_with(&ring, hash, MESSAGE, &old).unwrap());
    rings.compromise(&ring, 1).unwrap();
    assert_eq!(check(), "compromised");
    assert_eq!((make(2), make(9)), ("ok", "no version"));
    rings.disable(&ring).unwrap();
    assert_eq!((make(2), check()), ("disabled", "disabled"));
}
