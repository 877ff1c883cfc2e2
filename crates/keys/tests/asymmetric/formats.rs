//! Every type of key in every format: what is taken over, and what is refused for which reason. Never a panic
//! (GHSA-8w8f-r2xv-4q4j was one, of a type with a flag that it did not expect).

use proptest::prelude::*;
use secrecy::{ExposeSecret as _, SecretSlice};
use strongroom_core::{Algorithm, Cost, KeyError, PublicKey, Stored};
use strongroom_keys::{ImportError, KeyFormat};

use crate::{golden::kept, support::software};

/// A key of each type; RSA's are kept ones.
fn key(algorithm: Algorithm) -> (SecretSlice<u8>, Option<PublicKey>) {
    let stored: Stored = match algorithm.generation() {
        Cost::Inline => software().generate(algorithm).unwrap(),
        Cost::Slow => kept(algorithm),
    };
    let public = software().load(&stored).unwrap().public().cloned();
    (software().export(&stored).unwrap(), public)
}

fn only_raw(algorithm: Algorithm) -> bool {
    !algorithm.is_asymmetric() || matches!(algorithm, Algorithm::XWing | Algorithm::HpkeXWing)
}

/// The format that is refused, with what is said of it.
fn misfit(format: KeyFormat, algorithm: Algorithm) -> Option<ImportError> {
    match (format, only_raw(algorithm)) {
        (KeyFormat::Raw, false) => Some(ImportError::OnlyDocuments),
        (KeyFormat::Der | KeyFormat::Pem, true) => Some(ImportError::OnlyRaw),
        _ => None,
    }
}

#[test]
fn a_secret_key_comes_back_from_each_format_of_its_type_and_from_no_other() {
    for algorithm in Algorithm::ALL {
        let (material, _) = key(algorithm);
        for format in KeyFormat::ALL {
            let written = format.write_private(algorithm, material.expose_secret());
            if let Some(expected) = misfit(format, algorithm) {
                assert_eq!(written.err(), Some(KeyError::Unsupported), "{algorithm:?} {format:?}");
                let read = format.private(algorithm, material.expose_secret());
                assert_eq!(read.err(), Some(expected), "{algorithm:?} {format:?}");
                continue;
            }
            let read = format.private(algorithm, written.unwrap().expose_secret()).unwrap();
            assert_eq!(read.expose_secret(), material.expose_secret(), "{algorithm:?} {format:?}");
            software().import(algorithm, read.expose_secret()).unwrap();
        }
        let own = KeyFormat::of(algorithm);
        assert!(misfit(own, algorithm).is_none());
    }
}

#[test]
fn a_public_key_comes_back_from_each_format_of_its_type_and_from_no_other() {
    for algorithm in Algorithm::ALL {
        let (material, public) = key(algorithm);
        for format in KeyFormat::ALL {
            let Some(public) = &public else {
                let read = format.public(algorithm, material.expose_secret());
                assert_eq!(read.err(), Some(ImportError::NoPublicHalf), "{algorithm:?} {format:?}");
                continue;
            };
            let written = format.write_public(public);
            if let Some(expected) = misfit(format, algorithm) {
                assert_eq!(written.err(), Some(KeyError::Unsupported), "{algorithm:?} {format:?}");
                let read = format.public(algorithm, &public.bytes);
                assert_eq!(read.err(), Some(expected), "{algorithm:?} {format:?}");
                continue;
            }
            assert_eq!(format.public(algorithm, &written.unwrap()).as_ref(), Ok(public));
        }
    }
}

/// What a document says: the types that share one are told apart by the ring alone.
fn document_of(algorithm: Algorithm) -> Algorithm {
    match algorithm {
        Algorithm::EcdhP256 | Algorithm::HpkeP256 => Algorithm::EcdsaP256,
        Algorithm::EcdhP384 => Algorithm::EcdsaP384,
        Algorithm::EcdhP521 => Algorithm::EcdsaP521,
        Algorithm::HpkeX25519 => Algorithm::X25519,
        other => other,
    }
}

/// The one reason for which a document of `found` is refused as one of `asked`.
fn expected(asked: Algorithm, found: Algorithm) -> Option<ImportError> {
    match (document_of(asked) == document_of(found), asked.modulus_bits(), found.modulus_bits()) {
        (true, ..) => None,
        (false, Some(_), Some(_)) => Some(ImportError::ModulusSize),
        _ => Some(ImportError::OtherType),
    }
}

