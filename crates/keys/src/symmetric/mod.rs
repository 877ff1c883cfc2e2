//! Keys that both sides share. Each type is a row of one table; what is stored of a key is
//! `form 0x01 ‖ number of the algorithm ‖ key`, so that a record put together wrongly loads nothing.

mod aead_key;
mod derivation_key;
mod hmac;
mod mac_key;
mod siv_key;

use std::sync::Arc;

use aes_gcm::{
    AesGcm,
    aead::consts::U12,
    aes::{Aes128Enc, Aes192Enc, Aes256, Aes256Enc},
};
use chacha20poly1305::{ChaCha20Poly1305, XChaCha20Poly1305};
use cmac::Cmac;
use secrecy::SecretSlice;
use sha2::{Sha224, Sha384, Sha512};
use sha3::{Sha3_224, Sha3_256, Sha3_384, Sha3_512};
use strongroom_core::{Algorithm, Key, KeyError, Random, Stored};
use zeroize::Zeroizing;

use crate::mac::HmacSha256;
use aead_key::AeadKey;
use derivation_key::DerivationKey;
use hmac::Hmac;
use mac_key::MacKey;
use siv_key::SivKey;

type Made = Result<Arc<dyn Key>, KeyError>;

/// The form of what is stored.
const FORM: u8 = 1;

/// A type of symmetric key.
pub(crate) struct Symmetric {
    algorithm: Algorithm,
    /// The length of a new key, in bytes.
    new: usize,
    expand: fn(Algorithm, &[u8], &Arc<dyn Random>) -> Made,
}

/// AES-256-GCM with a type of cipher that no other module uses: shared with the envelope's, its code would be compiled once
/// for both, and the envelope's no longer in one piece, which costs it 5 %.
type OwnAes256Gcm = AesGcm<Aes256, U12>;

/// New keys of HMAC are as long as the digest (RFC 2104, section 3).
static TYPES: [Symmetric; 18] = [
    Symmetric::row(16, Algorithm::RawAes128Gcm, AeadKey::<AesGcm<Aes128Enc, U12>>::expand),
    Symmetric::row(24, Algorithm::RawAes192Gcm, AeadKey::<AesGcm<Aes192Enc, U12>>::expand),
    Symmetric::row(32, Algorithm::RawAes256Gcm, AeadKey::<OwnAes256Gcm>::expand),
    Symmetric::row(32, Algorithm::RawChaCha20Poly1305, AeadKey::<ChaCha20Poly1305>::expand),
    Symmetric::row(32, Algorithm::RawXChaCha20Poly1305, AeadKey::<XChaCha20Poly1305>::expand),
    Symmetric::row(64, Algorithm::Aes256Siv, SivKey::expand),
    Symmetric::row(28, Algorithm::HmacSha224, MacKey::<Hmac<Sha224>>::expand),
    Symmetric::row(32, Algorithm::HmacSha256, MacKey::<HmacSha256>::expand),
    Symmetric::row(48, Algorithm::HmacSha384, MacKey::<Hmac<Sha384>>::expand),
    Symmetric::row(64, Algorithm::HmacSha512, MacKey::<Hmac<Sha512>>::expand),
    Symmetric::row(28, Algorithm::HmacSha3_224, MacKey::<Hmac<Sha3_224>>::expand),
    Symmetric::row(32, Algorithm::HmacSha3_256, MacKey::<Hmac<Sha3_256>>::expand),
    Symmetric::row(48, Algorithm::HmacSha3_384, MacKey::<Hmac<Sha3_384>>::expand),
    Symmetric::row(64, Algorithm::HmacSha3_512, MacKey::<Hmac<Sha3_512>>::expand),
    Symmetric::row(16, Algorithm::CmacAes128, MacKey::<Cmac<Aes128Enc>>::expand),
    Symmetric::row(24, Algorithm::CmacAes192, MacKey::<Cmac<Aes192Enc>>::expand),
    Symmetric::row(32, Algorithm::CmacAes256, MacKey::<Cmac<Aes256Enc>>::expand),
    Symmetric::row(32, Algorithm::KbkdfHmacSha256, DerivationKey::expand),
];

impl Symmetric {
    const fn row(
        new: usize,
        algorithm: Algorithm,
        expand: fn(Algorithm, &[u8], &Arc<dyn Random>) -> Made,
    ) -> Self {
        Self { algorithm, new, expand }
    }

    /// The type, if keys of this algorithm are symmetric ones of this module.
    pub(crate) fn of(algorithm: Algorithm) -> Option<&'static Self> {
        TYPES.iter().find(|known| known.algorithm == algorithm)
    }

    pub(crate) fn generate(&self, random: &dyn Random) -> Result<Stored, KeyError> {
        let mut key = Zeroizing::new(vec![0; self.new]);
        random.fill_secret(&mut key)?;
        self.import(&key)
    }

    pub(crate) fn import(&self, key: &[u8]) -> Result<Stored, KeyError> {
        if !self.takes(key) {
            return Err(KeyError::Invalid);
        }
        let mut secret = Vec::with_capacity(2 + key.len());
        secret.extend_from_slice(&[FORM, self.algorithm.number()]);
        secret.extend_from_slice(key);
        Ok(Stored { algorithm: self.algorithm, secret: SecretSlice::from(secret), public: None })
    }

    pub(crate) fn load(&self, stored: &Stored, random: &Arc<dyn Random>) -> Made {
        (self.expand)(self.algorithm, self.key(stored)?, random)
    }

    pub(crate) fn export(&self, stored: &Stored) -> Result<SecretSlice<u8>, KeyError> {
        Ok(SecretSlice::from(self.key(stored)?.to_vec()))
    }

    fn takes(&self, key: &[u8]) -> bool {
        self.algorithm.secret_lengths().is_some_and(|lengths| lengths.contains(&key.len()))
    }

    /// The key in what is stored.
    fn key<'s>(&self, stored: &'s Stored) -> Result<&'s [u8], KeyError> {
        match stored.expose() {
            [FORM, number, key @ ..]
                if *number == self.algorithm.number() && self.takes(key) && stored.public.is_none() =>
            {
                Ok(key)
            }
            _ => Err(KeyError::Invalid),
        }
    }
}
