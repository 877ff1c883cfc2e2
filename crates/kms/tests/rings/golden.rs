//! Records of format 2 stay what they are: those of golden/ring-2.txt come from another implementation.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};

use strongroom_core::{
    Algorithm, Batch, HashAlgorithm, KeyError, Outcome, Random, RecordKey, Segment, Store, StoreError, Table,
    Write,
};
use strongroom_keys::{Hash, RustCrypto};
use strongroom_kms::{Kms, KmsError, RingState, Rings, Signature, to_text};
use strongroom_store_postgres::testing::Engine;
use zeroize::Zeroizing;

use crate::support::{NOW, TENANT, base_with, name, rings_over, verdict};

const RINGS: [(&str, Algorithm); 3] =
    [("aes", Algorithm::Aes256Gcm), ("ed", Algorithm::Ed25519), ("p256", Algorithm::EcdsaP256)];

/// What the file has under a name.
fn golden(wanted: &str) -> Vec<u8> {
    let lines = include_str!("golden/ring-2.txt").lines().filter(|line| !line.starts_with('#'));
    let all: HashMap<_, _> = lines.filter_map(|line| line.split_once(' ')).collect();
    let hex = all[wanted].as_bytes().chunks(2);
    hex.map(|byte| u8::from_str_radix(str::from_utf8(byte).unwrap(), 16).unwrap()).collect()
}

fn key(ring: &str) -> RecordKey {
    RecordKey::new(TENANT, Table::new(0x0101), &[Segment::Name(ring)]).unwrap()
}

/// Rings over a store that holds this record under this name.
fn holding(ring: &str, record: &[u8]) -> (Arc<Engine>, Rings) {
    let store = Arc::new(Engine::new());
    let write = Write::Put(Zeroizing::new(record.to_vec()));
    let batch = Batch { expectations: Vec::new(), writes: vec![(key(ring), write)] };
    let lowered = store.lower(batch).unwrap();
    assert!(matches!(store.commit(&lowered), Ok(Outcome::Done(_))));
    (store.clone(), rings_over(store))
}

#[test]
fn a_ring_of_format_2_opens_and_verifies_what_it_made() {
    let (_, rings) = holding("aes", &golden("aes.record"));
    for (version, additional) in [(1, &b"order 7"[..]), (2, b"")] {
        let sealed = golden(&format!("aes.{version}.ciphertext"));
        assert_eq!(*rings.decrypt(&name("aes"), &sealed, additional).unwrap(), b"4111 1111 1111 1111");
        assert!(to_text(&sealed).unwrap().starts_with(&format!("vault:v{version}:U1IBA")));
    }
    for ring in ["ed", "p256"] {
        let (_, rings) = holding(ring, &golden(&format!("{ring}.record")));
        for version in [1, 2] {
            let bytes = golden(&format!("{ring}.{version}.signature"));
            let signature = Signature { version, bytes };
            assert!(rings.verify(&name(ring), b"a message", &signature).unwrap(), "{ring} {version}");
            assert!(!rings.verify(&name(ring), b"another", &signature).unwrap());
        }
    }
}

#[test]
fn the_codes_beside_the_keys_of_a_ring_stay_what_they_are() {
    for (ring, _) in RINGS {
        let (_, rings) = holding(ring, &golden(&format!("{ring}.record")));
        for version in [1, 2] {
            for (text, hash) in
                [("hmac-sha2-256", HashAlgorithm::Sha256), ("hmac-sha3-512", HashAlgorithm::Sha3_512)]
            {
                let code = rings.mac_with(&name(ring), Some(version), hash, b"a message").unwrap();
                assert_eq!(
                    code.bytes,
                    golden(&format!("{ring}.{version}.{text}")),
                    "{ring} {version} {text}"
                );
            }
        }
    }
}

#[test]
fn a_ring_of_format_2_shows_what_it_says_and_goes_on() {
    for (ring, algorithm) in RINGS {
        let (_, rings) = holding(ring, &golden(&format!("{ring}.record")));
        let shown = rings.read(&name(ring)).unwrap();
        assert_eq!(shown.algorithm, algorithm);
        assert_eq!((shown.min_decryption_version, shown.min_encryption_version), (1, 0));
        assert!(!shown.deletion_allowed && shown.state == RingState::Active);
        let versions: Vec<_> = shown.versions.iter().map(|version| (version.version, version.made)).collect();
        assert_eq!(versions, [(1, NOW), (2, NOW)]);
        assert_eq!(rings.rotate(&name(ring)).unwrap(), 3);
    }
}

/// Gives the secrets that the golden rings were made of.
struct Script(Mutex<Vec<Vec<u8>>>);

impl Random for Script {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.fill(0);
    }

    fn fill_secret(&self, bytes: &mut [u8]) -> Result<(), KeyError> {
        let next = self.0.lock().unwrap().remove(0);
        bytes.copy_from_slice(&next[..bytes.len()]);
        Ok(())
    }
}

