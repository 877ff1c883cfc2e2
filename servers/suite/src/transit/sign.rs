use std::{path::PathBuf, process::ExitCode};

use clap::ValueEnum;
use serde_json::Value;

use super::{
    Printed, Transit, TransitError, body, checked,
    files::{self, Input},
};

/// How a message is signed.
#[derive(clap::Args)]
pub(super) struct How {
    /// The hash: sha2-224 to sha2-512, sha3-224 to sha3-512
    #[arg(long)]
    hash: Option<String>,
    /// The input is the digest, not the message
    #[arg(long)]
    prehashed: bool,
    /// The padding of RSA: pss or pkcs1v15
    #[arg(long)]
    padding: Option<String>,
    /// The salt of PSS: auto, hash or a number of bytes
    #[arg(long, value_name = "LENGTH")]
    salt_length: Option<String>,
    /// How a signature of ECDSA is written: asn1 or jws
    #[arg(long)]
    marshaling: Option<String>,
}

#[derive(clap::Args)]
pub(super) struct Sign {
    /// The key
    name: String,
    #[command(flatten)]
    input: Input,
    #[command(flatten)]
    how: How,
    /// The version to sign with, if not the newest
    #[arg(long, value_name = "VERSION")]
    key_version: Option<u32>,
}

/// What is verified.
#[derive(Clone, Copy, ValueEnum)]
enum Kind {
    /// What `sign` printed
    Signature,
    /// What `hmac` printed
    Hmac,
    /// What `cmac` printed
    Cmac,
}

#[derive(clap::Args)]
pub(super) struct Verify {
    /// The key
    name: String,
    #[command(flatten)]
    input: Input,
    /// The file of the signature or the code
    #[arg(long, value_name = "FILE")]
    signature: PathBuf,
    /// What is in it
    #[arg(long, value_enum, default_value_t = Kind::Signature)]
    kind: Kind,
    #[command(flatten)]
    how: How,
}

#[derive(clap::Args)]
pub(super) struct Hmac {
    /// The key
    name: String,
    #[command(flatten)]
    input: Input,
    /// The hash, if not the key's own
    #[arg(long)]
    hash: Option<String>,
    /// The version to compute with, if not the newest
    #[arg(long, value_name = "VERSION")]
    key_version: Option<u32>,
}

#[derive(clap::Args)]
pub(super) struct Cmac {
    /// The key
    name: String,
    #[command(flatten)]
    input: Input,
    /// The version to compute with, if not the newest
    #[arg(long, value_name = "VERSION")]
    key_version: Option<u32>,
}

impl How {
    fn with(&self, input: Value, more: (&str, Option<Value>)) -> Value {
        let Self { hash, prehashed, padding, salt_length, marshaling } = self;
        let word = |text: &Option<String>| text.as_deref().map(Value::from);
        let salt = |text: &String| text.parse::<u16>().map_or_else(|_| text.as_str().into(), Value::from);
        body([
            ("input", Some(input)),
            ("hash_algorithm", word(hash)),
            ("prehashed", prehashed.then_some(true.into())),
            ("signature_algorithm", word(padding)),
            ("salt_length", salt_length.as_ref().map(salt)),
            ("marshaling_algorithm", word(marshaling)),
            more,
        ])
    }
}

impl Sign {
    pub(super) fn run(&self, transit: &Transit) -> Result<Printed, TransitError> {
        let version = ("key_version", self.key_version.map(Value::from));
        let body = self.how.with(self.input.base64()?, version);
        transit.one(&transit.post(&format!("sign/{}", checked(&self.name)?), &body)?, "signature")
    }
}

impl Verify {
    pub(super) fn run(&self, transit: &Transit) -> Result<ExitCode, TransitError> {
        let member = match self.kind {
            Kind::Signature => "signature",
            Kind::Hmac => "hmac",
            Kind::Cmac => "cmac",
        };
        let body = self.how.with(self.input.base64()?, (member, Some(files::text(&self.signature)?)));
        let checked = transit.post(&format!("verify/{}", checked(&self.name)?), &body)?;
        let right = checked.get("valid") == Some(&Value::Bool(true));
        if !right && !transit.json {
            return Err(TransitError::NotRight);
        }
        transit.print(&transit.shown(&checked, |_| "It is right.\n".into()))?;
        Ok(if right { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

impl Hmac {
    pub(super) fn run(&self, transit: &Transit) -> Result<Printed, TransitError> {
        let body = body([
            ("input", Some(self.input.base64()?)),
            ("algorithm", self.hash.as_deref().map(Value::from)),
            ("key_version", self.key_version.map(Value::from)),
        ]);
        transit.one(&transit.post(&format!("hmac/{}", checked(&self.name)?), &body)?, "hmac")
    }
}

impl Cmac {
    pub(super) fn run(&self, transit: &Transit) -> Result<Printed, TransitError> {
        let version = ("key_version", self.key_version.map(Value::from));
        let body = body([("input", Some(self.input.base64()?)), version]);
        transit.one(&transit.post(&format!("cmac/{}", checked(&self.name)?), &body)?, "cmac")
    }
}
