use strongroom_core::KeyError;

/// A key is not taken over. It says what is to be done and nothing of the bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ImportError {
    /// The type has no document, or the bytes were called one.
    #[error("keys of this type are imported as their raw bytes: no document has a form for them")]
    OnlyRaw,
    /// The type comes in documents.
    #[error("keys of this type are imported in documents: PKCS#8 or SubjectPublicKeyInfo, as DER or PEM")]
    OnlyDocuments,
    /// A symmetric key has no public half.
    #[error("keys of this type have no public half: import the key itself")]
    NoPublicHalf,
    /// The bytes are no such document.
    #[error(
        "not a document of a key: give PKCS#8 for a private or SubjectPublicKeyInfo for a public key, as DER or PEM"
    )]
    Malformed,
    /// The document is encrypted.
    #[error("the document is encrypted: decrypt it before it is imported")]
    Encrypted,
    /// The document names another algorithm, curve or parameters.
    #[error("the document is of another type of key: choose the type of the ring after it")]
    OtherType,
    /// A symmetric key of another length.
    #[error("a key of this type has another length: look the lengths of its type up")]
    Length,
    /// ML-DSA or ML-KEM without the seed.
    #[error(
        "the document has the expanded key alone: export the key with its seed (RFC 9881 and RFC 9935, section 6)"
    )]
    NoSeed,
    /// What stands beside the secret is not of it.
    #[error("the parts of the key do not belong together: export it anew where it was made")]
    Inconsistent,
    /// A number that no key of this type has: a scalar, a point, a modulus.
    #[error("the document holds no key of its type: a number in it is out of range")]
    OutOfRange,
    /// An RSA modulus of another size than the type says.
    #[error("the modulus has another size than the type says: choose the type of the ring after it")]
    ModulusSize,
    /// An RSA key with another public exponent.
    #[error("the public exponent is not 65537: make a new key")]
    Exponent,
    /// An RSA modulus that can be factored.
    #[error("the key is of a kind that can be broken: make a new one")]
    Weak,
}

impl From<ImportError> for KeyError {
    fn from(error: ImportError) -> Self {
        match error {
            ImportError::OnlyRaw => Self::Unsupported,
            _ => Self::Invalid,
        }
    }
}
