use std::path::{Path, PathBuf};

use serde_json::Value;

use super::{
    Form, Printed, Transit, TransitError, body, checked, decoded,
    files::{Input, base64},
    text,
};

/// What is bound to a ciphertext, or says how it is made.
#[derive(clap::Args)]
pub(super) struct Terms {
    /// What is bound to the ciphertext, and not kept in it
    #[arg(long, value_name = "FILE")]
    aad: Option<PathBuf>,
    /// What a derived key is derived from
    #[arg(long, value_name = "FILE")]
    context: Option<PathBuf>,
    /// The info of HPKE
    #[arg(long, value_name = "FILE")]
    info: Option<PathBuf>,
    /// The hash of RSA-OAEP: sha2-256, sha2-384 or sha2-512; sha1 only decrypts
    #[arg(long, value_name = "HASH")]
    oaep_hash: Option<String>,
}

#[derive(clap::Args)]
pub(super) struct Encrypt {
    /// The key
    name: String,
    #[command(flatten)]
    input: Input,
    #[command(flatten)]
    terms: Terms,
    /// The version to encrypt with, if not the newest
    #[arg(long, value_name = "VERSION")]
    key_version: Option<u32>,
}

#[derive(clap::Args)]
pub(super) struct Decrypt {
    /// The key
    name: String,
    #[command(flatten)]
    input: Input,
    #[command(flatten)]
    terms: Terms,
    /// How the plaintext is printed
    #[arg(long, value_enum, default_value_t = Form::Raw)]
    form: Form,
}

#[derive(clap::Args)]
pub(super) struct DataKey {
    /// The key that it is encrypted with
    name: String,
    /// How long it is: 128, 256 or 512
    #[arg(long, default_value_t = 256)]
    bits: u32,
    /// Write the key in the clear, too: its bytes into this file, for its owner only
    #[arg(long, value_name = "FILE")]
    pub(super) plaintext_out: Option<PathBuf>,
    #[command(flatten)]
    terms: Terms,
}

impl Terms {
    /// A body with these terms and one more member.
    fn with(&self, name: &str, input: Value, key_version: Option<u32>) -> Result<Value, TransitError> {
        let Self { aad, context, info, oaep_hash } = self;
        Ok(body([
            (name, Some(input)),
            ("key_version", key_version.map(Value::from)),
            ("associated_data", base64(aad.as_deref())?),
            ("context", base64(context.as_deref())?),
            ("info", base64(info.as_deref())?),
            ("oaep_hash", oaep_hash.as_deref().map(Value::from)),
        ]))
    }
}

impl Encrypt {
    pub(super) fn run(&self, transit: &Transit) -> Result<Printed, TransitError> {
        let body = self.terms.with("plaintext", self.input.base64()?, self.key_version)?;
        let sealed = transit.post(&format!("encrypt/{}", checked(&self.name)?), &body)?;
        transit.one(&sealed, "ciphertext")
    }

    pub(super) fn rewrap(&self, transit: &Transit) -> Result<Printed, TransitError> {
        let body = self.terms.with("ciphertext", self.input.text()?, self.key_version)?;
        let sealed = transit.post(&format!("rewrap/{}", checked(&self.name)?), &body)?;
        transit.one(&sealed, "ciphertext")
    }
}

impl Decrypt {
    pub(super) fn run(&self, transit: &Transit) -> Result<Printed, TransitError> {
        let body = self.terms.with("ciphertext", self.input.text()?, None)?;
        let opened = transit.post(&format!("decrypt/{}", checked(&self.name)?), &body)?;
        transit.bytes(&opened, "plaintext", self.form)
    }
}

impl DataKey {
    pub(super) fn run(&self, transit: &Transit) -> Result<Printed, TransitError> {
        let form = if self.plaintext_out.is_some() { "plaintext" } else { "wrapped" };
        let body = self.terms.with("bits", self.bits.into(), None)?;
        let mut made = transit.post(&format!("datakey/{form}/{}", checked(&self.name)?), &body)?;
        if let Some(path) = &self.plaintext_out {
            apart(transit, &mut made, "plaintext", path)?;
        }
        transit.one(&made, "ciphertext")
    }
}

/// Takes a secret out of an answer, and writes it into a file of its own.
pub(super) fn apart(
    transit: &Transit,
    answer: &mut Value,
    name: &str,
    path: &Path,
) -> Result<(), TransitError> {
    let secret = decoded(text(answer, name)?)?;
    if let Some(members) = answer.as_object_mut() {
        members.remove(name);
    }
    transit.write(path, &secret)
}
