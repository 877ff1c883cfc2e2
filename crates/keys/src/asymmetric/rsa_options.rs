use rsa::{
    Oaep, Pkcs1v15Sign, PrivateKey, Pss, PublicKey,
    pkcs8::AssociatedOid,
    sha2::digest::FixedOutputReset,
    traits::{PublicKeyParts as _, SignatureScheme},
};
use sha1::Sha1;
use sha2::{Digest, Sha224, Sha256, Sha384, Sha512};
use sha3::{Sha3_224, Sha3_256, Sha3_384, Sha3_512};
use strongroom_core::{
    Encoding, HashAlgorithm, KeyError, OaepHash, Padding, Plaintext, Random, Salt, SealOptions, SignOptions,
};

use super::{
    draws::Draws,
    oaep,
    options::{Digested, digested},
};

/// What a signature covers and how it is padded, once the options are known to fit.
pub(super) struct Signing<'a> {
    digest: Digested<'a>,
    padding: Padding,
}

impl<'a> Signing<'a> {
    pub(super) fn new(message: &'a [u8], options: &SignOptions) -> Result<Self, KeyError> {
        let SignOptions { input: _, padding, encoding, deterministic } = *options;
        let random_if_asked = !deterministic || padding == Padding::Pkcs1v15;
        if encoding != Encoding::Fixed || !random_if_asked {
            return Err(KeyError::Unsupported);
        }
        Ok(Self { digest: digested(message, options, HashAlgorithm::Sha256)?, padding })
    }

    pub(super) fn sign(&self, key: &PrivateKey, random: &dyn Random) -> Result<Vec<u8>, KeyError> {
        match self.digest.hash {
            HashAlgorithm::Sha224 => self.sign_by::<Sha224>(key, random),
            HashAlgorithm::Sha256 => self.sign_by::<Sha256>(key, random),
            HashAlgorithm::Sha384 => self.sign_by::<Sha384>(key, random),
            HashAlgorithm::Sha512 => self.sign_by::<Sha512>(key, random),
            HashAlgorithm::Sha3_224 => self.sign_by::<Sha3_224>(key, random),
            HashAlgorithm::Sha3_256 => self.sign_by::<Sha3_256>(key, random),
            HashAlgorithm::Sha3_384 => self.sign_by::<Sha3_384>(key, random),
            HashAlgorithm::Sha3_512 => self.sign_by::<Sha3_512>(key, random),
        }
    }

    pub(super) fn verify(&self, key: &PublicKey, signature: &[u8]) -> Result<bool, KeyError> {
        match self.digest.hash {
            HashAlgorithm::Sha224 => self.verify_by::<Sha224>(key, signature),
            HashAlgorithm::Sha256 => self.verify_by::<Sha256>(key, signature),
            HashAlgorithm::Sha384 => self.verify_by::<Sha384>(key, signature),
            HashAlgorithm::Sha512 => self.verify_by::<Sha512>(key, signature),
            HashAlgorithm::Sha3_224 => self.verify_by::<Sha3_224>(key, signature),
            HashAlgorithm::Sha3_256 => self.verify_by::<Sha3_256>(key, signature),
            HashAlgorithm::Sha3_384 => self.verify_by::<Sha3_384>(key, signature),
            HashAlgorithm::Sha3_512 => self.verify_by::<Sha3_512>(key, signature),
        }
    }

    fn sign_by<D>(&self, key: &PrivateKey, random: &dyn Random) -> Result<Vec<u8>, KeyError>
    where
        D: Digest + FixedOutputReset + AssociatedOid,
    {
        match self.padding {
            Padding::Pkcs1v15 => sign_with(key, random, Pkcs1v15Sign::new::<D>(), &self.digest.bytes),
            Padding::Pss(salt) => {
                let length = salt_length(key, self.digest.hash, salt)?.unwrap_or_default();
                sign_with(key, random, Pss::<D>::new_with_salt(length), &self.digest.bytes)
            }
        }
    }

