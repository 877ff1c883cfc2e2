//! NIST's own vectors of curves and RSA: whole files, as far as they are of what is here.

use strongroom_core::{Algorithm, HashAlgorithm, KeyError, Padding, Salt, SignOptions};

use crate::{
    rsp::{Case, SECTION, cases},
    support::{import, import_public, unhex},
    tally::Tally,
};

const OTHER_CURVE: &str = "another curve";
const OTHER_HASH: &str = "SHA-1 is no hash of a signature here";
/// SP 800-56A, section 5.6.1.2: they are less than n.
const TOO_LARGE: &str = "a scalar of more bits than the order has, refused";
const OTHER_SIZE: &str = "a modulus of another size";
const OTHER_EXPONENT: &str = "another exponent than 65537, refused";

fn hash(name: &str) -> Option<HashAlgorithm> {
    match name.replace('-', "").as_str() {
        "SHA224" => Some(HashAlgorithm::Sha224),
        "SHA256" => Some(HashAlgorithm::Sha256),
        "SHA384" => Some(HashAlgorithm::Sha384),
        "SHA512" => Some(HashAlgorithm::Sha512),
        _ => None,
    }
}

/// The curve that the section begins with: how it signs, how it agrees, and the length of a scalar.
fn curve(section: &str) -> Option<(Algorithm, Algorithm, usize)> {
    let curves = [
        ("P-256", Algorithm::EcdsaP256, Algorithm::EcdhP256, 32),
        ("P-384", Algorithm::EcdsaP384, Algorithm::EcdhP384, 48),
        ("P-521", Algorithm::EcdsaP521, Algorithm::EcdhP521, 66),
        ("K-256", Algorithm::EcdsaSecp256k1, Algorithm::EcdsaSecp256k1, 32),
    ];
    let found = curves.into_iter().find(|(name, ..)| section.starts_with(name));
    found.map(|(_, signs, agrees, length)| (signs, agrees, length))
}

/// The number, as long as that, or longer if it is.
fn number(case: &Case, field: &str, length: usize) -> Vec<u8> {
    let digits = case.text(field).trim_start_matches('0');
    unhex(&format!("{digits:0>width$}", width = (2 * length).max(digits.len().next_multiple_of(2))))
}

fn point(case: &Case, [x, y]: [&str; 2], length: usize) -> Vec<u8> {
    [&[4], number(case, x, length).as_slice(), &number(case, y, length)].concat()
}

/// Signatures that are right and such that were changed.
fn ecdsa(file: &str) -> Option<Tally> {
    let mut tally = Tally::default();
    for case in cases(file)?.iter().filter(|case| !case.text("Msg").is_empty()) {
        tally.set(1);
        let section = case.text(SECTION);
        let Some((algorithm, _, length)) = curve(section) else {
            tally.except(OTHER_CURVE, 1);
            continue;
        };
        let Some(hash) = hash(section.split(',').nth(1).unwrap()) else {
            tally.except(OTHER_HASH, 1);
            continue;
        };
        let key = import_public(algorithm, &point(case, ["Qx", "Qy"], length)).unwrap();
        let signature = [number(case, "R", length), number(case, "S", length)].concat();
        let found = key.verify(&case.bytes("Msg"), &signature, &SignOptions::hash(hash));
        assert_eq!(found, Ok(!case.fails()), "{section} {}", case.text("Result"));
        tally.compared();
    }
    Some(tally)
}

#[test]
fn ecdsa_signatures_that_were_changed() {
    let Some(tally) = ecdsa("asymmetric/ECDSA/FIPS_186-3/SigVer.rsp") else { return };
    tally.is(180, &[(OTHER_HASH, 45), (OTHER_CURVE, 900)]);
}

#[test]
fn ecdsa_signatures_that_were_made() {
    let Some(tally) = ecdsa("asymmetric/ECDSA/FIPS_186-3/SigGen.txt") else { return };
    tally.is(180, &[(OTHER_HASH, 45), (OTHER_CURVE, 900)]);
}

#[test]
fn ecdsa_signatures_over_secp256k1() {
    let Some(tally) = ecdsa("asymmetric/ECDSA/SECP256K1/SigGen.txt") else { return };
    tally.is(900, &[(OTHER_HASH, 225)]);
}

#[test]
fn points_that_are_no_public_keys() {
    let Some(cases) = cases("asymmetric/ECDSA/FIPS_186-3/PKV.rsp") else { return };
    let mut tally = Tally::default();
    tally.set(cases.len());
    for case in &cases {
        let Some((signs, agrees, length)) = curve(case.text(SECTION)) else {
            tally.except(OTHER_CURVE, 1);
            continue;
        };
        for algorithm in [signs, agrees] {
            let found = import_public(algorithm, &point(case, ["Qx", "Qy"], length));
            let expected = if case.fails() { Err(KeyError::Invalid) } else { Ok(()) };
            assert_eq!(found.map(drop), expected, "{algorithm:?} {}", case.text("Result"));
        }
        tally.compared();
    }
    tally.is(36, &[(OTHER_CURVE, 144)]);
}

