use strongroom_core::{Action, Algorithm, Purpose};
use strongroom_serve::Response;

use super::{data_keys::DataKeyForm, hash_name::HashName};
use crate::answer;

/// What is done with a ring.
#[derive(Debug, Clone, Copy)]
pub enum Use {
    /// `POST encrypt/NAME`
    Encrypt,
    /// `POST decrypt/NAME`
    Decrypt,
    /// `POST rewrap/NAME`
    Rewrap,
    /// `POST sign/NAME` and `POST sign/NAME/HASH`
    Sign(Option<HashName>),
    /// `POST verify/NAME` and `POST verify/NAME/HASH`
    Verify(Option<HashName>),
    /// `POST hmac/NAME` and `POST hmac/NAME/HASH`
    Hmac(Option<HashName>),
    /// `POST cmac/NAME`
    Cmac,
    /// `POST datakey/plaintext/NAME` and `POST datakey/wrapped/NAME`
    DataKey(DataKeyForm),
    /// `POST agree/NAME`
    Agree,
    /// `POST encapsulate/NAME`
    Encapsulate,
    /// `POST decapsulate/NAME`
    Decapsulate,
    /// `POST derive/NAME`
    Derive,
}

impl Use {
    /// What a path asks for, and of which ring.
    pub(super) fn route<'a>(path: &[&'a str]) -> Option<(Result<Self, Response>, &'a str)> {
        match *path {
            ["datakey", form, text] => Some((Self::data_key(form), text)),
            [verb, text] => Some((Ok(Self::called(verb, None)?), text)),
            [verb @ ("sign" | "verify" | "hmac"), text, hash] => {
                let hash = HashName::parse(hash).map_err(answer::bad_request);
                let using = hash.map(|hash| Self::called(verb, Some(hash)).unwrap_or(Self::Cmac));
                Some((using, text))
            }
            _ => None,
        }
    }

    fn called(verb: &str, hash: Option<HashName>) -> Option<Self> {
        Some(match verb {
            "encrypt" => Self::Encrypt,
            "decrypt" => Self::Decrypt,
            "rewrap" => Self::Rewrap,
            "sign" => Self::Sign(hash),
            "verify" => Self::Verify(hash),
            "hmac" => Self::Hmac(hash),
            "cmac" => Self::Cmac,
            "agree" => Self::Agree,
            "encapsulate" => Self::Encapsulate,
            "decapsulate" => Self::Decapsulate,
            "derive" => Self::Derive,
            _ => return None,
        })
    }

    fn data_key(form: &str) -> Result<Self, Response> {
        match form {
            "plaintext" => Ok(Self::DataKey(DataKeyForm::Plaintext)),
            "wrapped" => Ok(Self::DataKey(DataKeyForm::Wrapped)),
            _ => Err(answer::bad_request("a data key is plaintext or wrapped")),
        }
    }

    pub(super) const fn signs(self) -> bool {
        matches!(self, Self::Sign(_) | Self::Verify(_))
    }

    /// What its event says.
    pub(super) const fn action(self) -> Action {
        match self {
            Self::Encrypt => Action::Encrypt,
            Self::Decrypt => Action::Decrypt,
            Self::Rewrap => Action::Reencrypt,
            Self::Sign(_) => Action::Sign,
            Self::Verify(_) => Action::Verify,
            Self::Hmac(_) | Self::Cmac => Action::Mac,
            Self::DataKey(_) => Action::DataKey,
            Self::Agree => Action::Agree,
            Self::Encapsulate => Action::Encapsulate,
            Self::Decapsulate => Action::Decapsulate,
            Self::Derive => Action::Derive,
        }
    }

    /// Bodies up to this size are worked on at once; larger ones go to the pool, and so does all that takes longer than some
    /// 100 µs by itself. A batch of signatures takes as long for each 60 bytes.
    pub(super) const fn inline(self, algorithm: Algorithm) -> usize {
        match (algorithm.purpose(), algorithm) {
            (Purpose::Envelope | Purpose::Aead | Purpose::Mac | Purpose::Derive, _) => match self {
                // Each item draws its key from the system.
                Self::DataKey(_) => 4 << 10,
                _ => 64 << 10,
            },
            (_, Algorithm::Ed25519 | Algorithm::EcdsaP256 | Algorithm::EcdsaSecp256k1) => 4 << 10,
            _ => 0,
        }
    }
}
