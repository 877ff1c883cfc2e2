//! RSA keys that others made and that can be broken, or are of another size: refused, by a name that says what to do.

use secrecy::ExposeSecret as _;
use strongroom_core::{Algorithm, KeyError};
use strongroom_keys::{ImportError, KeyFormat, private_from_der, private_to_der, public_der};

use crate::support::{generate, software, unhex};

const WEAK: &str = include_str!("golden/weak-rsa.txt");
const RSA: Algorithm = Algorithm::Rsa2048;
const POWER: u64 = 65_537;

fn document(name: &str) -> Vec<u8> {
    let found = WEAK.lines().filter_map(|line| line.split_once(' ')).find(|(known, _)| *known == name);
    unhex(found.unwrap().1)
}

#[test]
fn a_private_key_that_can_be_broken_or_has_another_size_is_refused() {
    for (name, expected) in [
        ("close-primes", ImportError::Weak),
        ("exponent-3", ImportError::Exponent),
        ("bits-1024", ImportError::ModulusSize),
    ] {
        let document = document(name);
        assert_eq!(KeyFormat::Der.private(RSA, &document).err(), Some(expected), "{name}");
        assert_eq!(private_from_der(RSA, &document).err(), Some(KeyError::Invalid), "{name}");
        // Behind 26 bytes of PKCS#8 is RSAPrivateKey.
        let inside = &document[26..];
        assert_eq!(KeyFormat::Der.private(RSA, inside).err(), Some(expected), "{name}");
        assert_eq!(software().import(RSA, inside).err(), Some(KeyError::Invalid), "{name}");
    }
    let (stored, ..) = generate(RSA);
    let material = software().export(&stored).unwrap();
    let document = private_to_der(RSA, material.expose_secret()).unwrap();
    for other in [Algorithm::Rsa3072, Algorithm::Rsa4096] {
        let refused = KeyFormat::Der.private(other, document.expose_secret());
        assert_eq!(refused.err(), Some(ImportError::ModulusSize));
    }
}

/// A public key with a modulus of 2048 bits that is what `small` says modulo each of the primes to 167, and odd.
fn with_remainders(small: impl Fn(u64) -> u64) -> Vec<u8> {
    let (stored, ..) = generate(RSA);
    let mut document = public_der(&software().load(&stored).unwrap().public().unwrap().clone()).unwrap();
    // The modulus follows 33 bytes of headers.
    let primes = (3..=167_u64).filter(|number| (2..*number).all(|divisor| number % divisor != 0));
    // Big-endian additions of the product of all primes so far make one remainder after the other right.
    let (modulus, mut step) = (33..33 + 256, vec![0_u8; 256]);
    step[255] = 2;
    for prime in primes {
        while remainder(&document[modulus.clone()], prime) != small(prime) {
            add(&mut document[modulus.clone()], &step);
        }
        multiply(&mut step, prime);
    }
    document
}

fn remainder(number: &[u8], by: u64) -> u64 {
    number.iter().fold(0, |rest, byte| (rest * 256 + u64::from(*byte)) % by)
}

fn add(number: &mut [u8], other: &[u8]) {
    let mut carry = 0;
    for (byte, more) in number.iter_mut().zip(other).rev() {
        let sum = u16::from(*byte) + u16::from(*more) + carry;
        (*byte, carry) = (sum as u8, sum >> 8);
    }
}

fn multiply(number: &mut [u8], by: u64) {
    let mut carry = 0;
    for byte in number.iter_mut().rev() {
        let product = u64::from(*byte) * by + carry;
        (*byte, carry) = (product as u8, product >> 8);
    }
}

#[test]
fn a_modulus_of_the_kind_of_roca_is_refused() {
    let powers =
        |exponent: u32| move |prime: u64| (0..exponent).fold(1, |power, _| power * (POWER % prime) % prime);
    for exponent in [1, 2, 1_000_003] {
        let document = with_remainders(powers(exponent));
        assert_eq!(KeyFormat::Der.public(RSA, &document).err(), Some(ImportError::Weak), "{exponent}");
    }
    // 65537 is 2 modulo 5 and generates everything there; modulo 17 its powers are 2, 4, 8, 16, 15, 13, 9 and 1.
    let other = with_remainders(|prime| if prime == 17 { 3 } else { powers(7)(prime) });
    assert!(KeyFormat::Der.public(RSA, &other).is_ok());
}

#[test]
fn a_modulus_with_a_small_factor_is_refused() {
    for factor in [3, 7, 167] {
        let document = with_remainders(|prime| if prime == factor { 0 } else { 1 });
        assert_eq!(KeyFormat::Der.public(RSA, &document).err(), Some(ImportError::Weak), "{factor}");
    }
    let mut even = with_remainders(|_| 1);
    even[33 + 255] &= 0xfe;
    assert!(KeyFormat::Der.public(RSA, &even).is_err());
}
