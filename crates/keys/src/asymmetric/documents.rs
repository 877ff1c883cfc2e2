use std::sync::Arc;

use p256::pkcs8::{
    LineEnding, PrivateKeyInfoRef, SecretDocument,
    der::{
        Decode as _, Document, Tag, Tagged as _,
        asn1::{AnyRef, BitStringRef, OctetStringRef},
    },
    spki::SubjectPublicKeyInfoRef,
};
use secrecy::{SecretSlice, SecretString};
use strongroom_core::{Algorithm, KeyError, PublicKey, Random};
use subtle::ConstantTimeEq as _;

use super::{
    expanded::expanded,
    forms::{Form, Inner},
    inner::{self, Found},
    kinds, rsa_checks,
};
use crate::{ImportError, SystemRandom};

/// The seed of keys that have no document.
pub(crate) const SEED: usize = 32;

/// A private key out of DER, in the form that [`KeyBackend::import`](strongroom_core::KeyBackend::import) takes: PKCS#8
/// (RFC 5958), `ECPrivateKey` (RFC 5915) or `RSAPrivateKey` (RFC 8017). A public key that stands beside it must be its
/// own. Documents say neither signature nor agreement: which of both, the caller has to know.
///
/// ```
/// use strongroom_core::{Algorithm, KeyBackend, Provider};
/// use strongroom_keys::{RustCrypto, private_from_der, private_to_der};
/// use secrecy::ExposeSecret;
///
/// # fn main() -> Result<(), strongroom_core::KeyError> {
/// let provider = RustCrypto::new();
/// let stored = provider.software().generate(Algorithm::EcdsaP384)?;
/// let material = provider.software().export(&stored)?;
/// let document = private_to_der(Algorithm::EcdsaP384, material.expose_secret())?;
/// let again = private_from_der(Algorithm::EcdsaP384, document.expose_secret())?;
/// assert_eq!(again.expose_secret(), material.expose_secret());
/// # Ok(()) }
/// ```
///
/// # Errors
/// [`KeyError::Invalid`] for everything else, and for a key that is encrypted or of another algorithm;
/// [`KeyError::Unsupported`] for keys that have no such form.
pub fn private_from_der(algorithm: Algorithm, der: &[u8]) -> Result<SecretSlice<u8>, KeyError> {
    Ok(read_private(algorithm, der)?)
}

pub(crate) fn read_private(algorithm: Algorithm, der: &[u8]) -> Result<SecretSlice<u8>, ImportError> {
    let form = Form::of(algorithm)?;
    let found = match PrivateKeyInfoRef::from_der(der) {
        Ok(info) => {
            form.is(&info.algorithm)?;
            let mut found = inner::read(form, info.private_key.as_bytes())?;
            if let Some(public) = info.public_key {
                let public = public.as_bytes().ok_or(ImportError::Malformed)?.to_vec();
                // The point may stand in both places.
                if found.public.replace(public).is_some_and(|inside| Some(&inside) != found.public.as_ref()) {
                    return Err(ImportError::Inconsistent);
                }
            }
            found
        }
        Err(_) if is_encrypted(der) => return Err(ImportError::Encrypted),
        Err(_) if matches!(form.inner, Inner::Sec1 | Inner::Pkcs1) => inner::read(form, der)?,
        Err(_) => return Err(ImportError::Malformed),
    };
    belongs_together(algorithm, form, &found)?;
    Ok(SecretSlice::from(found.material.to_vec()))
}

/// `EncryptedPrivateKeyInfo` (RFC 5958, section 3): an algorithm and an octet string.
fn is_encrypted(der: &[u8]) -> bool {
    inner::pair::<AnyRef<'_>, &OctetStringRef>(der).is_ok_and(|(method, _)| method.tag() == Tag::Sequence)
}

/// Whether a key has these bytes, and what stands beside them is of it.
fn belongs_together(algorithm: Algorithm, form: &Form, found: &Found) -> Result<(), ImportError> {
    if form.inner == Inner::Pkcs1 {
        rsa_checks::private(algorithm, &found.material)?;
    }
    let key = kinds::parse(algorithm, &found.material, &random()).map_err(|_| ImportError::OutOfRange)?;
    let own = key.public().ok_or(ImportError::OutOfRange)?;
    let same_public = found.public.as_ref().is_none_or(|public| *public == own.bytes);
    let same_expanded = match &found.expanded {
        Some(beside) => {
            let expanded = expanded(algorithm, &found.material).map_err(|_| ImportError::OutOfRange)?;
            bool::from(expanded.ct_eq(beside))
        }
        None => true,
    };
    if same_public && same_expanded { Ok(()) } else { Err(ImportError::Inconsistent) }
}

/// The same out of PEM (RFC 7468): `PRIVATE KEY`, `EC PRIVATE KEY` or `RSA PRIVATE KEY`.
///
/// # Errors
/// As for [`private_from_der`].
pub fn private_from_pem(algorithm: Algorithm, pem: &str) -> Result<SecretSlice<u8>, KeyError> {
    Ok(read_private_pem(algorithm, pem)?)
}

