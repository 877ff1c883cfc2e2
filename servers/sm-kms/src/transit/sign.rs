use std::borrow::Cow;

use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use serde::{Deserialize, Serialize};
use strongroom_core::{Algorithm, Name};
use strongroom_keys::{Hash, ecdsa_from_der, ecdsa_to_der};
use strongroom_kms::{KmsError, Rings, Signature};

use super::{
    Use,
    crypt::{asked_version, no_context},
    items::{Item, ItemError},
};
use crate::{
    loose::{Asked, Flag, Number},
    payload::{Payload, encode},
};

/// One message to sign or to verify.
#[derive(Deserialize)]
pub(super) struct Sign {
    #[serde(default)]
    input: Payload,
    signature: Option<String>,
    key_version: Option<Number>,
    reference: Option<String>,
    #[serde(default)]
    context: Asked,
}

#[derive(Serialize)]
#[serde(untagged)]
pub(super) enum Signed {
    Made { signature: String, key_version: u32 },
    NotMade { key_version: u32 },
    Checked { valid: bool },
}

/// How all messages of a request are signed.
#[derive(Deserialize)]
pub(super) struct How {
    hash_algorithm: Option<String>,
    /// The older name of `hash_algorithm`, which goes first.
    algorithm: Option<String>,
    prehashed: Option<Flag>,
    marshaling_algorithm: Option<String>,
}

/// A hash function by the name that Vault gives it.
#[derive(Debug, Clone, Copy)]
pub struct HashName(Hash);

impl HashName {
    pub(super) fn parse(name: &str) -> Result<Self, &'static str> {
        Ok(Self(match name {
            "sha2-256" => Hash::Sha256,
            "sha2-384" => Hash::Sha384,
            "sha2-512" => Hash::Sha512,
            _ => return Err("hash_algorithm must be sha2-256, sha2-384 or sha2-512"),
        }))
    }
}

/// How a signature is written.
#[derive(Clone, Copy)]
enum Marshaling {
    Asn1,
    Jws,
}

impl How {
    fn marshaling(&self) -> Result<Marshaling, ItemError> {
        match self.marshaling_algorithm.as_deref() {
            None | Some("" | "asn1") => Ok(Marshaling::Asn1),
            Some("jws") => Ok(Marshaling::Jws),
            Some(_) => Err("marshaling_algorithm must be asn1 or jws".into()),
        }
    }

    /// The hash of the path, or of the body, or SHA-256.
    fn hash(&self, using: Use) -> Result<Hash, ItemError> {
        let names = [&self.hash_algorithm, &self.algorithm];
        let named = match names.into_iter().flatten().find(|name| !name.is_empty()) {
            None => HashName(Hash::Sha256),
            Some(name) => HashName::parse(name)?,
        };
        match using {
            Use::Sign(Some(HashName(hash))) | Use::Verify(Some(HashName(hash))) => Ok(hash),
            _ => Ok(named.0),
        }
    }
}

impl Item for Sign {
    type Shared = How;
    type Done = Signed;

    fn known(using: Use) -> &'static [&'static str] {
        const SIGN: &[&str] = &[
            "input",
            "batch_input",
            "hash_algorithm",
            "algorithm",
            "prehashed",
            "marshaling_algorithm",
            "signature_algorithm",
            "context",
            "key_version",
        ];
        const VERIFY: &[&str] = &[
            "input",
            "batch_input",
            "hash_algorithm",
            "algorithm",
            "prehashed",
            "marshaling_algorithm",
            "signature_algorithm",
            "context",
            "signature",
        ];
        if matches!(using, Use::Sign(_)) { SIGN } else { VERIFY }
    }

    fn run(&self, rings: &Rings, using: Use, name: &Name, how: &How) -> Result<Signed, ItemError> {
        let text = match (using, self.signature.as_deref()) {
            (Use::Sign(_), _) => "",
            (_, None) => return Err(ItemError::Request("missing signature to verify")),
            (_, Some(text)) => text,
        };
        no_context(self.context)?;
        let input = self.input.required("missing input to sign or verify")?;
        let (marshaling, hash) = (how.marshaling()?, how.hash(using)?);
        let algorithm = rings.algorithm(name)?;
        // Ed25519 signs messages, and nothing that was hashed before.
        let digest = match (how.prehashed == Some(Flag(true)), algorithm) {
            (true, _) => Some(Cow::Borrowed(input)),
            (false, Algorithm::EcdsaP256) => Some(Cow::Owned(hash.digest(input))),
            (false, _) => None,
        };
        if matches!(using, Use::Sign(_)) {
            let version = asked_version(self.key_version)?;
            let made = match &digest {
                Some(digest) => rings.sign_digest(name, version, digest)?,
                None => rings.sign(name, version, input)?,
            };
            let signature = marshal(algorithm, marshaling, &made)?;
            return Ok(Signed::Made { signature, key_version: made.version });
        }
        let signature = unmarshal(algorithm, marshaling, text)?;
        let valid = match &digest {
            Some(digest) => rings.verify_digest(name, digest, &signature)?,
            None => rings.verify(name, input, &signature)?,
        };
        Ok(Signed::Checked { valid })
    }

    fn reference(&self) -> &str {
        self.reference.as_deref().unwrap_or_default()
    }

    fn failed(using: Use) -> Option<Signed> {
        Some(match using {
            Use::Sign(_) => Signed::NotMade { key_version: 0 },
            _ => Signed::Checked { valid: false },
        })
    }
}

fn marshal(algorithm: Algorithm, how: Marshaling, signature: &Signature) -> Result<String, KmsError> {
    let text = match (algorithm, how) {
        (_, Marshaling::Jws) => URL_SAFE_NO_PAD.encode(&signature.bytes),
        (Algorithm::EcdsaP256, Marshaling::Asn1) => encode(&ecdsa_to_der(&signature.bytes)?),
        (_, Marshaling::Asn1) => encode(&signature.bytes),
    };
    Ok(format!("vault:v{}:{text}", signature.version))
}

fn unmarshal(algorithm: Algorithm, how: Marshaling, text: &str) -> Result<Signature, ItemError> {
    let rest = text.strip_prefix("vault:v").ok_or("invalid signature: no prefix")?;
    let (version, text) = rest.split_once(':').ok_or("invalid signature: wrong number of fields")?;
    let number = version.parse::<u32>().ok().filter(|number| number.to_string() == version);
    let version = number.ok_or("invalid signature: version number could not be decoded")?;
    let bytes = match how {
        Marshaling::Jws => URL_SAFE_NO_PAD.decode(text),
        Marshaling::Asn1 => STANDARD.decode(text),
    };
    let bytes = bytes.map_err(|_| "invalid signature: could not decode base64")?;
    let bytes = match (algorithm, how) {
        (Algorithm::EcdsaP256, Marshaling::Asn1) => {
            ecdsa_from_der(&bytes).map_err(|_| "invalid signature: not ASN.1")?.to_vec()
        }
        _ => bytes,
    };
    Ok(Signature { version, bytes })
}
