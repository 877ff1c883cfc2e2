use serde::Deserialize;
use serde_json::json;
use strongroom_core::{Name, OaepHash};
use strongroom_keys::{KeyFormat, Transport, public_pem};
use strongroom_kms::{Import, KmsError, NewRing, Rings, Settings, Source};
use strongroom_serve::{Response, StatusCode};

use super::super::create::CreateRequest;
use crate::{
    answer::{Reply, bad_request, refused},
    loose::{Asked, Flag, Number},
    payload::{Payload, check, take},
};

/// The key that a body brings.
#[derive(Deserialize)]
struct ImportRequest {
    #[serde(default)]
    ciphertext: Payload,
    public_key: Option<String>,
    hash_function: Option<String>,
    version: Option<Number>,
}

/// What is asked of the ring that it comes into, beside what [`CreateRequest`] has.
#[derive(Deserialize)]
struct NewRequest {
    allow_rotation: Option<Flag>,
    #[serde(default)]
    context: Asked,
}

pub(super) fn wrapping_key(rings: &Rings, reply: &Reply) -> Result<Response, Response> {
    let public = rings.wrapping_key().map_err(|error| refused(&error))?;
    let pem = public_pem(&public).map_err(|error| refused(&KmsError::from(error)))?;
    Ok(reply.data(&json!({ "public_key": pem })))
}

pub(super) fn import(rings: &Rings, name: &Name, body: &[u8]) -> Result<Response, Response> {
    let body = check(body)?;
    let request: ImportRequest = take(body)?;
    if request.version.is_some() {
        return Err(bad_request("an import makes a key: bring a version in by import_version"));
    }
    let new = take::<NewRequest>(body)?.ring(&take(body)?).map_err(bad_request)?;
    let done = rings.import(name, &new, &request.key()?);
    done.map(|_| Response::empty(StatusCode::NO_CONTENT)).map_err(|error| refused(&error))
}

pub(super) fn import_version(rings: &Rings, name: &Name, body: &[u8]) -> Result<Response, Response> {
    let request: ImportRequest = take(check(body)?)?;
    let version = match request.version {
        Some(Number(number)) => {
            Some(u32::try_from(number).map_err(|_| bad_request("a version is negative or too large"))?)
        }
        None => None,
    };
    let done = rings.import_version(name, version, &request.key()?);
    done.map(|_| Response::empty(StatusCode::NO_CONTENT)).map_err(|error| refused(&error))
}

impl ImportRequest {
    /// The key in it: wrapped, or a public half.
    fn key(&self) -> Result<Import<'_>, Response> {
        match (self.ciphertext.optional().map_err(bad_request)?, self.public_key.as_deref()) {
            ([], None | Some("")) => Err(bad_request("either ciphertext or public_key is needed")),
            (wrapped, None | Some("")) => {
                Ok(Import::Wrapped { transport: Transport::AesKwp(self.hash()?), wrapped })
            }
            ([], Some(pem)) => Ok(Import::Public { format: KeyFormat::Pem, written: pem.as_bytes() }),
            _ => Err(bad_request("ciphertext and public_key exclude each other")),
        }
    }

    /// SHA-1 only where it is asked for by name.
    fn hash(&self) -> Result<OaepHash, Response> {
        match self.hash_function.as_deref().map(str::to_ascii_uppercase).as_deref() {
            None | Some("" | "SHA256") => Ok(OaepHash::Sha256),
            Some("SHA384") => Ok(OaepHash::Sha384),
            Some("SHA512") => Ok(OaepHash::Sha512),
            Some("SHA1") => Ok(OaepHash::LegacySha1),
            Some(_) => Err(bad_request("hash_function must be SHA1, SHA256, SHA384 or SHA512")),
        }
    }
}

impl NewRequest {
    fn ring(&self, like: &CreateRequest) -> Result<NewRing, &'static str> {
        if self.context == Asked(true) {
            return Err("an imported key has no context of its own: each operation has one");
        }
        let NewRing { algorithm, derived, settings, .. } = like.ring()?;
        let allow_rotation = self.allow_rotation.map(|Flag(allowed)| allowed);
        if settings.rotation_period.is_some_and(|period| !period.is_zero()) && allow_rotation != Some(true) {
            return Err("auto_rotate_period needs allow_rotation: further versions are made here");
        }
        let settings = Settings { allow_rotation, ..settings };
        Ok(NewRing { source: Source::Imported, derived, settings, ..NewRing::of(algorithm) })
    }
}
