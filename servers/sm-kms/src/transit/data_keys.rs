//! `transit/datakey`.

use serde::{Deserialize, Serialize, de::IgnoredAny};
use strongroom_core::Name;
use strongroom_kms::{DataKeySize, Rings};
use zeroize::Zeroizing;

use super::{
    Use,
    crypt::{Crypt, asked_version, in_the_clear, with_terms},
    items::{Item, ItemError},
    sealing::{Sealing, Text},
};
use crate::{loose::Number, payload::encode_secret};

/// One key to make.
#[derive(Deserialize)]
#[serde(transparent)]
pub(super) struct NewDataKey(Crypt);

/// A key as it is to be kept, and if that was asked for in the clear.
#[derive(Serialize)]
pub(super) struct Made {
    ciphertext: String,
    key_version: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    plaintext: Option<Shown>,
}

#[derive(Serialize)]
struct Shown(#[serde(serialize_with = "in_the_clear")] Zeroizing<String>);

impl Item for NewDataKey {
    type Shared = IgnoredAny;
    type Done = Made;

    fn known(_: Use) -> &'static [&'static str] {
        with_terms!("bits", "key_version", "batch_input")
    }

    fn run(&self, rings: &Rings, using: Use, name: &Name, _: &IgnoredAny) -> Result<Made, ItemError> {
        let terms = self.0.terms()?;
        let size = match self.0.bits {
            None | Some(Number(256)) => DataKeySize::Bits256,
            Some(Number(128)) => DataKeySize::Bits128,
            Some(Number(512)) => DataKeySize::Bits512,
            Some(_) => return Err("bits must be 128, 256 or 512".into()),
        };
        let ring = Sealing::of(rings, name)?;
        let version = asked_version(self.0.key_version)?;
        let (key, Text { ciphertext, version }) = ring.data_key(version, size, &terms)?;
        let shown = matches!(using, Use::DataKey(DataKeyForm::Plaintext));
        let plaintext = shown.then(|| Shown(encode_secret(&key)));
        Ok(Made { ciphertext, key_version: version, plaintext })
    }

    fn reference(&self) -> &str {
        self.0.reference()
    }

    fn failed(_: Use) -> Option<Made> {
        None
    }
}

/// Whether a data key is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DataKeyForm {
    /// In the clear, too.
    Plaintext,
    /// Encrypted only.
    Wrapped,
}