    fn verify_by<D>(&self, key: &PublicKey, signature: &[u8]) -> Result<bool, KeyError>
    where
        D: Digest + FixedOutputReset + AssociatedOid,
    {
        let right = match self.padding {
            Padding::Pkcs1v15 => key.verify(Pkcs1v15Sign::new::<D>(), &self.digest.bytes, signature),
            Padding::Pss(salt) => {
                let mut pss = Pss::<D>::new();
                pss.salt_len = match salt {
                    Salt::Auto => None,
                    _ => salt_length(key, self.digest.hash, salt)?,
                };
                key.verify(pss, &self.digest.bytes, signature)
            }
        };
        Ok(right.is_ok())
    }
}

/// The private operation, blinded; the result is checked with the public exponent before it comes out.
fn sign_with(
    key: &PrivateKey,
    random: &dyn Random,
    scheme: impl SignatureScheme,
    digest: &[u8],
) -> Result<Vec<u8>, KeyError> {
    key.sign_with_rng(&mut Draws(random), scheme, digest).map_err(|error| match error {
        rsa::Error::Rng => KeyError::Random,
        _ => KeyError::Failed,
    })
}

/// emLen - hLen - 2 is the longest salt, with emLen = ⌈(modBits - 1) / 8⌉ (RFC 8017, section 9.1.1).
fn salt_length(
    key: &impl rsa::traits::PublicKeyParts,
    hash: HashAlgorithm,
    salt: Salt,
) -> Result<Option<usize>, KeyError> {
    let encoded = (key.n().bit_width() as usize - 1).div_ceil(8);
    let longest = encoded.checked_sub(hash.size() + 2).ok_or(KeyError::Invalid)?;
    let length = match salt {
        Salt::Digest => hash.size(),
        Salt::Bytes(length) => usize::from(length),
        Salt::Auto => longest,
    };
    if length > longest { Err(KeyError::Invalid) } else { Ok(Some(length)) }
}

/// RSAES-OAEP.
pub(super) fn seal(
    key: &PublicKey,
    random: &dyn Random,
    plaintext: &[u8],
    options: &SealOptions<'_>,
) -> Result<Vec<u8>, KeyError> {
    let (hash, label) = hash_and_label(options)?;
    let length = match hash {
        OaepHash::Sha256 => 32,
        OaepHash::Sha384 => 48,
        OaepHash::Sha512 => 64,
        OaepHash::LegacySha1 => return Err(KeyError::Unsupported),
    };
    // mLen ≤ k - 2hLen - 2 (RFC 8017, section 7.1.1).
    if plaintext.len() + 2 * length + 2 > key.size() {
        return Err(KeyError::Invalid);
    }
    let mut draws = Draws(random);
    let sealed = match hash {
        OaepHash::Sha384 => key.encrypt(&mut draws, Oaep::<Sha384>::new_with_label(label), plaintext),
        OaepHash::Sha512 => key.encrypt(&mut draws, Oaep::<Sha512>::new_with_label(label), plaintext),
        _ => key.encrypt(&mut draws, Oaep::<Sha256>::new_with_label(label), plaintext),
    };
    sealed.map_err(|error| match error {
        rsa::Error::Rng => KeyError::Random,
        _ => KeyError::Failed,
    })
}

/// Everything that does not open is one error.
pub(super) fn open(
    key: &PrivateKey,
    random: &dyn Random,
    sealed: &[u8],
    options: &SealOptions<'_>,
) -> Result<Plaintext, KeyError> {
    let (hash, label) = hash_and_label(options)?;
    match hash {
        OaepHash::Sha256 => oaep::open::<Sha256>(key, random, sealed, label),
        OaepHash::Sha384 => oaep::open::<Sha384>(key, random, sealed, label),
        OaepHash::Sha512 => oaep::open::<Sha512>(key, random, sealed, label),
        OaepHash::LegacySha1 => oaep::open::<Sha1>(key, random, sealed, label),
    }
}

fn hash_and_label<'a>(options: &SealOptions<'a>) -> Result<(OaepHash, &'a [u8]), KeyError> {
    match *options {
        SealOptions::Oaep { hash, label } => Ok((hash, label)),
        SealOptions::Hpke { .. } => Err(KeyError::Unsupported),
    }
}
