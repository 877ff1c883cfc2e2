use strongroom_core::{Algorithm, Key, Provider, Random};

use super::{Fixed, KnownAnswer, symmetric::key, unhex};
use crate::{
    KeyWrap, RustCrypto,
    envelope::{self, Context, KeyId},
    kbkdf,
};

pub(super) const ROWS: &[KnownAnswer] = &[
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
        let wrapped = "138bdeaa9b8fa7fc61f97742e72248ee5ae6ae5360d1ae6a5f54f373fa543b6b";
        let (wrapping, key) =
            ("5840df6e29b02af1ab493b705bf16ea1ae8338f4dcc176a8", "c37b7e6492584340bed12207808941155068f738");
        assert_eq!(wrap(KeyWrap::Kwp, wrapping, key, wrapped), None);
    }
}
