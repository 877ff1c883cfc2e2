//! RSA keys that others made, and that can be broken. What is looked for takes microseconds.

use p256::pkcs8::der::Decode as _;
use rsa::{
    BoxedUint, PrivateKey,
    pkcs1::{self, DecodeRsaPrivateKey as _, UintRef},
    traits::PrivateKeyParts as _,
};
use strongroom_core::Algorithm;

use crate::ImportError;

/// The public exponent, F4.
const EXPONENT: u64 = 65_537;

/// The primes that the fingerprint of CVE-2017-15361 looks at.
const PRIMES: [u64; 38] = [
    3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89, 97, 101, 103,
    107, 109, 113, 127, 131, 137, 139, 149, 151, 157, 163, 167,
];

/// Refuses a private key, in the DER of `RSAPrivateKey`, that can be broken or is of another size.
pub(super) fn private(algorithm: Algorithm, der: &[u8]) -> Result<(), ImportError> {
    let numbers = pkcs1::RsaPrivateKey::from_der(der).map_err(|_| ImportError::Malformed)?;
    let bits = modulus(algorithm, numbers.modulus, numbers.public_exponent)?;
    let key = PrivateKey::from_pkcs1_der(der).map_err(|_| ImportError::Inconsistent)?;
    match key.primes() {
        [p, q] if are_close(p, q, bits) => Err(ImportError::Weak),
        [_, _] => Ok(()),
        _ => Err(ImportError::OutOfRange),
    }
}

/// The same for a public key, in the DER of `RSAPublicKey`.
pub(super) fn public(algorithm: Algorithm, der: &[u8]) -> Result<(), ImportError> {
    let numbers = pkcs1::RsaPublicKey::from_der(der).map_err(|_| ImportError::Malformed)?;
    modulus(algorithm, numbers.modulus, numbers.public_exponent).map(drop)
}

/// The bits of a modulus that is as long as it should be and has no known weakness.
fn modulus(algorithm: Algorithm, n: UintRef<'_>, e: UintRef<'_>) -> Result<usize, ImportError> {
    let n = n.as_bytes();
    let first = n.first().ok_or(ImportError::OutOfRange)?;
    let bits = n.len() * 8 - first.leading_zeros() as usize;
    if Some(bits) != algorithm.modulus_bits() {
        return Err(ImportError::ModulusSize);
    }
    if e.as_bytes() != [1, 0, 1] {
        return Err(ImportError::Exponent);
    }
    let small = |prime: &u64| remainder(n, *prime) == 0;
    let even = n.last().is_none_or(|last| last % 2 == 0);
    if even || PRIMES.iter().any(small) || is_power_of_65537(n) {
        return Err(ImportError::Weak);
    }
    Ok(bits)
}

/// |p - q| > 2^(nlen/2 - 100) (FIPS 186-5, section A.1.1): from closer ones Fermat's way finds both.
fn are_close(p: &BoxedUint, q: &BoxedUint, bits: usize) -> bool {
    let (larger, smaller) = if p > q { (p, q) } else { (q, p) };
    larger.wrapping_sub(smaller).bit_width() as usize <= (bits / 2).saturating_sub(100)
}

/// ROCA (CVE-2017-15361): primes of that library are powers of 65537 modulo every small prime, and so is their product. Of
/// other moduli fewer than one in 2²⁷ are.
fn is_power_of_65537(modulus: &[u8]) -> bool {
    PRIMES.iter().all(|prime| {
        let wanted = remainder(modulus, *prime);
        let mut power = 1;
        (0..*prime).any(|_| {
            let found = power == wanted;
            power = power * EXPONENT % prime;
            found
        })
    })
}

/// What a number, big-endian, leaves.
fn remainder(number: &[u8], by: u64) -> u64 {
    number.iter().fold(0, |rest, byte| (rest << 8 | u64::from(*byte)) % by)
}
