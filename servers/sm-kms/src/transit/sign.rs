use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use serde::{Deserialize, Serialize};
use strongroom_core::{Algorithm, Encoding, HashAlgorithm, Input, Name, Padding, Salt, SignOptions};
use strongroom_kms::{Rings, Signature, label};

use super::{
    Use,
    crypt::{asked_version, no_context},
    hash_name::HashName,
    items::{Item, ItemError},
    macs,
};
use crate::{
    loose::{Asked, Flag, NumberOrWord},
    payload::Payload,
};

/// One message to sign or to verify.
#[derive(Deserialize)]
pub(super) struct Sign {
    #[serde(default)]
    input: Payload,
    signature: Option<String>,
    hmac: Option<String>,
    cmac: Option<String>,
    key_version: Option<crate::loose::Number>,
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
    signature_algorithm: Option<String>,
    salt_length: Option<NumberOrWord>,
    #[serde(default)]
    signature_context: Asked,
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

    fn hash(&self, using: Use) -> Result<Option<HashAlgorithm>, ItemError> {
        let path = match using {
            Use::Sign(path) | Use::Verify(path) => path,
            _ => None,
        };
        Ok(HashName::first(path, [&self.hash_algorithm, &self.algorithm])?)
    }

    /// What is signed: a message, hashed as asked, by Vault's default with SHA-256; or a digest, which without a name is by
    /// its length one of SHA-2.
    fn input(&self, using: Use, input: &[u8]) -> Result<Input, ItemError> {
        let hash = self.hash(using)?;
        if self.prehashed != Some(Flag(true)) {
            return Ok(Input::Message(Some(hash.unwrap_or(HashAlgorithm::Sha256))));
        }
        let hash = hash.or_else(|| usual_of(input.len()));
        match hash.filter(|hash| hash.size() == input.len()) {
            Some(hash) => Ok(Input::Digest(hash)),
            None => Err("a digest has the length of its hash_algorithm".into()),
        }
    }

    fn padding(&self) -> Result<Padding, ItemError> {
        match self.signature_algorithm.as_deref() {
            None | Some("" | "pss") => Ok(Padding::Pss(self.salt()?)),
            Some("pkcs1v15") => Ok(Padding::Pkcs1v15),
            Some(_) => Err("signature_algorithm must be pss or pkcs1v15".into()),
        }
    }

    fn salt(&self) -> Result<Salt, ItemError> {
        let wrong = "salt_length must be auto, hash or a number of bytes that fits";
        match &self.salt_length {
            None => Ok(Salt::Auto),
            Some(NumberOrWord::Word(word)) if matches!(&**word, "" | "auto") => Ok(Salt::Auto),
            Some(NumberOrWord::Word(word)) if word == "hash" => Ok(Salt::Digest),
            Some(NumberOrWord::Word(_)) => Err(wrong.into()),
            // As in Vault, whose numbers are those of Go's library.
            Some(NumberOrWord::Number(0)) => Ok(Salt::Auto),
            Some(NumberOrWord::Number(-1)) => Ok(Salt::Digest),
            Some(NumberOrWord::Number(length)) => {
                u16::try_from(*length).map(Salt::Bytes).map_err(|_| wrong.into())
            }
        }
    }

    /// What fits the ring's algorithm; what is of no concern to it is not looked at, as in Vault.
    fn options(&self, using: Use, algorithm: Algorithm, input: &[u8]) -> Result<SignOptions, ItemError> {
        if self.signature_context.0 {
            return Err("no signature here takes a signature_context".into());
        }
        let encoding = match self.marshaling()? {
            Marshaling::Asn1 => Encoding::Der,
            Marshaling::Jws => Encoding::Fixed,
        };
        let usual = SignOptions { input: self.input(using, input)?, ..SignOptions::default() };
        Ok(match algorithm {
            Algorithm::Rsa2048 | Algorithm::Rsa3072 | Algorithm::Rsa4096 => {
                SignOptions { padding: self.padding()?, ..usual }
            }
            Algorithm::EcdsaP256
            | Algorithm::EcdsaP384
            | Algorithm::EcdsaP521
            | Algorithm::EcdsaSecp256k1 => SignOptions { encoding, ..usual },
            // They hash inside.
            _ if matches!(usual.input, Input::Digest(_)) => {
                return Err("keys of this type sign messages, and no digest".into());
            }
            _ => SignOptions::default(),
        })
    }
}

