//! Rings of symmetric keys: what they encrypt, authenticate and derive, in which version and state, and what is refused.

use std::collections::HashSet;

use strongroom_core::{Algorithm, MAX_DERIVED, Purpose};
use strongroom_kms::{Code, DataKeySize, Derived, KmsError, Rings};

use crate::support::{Disk, minimums, name, rings, verdict};

const RING: &str = "ring";
const MESSAGE: &[u8] = b"a message";

fn of(purpose: Purpose) -> impl Iterator<Item = Algorithm> {
    Algorithm::ALL.into_iter().filter(move |algorithm| algorithm.purpose() == purpose)
}

/// A ring of two versions.
fn ring(algorithm: Algorithm) -> Rings {
    let rings = rings();
    rings.create(&name(RING), algorithm).unwrap();
    rings.rotate(&name(RING)).unwrap();
    rings
}

/// What a ring does, and for keys of which purposes.
type Act = fn(&Rings) -> Result<(), KmsError>;
const OPERATIONS: [(&str, &[Purpose], Act); 6] = [
    ("encrypt", &[Purpose::Envelope, Purpose::Aead], |rings| {
        rings.encrypt(&name(RING), MESSAGE, b"aad").map(drop)
    }),
    ("data key", &[Purpose::Envelope, Purpose::Aead], |rings| {
        rings.data_key(&name(RING), None, DataKeySize::Bits256, b"").map(drop)
    }),
    ("mac", &[Purpose::Mac], |rings| rings.mac(&name(RING), None, MESSAGE).map(drop)),
    ("verify a mac", &[Purpose::Mac], |rings| {
        rings.verify_mac(&name(RING), MESSAGE, &Code { version: 1, bytes: vec![7; 32] }).map(drop)
    }),
    ("derive", &[Purpose::Derive], |rings| rings.derive(&name(RING), None, b"label", b"", 32).map(drop)),
    ("sign", &[Purpose::Sign, Purpose::SignAndOpen], |rings| {
        rings.sign(&name(RING), None, MESSAGE).map(drop)
    }),
];

#[test]
fn every_ring_does_what_its_keys_are_for_and_nothing_else_in_any_state() {
    for algorithm in Algorithm::ALL {
        let rings = ring(algorithm);
        for (what, purposes, act) in OPERATIONS {
            let expected = if purposes.contains(&algorithm.purpose()) { "ok" } else { "wrong type" };
            assert_eq!(verdict(act(&rings)), expected, "{what} with {algorithm:?}");
        }
        rings.disable(&name(RING)).unwrap();
        for (what, _, act) in OPERATIONS {
            assert_eq!(verdict(act(&rings)), "disabled", "{what} with {algorithm:?}");
        }
        assert_eq!(verdict(rings.decrypt(&name(RING), b"", b"")), "disabled");
    }
}

#[test]
fn what_a_version_encrypted_it_decrypts_after_rotation_and_restart_until_it_is_too_old() {
    for algorithm in of(Purpose::Aead) {
        let disk = Disk::new();
        let before = disk.rings();
        before.create(&name(RING), algorithm).unwrap();
        let old = before.encrypt(&name(RING), MESSAGE, b"aad").unwrap();
        before.rotate(&name(RING)).unwrap();
        let rings = disk.rings();
        assert_eq!(*rings.decrypt(&name(RING), &old, b"aad").unwrap(), MESSAGE);
        let new = rings.rewrap(&name(RING), &old, b"aad").unwrap();
        assert_eq!((old[4..8].to_vec(), new[4..8].to_vec()), (vec![0, 0, 0, 1], vec![0, 0, 0, 2]));
        assert_eq!(verdict(rings.encrypt_with(&name(RING), Some(3), MESSAGE, b"")), "no version");
        rings.configure(&name(RING), &minimums(2, 0)).unwrap();
        assert_eq!(verdict(rings.decrypt(&name(RING), &old, b"aad")), "too old");
        assert_eq!(verdict(rings.encrypt_with(&name(RING), Some(1), MESSAGE, b"")), "too old");
        assert_eq!(*rings.decrypt(&name(RING), &new, b"aad").unwrap(), MESSAGE);
    }
}

