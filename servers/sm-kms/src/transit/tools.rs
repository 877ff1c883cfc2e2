//! `transit/random` and `transit/hash`, which use no ring.

use serde::{Deserialize, Serialize};
use strongroom_kms::{MAX_RANDOM, Rings};
use strongroom_serve::{Method, Response};
use zeroize::Zeroizing;

use super::{crypt::in_the_clear, hash_name::HashName};
use crate::{
    answer::{self, Reply, bad_request, refused},
    loose::Number,
    payload::{Payload, check, encode, encode_secret, take},
};

/// What is asked for.
#[derive(Debug, Clone, Copy)]
pub enum Tool {
    /// `POST random`, `POST random/SOURCE` and `POST random/SOURCE/BYTES`: so many bytes, if the path says so.
    Random(Option<usize>),
    /// `POST hash` and `POST hash/HASH`
    Hash(Option<HashName>),
}

#[derive(Deserialize)]
struct RandomRequest {
    bytes: Option<Number>,
    format: Option<String>,
    source: Option<String>,
}

#[derive(Serialize)]
struct RandomBytes {
    #[serde(serialize_with = "in_the_clear")]
    random_bytes: Zeroizing<String>,
}

#[derive(Deserialize)]
struct HashRequest {
    #[serde(default)]
    input: Payload,
    algorithm: Option<String>,
    format: Option<String>,
}

#[derive(Serialize)]
struct Sum {
    sum: String,
}

/// How bytes are written.
#[derive(Clone, Copy)]
enum Format {
    Hex,
    Base64,
}

impl Tool {
    /// What a path asks for, if it is one of these.
    pub(super) fn route(method: Method, path: &[&str]) -> Option<Result<Self, Response>> {
        if !matches!(path, ["random", ..] | ["hash", ..]) {
            return None;
        }
        let write = matches!(method, Method::Post | Method::Put);
        let routed = match path {
            ["random"] => Ok(Self::Random(None)),
            ["random", "platform" | "seal" | "all"] => Ok(Self::Random(None)),
            ["random", bytes] | ["random", "platform" | "seal" | "all", bytes] => {
                bytes.parse().map(|bytes| Self::Random(Some(bytes))).map_err(|_| bad_request(BYTES))
            }
            ["random", _, _] => Err(bad_request(SOURCE)),
            ["hash"] => Ok(Self::Hash(None)),
            ["hash", name] => HashName::parse(name).map(|name| Self::Hash(Some(name))).map_err(bad_request),
            _ => return Some(Err(answer::no_route())),
        };
        Some(if write { routed } else { Err(answer::no_operation()) })
    }

    pub(super) fn answer(self, rings: &Rings, mut reply: Reply, body: &[u8]) -> Result<Response, Response> {
        let body = check(body)?;
        match self {
            Self::Random(bytes) => {
                reply.ignored(body, &["bytes", "format", "source"]);
                random(rings, bytes, &take(body)?, &reply)
            }
            Self::Hash(name) => {
                reply.ignored(body, &["input", "algorithm", "format"]);
                hash(rings, name, &take(body)?, &reply)
            }
        }
    }
}

const BYTES: &str = "bytes must be a number from 1 to 131072";
const SOURCE: &str = "source must be platform, seal or all: each is the system's generator";

fn random(
    rings: &Rings,
    path: Option<usize>,
    request: &RandomRequest,
    reply: &Reply,
) -> Result<Response, Response> {
    if !matches!(request.source.as_deref(), None | Some("" | "platform" | "seal" | "all")) {
        return Err(bad_request(SOURCE));
    }
    let asked = request.bytes.map(|Number(bytes)| usize::try_from(bytes).unwrap_or_default());
    let length = path.or(asked).unwrap_or(32);
    if !(1..=MAX_RANDOM).contains(&length) {
        return Err(bad_request(BYTES));
    }
    let format = Format::parse(request.format.as_deref(), Format::Base64)?;
    let bytes = rings.random(length).map_err(|error| refused(&error))?;
    Ok(reply.data(&RandomBytes { random_bytes: format.secret(&bytes) }))
}

fn hash(
    rings: &Rings,
    path: Option<HashName>,
    request: &HashRequest,
    reply: &Reply,
) -> Result<Response, Response> {
    let hash = HashName::first(path, [&request.algorithm]).map_err(bad_request)?;
    let format = Format::parse(request.format.as_deref(), Format::Hex)?;
    let input = request.input.required("missing input to hash").map_err(bad_request)?;
    let hash = hash.unwrap_or(strongroom_core::HashAlgorithm::Sha256);
    let sum = rings.hash(hash, input).map_err(|error| refused(&error))?;
    Ok(reply.data(&Sum { sum: format.text(&sum) }))
}

impl Format {
    fn parse(name: Option<&str>, usual: Self) -> Result<Self, Response> {
        match name {
            None | Some("") => Ok(usual),
            Some("hex") => Ok(Self::Hex),
            Some("base64") => Ok(Self::Base64),
            Some(_) => Err(bad_request("format must be hex or base64")),
        }
    }

    fn text(self, bytes: &[u8]) -> String {
        match self {
            Self::Base64 => encode(bytes),
            Self::Hex => bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
                text.extend(
                    [byte >> 4, byte & 15].map(|digit| char::from_digit(digit.into(), 16).unwrap_or('0')),
                );
                text
            }),
        }
    }

    fn secret(self, bytes: &[u8]) -> Zeroizing<String> {
        match self {
            Self::Base64 => encode_secret(bytes),
            Self::Hex => Zeroizing::new(self.text(bytes)),
        }
    }
}
