use std::{fmt, sync::Arc};

use secrecy::{ExposeSecret, SecretSlice};
use zeroize::Zeroizing;

use crate::{Algorithm, Plaintext, SealOptions, SignOptions, StoreError};

/// The most that [`Key::derive`] gives, in bytes.
pub const MAX_DERIVED: usize = 4096;

/// A place where keys are made and used: software, a token, a module. The one joint where key storage plugs
/// in; users of the suite pass one in and never call it.
///
/// # Contract
/// `generate` and `import` have no effect that must be undone if the answer is lost, unless the backend says
/// otherwise. `load` of what `generate` answered gives a key that computes the same for ever.
pub trait KeyBackend: Send + Sync {
    /// The name that stands in records beside the keys made here.
    fn name(&self) -> &'static str;

    /// Whether keys of this kind can be made here.
    fn supports(&self, algorithm: Algorithm) -> bool;

    /// Makes a new key.
    ///
    /// # Errors
    /// [`KeyError::Unsupported`], or [`KeyError::Random`] where the system gives none.
    fn generate(&self, algorithm: Algorithm) -> Result<Stored, KeyError>;

    /// Takes over a key, in the one form that each kind has:
    ///
    /// | kind | material |
    /// |---|---|
    /// | symmetric | the bytes of the key: [`Algorithm::secret_lengths`] |
    /// | Ed25519, ML-DSA | the 32-byte seed (RFC 8032; ξ of FIPS 204) |
    /// | ECDSA, ECDH, HPKE over P-256 | the scalar, big-endian, as long as the order |
    /// | X25519, HPKE over it | 32 bytes (RFC 7748) |
    /// | RSA | DER of `RSAPrivateKey` (RFC 8017, appendix A.1.2) |
    /// | ML-KEM | the 64-byte seed d ‖ z (FIPS 203) |
    /// | X-Wing, HPKE over it | the 32-byte seed |
    ///
    /// # Errors
    /// [`KeyError::Invalid`] for bytes that are no such key.
    fn import(&self, algorithm: Algorithm, material: &[u8]) -> Result<Stored, KeyError>;

    /// Takes over a public half alone: what is loaded of it verifies, seals or encapsulates.
    ///
    /// # Errors
    /// [`KeyError::Invalid`] for bytes that are no such key, [`KeyError::Unsupported`] where a key without its
    /// secret cannot be kept.
    fn import_public(&self, public: &PublicKey) -> Result<Stored, KeyError> {
        let _ = public;
        Err(KeyError::Unsupported)
    }

    /// Parses and expands a key once, for many uses.
    ///
    /// # Errors
    /// [`KeyError::Invalid`] for what this backend did not make.
    fn load(&self, stored: &Stored) -> Result<Arc<dyn Key>, KeyError>;

    /// The secret itself, in the form that [`KeyBackend::import`] takes. Whether anybody may have it is for the caller to
    /// decide, and to log.
    ///
    /// # Errors
    /// [`KeyError::Unsupported`] from a backend that its keys do not leave, [`KeyError::Invalid`] for what this
    /// backend did not make.
    fn export(&self, stored: &Stored) -> Result<SecretSlice<u8>, KeyError> {
        let _ = stored;
        Err(KeyError::Unsupported)
    }
}

/// A key as its backend wants it kept: for software the secret bytes, for a token its name there. Only for
/// values that a barrier seals.
pub struct Stored {
    /// What it is for.
    pub algorithm: Algorithm,
    /// The bytes to keep.
    pub secret: SecretSlice<u8>,
    /// Its public half, where it has one.
    pub public: Option<PublicKey>,
}

impl Stored {
    /// The bytes to keep. Whoever calls this seals them.
    pub fn expose(&self) -> &[u8] {
        self.secret.expose_secret()
    }
}

impl fmt::Debug for Stored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stored").field("algorithm", &self.algorithm).finish_non_exhaustive()
    }
}

/// The public half of a key: for Ed25519 the 32 bytes of RFC 8032, for X25519 those of RFC 7748, for NIST's curves and
/// secp256k1 the uncompressed SEC1 point, for RSA the DER of `RSAPublicKey` (RFC 8017, appendix A.1.1), for ML-DSA,
/// ML-KEM and X-Wing the bytes that their standards define.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKey {
    /// What it is for.
    pub algorithm: Algorithm,
    /// The bytes.
    pub bytes: Vec<u8>,
}

/// Where a key's work may run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cost {
    /// In the caller's thread: microseconds.
    Inline,
    /// In a pool: milliseconds, as in a token.
    Slow,
}

