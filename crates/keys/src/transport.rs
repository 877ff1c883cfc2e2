use strongroom_core::{Key, KeyError, OaepHash, Random, SealOptions};
use subtle::{ConditionallySelectable as _, ConstantTimeEq as _};
use zeroize::Zeroizing;

use crate::KeyWrap;

/// The ephemeral key: AES-256.
const EPHEMERAL: usize = 32;

/// How a key travels to the holder of an RSA key.
///
/// ```
/// use strongroom_core::{Algorithm, KeyError, OaepHash, Provider};
/// use strongroom_keys::{RustCrypto, Transport};
///
/// # fn main() -> Result<(), KeyError> {
/// let provider = RustCrypto::new();
/// let stored = provider.software().generate(Algorithm::Rsa2048)?;
/// let wrapping = provider.software().load(&stored)?;
/// let way = Transport::AesKwp(OaepHash::Sha256);
/// let wrapped = way.wrap(&*wrapping, provider.random(), b"a key of any length")?;
/// assert_eq!(*way.unwrap(&*wrapping, provider.random(), &wrapped)?, b"a key of any length");
/// # Ok(()) }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    /// RSAES-OAEP of the key itself, which so has a bounded length: AWS's `RSAES_OAEP_SHA_256`.
    Oaep(OaepHash),
    /// RSAES-OAEP of a new AES-256 key ‖ AES-KWP (RFC 5649) of the key under it: AWS's `RSA_AES_KEY_WRAP_SHA_256`,
    /// Vault's import, PKCS#11's `CKM_RSA_AES_KEY_WRAP`.
    AesKwp(OaepHash),
}

impl Transport {
    /// Wraps a key for the holder of `to`.
    ///
    /// # Errors
    /// [`KeyError::Unsupported`] if `to` is no RSA key, or for [`OaepHash::LegacySha1`], which opens only;
    /// [`KeyError::Invalid`] for a key that is too long for this way, or empty.
    pub fn wrap(self, to: &dyn Key, random: &dyn Random, key: &[u8]) -> Result<Vec<u8>, KeyError> {
        if key.is_empty() {
            return Err(KeyError::Invalid);
        }
        match self {
            Self::Oaep(_) => to.seal(key, &self.options()),
            Self::AesKwp(_) => {
                let ephemeral = draw(random)?;
                let mut wrapped = to.seal(&*ephemeral, &self.options())?;
                wrapped.extend_from_slice(&KeyWrap::Kwp.wrap(&*ephemeral, key)?);
                Ok(wrapped)
            }
        }
    }

    /// The key of what [`Transport::wrap`] made, or anybody with the public half. Where OAEP does not open, the second
    /// step goes on with a random key, and fails like any other: one answer, after the same work, so that nobody learns
    /// from it what RSA gave (Manger's and Bleichenbacher's attacks).
    ///
    /// # Errors
    /// [`KeyError::Failed`] for everything that does not unwrap; [`KeyError::Unsupported`] if `key` is no RSA key.
    pub fn unwrap(
        self,
        key: &dyn Key,
        random: &dyn Random,
        wrapped: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, KeyError> {
        let bits = key.algorithm().modulus_bits().ok_or(KeyError::Unsupported)?;
        match self {
            Self::Oaep(_) => Ok(opened(key.open(wrapped, &self.options()))?.into()),
            Self::AesKwp(_) => {
                let (sealed, rest) = wrapped.split_at_checked(bits / 8).ok_or(KeyError::Failed)?;
                let ephemeral = ephemeral(key.open(sealed, &self.options()), draw(random)?);
                KeyWrap::Kwp.unwrap(&*ephemeral, rest).map_err(|_| KeyError::Failed)
            }
        }
    }

    fn options(self) -> SealOptions<'static> {
        let (Self::Oaep(hash) | Self::AesKwp(hash)) = self;
        SealOptions::Oaep { hash, label: b"" }
    }
}

type Ephemeral = Zeroizing<[u8; EPHEMERAL]>;
type Opened = Result<strongroom_core::Plaintext, KeyError>;

fn opened(opened: Opened) -> Opened {
    opened.map_err(|error| if error == KeyError::Random { error } else { KeyError::Failed })
}

/// What OAEP opened, if it is a key of AES-256, else the random one.
fn ephemeral(opened: Opened, random: Ephemeral) -> Ephemeral {
    let opened: Zeroizing<Vec<u8>> = opened.unwrap_or_default().into();
    let right = opened.len().ct_eq(&EPHEMERAL);
    let mut key = random;
    // A shorter one leaves a part of the random key as it is, and is not right anyway.
    for (byte, found) in key.iter_mut().zip(&*opened) {
        byte.conditional_assign(found, right);
    }
    key
}

fn draw(random: &dyn Random) -> Result<Ephemeral, KeyError> {
    let mut key = Zeroizing::new([0; EPHEMERAL]);
    random.fill_secret(key.as_mut_slice())?;
    Ok(key)
}
