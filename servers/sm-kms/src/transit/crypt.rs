use serde::{Deserialize, Serialize, Serializer, de::IgnoredAny};
use strongroom_core::Name;
use strongroom_keys::envelope::Header;
use strongroom_kms::{KmsError, Rings, from_text, to_text};
use zeroize::Zeroizing;

use super::{
    Use,
    items::{Item, ItemError},
};
use crate::{
    loose::{Asked, Number},
    payload::{Payload, encode_secret},
};

/// One text to encrypt, decrypt or rewrap.
#[derive(Deserialize)]
pub(super) struct Crypt {
    #[serde(default)]
    plaintext: Payload,
    ciphertext: Option<String>,
    #[serde(default)]
    associated_data: Payload,
    key_version: Option<Number>,
    reference: Option<String>,
    #[serde(default)]
    nonce: Asked,
    #[serde(default)]
    context: Asked,
}

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

fn in_the_clear<S: Serializer>(text: &Zeroizing<String>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(text)
}

impl Item for Crypt {
    type Shared = IgnoredAny;
    type Done = Crypted;

    fn known(using: Use) -> &'static [&'static str] {
        match using {
            Use::Decrypt => &[
                "ciphertext",
                "associated_data",
                "batch_input",
                "partial_failure_response_code",
                "context",
                "nonce",
            ],
            Use::Rewrap => {
                &["ciphertext", "associated_data", "key_version", "batch_input", "context", "nonce"]
            }
            _ => &[
                "plaintext",
                "associated_data",
                "key_version",
                "batch_input",
                "partial_failure_response_code",
                "context",
                "nonce",
                "type",
                "convergent_encryption",
            ],
        }
    }

    fn run(&self, rings: &Rings, using: Use, name: &Name, _: &IgnoredAny) -> Result<Crypted, ItemError> {
        self.refuse_unusable()?;
        let additional = self.associated_data.optional()?;
        let version = asked_version(self.key_version)?;
        let ciphertext = || match self.ciphertext.as_deref() {
            None | Some("") => Err(ItemError::Input("missing ciphertext to decrypt")),
            Some(text) => Ok(from_text(text)?),
        };
        let sealed = match using {
            Use::Encrypt => {
                let plaintext = self.plaintext.required("missing plaintext to encrypt")?;
                rings.encrypt_with(name, version, plaintext, additional)?
            }
            Use::Rewrap => rings.rewrap_with(name, version, &ciphertext()?, additional)?,
            _ => {
                let plaintext = rings.decrypt(name, &ciphertext()?, additional)?;
                return Ok(Crypted::Opened { plaintext: encode_secret(&plaintext) });
            }
        };
        let key_version = Header::parse(&sealed).map_err(KmsError::from)?.key.version;
        Ok(Crypted::Sealed { ciphertext: to_text(&sealed)?, key_version })
    }

    fn reference(&self) -> &str {
        self.reference.as_deref().unwrap_or_default()
    }

    fn failed(using: Use) -> Option<Crypted> {
        matches!(using, Use::Decrypt).then(|| Crypted::Opened { plaintext: Zeroizing::default() })
    }
}

impl Crypt {
    /// Whoever sends these means to change what is computed; nothing would come of it.
    fn refuse_unusable(&self) -> Result<(), ItemError> {
        if self.nonce.0 {
            return Err("a nonce is never taken from a request".into());
        }
        no_context(self.context)
    }
}

pub(super) fn no_context(context: Asked) -> Result<(), ItemError> {
    if context.0 { Err("keys are not derived: there is no use for a context".into()) } else { Ok(()) }
}

pub(super) fn asked_version(version: Option<Number>) -> Result<Option<u32>, ItemError> {
    version
        .map(|Number(version)| {
            u32::try_from(version).map_err(|_| "key_version is negative or too large".into())
        })
        .transpose()
}
