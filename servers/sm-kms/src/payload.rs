//! Bodies; and base64 in them, decoded as it is read, so that no secret text is left behind.

use std::{borrow::Cow, fmt};

use base64::{Engine, engine::general_purpose::STANDARD};
use serde::{
    Deserialize, Deserializer,
    de::{self, DeserializeOwned},
};
use strongroom_serve::{Limits, Response, json};
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

/// Base64 of bytes for an answer.
pub(crate) fn encode(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

/// A body, by the rules that hold for every one; an empty one is `{}`.
pub(crate) fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, Response> {
    json::parse_or_empty(body, &Limits::default()).map_err(Response::from)
}

/// The names of the members of a body; none if it is no object.
pub(crate) fn members(body: &[u8]) -> Vec<Cow<'_, str>> {
    serde_json::from_slice(body).map(|Members(names)| names).unwrap_or_default()
}

struct Members<'a>(Vec<Cow<'a, str>>);

impl<'a> Deserialize<'a> for Members<'a> {
    fn deserialize<D: Deserializer<'a>>(deserializer: D) -> Result<Self, D::Error> {
        struct Names;
        impl<'a> de::Visitor<'a> for Names {
            type Value = Members<'a>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: de::MapAccess<'a>>(self, mut map: A) -> Result<Members<'a>, A::Error> {
                let mut names = Vec::new();
                while let Some(Text(name)) = map.next_key()? {
                    map.next_value::<de::IgnoredAny>()?;
                    names.push(name);
                }
                Ok(Members(names))
            }
        }
        deserializer.deserialize_map(Names)
    }
}

#[derive(Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);
