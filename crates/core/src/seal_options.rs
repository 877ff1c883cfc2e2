use std::fmt;

/// How something is sealed to a public key.
///
/// ```
/// use strongroom_core::{OaepHash, SealOptions};
///
/// let oaep = SealOptions::Oaep { hash: OaepHash::Sha256, label: b"" };
/// let hpke = SealOptions::Hpke { info: b"invoices", aad: b"2026-11" };
/// assert_ne!(oaep, hpke);
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum SealOptions<'a> {
    /// RSAES-OAEP (RFC 8017, section 7.1), with MGF1 over the same hash.
    Oaep {
        /// The hash of label and mask.
        hash: OaepHash,
        /// Must be the same to open it; seldom used, and then empty.
        label: &'a [u8],
    },
    /// One message of HPKE in base mode (RFC 9180, section 6.1): encapsulated key ‖ ciphertext. It does not say
    /// who sealed it.
    Hpke {
        /// What the keys are bound to: the application, its parameters.
        info: &'a [u8],
        /// What the message is bound to.
        aad: &'a [u8],
    },
}

/// Shows no byte of what the caller binds a message to.
impl fmt::Debug for SealOptions<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Oaep { hash, label } => write!(f, "Oaep({hash:?}, label of {} bytes)", label.len()),
            Self::Hpke { info, aad } => write!(f, "Hpke(info of {} bytes, aad of {})", info.len(), aad.len()),
        }
    }
}

/// The hash of OAEP.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum OaepHash {
    /// SHA-256.
    Sha256,
    /// SHA-384.
    Sha384,
    /// SHA-512.
    Sha512,
    /// SHA-1, for old ciphertexts: it opens and never seals.
    LegacySha1,
}
