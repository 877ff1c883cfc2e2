use p256::pkcs8::der::{
    Decode as _, Encode as _, TagMode, TagNumber,
    asn1::{ContextSpecific, OctetStringRef},
};
use sec1::{EcParameters, EcPrivateKey};
use strongroom_core::KeyError;
use zeroize::Zeroizing;

use super::forms::{Form, Inner};

/// What stood in a private key.
pub(super) struct Found {
    pub(super) material: Zeroizing<Vec<u8>>,
    /// The public key beside it.
    pub(super) public: Option<Vec<u8>>,
}

/// Reads what is inside the octet string of PKCS#8.
pub(super) fn read(form: &Form, bytes: &[u8]) -> Result<Found, KeyError> {
    let (material, public) = match form.inner {
        Inner::Sec1 => {
            let key = EcPrivateKey::from_der(bytes).map_err(|_| KeyError::Invalid)?;
            let named = key.parameters.map(|EcParameters::NamedCurve(curve)| curve);
            if named.is_some_and(|curve| Some(curve) != form.curve()) {
                return Err(KeyError::Invalid);
            }
            (key.private_key, key.public_key)
        }
        Inner::OctetString => {
            (<&OctetStringRef>::from_der(bytes).map_err(|_| KeyError::Invalid)?.as_bytes(), None)
        }
        Inner::Pkcs1 => (bytes, None),
        Inner::Seed => (seed(bytes)?, None),
    };
    Ok(Found { material: Zeroizing::new(material.to_vec()), public: public.map(<[u8]>::to_vec) })
}

/// `[0] IMPLICIT OCTET STRING`. A document with the expanded key beside the seed is refused, as the two would have to
/// be compared and the seed says everything; one with the expanded key alone has no seed.
fn seed(bytes: &[u8]) -> Result<&[u8], KeyError> {
    match bytes {
        [0x80, length, seed @ ..] if seed.len() == usize::from(*length) && *length < 0x80 => Ok(seed),
        _ => Err(KeyError::Invalid),
    }
}

/// Writes what is inside the octet string of PKCS#8.
pub(super) fn write(form: &Form, material: &[u8], public: &[u8]) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    let der = match form.inner {
        Inner::Sec1 => {
            EcPrivateKey { private_key: material, parameters: None, public_key: Some(public) }.to_der()
        }
        Inner::OctetString => OctetStringRef::new(material).and_then(|octets| octets.to_der()),
        Inner::Pkcs1 => return Ok(Zeroizing::new(material.to_vec())),
        Inner::Seed => OctetStringRef::new(material).and_then(|value| {
            ContextSpecific { tag_number: TagNumber(0), tag_mode: TagMode::Implicit, value }.to_der()
        }),
    };
    der.map(Zeroizing::new).map_err(|_| KeyError::Invalid)
}
