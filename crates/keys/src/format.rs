use secrecy::{ExposeSecret as _, SecretSlice};
use strongroom_core::{Algorithm, KeyError, PublicKey};

use crate::{
    ImportError,
    asymmetric::documents::{self, read_private, read_private_pem, read_public, read_public_pem},
};

/// How a key is written down outside. Which algorithm it is of, the ring says: a document of another one is refused.
///
/// | keys | formats |
/// |---|---|
/// | symmetric | [`KeyFormat::Raw`]: the bytes of the key |
/// | X-Wing, HPKE over it | [`KeyFormat::Raw`]: the seed, or the public key of the standard |
/// | all others | [`KeyFormat::Der`] and [`KeyFormat::Pem`]: PKCS#8 (RFC 5958), SubjectPublicKeyInfo (RFC 5280) |
///
/// What is read may also be `ECPrivateKey` (RFC 5915) or `RSAPrivateKey` (RFC 8017); keys of ML-DSA and ML-KEM with
/// their seed, alone or beside the expanded key (RFC 9881 and RFC 9935, section 6).
///
/// ```
/// use strongroom_core::Algorithm;
/// use strongroom_keys::{ImportError, KeyFormat};
///
/// assert!(KeyFormat::Raw.private(Algorithm::RawAes128Gcm, &[7; 16]).is_ok());
/// let refused = KeyFormat::Raw.private(Algorithm::RawAes128Gcm, &[7; 32]);
/// assert_eq!(refused.err(), Some(ImportError::Length));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum KeyFormat {
    /// The bytes themselves.
    Raw,
    /// A document in DER.
    Der,
    /// A document in PEM (RFC 7468).
    Pem,
}

impl KeyFormat {
    /// Each of them.
    pub const ALL: [Self; 3] = [Self::Raw, Self::Der, Self::Pem];

    /// A secret key out of what is written, in the form that
    /// [`KeyBackend::import`](strongroom_core::KeyBackend::import) takes.
    ///
    /// # Errors
    /// [`ImportError`].
    pub fn private(self, algorithm: Algorithm, written: &[u8]) -> Result<SecretSlice<u8>, ImportError> {
        self.fits(algorithm)?;
        match self {
            Self::Raw => {
                let length = written.len();
                match lengths(algorithm).contains(&length) {
                    true => Ok(SecretSlice::from(written.to_vec())),
                    false => Err(ImportError::Length),
                }
            }
            Self::Der => read_private(algorithm, written),
            Self::Pem => read_private_pem(algorithm, text(written)?),
        }
    }

    /// A public key alone out of what is written.
    ///
    /// # Errors
    /// [`ImportError`].
    pub fn public(self, algorithm: Algorithm, written: &[u8]) -> Result<PublicKey, ImportError> {
        if !algorithm.is_asymmetric() {
            return Err(ImportError::NoPublicHalf);
        }
        self.fits(algorithm)?;
        match self {
            Self::Raw => {
                let public = PublicKey { algorithm, bytes: written.to_vec() };
                documents::checked(&public).map_err(|_| ImportError::OutOfRange)
            }
            Self::Der => read_public(algorithm, written),
            Self::Pem => read_public_pem(algorithm, text(written)?),
        }
    }

    /// Writes a secret key, of what [`KeyBackend::export`](strongroom_core::KeyBackend::export) answers.
    ///
    /// # Errors
    /// [`KeyError::Unsupported`] for a format that the type has not, [`KeyError::Invalid`] for bytes that are no key of it.
    pub fn write_private(self, algorithm: Algorithm, material: &[u8]) -> Result<SecretSlice<u8>, KeyError> {
        self.fits(algorithm).map_err(|_| KeyError::Unsupported)?;
        match self {
            Self::Raw => Ok(self.private(algorithm, material)?),
            Self::Der => documents::private_to_der(algorithm, material),
            Self::Pem => {
                let pem = documents::private_to_pem(algorithm, material)?;
                Ok(SecretSlice::from(pem.expose_secret().as_bytes().to_vec()))
            }
        }
    }

    /// Writes a public key.
    ///
    /// # Errors
    /// As for [`KeyFormat::write_private`].
    pub fn write_public(self, public: &PublicKey) -> Result<Vec<u8>, KeyError> {
        self.fits(public.algorithm).map_err(|_| KeyError::Unsupported)?;
        match self {
            Self::Raw => Ok(documents::checked(public)?.bytes),
            Self::Der => documents::public_der(public),
            Self::Pem => Ok(documents::public_pem(public)?.into_bytes()),
        }
    }

    /// The format in which a key of this type travels between systems: DER, or its bytes where no document has a form
    /// for it.
    pub fn of(algorithm: Algorithm) -> Self {
        if Self::Der.fits(algorithm).is_ok() { Self::Der } else { Self::Raw }
    }

    fn fits(self, algorithm: Algorithm) -> Result<(), ImportError> {
        match (self, documents::has_form(algorithm)) {
            (Self::Raw, false) | (Self::Der | Self::Pem, true) => Ok(()),
            (Self::Raw, true) => Err(ImportError::OnlyDocuments),
            (Self::Der | Self::Pem, false) => Err(ImportError::OnlyRaw),
        }
    }
}

/// Of what has no document: the lengths of a symmetric key, or the seed of X-Wing.
fn lengths(algorithm: Algorithm) -> std::ops::RangeInclusive<usize> {
    algorithm.secret_lengths().unwrap_or(documents::SEED..=documents::SEED)
}

fn text(written: &[u8]) -> Result<&str, ImportError> {
    str::from_utf8(written).map_err(|_| ImportError::Malformed)
}
