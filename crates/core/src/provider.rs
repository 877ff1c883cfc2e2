use zeroize::Zeroizing;

use crate::{Argon2Cost, HashAlgorithm, KeyBackend, Mac, Plaintext, key::KeyError};

/// Who computes: a value that is passed, as the barrier and the capabilities have no cryptography of their
/// own. `strongroom-keys` has the one on RustCrypto.
pub trait Provider: Send + Sync {
    /// The source of randomness.
    fn random(&self) -> &dyn Random;

    /// The digest of the parts, one after the other (FIPS 180-4).
    fn hash(&self, algorithm: HashAlgorithm, parts: &[&[u8]]) -> Vec<u8>;

    /// SHA-256 of the parts, one after the other.
    fn sha256(&self, parts: &[&[u8]]) -> [u8; 32];

    /// A key of HMAC-SHA-256 (RFC 2104), prepared once for many messages.
    fn hmac(&self, key: &[u8; 32]) -> Box<dyn Mac>;

    /// HKDF-SHA-256 (RFC 5869) to 32 bytes.
    fn hkdf(&self, secret: &[u8], salt: &[u8], info: &[u8]) -> Zeroizing<[u8; 32]>;

    /// Argon2id (RFC 9106) to 32 bytes: takes as long and as much memory as `cost` says.
    ///
    /// # Errors
    /// [`KeyError::Invalid`] for a cost outside of its bounds, [`KeyError::Unsupported`] where the module has none.
    fn argon2id(
        &self,
        passphrase: &[u8],
        salt: &[u8; 16],
        cost: Argon2Cost,
    ) -> Result<Zeroizing<[u8; 32]>, KeyError> {
        let _ = (passphrase, salt, cost);
        Err(KeyError::Unsupported)
    }

    /// AES-256-GCM.
    fn aead(&self) -> &dyn Aead;

    /// Keys in software.
    fn software(&self) -> &dyn KeyBackend;
}

/// A source of randomness. A value, so that a test can fix it.
pub trait Random: Send + Sync {
    /// Fills `bytes` with what may become public: salts, nonces, identifiers.
    fn fill(&self, bytes: &mut [u8]);

    /// Fills `bytes` with what must stay secret, from the system's generator directly: keys, tokens, shares.
    ///
    /// # Errors
    /// [`KeyError::Random`] if the system has no randomness to give.
    fn fill_secret(&self, bytes: &mut [u8]) -> Result<(), KeyError>;
}

/// AES-256-GCM (SP 800-38D) for a key that is used once. The nonce is made inside, so that a validated
/// module or a token can make its own, and no caller can repeat one.
pub trait Aead: Send + Sync {
    /// Appends nonce (12 bytes) ‖ ciphertext ‖ tag (16 bytes) to `out`.
    ///
    /// # Errors
    /// [`KeyError::Failed`] if the module refuses.
    fn seal(&self, key: &[u8; 32], aad: &[u8], plaintext: &[u8], out: &mut Vec<u8>) -> Result<(), KeyError>;

    /// The plaintext of what [`Aead::seal`] appended.
    ///
    /// # Errors
    /// [`KeyError::Failed`] for everything that does not open.
    fn open(&self, key: &[u8; 32], aad: &[u8], sealed: &[u8]) -> Result<Plaintext, KeyError>;
}
