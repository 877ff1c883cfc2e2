use std::sync::Arc;

use aes_gcm::{
    AeadInOut, AesGcm, KeyInit,
    aead::{Nonce, Tag, TagPosition, consts::U12, inout::InOutBuf},
    aes::Aes256Enc,
};
use strongroom_core::{Aead, KeyError, Plaintext, Random};

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
        let mut nonce = Nonce::<Cipher>::default();
        self.random.fill(&mut nonce);
        seal(&Cipher::new(key.into()), &nonce, aad, plaintext, out)
    }

    fn open(&self, key: &[u8; 32], aad: &[u8], sealed: &[u8]) -> Result<Plaintext, KeyError> {
        open(&Cipher::new(key.into()), aad, sealed)
    }
}

/// Appends nonce ‖ ciphertext ‖ tag; appends nothing where it fails.
pub(crate) fn seal<C: AeadInOut>(
    cipher: &C,
    nonce: &Nonce<C>,
    aad: &[u8],
    plaintext: &[u8],
    out: &mut Vec<u8>,
) -> Result<(), KeyError> {
    const { assert!(matches!(C::TAG_POSITION, TagPosition::Postfix)) };
    let start = out.len();
    let body = start + nonce.len();
    out.reserve(nonce.len() + plaintext.len() + size_of::<Tag<C>>());
    out.extend_from_slice(nonce);
    out.resize(body + plaintext.len(), 0);
    let body = out.get_mut(body..).unwrap_or_default();
    // From one buffer into the other: the plaintext is never copied.
    let body = InOutBuf::new(plaintext, body).map_err(|_| KeyError::Failed)?;
    match cipher.encrypt_inout_detached(nonce, aad, body) {
        Ok(tag) => out.extend_from_slice(&tag),
        Err(_) => {
            out.truncate(start);
            return Err(KeyError::Failed);
        }
    }
    Ok(())
}

/// The plaintext of what [`seal`] appended.
pub(crate) fn open<C: AeadInOut>(cipher: &C, aad: &[u8], sealed: &[u8]) -> Result<Plaintext, KeyError> {
    let (nonce, rest) = sealed.split_at_checked(size_of::<Nonce<C>>()).ok_or(KeyError::Failed)?;
    let ciphertext = rest.len().checked_sub(size_of::<Tag<C>>()).ok_or(KeyError::Failed)?;
    let (ciphertext, tag) = rest.split_at_checked(ciphertext).ok_or(KeyError::Failed)?;
    let nonce = nonce.try_into().map_err(|_| KeyError::Failed)?;
    let tag = tag.try_into().map_err(|_| KeyError::Failed)?;
    let mut plaintext = Plaintext::new(ciphertext.to_vec());
    let body = InOutBuf::from(plaintext.as_mut_slice());
    cipher.decrypt_inout_detached(nonce, aad, body, tag).map_err(|_| KeyError::Failed)?;
    Ok(plaintext)
}
