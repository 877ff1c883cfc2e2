use strongroom_core::{Algorithm, Argon2Cost, HashAlgorithm, KeyError, Provider, SignOptions};

use super::unhex;

/// The name of a primitive, and whether a provider gave the answer that is known.
pub(super) type ProviderAnswer = (&'static str, fn(&dyn Provider) -> bool);

/// Of everything that a provider does itself.
pub(super) const ROWS: &[ProviderAnswer] = &[
    ("Random source", random),
    // FIPS 180-4 and FIPS 202: "abc".
    ("SHA-224", |provider| {
        hash(provider, HashAlgorithm::Sha224, "23097d223405d8228642a477bda255b32aadbce4bda0b3f7e36c9da7")
    }),
    ("SHA-256", |provider| {
        hash(
            provider,
            HashAlgorithm::Sha256,
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
        )
    }),
    ("SHA-384", |provider| {
        let digest = concat!(
            "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded163",
            "1a8b605a43ff5bed8086072ba1e7cc2358baeca134c825a7"
        );
        hash(provider, HashAlgorithm::Sha384, digest)
    }),
    ("SHA-512", |provider| {
        let digest = concat!(
            "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a",
            "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f"
        );
        hash(provider, HashAlgorithm::Sha512, digest)
    }),
    ("SHA-512/256", |provider| {
        hash(
            provider,
            HashAlgorithm::Sha512_256,
            "53048e2681941ef99b2e29b76b4c7dabe4c2d0c634fc6d46e0e2f13107e7af23",
        )
    }),
    ("SHA3-224", |provider| {
        hash(provider, HashAlgorithm::Sha3_224, "e642824c3f8cf24ad09234ee7d3c766fc9a3a5168d0c94ad73b46fdf")
    }),
    ("SHA3-256", |provider| {
        hash(
            provider,
            HashAlgorithm::Sha3_256,
            "3a985da74fe225b2045c172d6bd390bd855f086e3e9d525b46bfe24511431532",
        )
    }),
    ("SHA3-384", |provider| {
        let digest = concat!(
            "ec01498288516fc926459f58e2c6ad8df9b473cb0fc08c25",
            "96da7cf0e49be4b298d88cea927ac7f539f1edf228376d25"
        );
        hash(provider, HashAlgorithm::Sha3_384, digest)
    }),
    ("SHA3-512", |provider| {
        let digest = concat!(
            "b751850b1a57168a5693cd924b6b096e08f621827444f70d884f5d0240d2712e",
            "10e116e9192af3c91a7ec57647e3934057340b4cf408d5a56592f8274eec53f0"
        );
        hash(provider, HashAlgorithm::Sha3_512, digest)
    }),
    ("HKDF-SHA-256", |provider| hkdf(provider).is_some_and(|right| right)),
    ("Argon2id", |provider| argon2id(provider).is_some_and(|right| right)),
    ("HMAC-SHA-256 for envelopes", |provider| hmac(provider).is_some_and(|right| right)),
    ("AES-256-GCM for envelopes", |provider| aead(provider).is_some_and(|right| right)),
    ("Software keys", |provider| software(provider).is_some_and(|right| right)),
];

/// It draws, and does not draw the same twice: what a source that stands still would do.
fn random(provider: &dyn Provider) -> bool {
    let mut draws = [[0; 32]; 4];
    let [first, second, third, fourth] = &mut draws;
    let drawn = [first, second].into_iter().all(|secret| provider.random().fill_secret(secret).is_ok());
    provider.random().fill(third);
    provider.random().fill(fourth);
    let [first, second, third, fourth] = draws;
    drawn
        && ![second, third, fourth].contains(&first)
        && ![third, fourth].contains(&second)
        && third != fourth
}

fn hash(provider: &dyn Provider, algorithm: HashAlgorithm, digest: &str) -> bool {
    let parts: [&[u8]; 2] = [b"a", b"bc"];
    let made = provider.hash(algorithm, &parts);
    // SHA-256 has a method of its own.
    let same = algorithm != HashAlgorithm::Sha256 || provider.sha256(&parts) == *made;
    unhex(digest) == Some(made) && same
}

/// RFC 5869, appendix A.1, of which the first 32 bytes.
fn hkdf(provider: &dyn Provider) -> Option<bool> {
    let (salt, info) = (unhex("000102030405060708090a0b0c")?, unhex("f0f1f2f3f4f5f6f7f8f9")?);
    let expected = unhex("3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf")?;
    Some(provider.hkdf(&[0x0b; 22], &salt, &info).as_slice() == expected)
}

/// By the reference implementation in C, with the least memory that is allowed.
fn argon2id(provider: &dyn Provider) -> Option<bool> {
    let cost = Argon2Cost::new(8192, 1, 1).ok()?;
    let salt = unhex("000102030405060708090a0b0c0d0e0f")?;
    let key = match provider.argon2id(b"correct horse", salt.as_slice().try_into().ok()?, cost) {
        // Not every module has it: no passphrase unseals there.
        Err(KeyError::Unsupported) => return Some(true),
        outcome => outcome.ok()?,
    };
    Some(unhex("68aa6b3e6343f355586e5dd84710fb380cc542b0a47fa8a06ad81318fa48e3b3")? == key.as_slice())
}

/// RFC 4231, test case 1: a key of 20 bytes is the same as with the zeroes that HMAC puts after it.
fn hmac(provider: &dyn Provider) -> Option<bool> {
    let mut key = [0; 32];
    key.first_chunk_mut::<20>()?.fill(0x0b);
    let expected = unhex("b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7")?;
    let mac = provider.hmac(&key);
    let [first, second] = mac.mac_two([b"Hi There", b""]).ok()?;
    let parts = mac.mac(&[b"Hi", b" There"]).ok()?;
    Some(parts.as_slice() == expected && first == parts && second == mac.mac(&[]).ok()?)
}

/// The GCM specification of McGrew and Viega, test case 14; and that one changed bit does not open.
fn aead(provider: &dyn Provider) -> Option<bool> {
    let (key, aead) = ([0; 32], provider.aead());
    let known = concat!(
        "000000000000000000000000",
        "cea7403d4d606b6e074ec5d3baf39d18",
        "d0d1c8a799996bf0265b98b5d48ab919"
    );
    let mut sealed = unhex(known)?;
    let opened = aead.open(&key, b"", &sealed).ok()?;
    let mut made = Vec::new();
    aead.seal(&key, b"aad", b"text", &mut made).ok()?;
    let again = aead.open(&key, b"aad", &made).ok()?;
    *sealed.last_mut()? ^= 1;
    let refused = aead.open(&key, b"", &sealed).is_err() && aead.open(&key, b"another", &made).is_err();
    Some(*opened == [0; 16] && *again == b"text" && refused)
}

/// RFC 8032, section 7.1, test 3: that the provider's own keys sign and verify as they should.
fn software(provider: &dyn Provider) -> Option<bool> {
    let (backend, usual) = (provider.software(), SignOptions::default());
    let seed = unhex("c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7")?;
    let signature = unhex(concat!(
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac",
        "18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
    ))?;
    let key = backend.load(&backend.import(Algorithm::Ed25519, &seed).ok()?).ok()?;
    let made = key.sign(&[0xaf, 0x82], &usual).ok()?;
    let taken = [&[0xaf, 0x82][..], b"another"].map(|message| key.verify(message, &signature, &usual));
    Some(made == signature && taken == [Ok(true), Ok(false)])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::RustCrypto;

    #[test]
    fn an_answer_that_is_not_the_known_one_fails() {
        let (provider, known) =
            (RustCrypto::new(), "23097d223405d8228642a477bda255b32aadbce4bda0b3f7e36c9da7");
        assert!(hash(&provider, HashAlgorithm::Sha224, known));
        assert!(!hash(&provider, HashAlgorithm::Sha224, &known.replace("da7", "da8")));
        assert!(!hash(&provider, HashAlgorithm::Sha224, "no digest"));
    }
}
