use serde::{Deserialize, Serialize, de::IgnoredAny};
use strongroom_core::Name;
use strongroom_keys::envelope::Header;
use strongroom_kms::{KmsError, Rings, from_text, to_text};

use super::{
    Use,
    items::{Item, ItemError},
};
use crate::payload::{Payload, encode};

/// One text to encrypt, decrypt or rewrap.
#[derive(Deserialize)]
pub(super) struct Crypt {
    #[serde(default)]
    plaintext: Payload,
    ciphertext: Option<String>,
    #[serde(default)]
    associated_data: Payload,
    key_version: Option<i64>,
    reference: Option<String>,
}

#[derive(Serialize)]
#[serde(untagged)]
pub(super) enum Crypted {
    Sealed { ciphertext: String, key_version: u32 },
    Opened { plaintext: String },
}

impl Item for Crypt {
    type Shared = IgnoredAny;
    type Done = Crypted;

    const KNOWN: &'static [&'static str] = &[
        "plaintext",
        "ciphertext",
        "associated_data",
        "key_version",
        "reference",
        "batch_input",
        "partial_failure_response_code",
        "context",
        "type",
        "convergent_encryption",
    ];

    fn run(&self, rings: &Rings, using: Use, name: &Name, _: &IgnoredAny) -> Result<Crypted, ItemError> {
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
                return Ok(Crypted::Opened { plaintext: encode(&plaintext) });
            }
        };
        let key_version = Header::parse(&sealed).map_err(KmsError::from)?.key.version;
        Ok(Crypted::Sealed { ciphertext: to_text(&sealed)?, key_version })
    }

    fn reference(&self) -> &str {
        self.reference.as_deref().unwrap_or_default()
    }
}

pub(super) fn asked_version(version: Option<i64>) -> Result<Option<u32>, ItemError> {
    version
        .map(|version| u32::try_from(version).map_err(|_| "key_version must not be negative".into()))
        .transpose()
}