/// A key ready for use. What it cannot do is [`KeyError::Unsupported`].
pub trait Key: Send + Sync {
    /// What it is for.
    fn algorithm(&self) -> Algorithm;

    /// Where its work may run.
    fn cost(&self) -> Cost {
        Cost::Inline
    }

    /// Its public half, where it has one.
    fn public(&self) -> Option<&PublicKey> {
        None
    }

    /// The key of an envelope: HMAC-SHA-256 is all that an envelope asks of it.
    fn mac(&self) -> Option<&dyn Mac> {
        None
    }

    /// Encrypts with the key itself, and appends to `out`: nonce ‖ ciphertext ‖ tag (16 bytes), with a nonce that is made
    /// inside, or for [`Algorithm::Aes256Siv`] tag ‖ ciphertext. `aad` is bound, not kept: it must be the same to decrypt.
    /// Whoever holds the key counts the calls against [`Algorithm::use_limit`].
    ///
    /// # Errors
    /// [`KeyError`]; then `out` is as before.
    fn encrypt(&self, aad: &[u8], plaintext: &[u8], out: &mut Vec<u8>) -> Result<(), KeyError> {
        let _ = (aad, plaintext, out);
        Err(KeyError::Unsupported)
    }

    /// The plaintext of what [`Key::encrypt`] appended.
    ///
    /// # Errors
    /// [`KeyError::Failed`] for everything that does not decrypt.
    fn decrypt(&self, aad: &[u8], ciphertext: &[u8]) -> Result<Plaintext, KeyError> {
        let _ = (aad, ciphertext);
        Err(KeyError::Unsupported)
    }

    /// The authentication code of a message, whole: as long as the digest for HMAC, 16 bytes for CMAC.
    ///
    /// # Errors
    /// [`KeyError`].
    fn compute_mac(&self, message: &[u8]) -> Result<Zeroizing<Vec<u8>>, KeyError> {
        let _ = message;
        Err(KeyError::Unsupported)
    }

    /// Whether a code by [`Key::compute_mac`] is right, compared in constant time. A truncated one is wrong.
    ///
    /// # Errors
    /// [`KeyError::Unsupported`]; a wrong code is `Ok(false)`.
    fn verify_mac(&self, message: &[u8], code: &[u8]) -> Result<bool, KeyError> {
        let _ = (message, code);
        Err(KeyError::Unsupported)
    }

    /// Derives `length` bytes, from 1 to [`MAX_DERIVED`]: for each label, context and length others. The label says what
    /// they serve and has no zero byte; the context says whom, and may be anything.
    ///
    /// # Errors
    /// [`KeyError::Invalid`] for a label or length outside of that.
    fn derive(&self, label: &[u8], context: &[u8], length: usize) -> Result<Zeroizing<Vec<u8>>, KeyError> {
        let _ = (label, context, length);
        Err(KeyError::Unsupported)
    }

    /// Signs.
    ///
    /// # Errors
    /// [`KeyError::Unsupported`] if keys of this kind do not sign, or not with these options;
    /// [`KeyError::Invalid`] for a digest that has not the length of its hash, or a salt that does not fit.
    fn sign(&self, message: &[u8], options: &SignOptions) -> Result<Vec<u8>, KeyError> {
        let _ = (message, options);
        Err(KeyError::Unsupported)
    }

    /// Whether a signature by [`Key::sign`] with the same options is right.
    ///
    /// # Errors
    /// As for [`Key::sign`]; a wrong signature is `Ok(false)`.
    fn verify(&self, message: &[u8], signature: &[u8], options: &SignOptions) -> Result<bool, KeyError> {
        let _ = (message, signature, options);
        Err(KeyError::Unsupported)
    }

    /// Seals to the public half, so that only the key opens it.
    ///
    /// # Errors
    /// [`KeyError::Unsupported`] if keys of this kind do not, or not with these options;
    /// [`KeyError::Invalid`] for a plaintext that is too long.
    fn seal(&self, plaintext: &[u8], options: &SealOptions<'_>) -> Result<Vec<u8>, KeyError> {
        let _ = (plaintext, options);
        Err(KeyError::Unsupported)
    }

    /// Opens what [`Key::seal`] made with the same options.
    ///
    /// # Errors
    /// [`KeyError::Unsupported`]; everything that does not open is [`KeyError::Failed`].
    fn open(&self, sealed: &[u8], options: &SealOptions<'_>) -> Result<Plaintext, KeyError> {
        let _ = (sealed, options);
        Err(KeyError::Unsupported)
    }

