use crate::HashAlgorithm;

/// How a signature is made and checked. The default is what fits the key: the algorithm's own hash, PSS for RSA,
/// r ‖ s for ECDSA, and randomness where the standard prefers it.
///
/// ```
/// use strongroom_core::{HashAlgorithm, Padding, SignOptions};
///
/// let options = SignOptions::digest(HashAlgorithm::Sha384);
/// let rs384 = SignOptions { padding: Padding::Pkcs1v15, ..SignOptions::hash(HashAlgorithm::Sha384) };
/// assert_ne!(options, rs384);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct SignOptions {
    /// What the caller gives.
    pub input: Input,
    /// How RSA pads. Of other algorithms only the default is supported.
    pub padding: Padding,
    /// How an ECDSA signature is written. Of other algorithms only the default is supported.
    pub encoding: Encoding,
    /// ML-DSA without randomness: the deterministic variant of FIPS 204, section 3.4. ECDSA, Ed25519 and PKCS#1 v1.5
    /// are so in any case; PSS is not.
    pub deterministic: bool,
}

impl SignOptions {
    /// The caller gives a message, to be hashed with this one.
    pub const fn hash(hash: HashAlgorithm) -> Self {
        Self::of(Input::Message(Some(hash)))
    }

    /// The caller gives the digest that this hash made of the message.
    pub const fn digest(hash: HashAlgorithm) -> Self {
        Self::of(Input::Digest(hash))
    }

    const fn of(input: Input) -> Self {
        let (padding, encoding) = (Padding::Pss(Salt::Digest), Encoding::Fixed);
        Self { input, padding, encoding, deterministic: false }
    }
}

/// What is given to be signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Input {
    /// The message. Without a hash, with the algorithm's own: for RSA, P-256 and secp256k1 SHA-256, for P-384 SHA-384,
    /// for P-521 SHA-512; Ed25519 and ML-DSA take none.
    Message(Option<HashAlgorithm>),
    /// The digest that this hash made of the message.
    Digest(HashAlgorithm),
}

impl Default for Input {
    fn default() -> Self {
        Self::Message(None)
    }
}

/// How RSA signatures are padded (RFC 8017, section 8).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Padding {
    /// RSASSA-PSS with MGF1 over the same hash.
    Pss(Salt),
    /// RSASSA-PKCS1-v1_5, for those who verify nothing else.
    Pkcs1v15,
}

impl Default for Padding {
    fn default() -> Self {
        Self::Pss(Salt::Digest)
    }
}

/// The length of a salt of PSS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Salt {
    /// As long as the digest.
    Digest,
    /// So many bytes.
    Bytes(u16),
    /// To sign: as long as fits. To verify: whatever the signature says.
    Auto,
}

/// How an ECDSA signature is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Encoding {
    /// r ‖ s, each as long as the order, as in JWS (RFC 7518, section 3.4).
    #[default]
    Fixed,
    /// DER of `Ecdsa-Sig-Value` (RFC 3279, section 2.2.3), in the one encoding that DER has.
    Der,
}
