use std::{fmt, sync::Arc};

use secrecy::{ExposeSecret, SecretSlice};
use strongroom_core::{Key, KeyBackend, KeyError, Mac, Name};
use zeroize::Zeroizing;

/// What a secret file holds: at least 32 bytes, taken as they are, a newline at the end included.
pub struct UnsealSecret(SecretSlice<u8>);

/// A secret file is too short: it needs at least 32 random bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an unseal secret needs at least 32 bytes: make it from random bytes")]
pub struct TooShort;

impl UnsealSecret {
    /// Takes the bytes of a secret file.
    ///
    /// # Errors
    /// [`TooShort`] for less than 32 bytes.
    pub fn new(bytes: Vec<u8>) -> Result<Self, TooShort> {
        let secret = exactly(Zeroizing::new(bytes));
        if secret.expose_secret().len() < 32 { Err(TooShort) } else { Ok(Self(secret)) }
    }

    pub(crate) fn expose(&self) -> &[u8] {
        self.0.expose_secret()
    }
}

/// What a person remembers: at least 12 characters. They are taken as they are, so an accent that another
/// keyboard composes in another way is another passphrase.
pub struct Passphrase(SecretSlice<u8>);

/// A passphrase is too short: it needs at least 12 characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a passphrase needs at least 12 characters: take several random words")]
pub struct ShortPassphrase;

impl Passphrase {
    /// The fewest characters. No slot has a passphrase with fewer.
    pub const MIN: usize = 12;

    /// Takes a passphrase, without the newline that ended it.
    ///
    /// # Errors
    /// [`ShortPassphrase`] for less than [`Passphrase::MIN`] characters.
    pub fn new(text: String) -> Result<Self, ShortPassphrase> {
        let text = Zeroizing::new(text);
        if text.chars().take(Self::MIN).count() < Self::MIN {
            return Err(ShortPassphrase);
        }
        Ok(Self(exactly(Zeroizing::new(text.as_bytes().to_vec()))))
    }

    pub(crate) fn expose(&self) -> &[u8] {
        self.0.expose_secret()
    }
}

/// A copy of exactly its length, as shortening a buffer may leave the old one behind.
fn exactly(bytes: Zeroizing<Vec<u8>>) -> SecretSlice<u8> {
    SecretSlice::from(bytes.to_vec())
}

/// A key that stays where it is, as in a token: the slot's record keeps the names only, and the key is asked at
/// every unsealing.
#[derive(Clone)]
pub struct BackendKey {
    pub(crate) backend: Name,
    pub(crate) name: Name,
    key: Arc<dyn Key>,
}

impl BackendKey {
    /// A key of envelopes, which computes HMAC-SHA-256, and what it is called in its backend. The name is
    /// public; whoever unseals finds the key again by it.
    ///
    /// # Errors
    /// [`KeyError::Unsupported`] for a key that has no [`Key::mac`], [`KeyError::Invalid`] for a backend whose
    /// name is no [`Name`].
    pub fn new(backend: &dyn KeyBackend, name: Name, key: Arc<dyn Key>) -> Result<Self, KeyError> {
        if key.mac().is_none() {
            return Err(KeyError::Unsupported);
        }
        let backend = Name::parse(backend.name()).map_err(|_| KeyError::Invalid)?;
        Ok(Self { backend, name, key })
    }

    /// The key as an envelope asks it.
    pub(crate) fn mac(&self) -> Box<dyn Mac> {
        Box::new(Elsewhere(Arc::clone(&self.key)))
    }
}

struct Elsewhere(Arc<dyn Key>);

impl Mac for Elsewhere {
    fn mac(&self, parts: &[&[u8]]) -> Result<Zeroizing<[u8; 32]>, KeyError> {
        self.0.mac().ok_or(KeyError::Unsupported)?.mac(parts)
    }
}

impl fmt::Debug for UnsealSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("UnsealSecret")
    }
}

impl fmt::Debug for Passphrase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Passphrase")
    }
}

impl fmt::Debug for BackendKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BackendKey")
            .field("backend", &self.backend)
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}
