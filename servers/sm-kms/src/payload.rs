//! Bodies; and base64 in them, decoded as it is read, so that no secret text is left behind.

use std::fmt;

use base64::{Engine, engine::general_purpose::STANDARD};
use secrecy::SecretString;
use serde::{Deserialize, Deserializer, de};
use strongroom_serve::{Limits, Response, json::Checked};
use zeroize::Zeroizing;

/// What a base64 text of a body holds, or that it is none: in a batch that concerns one item only.
#[derive(Default)]
pub(crate) enum Payload {
    #[default]
    Absent,
    Bytes(Zeroizing<Vec<u8>>),
    NotBase64,
}

impl Payload {
    /// The bytes; nothing where there is none.
    pub(crate) fn optional(&self) -> Result<&[u8], &'static str> {
        match self {
            Self::Absent => Ok(&[]),
            Self::Bytes(bytes) => Ok(bytes),
            Self::NotBase64 => Err("illegal base64 data"),
        }
    }

    /// The bytes, or `missing` where there is none.
    pub(crate) fn required(&self, missing: &'static str) -> Result<&[u8], &'static str> {
        if matches!(self, Self::Absent) { Err(missing) } else { self.optional() }
    }
}

impl<'de> Deserialize<'de> for Payload {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Visitor)
    }
}

/// A text of a body that is wiped.
pub(crate) struct SecretText(pub(crate) SecretString);

impl<'de> Deserialize<'de> for SecretText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|text| Self(SecretString::from(text)))
    }
}

struct Visitor;

impl de::Visitor<'_> for Visitor {
    type Value = Payload;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("base64")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Payload, E> {
        let mut bytes = Zeroizing::new(vec![0; base64::decoded_len_estimate(text.len())]);
        Ok(match STANDARD.decode_slice(text, &mut bytes) {
            Ok(length) => {
                bytes.truncate(length);
                Payload::Bytes(bytes)
            }
            Err(_) => Payload::NotBase64,
        })
    }

    fn visit_unit<E: de::Error>(self) -> Result<Payload, E> {
        Ok(Payload::Absent)
    }
}

/// The bytes of a base64 text that is no secret.
pub(crate) fn decode(text: &str) -> Option<Vec<u8>> {
    STANDARD.decode(text).ok()
}

/// Base64 of bytes for an answer.
pub(crate) fn encode(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

/// Base64 of a secret for an answer.
pub(crate) fn encode_secret(bytes: &[u8]) -> Zeroizing<String> {
    Zeroizing::new(encode(bytes))
}

/// A body, by the rules that hold for every one; none at all is `{}`.
pub(crate) fn check(body: &[u8]) -> Result<Checked<'_>, Response> {
    Checked::or_empty(body, &Limits::default()).map_err(Response::from)
}

/// The members of a checked body that `T` knows.
pub(crate) fn take<'a, T: Deserialize<'a>>(body: Checked<'a>) -> Result<T, Response> {
    body.object().map_err(Response::from)
}