/// Both parts of the exchange. That the other scalar was replaced (7) shows only in the public half that it has, which
/// ours makes anew.
fn agreement(role: &str) -> Option<Tally> {
    let file = format!("asymmetric/ECDH/KASValidityTest_ECCStaticUnified_NOKC_ZZOnly_{role}.fax");
    let mut tally = Tally::default();
    for case in cases(&file)?.iter().filter(|case| !case.text("Z").is_empty()) {
        tally.set(1);
        let curves = [("EC", "P-256"), ("ED", "P-384"), ("EE", "P-521")];
        let named = curves.into_iter().find(|(set, _)| case.text(SECTION).starts_with(set));
        let Some((_, algorithm, length)) = named.and_then(|(_, name)| curve(name)) else {
            tally.except(OTHER_CURVE, 1);
            continue;
        };
        let key = import(algorithm, &number(case, "dsIUT", length));
        let Ok(key) = key else {
            tally.except(TOO_LARGE, 1);
            continue;
        };
        let own = key.public().unwrap().bytes == point(case, ["QsIUTx", "QsIUTy"], length);
        let secret = key.agree(&point(case, ["QsCAVSx", "QsCAVSy"], length));
        let right = own && secret.is_ok_and(|secret| *secret == number(case, "Z", length));
        assert_eq!(right, !case.fails(), "{} {}", case.text(SECTION), case.text("Result"));
        tally.compared();
    }
    Some(tally)
}

#[test]
fn key_agreement() {
    for (role, too_large) in [("init", 2), ("resp", 2)] {
        let Some(tally) = agreement(role) else { return };
        tally.is(90 - too_large, &[(OTHER_CURVE, 60), (TOO_LARGE, too_large)]);
    }
}

/// DER of `RSAPublicKey` (RFC 8017, appendix A.1.1) with the exponent 65537 or any short one.
fn rsa_public(modulus: &[u8], exponent: &[u8]) -> Vec<u8> {
    let integer = |bytes: &[u8]| {
        let zero = if bytes[0] >= 0x80 { &[0][..] } else { &[] };
        tagged(2, &[zero, bytes].concat())
    };
    tagged(0x30, &[integer(modulus), integer(exponent)].concat())
}

fn tagged(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = content.len().to_be_bytes();
    let length = &length[length.iter().take_while(|byte| **byte == 0).count()..];
    let short = content.len() < 0x80;
    let prefix = if short { vec![] } else { vec![0x80 | length.len() as u8] };
    [&[tag][..], &prefix, length, content].concat()
}

fn rsa(file: &str, padding: impl Fn(&Case) -> Padding) -> Option<Tally> {
    let mut tally = Tally::default();
    for case in cases(file)?.iter().filter(|case| !case.text("Msg").is_empty()) {
        tally.set(1);
        let (modulus, exponent) = (number(case, "n", 1), number(case, "e", 1));
        let algorithm = match modulus.len() {
            256 => Algorithm::Rsa2048,
            384 => Algorithm::Rsa3072,
            512 => Algorithm::Rsa4096,
            _ => {
                tally.except(OTHER_SIZE, 1);
                continue;
            }
        };
        let key = import_public(algorithm, &rsa_public(&modulus, &exponent));
        let Some(hash) = hash(case.text("SHAAlg")) else {
            tally.except(OTHER_HASH, 1);
            continue;
        };
        if exponent != [1, 0, 1] {
            assert_eq!(key.err(), Some(KeyError::Invalid));
            tally.except(OTHER_EXPONENT, 1);
            continue;
        }
        let options = SignOptions { padding: padding(case), ..SignOptions::hash(hash) };
        let found = key.unwrap().verify(&case.bytes("Msg"), &case.bytes("S"), &options);
        assert_eq!(found, Ok(!case.fails()), "{algorithm:?} {}", case.text("Result"));
        tally.compared();
    }
    Some(tally)
}

#[test]
fn rsa_pkcs1_signatures_that_were_changed() {
    let file = "asymmetric/RSA/FIPS_186-2/SigVer15_186-3.rsp";
    let Some(tally) = rsa(file, |_| Padding::Pkcs1v15) else { return };
    tally.is(68, &[(OTHER_HASH, 54), (OTHER_SIZE, 180), (OTHER_EXPONENT, 148)]);
}

#[test]
fn rsa_pss_signatures_that_were_changed() {
    let salt = |case: &Case| Salt::Bytes(case.bytes("SaltVal").len().try_into().unwrap());
    let file = "asymmetric/RSA/FIPS_186-2/SigVerPSS_186-3.rsp";
    let Some(tally) = rsa(file, |case| Padding::Pss(salt(case))) else { return };
    tally.is(70, &[(OTHER_HASH, 54), (OTHER_SIZE, 180), (OTHER_EXPONENT, 146)]);
}
