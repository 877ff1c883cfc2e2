use std::sync::Arc;

use aes_gcm::{
    AeadInOut, AesGcm, KeyInit, Nonce, Tag,
    aead::{consts::U12, inout::InOutBuf},
    aes::Aes256Enc,
};
use strongroom_core::{Aead, KeyError, Plaintext, Random};

const NONCE: usize = 12;
const TAG: usize = 16;

/// GCM runs the block cipher forwards only, also to decrypt (SP 800-38D, section 7.2): so the schedule of the
/// inverse cipher is never made.
type Cipher = AesGcm<Aes256Enc, U12>;

/// AES-256-GCM with nonces from the provider's source.
pub(crate) struct Aes256Gcm {
    random: Arc<dyn Random>,
}

impl Aes256Gcm {
    pub(crate) fn new(random: Arc<dyn Random>) -> Self {
        Self { random }
    }
}

impl Aead for Aes256Gcm {
    fn seal(&self, key: &[u8; 32], aad: &[u8], plaintext: &[u8], out: &mut Vec<u8>) -> Result<(), KeyError> {
        let mut nonce = [0; NONCE];
        self.random.fill(&mut nonce);
        let start = out.len();
        out.reserve(NONCE + plaintext.len() + TAG);
        out.extend_from_slice(&nonce);
        out.resize(start + NONCE + plaintext.len(), 0);
        let body = out.get_mut(start + NONCE..).unwrap_or_default();
        // From one buffer into the other: the plaintext is never copied.
        let body = InOutBuf::new(plaintext, body).map_err(|_| KeyError::Failed)?;
        match Cipher::new(key.into()).encrypt_inout_detached(&Nonce::from(nonce), aad, body) {
            Ok(tag) => out.extend_from_slice(&tag),
            Err(_) => {
                out.truncate(start);
                return Err(KeyError::Failed);
            }
        }
        Ok(())
    }

    fn open(&self, key: &[u8; 32], aad: &[u8], sealed: &[u8]) -> Result<Plaintext, KeyError> {
        let (nonce, rest) = sealed.split_first_chunk::<NONCE>().ok_or(KeyError::Failed)?;
        let (ciphertext, tag) = rest.split_last_chunk::<TAG>().ok_or(KeyError::Failed)?;
        let mut plaintext = Plaintext::new(ciphertext.to_vec());
        let body = InOutBuf::from(plaintext.as_mut_slice());
        Cipher::new(key.into())
            .decrypt_inout_detached(nonce.into(), aad, body, <&Tag>::from(tag))
            .map_err(|_| KeyError::Failed)?;
        Ok(plaintext)
    }
}