pub(crate) fn read_private_pem(algorithm: Algorithm, pem: &str) -> Result<SecretSlice<u8>, ImportError> {
    let form = Form::of(algorithm)?;
    let (label, document) = SecretDocument::from_pem(pem.trim_ascii()).map_err(|_| ImportError::Malformed)?;
    match label {
        "PRIVATE KEY" => {}
        "EC PRIVATE KEY" if form.inner == Inner::Sec1 => {}
        "RSA PRIVATE KEY" if form.inner == Inner::Pkcs1 => {}
        "EC PRIVATE KEY" | "RSA PRIVATE KEY" => return Err(ImportError::OtherType),
        "ENCRYPTED PRIVATE KEY" => return Err(ImportError::Encrypted),
        _ => return Err(ImportError::Malformed),
    }
    read_private(algorithm, document.as_bytes())
}

/// A private key as PKCS#8, of what [`KeyBackend::export`](strongroom_core::KeyBackend::export) answers.
///
/// # Errors
/// As for [`private_from_der`].
pub fn private_to_der(algorithm: Algorithm, material: &[u8]) -> Result<SecretSlice<u8>, KeyError> {
    Ok(SecretSlice::from(document(algorithm, material)?.as_bytes().to_vec()))
}

/// The same as PEM. Lines end with `\n`.
///
/// # Errors
/// As for [`private_from_der`].
pub fn private_to_pem(algorithm: Algorithm, material: &[u8]) -> Result<SecretString, KeyError> {
    let pem = document(algorithm, material)?.to_pem("PRIVATE KEY", LineEnding::LF);
    Ok(SecretString::from(pem.map_err(|_| KeyError::Invalid)?.as_str()))
}

fn document(algorithm: Algorithm, material: &[u8]) -> Result<SecretDocument, KeyError> {
    let form = Form::of(algorithm)?;
    let key = kinds::parse(algorithm, material, &random())?;
    let public = key.public().ok_or(KeyError::Invalid)?;
    let inner = inner::write(form, material, &public.bytes)?;
    let octets = OctetStringRef::new(&inner).map_err(|_| KeyError::Invalid)?;
    SecretDocument::encode_msg(&PrivateKeyInfoRef::new(form.identifier(), octets))
        .map_err(|_| KeyError::Invalid)
}

/// A public key out of DER of its SubjectPublicKeyInfo (RFC 5280, section 4.1).
///
/// # Errors
/// [`KeyError::Invalid`] for everything else; [`KeyError::Unsupported`] for keys that have no such form.
pub fn public_from_der(algorithm: Algorithm, der: &[u8]) -> Result<PublicKey, KeyError> {
    Ok(read_public(algorithm, der)?)
}

pub(crate) fn read_public(algorithm: Algorithm, der: &[u8]) -> Result<PublicKey, ImportError> {
    let form = Form::of(algorithm)?;
    let info = SubjectPublicKeyInfoRef::from_der(der).map_err(|_| ImportError::Malformed)?;
    form.is(&info.algorithm)?;
    let bytes = info.subject_public_key.as_bytes().ok_or(ImportError::Malformed)?;
    if form.inner == Inner::Pkcs1 {
        rsa_checks::public(algorithm, bytes)?;
    }
    let public = PublicKey { algorithm, bytes: bytes.to_vec() };
    let key = kinds::parse_public(&public, &random()).map_err(|_| ImportError::OutOfRange)?;
    Ok(key.public().ok_or(ImportError::OutOfRange)?.clone())
}

/// The same out of PEM: `PUBLIC KEY`.
///
/// # Errors
/// As for [`public_from_der`].
pub fn public_from_pem(algorithm: Algorithm, pem: &str) -> Result<PublicKey, KeyError> {
    Ok(read_public_pem(algorithm, pem)?)
}

pub(crate) fn read_public_pem(algorithm: Algorithm, pem: &str) -> Result<PublicKey, ImportError> {
    Form::of(algorithm)?;
    match Document::from_pem(pem.trim_ascii()) {
        Ok(("PUBLIC KEY", document)) => read_public(algorithm, document.as_bytes()),
        _ => Err(ImportError::Malformed),
    }
}

/// A public key as DER of its SubjectPublicKeyInfo.
///
/// # Errors
/// As for [`public_from_der`].
pub fn public_der(public: &PublicKey) -> Result<Vec<u8>, KeyError> {
    Ok(public_document(public)?.into_vec())
}

/// The same as PEM: for Ed25519 by RFC 8410, for ECDSA by RFC 5480. Lines end with `\n`.
///
/// # Errors
/// As for [`public_from_der`].
pub fn public_pem(public: &PublicKey) -> Result<String, KeyError> {
    public_document(public)?.to_pem("PUBLIC KEY", LineEnding::LF).map_err(|_| KeyError::Invalid)
}

fn public_document(public: &PublicKey) -> Result<Document, KeyError> {
    if !public.algorithm.is_asymmetric() {
        return Err(KeyError::Invalid);
    }
    let form = Form::of(public.algorithm)?;
    kinds::parse_public(public, &random())?;
    let bits = BitStringRef::from_bytes(&public.bytes).map_err(|_| KeyError::Invalid)?;
    let info = SubjectPublicKeyInfoRef { algorithm: form.identifier(), subject_public_key: bits };
    Document::encode_msg(&info).map_err(|_| KeyError::Invalid)
}

/// Whether documents have a form for keys of this algorithm.
pub(crate) fn has_form(algorithm: Algorithm) -> bool {
    Form::of(algorithm).is_ok()
}

/// A public key that is one.
pub(crate) fn checked(public: &PublicKey) -> Result<PublicKey, KeyError> {
    let key = kinds::parse_public(public, &random())?;
    Ok(key.public().ok_or(KeyError::Invalid)?.clone())
}

/// Parsing asks for none.
fn random() -> Arc<dyn Random> {
    Arc::new(SystemRandom)
}
