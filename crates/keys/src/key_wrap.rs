use aes_kw::{AesKw, AesKwp, KeyInit as _, aes, cipher};
use strongroom_core::KeyError;
use zeroize::Zeroizing;

/// Half of a block, in bytes: what key wrapping counts in.
const SEMIBLOCK: usize = 8;

/// The longest key that is wrapped, in bytes: more than any private key has.
const LONGEST: usize = 64 << 10;

/// A key is wrapped, or unwrapped, under a key of AES-128, AES-192 or AES-256.
///
/// ```
/// use strongroom_keys::KeyWrap;
///
/// # fn main() -> Result<(), strongroom_core::KeyError> {
/// let wrapped = KeyWrap::Kwp.wrap(&[7; 32], b"a key of any length")?;
/// assert_eq!(*KeyWrap::Kwp.unwrap(&[7; 32], &wrapped)?, b"a key of any length");
/// # Ok(()) }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyWrap {
    /// AES-KW (RFC 3394; SP 800-38F, section 6.2), for keys of 16, 24, 32… bytes.
    Kw,
    /// AES-KWP (RFC 5649; SP 800-38F, section 6.3), for keys of any length.
    Kwp,
}

impl KeyWrap {
    /// Wraps a key; the same one under the same one gives the same.
    ///
    /// # Errors
    /// [`KeyError::Invalid`] for a wrapping key of another length, and for a key that is empty, longer than 64 KiB, or
    /// with [`KeyWrap::Kw`] no 16, 24, 32… bytes.
    pub fn wrap(self, wrapping: &[u8], key: &[u8]) -> Result<Vec<u8>, KeyError> {
        if !self.takes(key.len()) {
            return Err(KeyError::Invalid);
        }
        let mut out = vec![0; SEMIBLOCK + key.len().next_multiple_of(SEMIBLOCK)];
        match wrapping.len() {
            16 => self.wrap_with::<aes::Aes128Enc>(wrapping, key, &mut out),
            24 => self.wrap_with::<aes::Aes192Enc>(wrapping, key, &mut out),
            32 => self.wrap_with::<aes::Aes256Enc>(wrapping, key, &mut out),
            _ => Err(KeyError::Invalid),
        }?;
        Ok(out)
    }

    /// The key of what [`KeyWrap::wrap`] made.
    ///
    /// # Errors
    /// [`KeyError::Invalid`] for a wrapping key of another length, [`KeyError::Failed`] for everything that does not
    /// unwrap.
    pub fn unwrap(self, wrapping: &[u8], wrapped: &[u8]) -> Result<Zeroizing<Vec<u8>>, KeyError> {
        match wrapping.len() {
            16 => self.unwrap_with::<aes::Aes128Dec>(wrapping, wrapped),
            24 => self.unwrap_with::<aes::Aes192Dec>(wrapping, wrapped),
            32 => self.unwrap_with::<aes::Aes256Dec>(wrapping, wrapped),
            _ => Err(KeyError::Invalid),
        }
    }

    /// The lengths of SP 800-38F, section 5.3.1, and none over [`LONGEST`].
    fn takes(self, length: usize) -> bool {
        match self {
            Self::Kw => (2 * SEMIBLOCK..=LONGEST).contains(&length) && length.is_multiple_of(SEMIBLOCK),
            Self::Kwp => (1..=LONGEST).contains(&length),
        }
    }

    /// Into `out`, which is zero: it becomes the padding.
    fn wrap_with<C>(self, wrapping: &[u8], key: &[u8], out: &mut [u8]) -> Result<(), KeyError>
    where
        C: cipher::KeyInit + cipher::BlockCipherEncrypt<BlockSize = cipher::consts::U16>,
    {
        let wrapped =
            match self {
                Self::Kw => AesKw::<C>::new_from_slice(wrapping)
                    .map(|cipher| cipher.wrap_key(key, out).map(<[u8]>::len)),
                Self::Kwp => AesKwp::<C>::new_from_slice(wrapping)
                    .map(|cipher| cipher.wrap_key(key, out).map(<[u8]>::len)),
            };
        match wrapped {
            Ok(Ok(length)) if length == out.len() => Ok(()),
            _ => Err(KeyError::Invalid),
        }
    }

    fn unwrap_with<C>(self, wrapping: &[u8], wrapped: &[u8]) -> Result<Zeroizing<Vec<u8>>, KeyError>
    where
        C: cipher::KeyInit + cipher::BlockCipherDecrypt<BlockSize = cipher::consts::U16>,
    {
        let padded = wrapped.len().checked_sub(SEMIBLOCK).ok_or(KeyError::Failed)?;
        // One semiblock alone is not even decrypted: whoever knows the constants could make it.
        if !padded.is_multiple_of(SEMIBLOCK) || !self.takes(padded) {
            return Err(KeyError::Failed);
        }
        let mut out = Zeroizing::new(vec![0; padded]);
        let length = match self {
            Self::Kw => AesKw::<C>::new_from_slice(wrapping)
                .map(|cipher| cipher.unwrap_key(wrapped, &mut out).map(<[u8]>::len)),
            Self::Kwp => AesKwp::<C>::new_from_slice(wrapping)
                .map(|cipher| cipher.unwrap_key(wrapped, &mut out).map(<[u8]>::len)),
        };
        match length {
            Ok(Ok(length)) => out.truncate(length),
            _ => return Err(KeyError::Failed),
        }
        Ok(out)
    }
}
