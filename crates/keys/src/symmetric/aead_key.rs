use std::sync::Arc;

use aes_gcm::{AeadInOut, KeyInit, aead::Nonce};
use strongroom_core::{Algorithm, Key, KeyError, Plaintext, Random};

use super::Made;
use crate::aead;

/// Bytes drawn for a nonce, of which the last ones are taken. From a draw of this length on, a source notices that it was
/// forked, and mixes the clock into the end: as the key serves for long, its nonces must not repeat across processes.
const DRAWN: usize = 24;

/// A key that encrypts messages itself, each with a random nonce.
pub(super) struct AeadKey<C> {
    algorithm: Algorithm,
    cipher: C,
    random: Arc<dyn Random>,
}

impl<C: AeadInOut + KeyInit + Send + Sync + 'static> AeadKey<C> {
    pub(super) fn expand(algorithm: Algorithm, key: &[u8], random: &Arc<dyn Random>) -> Made {
        const { assert!(size_of::<Nonce<C>>() <= DRAWN) };
        let cipher = C::new_from_slice(key).map_err(|_| KeyError::Invalid)?;
        Ok(Arc::new(Self { algorithm, cipher, random: Arc::clone(random) }))
    }

    fn nonce(&self) -> Nonce<C> {
        let mut drawn = [0; DRAWN];
        self.random.fill(&mut drawn);
        let mut nonce = Nonce::<C>::default();
        for (byte, drawn) in nonce.iter_mut().rev().zip(drawn.iter().rev()) {
            *byte = *drawn;
        }
        nonce
    }
}

impl<C: AeadInOut + KeyInit + Send + Sync + 'static> Key for AeadKey<C> {
    fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    fn encrypt(&self, aad: &[u8], plaintext: &[u8], out: &mut Vec<u8>) -> Result<(), KeyError> {
        aead::seal(&self.cipher, &self.nonce(), aad, plaintext, out)
    }

    fn decrypt(&self, aad: &[u8], ciphertext: &[u8]) -> Result<Plaintext, KeyError> {
        aead::open(&self.cipher, aad, ciphertext)
    }
}
