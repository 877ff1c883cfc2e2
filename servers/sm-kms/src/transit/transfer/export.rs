use std::collections::BTreeMap;

use secrecy::ExposeSecret as _;
use serde::Serialize;
use strongroom_core::{Algorithm, Name, OaepHash, Purpose};
use strongroom_keys::{KeyFormat, Transport};
use strongroom_kms::{KmsError, Ring, Rings, Versions};
use strongroom_serve::Response;
use zeroize::Zeroizing;

use super::super::{keys::whole, shown::public_text, types};
use crate::{
    answer::{self, Reply, bad_request, refused},
    payload::{encode, encode_secret},
};

/// What is to go out: Vault names it, and it has to fit the type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `encryption-key`: of what encrypts, agrees or derives.
    Encryption,
    /// `signing-key`
    Signing,
    /// `hmac-key`: of rings that compute codes.
    Hmac,
    /// `public-key`
    Public,
}

impl Kind {
    pub(super) fn parse(text: &str) -> Result<Self, Response> {
        Ok(match text {
            "encryption-key" => Self::Encryption,
            "signing-key" => Self::Signing,
            "hmac-key" => Self::Hmac,
            "public-key" => Self::Public,
            _ => {
                return Err(bad_request(
                    "what is exported is an encryption-key, signing-key, hmac-key or public-key",
                ));
            }
        })
    }

    /// Whether a key of this type is one of this kind.
    fn is(self, algorithm: Algorithm) -> bool {
        match (self, algorithm.purpose()) {
            (Self::Public, _) => algorithm.is_asymmetric(),
            (Self::Hmac, purpose) => purpose == Purpose::Mac,
            (Self::Signing, _) => algorithm.signs(),
            (Self::Encryption, purpose) => !matches!(purpose, Purpose::Mac | Purpose::Sign),
        }
    }
}

/// An answer of keys by their versions, in order.
#[derive(Serialize)]
struct Keys<'a, T> {
    name: &'a str,
    #[serde(rename = "type")]
    kind: &'a str,
    keys: BTreeMap<u32, T>,
}

pub(super) fn export(
    rings: &Rings,
    kind: Kind,
    name: &Name,
    versions: Versions,
    reply: &Reply,
) -> Result<Response, Response> {
    let ring = match rings.read(name) {
        Err(KmsError::NotFound) => return Err(answer::nothing()),
        read => read.map_err(|error| refused(&error))?,
    };
    let algorithm = ring.algorithm;
    if !kind.is(algorithm) {
        return Err(refused(&KmsError::WrongType));
    }
    if kind == Kind::Public {
        return public(&whole(rings, name, ring)?, name, versions, reply);
    }
    let raw = KeyFormat::of(algorithm) == KeyFormat::Raw;
    let format = if raw { KeyFormat::Raw } else { KeyFormat::Pem };
    let exported = rings.export(name, versions, format).map_err(|error| refused(&error))?;
    let text = |secret: &[u8]| {
        if raw {
            Ok(encode_secret(secret))
        } else {
            String::from_utf8(secret.to_vec()).map(Zeroizing::new).map_err(|_| bad_request("no such format"))
        }
    };
    let mut keys = BTreeMap::new();
    for exported in exported {
        keys.insert(exported.version, text(exported.secret.expose_secret())?);
    }
    let keys = keys.iter().map(|(version, text)| (*version, text.as_str())).collect();
    Ok(reply.data(&Keys { name: name.as_str(), kind: types::shown(algorithm).0, keys }))
}

/// Public halves are no secrets: whoever may read the ring has them.
fn public(ring: &Ring, name: &Name, versions: Versions, reply: &Reply) -> Result<Response, Response> {
    let wanted = |version: u32| match versions {
        Versions::All => version >= ring.min_decryption_version,
        Versions::Newest => version == ring.latest_version,
        Versions::One(number) => version == number,
    };
    let mut keys = BTreeMap::new();
    for version in ring.versions.iter().filter(|version| wanted(version.version)) {
        let Some(public) = &version.public else { continue };
        keys.insert(version.version, public_text(public));
    }
    if keys.is_empty() {
        return Err(refused(&KmsError::NoVersion));
    }
    Ok(reply.data(&Keys { name: name.as_str(), kind: types::shown(ring.algorithm).0, keys }))
}

pub(super) fn export_wrapped(
    rings: &Rings,
    to: &Name,
    from: &Name,
    versions: Versions,
    reply: &Reply,
) -> Result<Response, Response> {
    let algorithm = rings.read(from).map_err(|error| refused(&error))?.algorithm;
    // A ring that is disabled, or waits for its end, is wrapped for no more.
    rings.algorithm(to).map_err(|error| refused(&error))?;
    let destination = rings.read(to).map_err(|error| refused(&error))?;
    let newest = destination.versions.last().and_then(|version| version.public.as_ref());
    let public = newest.ok_or_else(|| refused(&KmsError::WrongType))?;
    let transport = Transport::AesKwp(OaepHash::Sha256);
    let wrapped = rings.export_wrapped(from, versions, public, transport).map_err(|error| refused(&error))?;
    let keys = wrapped.iter().map(|wrapped| (wrapped.version, encode(&wrapped.bytes))).collect();
    Ok(reply.data(&Keys { name: from.as_str(), kind: types::shown(algorithm).0, keys }))
}
