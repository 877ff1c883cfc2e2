use strongroom_core::{Algorithm, Argon2Cost, HashAlgorithm, Key, Provider, Random};

use super::{Fixed, KnownAnswer, symmetric::key, unhex};
use crate::{
    KeyWrap, RustCrypto, SystemRandom,
    envelope::{self, Context, KeyId},
    kbkdf,
};

pub(super) const ROWS: &[KnownAnswer] = &[
    ("Random source", random),
    // FIPS 180-4 and FIPS 202: "abc".
    ("SHA-224", || hash(HashAlgorithm::Sha224, "23097d223405d8228642a477bda255b32aadbce4bda0b3f7e36c9da7")),
    ("SHA-256", || {
        hash(HashAlgorithm::Sha256, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
    }),
    ("SHA-384", || {
        let digest = concat!(
            "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded163",
            "1a8b605a43ff5bed8086072ba1e7cc2358baeca134c825a7"
        );
        hash(HashAlgorithm::Sha384, digest)
    }),
    ("SHA-512", || {
        let digest = concat!(
            "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a",
            "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f"
        );
        hash(HashAlgorithm::Sha512, digest)
    }),
    ("SHA-512/256", || {
        hash(HashAlgorithm::Sha512_256, "53048e2681941ef99b2e29b76b4c7dabe4c2d0c634fc6d46e0e2f13107e7af23")
    }),
    ("SHA3-224", || {
        hash(HashAlgorithm::Sha3_224, "e642824c3f8cf24ad09234ee7d3c766fc9a3a5168d0c94ad73b46fdf")
    }),
    ("SHA3-256", || {
        hash(HashAlgorithm::Sha3_256, "3a985da74fe225b2045c172d6bd390bd855f086e3e9d525b46bfe24511431532")
    }),
    ("SHA3-384", || {
        let digest = concat!(
            "ec01498288516fc926459f58e2c6ad8df9b473cb0fc08c25",
            "96da7cf0e49be4b298d88cea927ac7f539f1edf228376d25"
        );
        hash(HashAlgorithm::Sha3_384, digest)
    }),
    ("SHA3-512", || {
        let digest = concat!(
            "b751850b1a57168a5693cd924b6b096e08f621827444f70d884f5d0240d2712e",
            "10e116e9192af3c91a7ec57647e3934057340b4cf408d5a56592f8274eec53f0"
        );
        hash(HashAlgorithm::Sha3_512, digest)
    }),
    ("HKDF-SHA-256", || hkdf().is_some_and(|right| right)),
    ("Argon2id", || argon2id().is_some_and(|right| right)),
    ("Envelope", || sealed_envelope().is_some_and(|right| right)),
    ("KBKDF-HMAC-SHA-256", || counter_mode().is_some_and(|right| right)),
    // RFC 3394, section 4.6.
    ("AES-KW", || {
        let key = "00112233445566778899aabbccddeeff000102030405060708090a0b0c0d0e0f";
        let wrapped = "28c9f404c4b810f4cbccb35cfb87f8263f5786e2d80ed326cbc7f0e71a99f43bfb988b9b7a02dd21";
        let wrapping = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
        wrap(KeyWrap::Kw, wrapping, key, wrapped).is_some_and(|right| right)
    }),
    // RFC 5649, section 6.
    ("AES-KWP", || {
        let wrapped = "138bdeaa9b8fa7fc61f97742e72248ee5ae6ae5360d1ae6a5f54f373fa543b6a";
        let (wrapping, key) =
            ("5840df6e29b02af1ab493b705bf16ea1ae8338f4dcc176a8", "c37b7e6492584340bed12207808941155068f738");
        wrap(KeyWrap::Kwp, wrapping, key, wrapped).is_some_and(|right| right)
    }),
];

/// It draws, and does not draw the same twice: what a source that stands still would do.
fn random() -> bool {
    let mut draws = [[0; 32]; 4];
    let [first, second, third, fourth] = &mut draws;
    let drawn = [first, second].into_iter().all(|secret| SystemRandom.fill_secret(secret).is_ok());
    SystemRandom.fill(third);
    SystemRandom.fill(fourth);
    let [first, second, third, fourth] = draws;
    drawn
        && ![second, third, fourth].contains(&first)
        && ![third, fourth].contains(&second)
        && third != fourth
}

fn hash(algorithm: HashAlgorithm, digest: &str) -> bool {
    unhex(digest) == Some(RustCrypto::new().hash(algorithm, &[b"a", b"bc"]))
}

/// RFC 5869, appendix A.1, of which the first 32 bytes.
fn hkdf() -> Option<bool> {
    let (salt, info) = (unhex("000102030405060708090a0b0c")?, unhex("f0f1f2f3f4f5f6f7f8f9")?);
    let expected = unhex("3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf")?;
    Some(RustCrypto::new().hkdf(&[0x0b; 22], &salt, &info).as_slice() == expected)
}

/// By the reference implementation in C, with the least memory that is allowed.
fn argon2id() -> Option<bool> {
    let cost = Argon2Cost::new(8192, 1, 1).ok()?;
    let salt = unhex("000102030405060708090a0b0c0d0e0f")?;
    let key = RustCrypto::new().argon2id(b"correct horse", salt.as_slice().try_into().ok()?, cost).ok()?;
    Some(unhex("68aa6b3e6343f355586e5dd84710fb380cc542b0a47fa8a06ad81318fa48e3b3")? == key.as_slice())
}

/// By an independent implementation: HMAC-SHA-256, the KDF, AES-256-GCM and the format in one.
fn sealed_envelope() -> Option<bool> {
    let expected = unhex(concat!(
        "53520101101112131415161718191a1b1c1d1e1f00000007aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        "aaaaaaaaaaaaaaaa10d46c6ef20912324eee918c4f86775b1e925964732458889a7afead139bc3b6",
        "bbbbbbbbbbbbbbbbbbbbbbbbd1640b4101a5184db643ba7cbc8a1a8106daca20798621e4b41d276f00c91ec6"
    ))?;
    let key: Vec<u8> = (0..32).collect();
    let id = unhex("101112131415161718191a1b1c1d1e1f")?;
    let id = KeyId { id: id.as_slice().try_into().ok()?, version: 7 };
    let provider = RustCrypto::with_random(Box::new(SaltAndNonce));
    let mac = provider.hmac(key.as_slice().try_into().ok()?);
    let context = Context::new(&provider, &[b"tenant-1", b"kms/ring", b"row-42", b"v3"]).ok()?;
    let sealed = envelope::seal(&provider, &*mac, id, &context, b"hello strongroom").ok()?;
    let opened = envelope::open(&provider, &*mac, id, &context, &expected).ok()?;
    Some(sealed == expected && *opened == b"hello strongroom")
}

/// Draws a salt of 0xaa and a nonce of 0xbb.
struct SaltAndNonce;

impl Random for SaltAndNonce {
    fn fill(&self, bytes: &mut [u8]) {
        let byte = if bytes.len() == 24 { 0xaa } else { 0xbb };
        bytes.fill(byte);
    }

    fn fill_secret(&self, bytes: &mut [u8]) -> Result<(), strongroom_core::KeyError> {
        Fixed(Vec::new()).fill_secret(bytes)
    }
}

/// NIST's validation program for SP 800-108, HMAC-SHA-256 with a counter of 32 bits before the fixed input, case 0.
fn counter_mode() -> Option<bool> {
    let key_bytes = unhex("dd1d91b7d90b2bd3138533ce92b272fbf8a369316aefe242e659cc0ae238afe0")?;
    let fixed_input = unhex(concat!(
        "01322b96b30acd197979444e468e1c5c6859bf1b1cf951b7e725303e237e46b864a145fab25e517b",
        "08f8683d0315bb2911d80a0e8aba17f3b413faac"
    ))?;
    let key = key(Algorithm::HmacSha256, &key_bytes, Vec::new())?;
    let derived = kbkdf(&*key as &dyn Key, &fixed_input, 16).ok()?;
    Some(unhex("10621342bfb0fd40046c0e29f2cfdbf0")? == *derived)
}

fn wrap(wrap: KeyWrap, wrapping: &str, key: &str, wrapped: &str) -> Option<bool> {
    let (wrapping, key, wrapped) = (unhex(wrapping)?, unhex(key)?, unhex(wrapped)?);
    let unwrapped = wrap.unwrap(&wrapping, &wrapped).ok()?;
    Some(wrap.wrap(&wrapping, &key).ok()? == wrapped && *unwrapped == key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_that_is_not_the_known_one_fails() {
        assert!(!hash(HashAlgorithm::Sha224, "23097d223405d8228642a477bda255b32aadbce4bda0b3f7e36c9da8"));
        assert!(!hash(HashAlgorithm::Sha224, "no digest"));
        let wrapped = "138bdeaa9b8fa7fc61f97742e72248ee5ae6ae5360d1ae6a5f54f373fa543b6b";
        let (wrapping, key) =
            ("5840df6e29b02af1ab493b705bf16ea1ae8338f4dcc176a8", "c37b7e6492584340bed12207808941155068f738");
        assert_eq!(wrap(KeyWrap::Kwp, wrapping, key, wrapped), None);
    }
}
