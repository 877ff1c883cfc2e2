use std::path::PathBuf;

use serde_json::Value;

use super::{
    Form, Printed, Transit, TransitError, body, checked,
    crypt::apart,
    files::{self, Input, base64},
};

#[derive(clap::Args)]
pub(super) struct Derive {
    /// The key
    name: String,
    /// What the secret is for
    #[arg(long, value_name = "FILE")]
    label: Option<PathBuf>,
    /// What it is bound to
    #[arg(long, value_name = "FILE")]
    context: Option<PathBuf>,
    /// How long it is
    #[arg(long, default_value_t = 32)]
    bytes: u32,
    /// The version to derive from, if not the newest
    #[arg(long, value_name = "VERSION")]
    key_version: Option<u32>,
    /// How it is printed
    #[arg(long, value_enum, default_value_t = Form::Base64)]
    form: Form,
}

#[derive(clap::Args)]
pub(super) struct Agree {
    /// The key
    name: String,
    /// The other one's public key: PEM, or base64 of its bytes
    #[arg(long, value_name = "FILE")]
    peer: PathBuf,
    /// The version to agree with, if not the newest
    #[arg(long, value_name = "VERSION")]
    key_version: Option<u32>,
    /// How the secret is printed
    #[arg(long, value_enum, default_value_t = Form::Base64)]
    form: Form,
}

#[derive(clap::Args)]
pub(super) struct Encapsulate {
    /// The key
    name: String,
    /// Write the bytes of the secret into this file, for its owner only
    #[arg(long, value_name = "FILE")]
    pub(super) secret_out: PathBuf,
}

#[derive(clap::Args)]
pub(super) struct Decapsulate {
    /// The key
    name: String,
    #[command(flatten)]
    input: Input,
    /// How the secret is printed
    #[arg(long, value_enum, default_value_t = Form::Base64)]
    form: Form,
}

#[derive(clap::Args)]
pub(super) struct Random {
    /// How many
    #[arg(default_value_t = 32)]
    bytes: u32,
    /// How they are printed
    #[arg(long, value_enum, default_value_t = Form::Base64)]
    form: Form,
}

#[derive(clap::Args)]
pub(super) struct Hash {
    /// The hash: sha2-224 to sha2-512, sha3-224 to sha3-512
    #[arg(default_value = "sha2-256")]
    hash: String,
    #[command(flatten)]
    input: Input,
}

impl Derive {
    pub(super) fn run(&self, transit: &Transit) -> Result<Printed, TransitError> {
        let body = body([
            ("label", base64(self.label.as_deref())?),
            ("context", base64(self.context.as_deref())?),
            ("bytes", Some(self.bytes.into())),
            ("key_version", self.key_version.map(Value::from)),
        ]);
        let derived = transit.post(&format!("derive/{}", checked(&self.name)?), &body)?;
        transit.bytes(&derived, "derived_key", self.form)
    }
}

impl Agree {
    pub(super) fn run(&self, transit: &Transit) -> Result<Printed, TransitError> {
        let body = body([
            ("peer_public_key", Some(files::text(&self.peer)?)),
            ("key_version", self.key_version.map(Value::from)),
        ]);
        let agreed = transit.post(&format!("agree/{}", checked(&self.name)?), &body)?;
        transit.bytes(&agreed, "shared_secret", self.form)
    }
}

impl Encapsulate {
    pub(super) fn run(&self, transit: &Transit) -> Result<Printed, TransitError> {
        let mut made = transit.post(&format!("encapsulate/{}", checked(&self.name)?), &body([]))?;
        apart(transit, &mut made, "shared_secret", &self.secret_out)?;
        transit.one(&made, "ciphertext")
    }
}

impl Decapsulate {
    pub(super) fn run(&self, transit: &Transit) -> Result<Printed, TransitError> {
        let body = body([("ciphertext", Some(self.input.text()?))]);
        let opened = transit.post(&format!("decapsulate/{}", checked(&self.name)?), &body)?;
        transit.bytes(&opened, "shared_secret", self.form)
    }
}

impl Random {
    pub(super) fn run(&self, transit: &Transit) -> Result<Printed, TransitError> {
        let drawn = transit.post("random", &body([("bytes", Some(self.bytes.into()))]))?;
        transit.bytes(&drawn, "random_bytes", self.form)
    }
}

impl Hash {
    pub(super) fn run(&self, transit: &Transit) -> Result<Printed, TransitError> {
        let body =
            body([("input", Some(self.input.base64()?)), ("algorithm", Some(self.hash.as_str().into()))]);
        transit.one(&transit.post("hash", &body)?, "sum")
    }
}
