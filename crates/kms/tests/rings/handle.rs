//! What a sibling gets of a ring: gate, tenant and state are checked at each use.

use strongroom_core::{Algorithm, KeyError, PublicKey, Sealer, Signer, UseError};
use strongroom_kms::Rings;

use crate::support::{DELETABLE, minimums, name, rings, verdict};

#[test]
fn a_handle_stays_on_its_ring_and_does_not_pass_on_to_the_next_of_the_name() {
    let (rings, ring) = (rings(), name("ring"));
    rings.create(&ring, Algorithm::Aes256Gcm).unwrap();
    let (sealer, before) = (rings.ring(&ring).unwrap(), rings.ring(&ring).unwrap());
    let sealed = sealer.seal(b"text", b"context").unwrap();
    rings.rotate(&ring).unwrap();
    assert_eq!(
        *before.open(&sealed, b"context").unwrap(),
        b"text",
        "a rotation changes nothing for a handle"
    );
    rings.configure(&ring, &DELETABLE).unwrap();
    rings.delete(&ring).unwrap();
    rings.create(&ring, Algorithm::Aes256Gcm).unwrap();
    assert!(matches!(sealer.seal(b"text", b""), Err(UseError::Unavailable)));
    assert!(matches!(sealer.open(&sealed, b"context"), Err(UseError::Unavailable)));
    assert!(rings.ring(&ring).unwrap().seal(b"text", b"").is_ok());
}

#[test]
fn a_handle_checks_the_state_at_each_use() {
    let (rings, aes, ed) = (rings(), name("aes"), name("ed"));
    rings.create(&aes, Algorithm::Aes256Gcm).unwrap();
    rings.create(&ed, Algorithm::Ed25519).unwrap();
    let (sealer, signer) = (rings.ring(&aes).unwrap(), rings.ring(&ed).unwrap());
    let sealed = sealer.seal(b"text", b"").unwrap();
    signer.sign(b"text").unwrap();
    assert_eq!(signer.public().unwrap(), public(&rings, 1));
    rings.rotate(&ed).unwrap();
    assert_eq!(signer.public().unwrap(), public(&rings, 2));
    // Of another type.
    assert!(matches!(sealer.sign(b"text"), Err(UseError::Unavailable)));
    assert!(matches!(sealer.public(), Err(UseError::Unavailable)));
    assert!(matches!(signer.seal(b"text", b""), Err(UseError::Unavailable)));
    for ring in [&aes, &ed] {
        rings.disable(ring).unwrap();
        assert_eq!(verdict(rings.ring(ring)), "disabled");
    }
    assert!(matches!(sealer.seal(b"text", b""), Err(UseError::Unavailable)));
    assert!(matches!(sealer.open(&sealed, b""), Err(UseError::Unavailable)));
    assert!(matches!(signer.sign(b"text"), Err(UseError::Unavailable)));
    assert!(matches!(signer.public(), Err(UseError::Unavailable)));
}

fn public(rings: &Rings, version: usize) -> PublicKey {
    rings.read(&name("ed")).unwrap().versions[version - 1].public.clone().unwrap()
}

#[test]
fn whatever_does_not_open_is_one_failure_to_the_user_of_a_handle() {
    let (rings, ring) = (rings(), name("ring"));
    rings.create(&ring, Algorithm::Aes256Gcm).unwrap();
    let sealer = rings.ring(&ring).unwrap();
    let sealed = sealer.seal(b"text", b"").unwrap();
    rings.rotate(&ring).unwrap();
    rings.configure(&ring, &minimums(2, 0)).unwrap();
    let fails = |sealed: &[u8]| matches!(sealer.open(sealed, b""), Err(UseError::Key(KeyError::Failed)));
    assert!(fails(&sealed), "of a version that is not allowed any more");
    let sealed = sealer.seal(b"text", b"").unwrap();
    assert!(sealer.open(&sealed, b"").is_ok());
    for at in 0..sealed.len() {
        let mut damaged = sealed.clone();
        damaged[at] ^= 4;
        assert!(fails(&damaged), "byte {at}");
    }
    assert!(fails(b"") && fails(&sealed[..20]));
}
