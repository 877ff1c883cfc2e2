//! PKCS#8, SEC1, PKCS#1 and SubjectPublicKeyInfo, out and in again.

use secrecy::ExposeSecret as _;
use strongroom_core::{Algorithm, KeyError};
use strongroom_keys::{
    private_from_der, private_from_pem, private_to_der, private_to_pem, public_der, public_from_der,
    public_from_pem, public_pem,
};

use crate::support::{asymmetric, generate, software};

/// Those that no standard gives a document yet.
fn without(algorithm: Algorithm) -> bool {
    matches!(algorithm, Algorithm::XWing | Algorithm::HpkeXWing)
}

fn quick() -> impl Iterator<Item = Algorithm> {
    asymmetric().filter(|algorithm| !matches!(algorithm, Algorithm::Rsa3072 | Algorithm::Rsa4096))
}

#[test]
fn a_private_key_comes_back_from_its_document() {
    for algorithm in quick() {
        let (stored, ..) = generate(algorithm);
        let material = software().export(&stored).unwrap();
        let material = material.expose_secret();
        if without(algorithm) {
            assert_eq!(private_to_der(algorithm, material).err(), Some(KeyError::Unsupported));
            continue;
        }
        let (der, pem) =
            (private_to_der(algorithm, material).unwrap(), private_to_pem(algorithm, material).unwrap());
        assert_eq!(private_from_der(algorithm, der.expose_secret()).unwrap().expose_secret(), material);
        assert_eq!(private_from_pem(algorithm, pem.expose_secret()).unwrap().expose_secret(), material);
        assert!(pem.expose_secret().starts_with("-----BEGIN PRIVATE KEY-----\n"));
        assert!(pem.expose_secret().ends_with("-----END PRIVATE KEY-----\n"));
    }
}

#[test]
fn a_public_key_comes_back_from_its_document() {
    for algorithm in quick() {
        let (stored, ..) = generate(algorithm);
        let public = stored.public.unwrap();
        if without(algorithm) {
            assert_eq!(public_der(&public), Err(KeyError::Unsupported));
            continue;
        }
        assert_eq!(public_from_der(algorithm, &public_der(&public).unwrap()), Ok(public.clone()));
        assert_eq!(public_from_pem(algorithm, &public_pem(&public).unwrap()), Ok(public));
    }
}

/// Whether both stand in documents of the same kind: what a key is for, these do not say.
fn alike(one: Algorithm, other: Algorithm) -> bool {
    let family = |algorithm| match algorithm {
        Algorithm::EcdhP256 | Algorithm::HpkeP256 => Algorithm::EcdsaP256,
        Algorithm::EcdhP384 => Algorithm::EcdsaP384,
        Algorithm::EcdhP521 => Algorithm::EcdsaP521,
        Algorithm::HpkeX25519 => Algorithm::X25519,
        other => other,
    };
    family(one) == family(other)
}

#[test]
fn a_document_of_another_algorithm_is_refused() {
    for algorithm in quick().filter(|algorithm| !without(*algorithm)) {
        let (stored, ..) = generate(algorithm);
        let material = software().export(&stored).unwrap();
        let private = private_to_der(algorithm, material.expose_secret()).unwrap();
        let public = public_der(&stored.public.unwrap()).unwrap();
        for other in asymmetric().filter(|other| !without(*other)) {
            let same = alike(algorithm, other);
            assert_eq!(
                private_from_der(other, private.expose_secret()).is_ok(),
                same,
                "{algorithm:?} {other:?}"
            );
            assert_eq!(public_from_der(other, &public).is_ok(), same, "{algorithm:?} {other:?}");
        }
    }
}

#[test]
fn a_private_key_with_the_public_key_of_another_is_refused() {
    for algorithm in
        [Algorithm::EcdsaP256, Algorithm::EcdsaP521, Algorithm::EcdsaSecp256k1, Algorithm::EcdhP384]
    {
        let (mine, _, _) = generate(algorithm);
        let (_, other, _) = generate(algorithm);
        let material = software().export(&mine).unwrap();
        let good = private_to_der(algorithm, material.expose_secret()).unwrap();
        let point = &other.public().unwrap().bytes;
        // `ECPrivateKey` ends with the point.
        let (before, _) = good.expose_secret().split_at(good.expose_secret().len() - point.len());
        let refused = private_from_der(algorithm, &[before, point].concat());
        assert_eq!(refused.err(), Some(KeyError::Invalid), "{algorithm:?}");
    }
}

#[test]
fn rsa_halves_that_do_not_belong_together_are_refused() {
    let second = software().generate(Algorithm::Rsa2048).unwrap();
    let first = generate(Algorithm::Rsa2048).0;
    let (first, second) = (software().export(&first).unwrap(), software().export(&second).unwrap());
    let (first, second) = (first.expose_secret(), second.expose_secret());
    // The modulus comes first: one key's in the place of the other's.
    let swapped = [&second[..270], &first[270..]].concat();
    assert_eq!(software().import(Algorithm::Rsa2048, &swapped).err(), Some(KeyError::Invalid));
    for other in [Algorithm::Rsa3072, Algorithm::Rsa4096, Algorithm::EcdsaP256] {
        assert_eq!(software().import(other, first).err(), Some(KeyError::Invalid));
    }
}

#[test]
fn a_document_that_is_encrypted_or_of_another_label_is_refused() {
    let (stored, ..) = generate(Algorithm::EcdsaP256);
    let material = software().export(&stored).unwrap();
    let pem = private_to_pem(Algorithm::EcdsaP256, material.expose_secret()).unwrap();
    for label in ["ENCRYPTED PRIVATE KEY", "PUBLIC KEY", "CERTIFICATE", "RSA PRIVATE KEY"] {
        let other = pem.expose_secret().replace("PRIVATE KEY", label);
        assert_eq!(private_from_pem(Algorithm::EcdsaP256, &other).err(), Some(KeyError::Invalid), "{label}");
    }
    let public = public_pem(&stored.public.unwrap()).unwrap();
    assert!(public_from_pem(Algorithm::EcdsaP256, &public.replace("PUBLIC", "PRIVATE")).is_err());
    assert!(public_from_pem(Algorithm::EcdsaP256, "").is_err());
    assert!(private_from_pem(Algorithm::EcdsaP256, "no document").is_err());
}