#[test]
fn a_document_of_any_other_type_is_refused_by_name() {
    let documents = Algorithm::ALL.into_iter().filter(|algorithm| !only_raw(*algorithm));
    for found in documents.clone() {
        let (material, public) = key(found);
        let public = public.unwrap();
        for asked in documents.clone() {
            for format in [KeyFormat::Der, KeyFormat::Pem] {
                let private = format.write_private(found, material.expose_secret()).unwrap();
                let read = format.private(asked, private.expose_secret());
                assert_eq!(read.err(), expected(asked, found), "{found:?} as {asked:?}");
                let read = format.public(asked, &format.write_public(&public).unwrap());
                assert_eq!(read.err(), expected(asked, found), "{found:?} as {asked:?}");
                // Neither is the other.
                assert_eq!(format.public(asked, private.expose_secret()).err(), Some(ImportError::Malformed));
            }
        }
    }
}

#[test]
fn a_raw_key_of_another_length_is_refused() {
    for algorithm in Algorithm::ALL.into_iter().filter(|algorithm| only_raw(*algorithm)) {
        let lengths = algorithm.secret_lengths().unwrap_or(32..=32);
        for length in [0, 1, 13, 15, 16, 24, 31, 32, 33, 63, 64, 65, 512, 513, 4096] {
            let read = KeyFormat::Raw.private(algorithm, &vec![7; length]);
            let expected = (!lengths.contains(&length)).then_some(ImportError::Length);
            assert_eq!(read.err(), expected, "{algorithm:?} {length}");
        }
    }
}

#[test]
fn an_encrypted_document_is_named_as_such() {
    let (material, _) = key(Algorithm::EcdsaP256);
    let pem = KeyFormat::Pem.write_private(Algorithm::EcdsaP256, material.expose_secret()).unwrap();
    let pem = String::from_utf8(pem.expose_secret().to_vec()).unwrap();
    let encrypted = pem.replace("PRIVATE KEY", "ENCRYPTED PRIVATE KEY");
    let read = KeyFormat::Pem.private(Algorithm::EcdsaP256, encrypted.as_bytes());
    assert_eq!(read.err(), Some(ImportError::Encrypted));
    // SEQUENCE { SEQUENCE { OID PBES2 }, OCTET STRING }
    let der =
        [&[0x30, 0x11, 0x30, 0x0b, 6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 5, 13][..], &[4, 2, 7, 7]];
    let read = KeyFormat::Der.private(Algorithm::EcdsaP256, &der.concat());
    assert_eq!(read.err(), Some(ImportError::Encrypted));
}

fn any_algorithm() -> impl Strategy<Value = Algorithm> {
    prop::sample::select(Algorithm::ALL.to_vec())
}

/// What is read is written in one way, and read again as the same.
fn is_canonical(format: KeyFormat, algorithm: Algorithm, written: &[u8]) {
    if let Ok(material) = format.private(algorithm, written) {
        let again = format.write_private(algorithm, material.expose_secret()).unwrap();
        let read = format.private(algorithm, again.expose_secret()).unwrap();
        assert_eq!(read.expose_secret(), material.expose_secret());
    }
    if let Ok(public) = format.public(algorithm, written) {
        let again = format.write_public(&public).unwrap();
        assert_eq!(format.public(algorithm, &again), Ok(public));
        if format == KeyFormat::Der {
            assert_eq!(again, written, "a public key has one document");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn any_bytes_are_refused_or_one_key(
        algorithm in any_algorithm(),
        format in prop::sample::select(KeyFormat::ALL.to_vec()),
        bytes in prop::collection::vec(any::<u8>(), 0..200),
    ) {
        is_canonical(format, algorithm, &bytes);
    }

    #[test]
    fn a_document_with_changed_bytes_is_refused_or_one_key(
        algorithm in any_algorithm(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let (material, public) = key(algorithm);
        let format = KeyFormat::of(algorithm);
        let private = format.write_private(algorithm, material.expose_secret()).unwrap();
        let public = public.map(|public| format.write_public(&public).unwrap());
        for document in [Some(private.expose_secret().to_vec()), public].into_iter().flatten() {
            let mut changed = document;
            for (place, value) in &changes {
                *place.get_mut(&mut changed) = *value;
            }
            is_canonical(format, algorithm, &changed);
        }
    }
}
