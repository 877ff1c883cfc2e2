//! What does not open, and how it is said.

use proptest::prelude::*;
use strongroom_core::{Algorithm, HashAlgorithm};
use strongroom_keys::envelope::{Header, MAX_PLAINTEXT, OVERHEAD};
use strongroom_kms::{Rings, Signature};

use crate::support::{minimums, name, rings, verdict};

const DATA: &[u8] = b"order 7";

/// The rings `aes`, of two versions, `other`, `ed` and `p256`; and a ciphertext of the first's first version.
fn fixture() -> (Rings, Vec<u8>) {
    let rings = rings();
    for (ring, algorithm) in [
        ("aes", Algorithm::Aes256Gcm),
        ("other", Algorithm::Aes256Gcm),
        ("ed", Algorithm::Ed25519),
        ("p256", Algorithm::EcdsaP256),
    ] {
        rings.create(&name(ring), algorithm).unwrap();
    }
    let sealed = rings.encrypt(&name("aes"), b"4111 1111 1111 1111", DATA).unwrap();
    rings.rotate(&name("aes")).unwrap();
    (rings, sealed)
}

fn decrypted(rings: &Rings, sealed: &[u8]) -> &'static str {
    verdict(rings.decrypt(&name("aes"), sealed, DATA))
}

#[test]
fn a_flipped_bit_anywhere_is_a_typed_error() {
    let (rings, sealed) = fixture();
    assert_eq!(decrypted(&rings, &sealed), "ok");
    for at in 0..sealed.len() {
        for bit in 0..8 {
            let mut damaged = sealed.clone();
            damaged[at] ^= 1 << bit;
            let found = decrypted(&rings, &damaged);
            let expected: &[&str] = match at {
                0..4 => &["invalid"],
                // Version 1 becomes 0, another one that is there, or one that is not.
                20..24 => &["invalid", "does not open", "no version"],
                _ => &["does not open"],
            };
            assert!(expected.contains(&found), "bit {bit} of byte {at}: {found}");
            assert_eq!(verdict(rings.rewrap(&name("aes"), &damaged, DATA)), found);
        }
    }
}

#[test]
fn a_ciphertext_cut_short_or_made_longer_does_not_open() {
    let (rings, sealed) = fixture();
    for length in 0..sealed.len() {
        let expected = if length < OVERHEAD { "invalid" } else { "does not open" };
        assert_eq!(decrypted(&rings, &sealed[..length]), expected, "{length} bytes");
    }
    for more in [1, 16, 300] {
        assert_eq!(decrypted(&rings, &[sealed.clone(), vec![0; more]].concat()), "does not open");
    }
    assert_eq!(decrypted(&rings, &[vec![0], sealed].concat()), "invalid");
}

#[test]
fn it_opens_in_one_ring_under_one_version_with_one_additional_data() {
    let (rings, sealed) = fixture();
    assert_eq!(verdict(rings.decrypt(&name("other"), &sealed, DATA)), "does not open");
    assert_eq!(verdict(rings.decrypt(&name("ed"), &sealed, DATA)), "wrong type");
    for additional in [&b""[..], b"order 8", b"order 7\0", b"order", b"kms"] {
        assert_eq!(verdict(rings.decrypt(&name("aes"), &sealed, additional)), "does not open");
        let own = rings.encrypt(&name("aes"), b"text", additional).unwrap();
        assert_eq!(*rings.decrypt(&name("aes"), &own, additional).unwrap(), b"text");
        assert_eq!(decrypted(&rings, &own), "does not open");
    }
    // The version is not a matter of the header alone.
    let mut moved = sealed.clone();
    moved[20..24].copy_from_slice(&2u32.to_be_bytes());
    assert_eq!(Header::parse(&moved).unwrap().key.version, 2);
    assert_eq!(decrypted(&rings, &moved), "does not open");
    // Nor is the ring: its id in another ring's ciphertext.
    let mut stolen = rings.encrypt(&name("other"), b"text", DATA).unwrap();
    stolen[4..20].copy_from_slice(&rings.read(&name("aes")).unwrap().id);
    assert_eq!(decrypted(&rings, &stolen), "does not open");
}

#[test]
fn a_version_that_is_too_old_is_told_from_one_that_never_was() {
    let (rings, sealed) = fixture();
    rings.configure(&name("aes"), &minimums(2, 0)).unwrap();
    assert_eq!(decrypted(&rings, &sealed), "too old");
    let mut unknown = sealed;
    unknown[20..24].copy_from_slice(&u32::MAX.to_be_bytes());
    assert_eq!(decrypted(&rings, &unknown), "no version");
    let signature = |version| Signature { version, bytes: vec![0; 64] };
    assert_eq!(verdict(rings.verify(&name("ed"), b"text", &signature(0))), "too old");
    assert_eq!(verdict(rings.verify(&name("ed"), b"text", &signature(2))), "no version");
    assert_eq!(verdict(rings.verify(&name("ed"), b"text", &signature(u32::MAX))), "no version");
}