#[test]
fn a_ciphertext_with_any_bit_changed_or_of_another_ring_does_not_open() {
    for algorithm in of(Purpose::Aead) {
        let rings = ring(algorithm);
        let ciphertext = rings.encrypt(&name(RING), MESSAGE, b"aad").unwrap();
        for bit in 0..ciphertext.len() * 8 {
            let mut wrong = ciphertext.clone();
            wrong[bit / 8] ^= 1 << (bit % 8);
            let expected: &[_] = match bit / 8 {
                0..4 => &["invalid"],
                // A version below the first, or one that was never made, or the other one.
                4..8 => &["too old", "no version", "does not open"],
                _ => &["does not open"],
            };
            let found = verdict(rings.decrypt(&name(RING), &wrong, b"aad"));
            assert!(expected.contains(&found), "{algorithm:?}, bit {bit}: {found}");
        }
        for length in 0..ciphertext.len() {
            let found = verdict(rings.decrypt(&name(RING), &ciphertext[..length], b"aad"));
            assert_eq!(found, if length < 8 { "invalid" } else { "does not open" }, "{algorithm:?} {length}");
        }
        assert_eq!(verdict(rings.decrypt(&name(RING), &ciphertext, b"")), "does not open");
        rings.create(&name("other"), algorithm).unwrap();
        rings.rotate(&name("other")).unwrap();
        assert_eq!(verdict(rings.decrypt(&name("other"), &ciphertext, b"aad")), "does not open");
    }
}

#[test]
fn a_ciphertext_of_another_algorithm_is_none() {
    let made: Vec<_> = of(Purpose::Aead)
        .chain(of(Purpose::Envelope))
        .map(|algorithm| (algorithm, ring(algorithm).encrypt(&name(RING), MESSAGE, b"").unwrap()))
        .collect();
    for algorithm in of(Purpose::Aead).chain(of(Purpose::Envelope)) {
        let rings = ring(algorithm);
        for (_, ciphertext) in made.iter().filter(|(other, _)| *other != algorithm) {
            assert_eq!(verdict(rings.decrypt(&name(RING), ciphertext, b"")), "invalid", "{algorithm:?}");
        }
    }
}

#[test]
fn only_the_deterministic_type_shows_that_two_messages_are_the_same() {
    for algorithm in of(Purpose::Aead) {
        let rings = ring(algorithm);
        let encrypt = |additional: &[u8]| rings.encrypt(&name(RING), MESSAGE, additional).unwrap();
        assert_eq!(encrypt(b"a") == encrypt(b"a"), algorithm == Algorithm::Aes256Siv, "{algorithm:?}");
        assert_ne!(encrypt(b"a"), encrypt(b"b"));
    }
}

#[test]
fn more_than_16_mib_is_not_encrypted() {
    let rings = ring(Algorithm::RawXChaCha20Poly1305);
    let long = vec![0; (16 << 20) + 1];
    assert_eq!(verdict(rings.encrypt(&name(RING), &long, b"")), "invalid");
    let longest = rings.encrypt(&name(RING), &long[1..], b"").unwrap();
    assert_eq!(rings.decrypt(&name(RING), &longest, b"").unwrap().len(), 16 << 20);
    assert_eq!(verdict(rings.decrypt(&name(RING), &vec![0; 17 << 20], b"")), "invalid");
}