    /// The secret shared with the holder of another key, from its public half. Not uniform: it goes through a
    /// key derivation before it is a key.
    ///
    /// # Errors
    /// [`KeyError::Unsupported`]; [`KeyError::Failed`] for what is no public half of this kind, or one whose secret
    /// is the same whatever the key (RFC 7748, section 6.1).
    fn agree(&self, peer: &[u8]) -> Result<Zeroizing<Vec<u8>>, KeyError> {
        let _ = peer;
        Err(KeyError::Unsupported)
    }

    /// A new secret, and the ciphertext from which the holder of the key gets it.
    ///
    /// # Errors
    /// [`KeyError::Unsupported`], or [`KeyError::Random`] where the system gives none.
    fn encapsulate(&self) -> Result<Encapsulated, KeyError> {
        Err(KeyError::Unsupported)
    }

    /// The secret of [`Key::encapsulate`]. Of a ciphertext that was tampered with, ML-KEM gives another secret
    /// (FIPS 203, section 6.3): only its use tells.
    ///
    /// # Errors
    /// [`KeyError::Unsupported`]; [`KeyError::Failed`] for what has not the length of a ciphertext.
    fn decapsulate(&self, ciphertext: &[u8]) -> Result<Zeroizing<Vec<u8>>, KeyError> {
        let _ = ciphertext;
        Err(KeyError::Unsupported)
    }
}

/// A secret for two, and how the other one gets it.
pub struct Encapsulated {
    /// What the other one is sent.
    pub ciphertext: Vec<u8>,
    /// The secret: 32 bytes.
    pub secret: Zeroizing<Vec<u8>>,
}

impl fmt::Debug for Encapsulated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Encapsulated").finish_non_exhaustive()
    }
}

/// A key of HMAC-SHA-256.
pub trait Mac: Send + Sync {
    /// The tag of the parts, one after the other.
    ///
    /// # Errors
    /// [`KeyError`] where the key lives elsewhere and does not answer.
    fn mac(&self, parts: &[&[u8]]) -> Result<Zeroizing<[u8; 32]>, KeyError>;

    /// The tags of two messages, which together may take less time than one after the other.
    ///
    /// # Errors
    /// As for [`Mac::mac`].
    fn mac_two(&self, messages: [&[u8]; 2]) -> Result<[Zeroizing<[u8; 32]>; 2], KeyError> {
        let [first, second] = messages;
        Ok([self.mac(&[first])?, self.mac(&[second])?])
    }
}

/// A key cannot be made or used. Says nothing of why a cryptographic check failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// Keys of this kind cannot do that.
    #[error("a key of this type cannot do that")]
    Unsupported,
    /// The bytes are no key of this kind.
    #[error("these bytes are no key of this type")]
    Invalid,
    /// It did not open, or the key's module refused.
    #[error("the cryptographic operation failed")]
    Failed,
    /// The system has no randomness to give.
    #[error("the system gave no random bytes")]
    Random,
}

/// Signs for a sibling: a ring handle, which checks gate, tenant and state at each use.
pub trait Signer: Send + Sync {
    /// Signs with the newest version, as [`Key::sign`] does.
    ///
    /// # Errors
    /// [`UseError`].
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, UseError>;

    /// The public half of the newest version.
    ///
    /// # Errors
    /// [`UseError`].
    fn public(&self) -> Result<PublicKey, UseError>;
}

/// Seals for a sibling: a ring handle, which checks gate, tenant and state at each use.
pub trait Sealer: Send + Sync {
    /// Seals under the newest version; `context` must be the same to open it.
    ///
    /// # Errors
    /// [`UseError`].
    fn seal(&self, plaintext: &[u8], context: &[u8]) -> Result<Vec<u8>, UseError>;

    /// Opens what [`Sealer::seal`] made.
    ///
    /// # Errors
    /// [`UseError`]; everything that does not open is [`KeyError::Failed`].
    fn open(&self, sealed: &[u8], context: &[u8]) -> Result<Plaintext, UseError>;
}

/// A key of a sibling could not be used.
#[derive(Debug, thiserror::Error)]
pub enum UseError {
    /// The ring is gone, disabled or not of this kind: make or enable it.
    #[error("the key is missing, disabled or of another type")]
    Unavailable,
    /// The operation failed.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The ring could not be read.
    #[error(transparent)]
    Store(#[from] StoreError),
}
