use p256::pkcs8::der::{
    Decode, Encode as _, Error, Reader as _, SliceReader, TagMode, TagNumber,
    asn1::{ContextSpecific, OctetStringRef},
};
use sec1::{EcParameters, EcPrivateKey};
use strongroom_core::KeyError;
use zeroize::Zeroizing;

use super::forms::{Form, Inner};
use crate::ImportError;

/// What stood in a private key.
pub(super) struct Found {
    pub(super) material: Zeroizing<Vec<u8>>,
    /// The public key beside it.
    pub(super) public: Option<Vec<u8>>,
    /// The expanded key beside a seed.
    pub(super) expanded: Option<Zeroizing<Vec<u8>>>,
}

impl Found {
    fn new(material: &[u8]) -> Self {
        Self { material: Zeroizing::new(material.to_vec()), public: None, expanded: None }
    }
}

/// Reads what is inside the octet string of PKCS#8.
pub(super) fn read(form: &Form, bytes: &[u8]) -> Result<Found, ImportError> {
    match form.inner {
        Inner::Sec1 => curve(form, bytes),
        Inner::OctetString => {
            Ok(Found::new(<&OctetStringRef>::from_der(bytes).map_err(|_| ImportError::Malformed)?.as_bytes()))
        }
        Inner::Pkcs1 | Inner::Raw => Ok(Found::new(bytes)),
        Inner::Seed => seed(bytes),
    }
}

fn curve(form: &Form, bytes: &[u8]) -> Result<Found, ImportError> {
    let key = EcPrivateKey::from_der(bytes).map_err(|_| ImportError::Malformed)?;
    let named = key.parameters.map(|EcParameters::NamedCurve(curve)| curve);
    if named.is_some_and(|curve| Some(curve) != form.curve()) {
        return Err(ImportError::OtherType);
    }
    Ok(Found { public: key.public_key.map(<[u8]>::to_vec), ..Found::new(key.private_key) })
}

/// One of three: `seed [0] IMPLICIT OCTET STRING`, `expandedKey OCTET STRING`, or a sequence of both, as octet strings. An
/// expanded key alone has no seed, and is refused: no check of it shows that it was made as the standard says.
fn seed(bytes: &[u8]) -> Result<Found, ImportError> {
    match bytes {
        [0x80, length, seed @ ..] if seed.len() == usize::from(*length) && *length < 0x80 => {
            Ok(Found::new(seed))
        }
        [0x04, ..] if <&OctetStringRef>::from_der(bytes).is_ok() => Err(ImportError::NoSeed),
        [0x30, ..] => {
            let (seed, expanded): (&OctetStringRef, &OctetStringRef) =
                pair(bytes).map_err(|_| ImportError::Malformed)?;
            let expanded = Zeroizing::new(expanded.as_bytes().to_vec());
            Ok(Found { expanded: Some(expanded), ..Found::new(seed.as_bytes()) })
        }
        _ => Err(ImportError::Malformed),
    }
}

/// A sequence of two and nothing else.
pub(super) fn pair<'d, A: Decode<'d>, B: Decode<'d>>(der: &'d [u8]) -> Result<(A, B), Error>
where
    Error: From<A::Error> + From<B::Error>,
{
    let mut reader = SliceReader::new(der)?;
    let both = reader.sequence(|inner| Ok::<_, Error>((A::decode(inner)?, B::decode(inner)?)))?;
    reader.finish()?;
    Ok(both)
}

/// Writes what is inside the octet string of PKCS#8.
pub(super) fn write(form: &Form, material: &[u8], public: &[u8]) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    let der = match form.inner {
        Inner::Sec1 => {
            EcPrivateKey { private_key: material, parameters: None, public_key: Some(public) }.to_der()
        }
        Inner::OctetString => OctetStringRef::new(material).and_then(|octets| octets.to_der()),
        Inner::Pkcs1 | Inner::Raw => return Ok(Zeroizing::new(material.to_vec())),
        Inner::Seed => OctetStringRef::new(material).and_then(|value| {
            ContextSpecific { tag_number: TagNumber(0), tag_mode: TagMode::Implicit, value }.to_der()
        }),
    };
    der.map(Zeroizing::new).map_err(|_| KeyError::Invalid)
}
