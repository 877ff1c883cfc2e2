use base64::{Engine as _, engine::general_purpose::STANDARD};
use clap::ValueEnum;
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use strongroom::{
    RustCrypto,
    core::{Algorithm, OaepHash, Provider as _},
    keys::{KeyFormat, Transport, public_from_pem},
};
use strongroom_sm_kms::type_name;
use zeroize::Zeroizing;

use super::{Printed, Transit, TransitError, body, checked, decoded, files::Input, text};
use crate::audit::member;

/// How a key is written.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Written {
    /// A document: PKCS#8
    Pem,
    /// A document: PKCS#8
    Der,
    /// The bytes of the key
    Raw,
    /// The bytes of the key in base64
    Base64,
}

#[derive(clap::Args)]
pub(super) struct Import {
    /// What it is called here
    name: String,
    #[command(flatten)]
    input: Input,
    /// What it is for, such as aes256-gcm96, ed25519, ecdsa-p256; of a new version that of the key
    #[arg(long = "type", value_name = "TYPE", required_unless_present = "new_version")]
    kind: Option<String>,
    /// How it is written: for asymmetric keys pem or der, for others raw or base64
    #[arg(long, value_enum, default_value_t = Written::Pem)]
    form: Written,
    /// It is a public key alone, in PEM
    #[arg(long)]
    public: bool,
    /// It is a new version of an imported key
    #[arg(long, conflicts_with = "kind")]
    new_version: bool,
    /// The key may be exported
    #[arg(long)]
    exportable: bool,
    /// The key may be rotated here
    #[arg(long)]
    allow_rotation: bool,
}

/// What goes out.
#[derive(Clone, Copy, ValueEnum)]
enum What {
    /// Public keys
    Public,
    /// Keys that encrypt, agree or derive
    Encryption,
    /// Keys that sign
    Signing,
    /// Keys that compute codes
    Hmac,
}

#[derive(clap::Args)]
pub(super) struct Export {
    /// The key
    name: String,
    /// What goes out
    #[arg(long, value_enum, default_value_t = What::Public)]
    what: What,
    /// One version alone: a number, or latest
    #[arg(long, value_name = "VERSION")]
    key_version: Option<String>,
    /// Wrapped for the RSA key of this name, not in the clear
    #[arg(long = "for", value_name = "KEY", conflicts_with = "what")]
    to: Option<String>,
}

#[derive(clap::Args)]
pub(super) struct Restore {
    /// What it is called from now on, if not as before
    name: Option<String>,
    #[command(flatten)]
    input: Input,
    /// Replace the same key if it is there
    #[arg(long)]
    replace: bool,
}

impl Import {
    pub(super) fn run(&self, transit: &Transit) -> Result<Printed, TransitError> {
        let name = checked(&self.name)?;
        let kind = match &self.kind {
            Some(kind) => kind.clone(),
            None => kind_of(&transit.read(&format!("keys/{name}"))?),
        };
        let algorithm = algorithm(&kind)?;
        let (member, key) = match self.public {
            true => ("public_key", self.input.text()?),
            false => ("ciphertext", self.wrapped(transit, algorithm)?),
        };
        let flag = |is: bool| is.then_some(Value::Bool(true));
        let given = body([
            (member, Some(key)),
            ("type", (!self.new_version).then(|| kind.as_str().into())),
            ("exportable", flag(self.exportable)),
            ("allow_rotation", flag(self.allow_rotation)),
        ]);
        let verb = if self.new_version { "import_version" } else { "import" };
        transit.post(&format!("keys/{name}/{verb}"), &given)?;
        Ok(transit.done("It is here. Destroy the file if nothing else needs it.\n"))
    }

    /// The key, wrapped here for the server.
    fn wrapped(&self, transit: &Transit, algorithm: Algorithm) -> Result<Value, TransitError> {
        let key = self.key(algorithm)?;
        let answer = transit.read("wrapping_key")?;
        let provider = RustCrypto::new();
        let public = public_from_pem(Algorithm::Rsa4096, text(&answer, "public_key")?)?;
        let server = provider.software().load(&provider.software().import_public(&public)?)?;
        let way = Transport::AesKwp(OaepHash::Sha256);
        Ok(STANDARD.encode(way.wrap(&*server, provider.random(), &key)?).into())
    }

    /// The key as the server takes it, from what was read.
    fn key(&self, algorithm: Algorithm) -> Result<Zeroizing<Vec<u8>>, TransitError> {
        let bytes = self.input.bytes()?;
        let (format, bytes) = match self.form {
            Written::Pem => (KeyFormat::Pem, bytes),
            Written::Der => (KeyFormat::Der, bytes),
            Written::Raw => (KeyFormat::Raw, bytes),
            Written::Base64 => {
                let text = std::str::from_utf8(&bytes).map_err(|_| NO_BASE64)?;
                (KeyFormat::Raw, STANDARD.decode(text.trim()).map(Zeroizing::new).map_err(|_| NO_BASE64)?)
            }
        };
        let material = format.private(algorithm, &bytes)?;
        let written = KeyFormat::of(algorithm).write_private(algorithm, material.expose_secret())?;
        Ok(Zeroizing::new(written.expose_secret().to_vec()))
    }
}

const NO_BASE64: TransitError =
    TransitError::Invalid("what was read is no base64: say by --form how the key is written");

impl Export {
    pub(super) fn run(&self, transit: &Transit) -> Result<Printed, TransitError> {
        let name = checked(&self.name)?;
        let what = match self.what {
            What::Public => "public-key",
            What::Encryption => "encryption-key",
            What::Signing => "signing-key",
            What::Hmac => "hmac-key",
        };
        let mut path = match &self.to {
            Some(to) => format!("byok-export/{}/{name}", checked(to)?),
            None => format!("export/{what}/{name}"),
        };
        if let Some(version) = &self.key_version {
            path = format!("{path}/{}", checked(version)?);
        }
        let exported = transit.read(&path)?;
        Ok(transit.shown(&exported, |exported| {
            let keys = exported.get("keys").and_then(Value::as_object);
            let mut keys: Vec<_> = keys.into_iter().flatten().collect();
            keys.sort_by_key(|(version, _)| version.parse::<u32>().unwrap_or_default());
            let text =
                |(_, key): &(&String, &Value)| key.as_str().unwrap_or_default().trim_end().to_owned() + "\n";
            keys.iter().map(text).collect()
        }))
    }
}

impl Restore {
    pub(super) fn run(&self, transit: &Transit) -> Result<Printed, TransitError> {
        let backup = self.input.text()?;
        decoded(backup.as_str().unwrap_or_default())
            .map_err(|_| TransitError::Invalid("what was read is no backup of a key"))?;
        let path = match &self.name {
            Some(name) => format!("restore/{}", checked(name)?),
            None => "restore".to_owned(),
        };
        transit.post(&path, &json!({ "backup": backup, "force": self.replace }))?;
        Ok(transit.done("The key is back, as it was.\n"))
    }
}

/// The type of a key that is there.
pub(super) fn kind_of(key: &Value) -> String {
    match key.get("parameter_set") {
        Some(_) => format!("{}-{}", member(key, "type"), member(key, "parameter_set")),
        None => member(key, "type"),
    }
}

fn algorithm(kind: &str) -> Result<Algorithm, TransitError> {
    let found = Algorithm::ALL.into_iter().find(|known| type_name(*known) == kind);
    found.ok_or(TransitError::Invalid(
        "there is no such type: `strongroom transit key create --help` names some",
    ))
}