#[test]
fn two_ciphertexts_of_one_text_differ() {
    let (rings, sealed) = fixture();
    let again = rings.rewrap_with(&name("aes"), Some(1), &sealed, DATA).unwrap();
    // The salt comes behind the head, and everything behind it depends on it.
    assert_eq!(sealed[..24], again[..24]);
    assert!(sealed[24..].iter().zip(&again[24..]).filter(|(a, b)| a == b).count() < 20);
    let newest = rings.rewrap(&name("aes"), &sealed, DATA).unwrap();
    assert_eq!(Header::parse(&newest).unwrap().key.version, 2);
    assert_eq!(decrypted(&rings, &newest), "ok");
}

#[test]
fn lengths_have_limits_and_nothing_is_a_text_too() {
    let (rings, _) = fixture();
    let aes = name("aes");
    let empty = rings.encrypt(&aes, b"", b"").unwrap();
    assert_eq!(empty.len(), OVERHEAD);
    assert!(rings.decrypt(&aes, &empty, b"").unwrap().is_empty());
    assert_eq!(verdict(rings.encrypt(&aes, &vec![1; MAX_PLAINTEXT + 1], b"")), "invalid");
    let longer = [empty, vec![1; MAX_PLAINTEXT + 1]].concat();
    assert_eq!(verdict(rings.decrypt(&aes, &longer, b"")), "invalid");
    let long = vec![1; 64 << 10];
    let sealed = rings.encrypt(&aes, b"text", &long).unwrap();
    assert_eq!(*rings.decrypt(&aes, &sealed, &long).unwrap(), b"text");
    let longer = [long, vec![1]].concat();
    assert_eq!(verdict(rings.encrypt(&aes, b"text", &longer)), "invalid");
    assert_eq!(verdict(rings.decrypt(&aes, &sealed, &longer)), "invalid");
}

#[test]
fn a_damaged_signature_is_wrong_and_no_error() {
    let (rings, _) = fixture();
    for ring in ["ed", "p256"] {
        let signature = rings.sign(&name(ring), None, b"text").unwrap();
        let verify =
            |bytes: Vec<u8>| rings.verify(&name(ring), b"text", &Signature { version: 1, bytes }).unwrap();
        assert!(verify(signature.bytes.clone()));
        for at in 0..64 {
            let mut damaged = signature.bytes.clone();
            damaged[at] ^= 1;
            assert!(!verify(damaged), "{ring}: byte {at}");
        }
        for bytes in
            [vec![], vec![0; 63], vec![0; 64], vec![0xff; 64], [signature.bytes.clone(), vec![0]].concat()]
        {
            assert!(!verify(bytes), "{ring}");
        }
        assert!(!rings.verify(&name(ring), b"texT", &signature).unwrap());
    }
}

#[test]
fn only_p256_signs_digests_and_only_of_the_length_of_the_hash_that_is_named() {
    let (rings, _) = fixture();
    let p256 = name("p256");
    for hash in HashAlgorithm::ALL {
        for length in [0, 20, 28, 31, 32, 33, 48, 64, 65].into_iter().filter(|length| *length != hash.size())
        {
            assert_eq!(verdict(rings.sign_digest(&p256, None, hash, &vec![1; length])), "invalid");
            let signature = Signature { version: 1, bytes: vec![1; 64] };
            assert_eq!(verdict(rings.verify_digest(&p256, hash, &vec![1; length], &signature)), "invalid");
        }
        let (digest, another) = (vec![1; hash.size()], vec![2; hash.size()]);
        let signature = rings.sign_digest(&p256, None, hash, &digest).unwrap();
        assert!(rings.verify_digest(&p256, hash, &digest, &signature).unwrap());
        assert!(!rings.verify_digest(&p256, hash, &another, &signature).unwrap());
        assert_eq!(verdict(rings.sign_digest(&name("ed"), None, hash, &digest)), "wrong type");
    }
    // A message is signed by its SHA-256.
    let digest = strongroom_keys::Hash::Sha256.digest(b"text");
    let signature = rings.sign(&p256, None, b"text").unwrap();
    assert!(rings.verify_digest(&p256, HashAlgorithm::Sha256, &digest, &signature).unwrap());
}

proptest! {
    #[test]
    fn what_was_encrypted_decrypts_and_random_bytes_do_not(
        plaintext in prop::collection::vec(any::<u8>(), 0..200),
        additional in prop::collection::vec(any::<u8>(), 0..100),
        noise in prop::collection::vec(any::<u8>(), 0..300),
    ) {
        let (rings, aes) = (rings(), name("aes"));
        rings.create(&aes, Algorithm::Aes256Gcm).unwrap();
        let sealed = rings.encrypt(&aes, &plaintext, &additional).unwrap();
        prop_assert_eq!(&*rings.decrypt(&aes, &sealed, &additional).unwrap(), &plaintext);
        prop_assert!(rings.decrypt(&aes, &noise, &additional).is_err());
        // Also with a header that names this ring.
        let framed = [&sealed[..24], &noise].concat();
        prop_assert!(rings.decrypt(&aes, &framed, &additional).is_err());
    }
}