#[test]
fn a_code_counts_for_its_message_ring_and_version_whole_and_until_it_is_too_old() {
    for algorithm in of(Purpose::Mac) {
        let rings = ring(algorithm);
        let right = |message: &[u8], code: &Code| rings.verify_mac(&name(RING), message, code).unwrap();
        let old = rings.mac(&name(RING), Some(1), MESSAGE).unwrap();
        let new = rings.mac(&name(RING), None, MESSAGE).unwrap();
        assert_eq!((old.version, new.version), (1, 2));
        assert_ne!(old.bytes, new.bytes);
        assert!(right(MESSAGE, &old) && right(MESSAGE, &new) && !right(b"another", &new));
        assert!(!right(MESSAGE, &Code { version: 1, ..new.clone() }));
        for length in 0..new.bytes.len() {
            let truncated = Code { version: 2, bytes: new.bytes[..length].to_vec() };
            assert!(!right(MESSAGE, &truncated), "{algorithm:?} {length}");
        }
        let unknown = Code { version: 3, ..new.clone() };
        assert_eq!(verdict(rings.verify_mac(&name(RING), MESSAGE, &unknown)), "no version");
        rings.configure(&name(RING), &minimums(2, 2)).unwrap();
        assert_eq!(verdict(rings.verify_mac(&name(RING), MESSAGE, &old)), "too old");
        assert_eq!(verdict(rings.mac(&name(RING), Some(1), MESSAGE)), "too old");
        assert!(rings.verify_mac(&name(RING), MESSAGE, &new).unwrap());
    }
}

#[test]
fn what_is_derived_is_the_same_for_ever_and_another_for_each_user_and_version() {
    let disk = Disk::new();
    let derive = |rings: &Rings, version, context: &[u8]| -> Derived {
        rings.derive(&name(RING), version, b"row key", context, 32).unwrap()
    };
    let rings = disk.rings();
    rings.create(&name(RING), Algorithm::KbkdfHmacSha256).unwrap();
    let first = derive(&rings, None, b"user 1");
    assert_eq!(rings.rotate(&name(RING)).unwrap(), 2);
    let after = disk.rings();
    assert_eq!(*derive(&after, Some(1), b"user 1").secret, *first.secret);
    let newest = derive(&after, Some(0), b"user 1");
    assert_eq!((first.version, newest.version), (1, 2));
    let all =
        [&first.secret, &newest.secret, &derive(&after, None, b"user 2").secret].map(|key| key.to_vec());
    assert_eq!(all.iter().collect::<HashSet<_>>().len(), 3);
    for (label, length) in [(&b"la\0bel"[..], 32), (b"", 0), (b"", MAX_DERIVED + 1)] {
        assert_eq!(verdict(after.derive(&name(RING), None, label, b"", length)), "invalid");
    }
    after.configure(&name(RING), &minimums(2, 0)).unwrap();
    assert_eq!(verdict(after.derive(&name(RING), Some(1), b"row key", b"user 1", 32)), "too old");
}

#[test]
fn a_data_key_is_new_each_time_and_comes_back_from_its_wrapping_alone() {
    for algorithm in of(Purpose::Aead).chain(of(Purpose::Envelope)) {
        let rings = ring(algorithm);
        let mut seen = HashSet::new();
        for (size, bytes) in
            [(DataKeySize::Bits128, 16), (DataKeySize::Bits256, 32), (DataKeySize::Bits512, 64)]
        {
            let key = rings.data_key(&name(RING), None, size, b"file 7").unwrap();
            assert_eq!((key.plaintext.len(), size.bytes()), (bytes, bytes));
            assert_eq!(*rings.decrypt(&name(RING), &key.wrapped, b"file 7").unwrap(), *key.plaintext);
            assert_eq!(verdict(rings.decrypt(&name(RING), &key.wrapped, b"file 8")), "does not open");
            assert!(!format!("{key:?}").contains(&format!("{:?}", &key.plaintext[..4])), "{key:?}");
            assert!(seen.insert(key.plaintext[..16].to_vec()));
            let wrapped = rings.wrapped_data_key(&name(RING), Some(1), size, b"file 7").unwrap();
            let later = rings.decrypt(&name(RING), &wrapped, b"file 7").unwrap();
            assert!(later.len() == bytes && seen.insert(later[..16].to_vec()));
        }
    }
}
