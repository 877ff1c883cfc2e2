use strongroom_core::KeyError;

/// A key is not taken over. It says what is to be done and nothing of the bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.advice())]
pub enum ImportError {
    /// The type has no document, or the bytes were called one.
    OnlyRaw,
    /// The type comes in documents.
    OnlyDocuments,
    /// A symmetric key has no public half.
    NoPublicHalf,
    /// The bytes are no such document.
    Malformed,
    /// The document is encrypted.
    Encrypted,
    /// The document names another algorithm, curve or parameters.
    OtherType,
    /// A symmetric key of another length.
    Length,
    /// ML-DSA or ML-KEM without the seed.
    NoSeed,
    /// What stands beside the secret is not of it.
    Inconsistent,
    /// A number that no key of this type has: a scalar, a point, a modulus.
    OutOfRange,
    /// An RSA modulus of another size than the type says.
    ModulusSize,
    /// An RSA key with another public exponent.
    Exponent,
    /// An RSA modulus that can be factored.
    Weak,
}

impl ImportError {
    /// What is wrong, and what is to be done.
    pub const fn advice(self) -> &'static str {
        match self {
            Self::OnlyRaw => {
                "keys of this type are imported as their raw bytes: no document has a form for them"
            }
            Self::OnlyDocuments => {
                "keys of this type are imported in documents: PKCS#8 or SubjectPublicKeyInfo, as DER or PEM"
            }
            Self::NoPublicHalf => "keys of this type have no public half: import the key itself",
            Self::Encrypted => "the document is encrypted: decrypt it before it is imported",
            Self::OtherType => "the document is of another type of key: choose the type of the ring after it",
            Self::Length => "a key of this type has another length: look the lengths of its type up",
            Self::Inconsistent => {
                "the parts of the key do not belong together: export it anew where it was made"
            }
            Self::OutOfRange => "the document holds no key of its type: a number in it is out of range",
            Self::ModulusSize => {
                "the modulus has another size than the type says: choose the type of the ring after it"
            }
            Self::Exponent => "the public exponent is not 65537: make a new key",
            Self::Malformed => {
                "not a document of a key: give PKCS#8 for a private or SubjectPublicKeyInfo for a public key, as DER or PEM"
            }
            Self::NoSeed => {
                "the document has the expanded key alone: export the key with its seed (RFC 9881 and RFC 9935, section 6)"
            }
            Self::Weak => "the key is of a kind that can be broken: make a new one",
        }
    }
}

impl From<ImportError> for KeyError {
    fn from(error: ImportError) -> Self {
        match error {
            ImportError::OnlyRaw => Self::Unsupported,
            _ => Self::Invalid,
        }
    }
}