/// What Vault's clients mean by a digest of this length, when they say no more.
const fn usual_of(length: usize) -> Option<HashAlgorithm> {
    match length {
        32 => Some(HashAlgorithm::Sha256),
        48 => Some(HashAlgorithm::Sha384),
        64 => Some(HashAlgorithm::Sha512),
        _ => None,
    }
}

impl Item for Sign {
    type Shared = How;
    type Done = Signed;

    fn known(using: Use) -> &'static [&'static str] {
        match using {
            Use::Sign(_) => &[
                "input",
                "batch_input",
                "hash_algorithm",
                "algorithm",
                "prehashed",
                "marshaling_algorithm",
                "signature_algorithm",
                "signature_context",
                "salt_length",
                "context",
                "key_version",
            ],
            _ => &[
                "input",
                "batch_input",
                "hash_algorithm",
                "algorithm",
                "prehashed",
                "marshaling_algorithm",
                "signature_algorithm",
                "signature_context",
                "salt_length",
                "context",
                "signature",
                "hmac",
                "cmac",
            ],
        }
    }

    fn run(&self, rings: &Rings, using: Use, name: &Name, how: &How) -> Result<Signed, ItemError> {
        match (using, &self.signature, &self.hmac, &self.cmac) {
            (Use::Sign(_), ..) => self.sign(rings, using, name, how),
            (_, Some(signature), None, None) => self.verify(rings, using, name, how, signature),
            (_, None, Some(code), None) => {
                no_context(self.context)?;
                let hash = how.hash(using)?;
                let valid = macs::is_right(rings, name, hash, self.message()?, code, macs::Kind::Hmac)?;
                Ok(Signed::Checked { valid })
            }
            (_, None, None, Some(code)) => {
                no_context(self.context)?;
                let valid = macs::is_right(rings, name, None, self.message()?, code, macs::Kind::Cmac)?;
                Ok(Signed::Checked { valid })
            }
            (_, None, None, None) => Err(ItemError::Request("missing signature, hmac or cmac to verify")),
            _ => Err(ItemError::Request("one of signature, hmac and cmac is verified at a time")),
        }
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

impl Sign {
    fn message(&self) -> Result<&[u8], ItemError> {
        Ok(self.input.required("missing input to sign or verify")?)
    }

    fn sign(&self, rings: &Rings, using: Use, name: &Name, how: &How) -> Result<Signed, ItemError> {
        no_context(self.context)?;
        let message = self.message()?;
        let options = how.options(using, rings.algorithm(name)?, message)?;
        let made = rings.sign_with(name, asked_version(self.key_version)?, message, &options)?;
        let signature = match how.marshaling()? {
            Marshaling::Asn1 => label(made.version, &made.bytes),
            Marshaling::Jws => format!("vault:v{}:{}", made.version, URL_SAFE_NO_PAD.encode(&made.bytes)),
        };
        Ok(Signed::Made { signature, key_version: made.version })
    }

    fn verify(
        &self,
        rings: &Rings,
        using: Use,
        name: &Name,
        how: &How,
        signature: &str,
    ) -> Result<Signed, ItemError> {
        no_context(self.context)?;
        let message = self.message()?;
        let options = how.options(using, rings.algorithm(name)?, message)?;
        let signature = parse(how.marshaling()?, signature)?;
        let valid = rings.verify_with(name, message, &signature, &options)?;
        Ok(Signed::Checked { valid })
    }
}

fn parse(how: Marshaling, text: &str) -> Result<Signature, ItemError> {
    let rest = text.strip_prefix("vault:v").ok_or("invalid signature: no prefix")?;
    let (version, text) = rest.split_once(':').ok_or("invalid signature: wrong number of fields")?;
    let number = version.parse::<u32>().ok().filter(|number| number.to_string() == version);
    let version = number.ok_or("invalid signature: version number could not be decoded")?;
    let bytes = match how {
        Marshaling::Jws => URL_SAFE_NO_PAD.decode(text),
        Marshaling::Asn1 => STANDARD.decode(text),
    };
    let bytes = bytes.map_err(|_| "invalid signature: could not decode base64")?;
    Ok(Signature { version, bytes })
}