#[test]
fn rings_are_written_as_format_2_byte_for_byte() {
    for (ring, algorithm) in RINGS {
        let said =
            |what: &str| Hash::Sha256.digest(format!("strongroom golden ring 1: {ring} {what}").as_bytes());
        // The first is the id of the outbox.
        let script = Script(Mutex::new(vec![vec![0; 16], said("id"), said("1"), said("2")]));
        let provider = Arc::new(RustCrypto::with_random(Box::new(script)));
        let store = Arc::new(Engine::new());
        let rings = Kms::new(base_with(store.clone(), provider)).without_caller(TENANT);
        rings.create(&name(ring), algorithm).unwrap();
        rings.rotate(&name(ring)).unwrap();
        let written = store.get_many(&[key(ring)]).unwrap().remove(0).unwrap();
        assert_eq!(*written.value, golden(&format!("{ring}.record")), "{ring}");
    }
}

/// Every operation on a ring whose record the store holds.
fn answers(rings: &Rings) -> Vec<Result<(), KmsError>> {
    let ring = &name("aes");
    vec![
        rings.read(ring).map(drop),
        rings.encrypt(ring, b"text", b"").map(drop),
        rings.decrypt(ring, &golden("aes.2.ciphertext"), b"").map(drop),
        rings.ring(ring).map(drop),
        rings.rotate(ring).map(drop),
        rings.enable(ring),
        rings.delete(ring),
    ]
}

#[test]
fn a_record_of_a_newer_format_is_refused_as_such_and_stays_as_it_is() {
    let mut other_number = golden("aes.record");
    assert_eq!(other_number[..2], [0x8f, 2]);
    other_number[1] = 3;
    // An array of the format number and things that no ring of today has; a larger number.
    for record in [other_number, vec![0x83, 3, 0xf6, 0x61, b'x'], vec![0x82, 0x19, 1, 0, 0xa0]] {
        let (store, rings) = holding("aes", &record);
        let before = store.dump();
        for answer in answers(&rings) {
            let Err(KmsError::Store(StoreError::Unsupported(why))) = answer else {
                panic!("{answer:?} of {record:02x?}")
            };
            assert!(why.contains("newer"));
        }
        assert_eq!(verdict(rings.create(&name("aes"), Algorithm::Aes256Gcm)), "exists");
        assert_eq!(store.dump(), before);
        assert_eq!(rings.list(None, 9).unwrap(), [name("aes")], "it does not hide the others");
    }
}

#[test]
fn a_record_of_format_1_is_refused_with_a_clear_error() {
    for answer in answers(&holding("aes", &golden("aes.record.format-1")).1) {
        let Err(KmsError::Store(StoreError::Unsupported(why))) = answer else { panic!("{answer:?}") };
        assert!(why.contains("format 1"));
    }
}

#[test]
fn a_damaged_record_is_corrupt_or_harmless_and_never_a_panic() {
    let record = golden("aes.record");
    let corrupt = |record: &[u8], what: &str| {
        for answer in answers(&holding("aes", record).1) {
            assert!(matches!(answer, Err(KmsError::Store(StoreError::Corrupt))), "{what}: {answer:?}");
        }
    };
    (0..record.len()).for_each(|length| corrupt(&record[..length], &format!("cut to {length}")));
    corrupt(&[record.clone(), vec![0]].concat(), "longer");
    let with = |at: usize, was: u8, byte: u8| {
        let mut changed = record.clone();
        assert_eq!(changed[at], was);
        changed[at] = byte;
        changed
    };
    corrupt(&with(19, 1, 9), "an algorithm that nobody knows");
    corrupt(&with(29, 3, 1), "being made, with versions");
    corrupt(&with(29, 3, 2), "waiting for an import, with versions");
    corrupt(&with(29, 3, 5), "pending deletion without a time");
    corrupt(&with(29, 3, 6), "destroyed and there");
    corrupt(&with(47, 1, 0), "decrypts from 0");
    corrupt(&with(47, 1, 3), "decrypts from a version that is not there");
    corrupt(&with(48, 0, 3), "encrypts from a version that is not there");
    corrupt(&with(49, 1, 0), "available from 0");
    corrupt(&with(49, 1, 2), "available from above what decrypts");
    corrupt(&with(53, 0x19, 0x18), "operations in another spelling");
    corrupt(&with(54, 0x1f, 0x3f), "an operation that nobody knows");
    corrupt(&with(58, 1, 0), "version 0");
    corrupt(&with(58, 1, 2), "version 2 twice");
    corrupt(&with(58, 1, 3), "versions out of order");
    corrupt(&with(68, 2, 1), "a state that is never written");
    corrupt(&with(68, 2, 6), "destroyed with its secret");
    for at in 0..record.len() {
        for bit in 0..8 {
            let mut damaged = record.clone();
            damaged[at] ^= 1 << bit;
            let _ = answers(&holding("aes", &damaged).1);
        }
    }
}
