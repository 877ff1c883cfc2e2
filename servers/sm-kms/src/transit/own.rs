//! What Vault has no routes for: `transit/agree`, `encapsulate`, `decapsulate` and `derive`.

use serde::{Deserialize, Serialize, de::IgnoredAny};
use strongroom_core::{Name, Plaintext, Purpose};
use strongroom_keys::public_from_pem;
use strongroom_kms::{KmsError, Rings, label, parse_label};
use zeroize::Zeroizing;

use super::{
    Use,
    crypt::{asked_version, in_the_clear},
    items::{Item, ItemError},
};
use crate::{
    loose::Number,
    payload::{Payload, decode, encode_secret},
};

/// One secret to get.
#[derive(Deserialize)]
pub(super) struct Secret {
    peer_public_key: Option<String>,
    ciphertext: Option<String>,
    #[serde(default)]
    label: Payload,
    #[serde(default)]
    context: Payload,
    bytes: Option<Number>,
    key_version: Option<Number>,
    reference: Option<String>,
}

#[derive(Serialize)]
#[serde(untagged)]
pub(super) enum Got {
    Shared {
        #[serde(serialize_with = "in_the_clear")]
        shared_secret: Zeroizing<String>,
    },
    Encapsulated {
        ciphertext: String,
        key_version: u32,
        #[serde(serialize_with = "in_the_clear")]
        shared_secret: Zeroizing<String>,
    },
    Derived {
        #[serde(serialize_with = "in_the_clear")]
        derived_key: Zeroizing<String>,
        key_version: u32,
    },
}

impl Got {
    fn shared(secret: &Plaintext) -> Self {
        Self::Shared { shared_secret: encode_secret(secret) }
    }
}

impl Item for Secret {
    type Shared = IgnoredAny;
    type Done = Got;

    fn known(using: Use) -> &'static [&'static str] {
        match using {
            Use::Agree => &["peer_public_key", "key_version", "batch_input"],
            Use::Encapsulate => &["key_version", "batch_input"],
            Use::Decapsulate => &["ciphertext", "batch_input"],
            _ => &["label", "context", "bytes", "key_version", "batch_input"],
        }
    }

    fn run(&self, rings: &Rings, using: Use, name: &Name, _: &IgnoredAny) -> Result<Got, ItemError> {
        let version = asked_version(self.key_version)?;
        match using {
            Use::Agree => Ok(Got::shared(&rings.agree(name, version, &self.peer(rings, name)?)?)),
            Use::Encapsulate => {
                let made = rings.encapsulate(name, version)?;
                let ciphertext = label(made.version, &made.ciphertext);
                let shared_secret = encode_secret(&made.secret);
                Ok(Got::Encapsulated { ciphertext, key_version: made.version, shared_secret })
            }
            Use::Decapsulate => {
                let text = self.ciphertext.as_deref().ok_or("missing ciphertext to decapsulate")?;
                let (version, ciphertext) = parse_label(text)?;
                Ok(Got::shared(&rings.decapsulate(name, version, &ciphertext)?))
            }
            _ => {
                let (label, context) = (self.label.optional()?, self.context.optional()?);
                let length = self.bytes.map_or(Some(32), |Number(bytes)| usize::try_from(bytes).ok());
                let derived = rings.derive(name, version, label, context, length.unwrap_or_default())?;
                let derived_key = encode_secret(&derived.secret);
                Ok(Got::Derived { derived_key, key_version: derived.version })
            }
        }
    }

    fn reference(&self) -> &str {
        self.reference.as_deref().unwrap_or_default()
    }

    fn failed(_: Use) -> Option<Got> {
        None
    }
}

impl Secret {
    /// The other one's public half: PEM, or base64 of its bytes.
    fn peer(&self, rings: &Rings, name: &Name) -> Result<Vec<u8>, ItemError> {
        let text = self.peer_public_key.as_deref().ok_or("missing peer_public_key")?;
        let algorithm = rings.algorithm(name)?;
        if algorithm.purpose() != Purpose::Agree {
            return Err(KmsError::WrongType.into());
        }
        if !text.trim_start().starts_with("-----BEGIN") {
            return decode(text).ok_or("peer_public_key must be PEM, or base64 of its bytes".into());
        }
        let peer = public_from_pem(algorithm, text);
        peer.map(|peer| peer.bytes).map_err(|_| "peer_public_key is no public key of this key's type".into())
    }
}
