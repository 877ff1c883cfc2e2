//! `transit/hmac` and `transit/cmac`; what they make is verified by `transit/verify`.

use serde::{Deserialize, Serialize};
use strongroom_core::{Algorithm, HashAlgorithm, Name};
use strongroom_kms::{Code, KmsError, Rings, label, parse_label};

use super::{
    Use,
    crypt::{asked_version, no_context},
    hash_name::HashName,
    items::{Item, ItemError},
};
use crate::{
    loose::{Asked, Number},
    payload::Payload,
};

/// One message to authenticate.
#[derive(Deserialize)]
pub(super) struct Mac {
    #[serde(default)]
    input: Payload,
    key_version: Option<Number>,
    reference: Option<String>,
    #[serde(default)]
    context: Asked,
}

#[derive(Serialize)]
#[serde(untagged)]
pub(super) enum Coded {
    Hmac { hmac: String },
    Cmac { cmac: String },
}

/// How all messages of a request are authenticated.
#[derive(Deserialize)]
pub(super) struct How {
    algorithm: Option<String>,
    mac_length: Option<Number>,
}

/// What a code is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Hmac,
    Cmac,
}

impl Item for Mac {
    type Shared = How;
    type Done = Coded;

    fn known(using: Use) -> &'static [&'static str] {
        match using {
            Use::Hmac(_) => &["input", "algorithm", "key_version", "batch_input", "context"],
            _ => &["input", "mac_length", "key_version", "batch_input", "context"],
        }
    }

    fn run(&self, rings: &Rings, using: Use, name: &Name, how: &How) -> Result<Coded, ItemError> {
        no_context(self.context)?;
        let version = asked_version(self.key_version)?;
        let message = self.input.required("missing input for HMAC")?;
        if let Use::Hmac(path) = using {
            let hash = HashName::first(path, [&how.algorithm])?;
            let hash = hash_for(rings.algorithm(name)?, hash);
            let code = rings.mac_with(name, version, hash, message)?;
            return Ok(Coded::Hmac { hmac: label(code.version, &code.bytes) });
        }
        if how.mac_length.is_some_and(|Number(length)| !matches!(length, 0 | 16)) {
            return Err("a code is never truncated: its mac_length is 16".into());
        }
        is_cmac(rings.algorithm(name)?)?;
        let code = rings.mac(name, version, message)?;
        Ok(Coded::Cmac { cmac: label(code.version, &code.bytes) })
    }

    fn reference(&self) -> &str {
        self.reference.as_deref().unwrap_or_default()
    }

    fn failed(_: Use) -> Option<Coded> {
        None
    }
}

/// Whether a code that was made by one of the two routes is right.
pub(super) fn is_right(
    rings: &Rings,
    name: &Name,
    hash: Option<HashAlgorithm>,
    message: &[u8],
    code: &str,
    kind: Kind,
) -> Result<bool, ItemError> {
    let (version, bytes) = parse_label(code).map_err(|_| "invalid HMAC to verify: no code of this suite")?;
    let code = Code { version, bytes };
    let algorithm = rings.algorithm(name)?;
    if kind == Kind::Hmac {
        return Ok(rings.verify_mac_with(name, hash_for(algorithm, hash), message, &code)?);
    }
    is_cmac(algorithm)?;
    Ok(rings.verify_mac(name, message, &code)?)
}

/// The hash that is asked for, else the ring's own, else SHA-256.
fn hash_for(algorithm: Algorithm, asked: Option<HashAlgorithm>) -> HashAlgorithm {
    let own = HashAlgorithm::ALL.into_iter().find(|hash| hash.hmac() == Some(algorithm));
    asked.or(own).unwrap_or(HashAlgorithm::Sha256)
}

fn is_cmac(algorithm: Algorithm) -> Result<(), ItemError> {
    match algorithm {
        Algorithm::CmacAes128 | Algorithm::CmacAes192 | Algorithm::CmacAes256 => Ok(()),
        _ => Err(KmsError::WrongType.into()),
    }
}
