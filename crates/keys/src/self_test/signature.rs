use strongroom_core::{Algorithm, SignOptions};

use super::{KnownAnswer, symmetric::key, unhex};

pub(super) const ROWS: &[KnownAnswer] = &[
    // RFC 8032, section 7.1, test 3.
    ("Ed25519", || {
        let secret = "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7";
        let signature = concat!(
            "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac",
            "18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
        );
        signs(Algorithm::Ed25519, secret, &[0xaf, 0x82], signature).is_some_and(|right| right)
    }),
    // RFC 6979, appendix A.2.5: "sample" with SHA-256.
    ("ECDSA P-256", || {
        let secret = "c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721";
        let signature = concat!(
            "efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716",
            "f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8",
        );
        signs(Algorithm::EcdsaP256, secret, b"sample", signature).is_some_and(|right| right)
    }),
];

/// Whether the key makes this signature, takes it, and does not take it for another message.
fn signs(algorithm: Algorithm, secret: &str, message: &[u8], signature: &str) -> Option<bool> {
    let (key, signature) = (key(algorithm, &unhex(secret)?, Vec::new())?, unhex(signature)?);
    let usual = SignOptions::default();
    let made = key.sign(message, &usual).ok()?;
    let taken = [message, b"another"].map(|message| key.verify(message, &signature, &usual));
    Some(made == signature && taken == [Ok(true), Ok(false)])
}
