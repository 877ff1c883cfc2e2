use std::fmt;

use hpke::{Deserializable, Kem as _, Serializable};
use secrecy::{ExposeSecret, SecretBox};
use strongroom_core::{KeyError, Provider};
use zeroize::Zeroizing;

use crate::{
    Recipient,
    text::{self, KeyTextError},
    wrap::{Kem, PrivateKey},
};

const PREFIX: &str = "strongroom-recovery-";

/// The secret that opens backups: a private key of X25519, for HPKE (RFC 9180). Kept offline, as text.
pub struct RecoveryKey {
    secret: SecretBox<[u8; 32]>,
    recipient: Recipient,
}

impl RecoveryKey {
    /// Makes a new one.
    ///
    /// # Errors
    /// [`KeyError::Random`] if the system gives no random bytes.
    pub fn generate(provider: &dyn Provider) -> Result<Self, KeyError> {
        let mut seed = Zeroizing::new([0; 32]);
        provider.random().fill_secret(seed.as_mut_slice())?;
        let (private, _) = Kem::derive_keypair(seed.as_slice());
        Ok(Self::new(&private))
    }

    /// Reads a key as [`RecoveryKey::expose`] writes it, and in no other spelling.
    ///
    /// # Errors
    /// [`KeyTextError`].
    pub fn parse(text: &str) -> Result<Self, KeyTextError> {
        let bytes = text::decode(PREFIX, text)?;
        // The bits that X25519 ignores (RFC 7748, section 5) are as it sets them: one spelling of a key.
        let ([low, ..], [.., high]) = (&*bytes, &*bytes);
        if low & 0x07 != 0 || high & 0xc0 != 0x40 {
            return Err(KeyTextError::Unusable);
        }
        let private = PrivateKey::from_bytes(bytes.as_slice()).map_err(|_| KeyTextError::Unusable)?;
        Ok(Self::new(&private))
    }

    /// The key as text, `strongroom-recovery-…`. Whoever calls this puts it where it is safe.
    pub fn expose(&self) -> Zeroizing<String> {
        text::encode(PREFIX, self.secret.expose_secret())
    }

    /// The public half, which backups are encrypted to.
    pub const fn recipient(&self) -> Recipient {
        self.recipient
    }

    fn new(private: &PrivateKey) -> Self {
        let mut public = [0; 32];
        Kem::sk_to_pk(private).write_exact(&mut public);
        let secret = SecretBox::init_with_mut(|bytes: &mut [u8; 32]| private.write_exact(bytes));
        Self { secret, recipient: Recipient::from_public(public) }
    }

    /// None never happens: any 32 bytes are a private key.
    pub(crate) fn private(&self) -> Option<PrivateKey> {
        PrivateKey::from_bytes(self.secret.expose_secret()).ok()
    }
}

impl fmt::Debug for RecoveryKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RecoveryKey")
    }
}
