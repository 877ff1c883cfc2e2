use serde::{Deserialize, Serialize, Serializer, de::IgnoredAny};
use strongroom_core::Name;
use strongroom_kms::Rings;
use zeroize::Zeroizing;

use super::{
    Use,
    items::{Item, ItemError},
    sealing::{NO_CONTEXT, Sealing, Terms, Text},
};
use crate::{
    loose::{Asked, Number},
    payload::{Payload, encode_secret},
};

/// One text to encrypt, decrypt or rewrap, or one data key to make.
#[derive(Deserialize)]
pub(super) struct Crypt {
    #[serde(default)]
    plaintext: Payload,
    ciphertext: Option<String>,
    pub(super) bits: Option<Number>,
    pub(super) key_version: Option<Number>,
    reference: Option<String>,
    #[serde(default)]
    associated_data: Payload,
    #[serde(default)]
    context: Payload,
    #[serde(default)]
    info: Payload,
    padding_scheme: Option<String>,
    oaep_hash: Option<String>,
    #[serde(default)]
    nonce: Asked,
}

/// What says how a ciphertext is made, and more.
macro_rules! with_terms {
    ($($name:literal),*) => {
        &["associated_data", "context", "info", "padding_scheme", "oaep_hash", "nonce", $($name),*]
    };
}
pub(super) use with_terms;

#[derive(Serialize)]
#[serde(untagged)]
pub(super) enum Crypted {
    Sealed {
        ciphertext: String,
        key_version: u32,
    },
    Opened {
        #[serde(serialize_with = "in_the_clear")]
        plaintext: Zeroizing<String>,
    },
}

/// Writes a secret that the caller asked for.
pub(super) fn in_the_clear<S: Serializer>(
    text: &Zeroizing<String>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(text)
}

impl Crypt {
    pub(super) fn terms(&self) -> Result<Terms<'_>, ItemError> {
        if self.nonce.0 {
            return Err("a nonce is never taken from a request".into());
        }
        Ok(Terms {
            associated_data: self.associated_data.optional()?,
            context: self.context.optional()?,
            info: self.info.optional()?,
            padding_scheme: self.padding_scheme.as_deref(),
            oaep_hash: self.oaep_hash.as_deref(),
        })
    }
}

impl Item for Crypt {
    type Shared = IgnoredAny;
    type Done = Crypted;

    fn known(using: Use) -> &'static [&'static str] {
        match using {
            Use::Decrypt => with_terms!("ciphertext", "batch_input", "partial_failure_response_code"),
            Use::Rewrap => with_terms!("ciphertext", "key_version", "batch_input"),
            _ => with_terms!(
                "plaintext",
                "key_version",
                "batch_input",
                "partial_failure_response_code",
                "type",
                "convergent_encryption"
            ),
        }
    }

    fn run(&self, rings: &Rings, using: Use, name: &Name, _: &IgnoredAny) -> Result<Crypted, ItemError> {
        let terms = self.terms()?;
        let version = asked_version(self.key_version)?;
        let ciphertext = || match self.ciphertext.as_deref() {
            None | Some("") => Err(ItemError::Input("missing ciphertext to decrypt")),
            Some(text) => Ok(text),
        };
        let ring = Sealing::of(rings, name)?;
        let Text { ciphertext, version } = match using {
            Use::Encrypt => {
                let plaintext = self.plaintext.required("missing plaintext to encrypt")?;
                ring.seal(version, plaintext, &terms)?
            }
            Use::Rewrap => ring.rewrap(version, ciphertext()?, &terms)?,
            _ => {
                let plaintext = ring.open(ciphertext()?, &terms)?;
                return Ok(Crypted::Opened { plaintext: encode_secret(&plaintext) });
            }
        };
        Ok(Crypted::Sealed { ciphertext, key_version: version })
    }

    fn reference(&self) -> &str {
        self.reference.as_deref().unwrap_or_default()
    }

    fn failed(using: Use) -> Option<Crypted> {
        matches!(using, Use::Decrypt).then(|| Crypted::Opened { plaintext: Zeroizing::default() })
    }
}

pub(super) fn no_context(context: Asked) -> Result<(), ItemError> {
    if context.0 { Err(NO_CONTEXT.into()) } else { Ok(()) }
}

pub(super) fn asked_version(version: Option<Number>) -> Result<Option<u32>, ItemError> {
    version
        .map(|Number(version)| {
            u32::try_from(version).map_err(|_| "key_version is negative or too large".into())
        })
        .transpose()
}
