use clap::Subcommand;
use hyper::Method;
use serde_json::{Map, Value, json};

use super::{Printed, Transit, TransitError, body, checked, list, transfer, version};
use crate::{ask, audit::member};

#[derive(Subcommand)]
pub(super) enum KeyTask {
    /// Make a key
    Create(Create),
    /// Show a key: type, state, versions, settings; never the key itself
    Read {
        /// The key
        name: String,
    },
    /// List keys
    List(list::List),
    /// Add a version, which is used from now on
    Rotate {
        /// The key
        name: String,
    },
    /// Change settings
    Config(Config),
    /// Stop all use, until it is enabled
    Disable {
        /// The key
        name: String,
    },
    /// Allow use again
    Enable {
        /// The key
        name: String,
    },
    /// Destroy versions below one: what they encrypted is lost
    Trim {
        /// The key
        name: String,
        /// The oldest version that stays
        #[arg(long, value_name = "VERSION")]
        before: u32,
        /// Do not ask for the name once more
        #[arg(long)]
        yes: bool,
    },
    /// Delete a key at once: what it encrypted is lost. Allow it before, by `config --deletion-allowed true`
    Delete {
        /// The key
        name: String,
        /// Do not ask for the name once more
        #[arg(long)]
        yes: bool,
    },
    /// Stop all use, and delete after a time in which that can be cancelled
    ScheduleDeletion {
        /// The key
        name: String,
        /// How long, such as 720h, if not the usual time
        #[arg(long)]
        wait: Option<String>,
    },
    /// Keep a key that was to be deleted
    CancelDeletion {
        /// The key
        name: String,
    },
    /// One version: suspend, resume, deactivate, compromise, destroy
    #[command(subcommand)]
    Version(version::VersionTask),
    /// Bring a key in: it is wrapped here for the server, and never travels in the clear
    Import(transfer::Import),
    /// Print public keys, or keys themselves where the key allows it
    Export(transfer::Export),
    /// Print the public key that imported keys are wrapped for
    WrappingKey,
    /// Print a backup of a key, sealed for this database alone
    Backup {
        /// The key
        name: String,
    },
    /// Bring back what `backup` printed
    Restore(transfer::Restore),
}

#[derive(clap::Args)]
pub(super) struct Create {
    /// What it is called
    name: String,
    /// What it is for, such as aes256-gcm96, ed25519, ecdsa-p256, rsa-4096, ml-dsa-65, hmac, x25519, ml-kem-768
    #[arg(long = "type", value_name = "TYPE", default_value = "aes256-gcm96")]
    kind: String,
    /// Each use derives a key of its own from a context
    #[arg(long)]
    derived: bool,
    /// The key may be exported: this cannot be taken back
    #[arg(long)]
    exportable: bool,
    /// Rotate by itself after this time, such as 720h
    #[arg(long, value_name = "TIME")]
    rotate_every: Option<String>,
}

#[derive(clap::Args)]
pub(super) struct Config {
    /// The key
    name: String,
    /// The oldest version that decrypts and verifies
    #[arg(long, value_name = "VERSION")]
    min_decryption_version: Option<u32>,
    /// The oldest version that encrypts and signs; 0 for the newest alone
    #[arg(long, value_name = "VERSION")]
    min_encryption_version: Option<u32>,
    /// Whether it may be deleted
    #[arg(long, value_name = "BOOL")]
    deletion_allowed: Option<bool>,
    /// Whether it may be exported
    #[arg(long, value_name = "BOOL")]
    exportable: Option<bool>,
    /// Rotate by itself after this time, such as 720h; 0 for never
    #[arg(long, value_name = "TIME")]
    rotate_every: Option<String>,
    /// A new version is shown this long before it is used, such as 24h
    #[arg(long, value_name = "TIME")]
    publish_delay: Option<String>,
}

impl KeyTask {
    pub(super) fn run(&self, transit: &Transit) -> Result<Printed, TransitError> {
        let posted = |name: &str, verb: &str, given: &Value| {
            let answer = transit.post(&format!("keys/{}/{verb}", checked(name)?), given)?;
            Ok::<_, TransitError>(transit.shown(&answer, key_text))
        };
        let none = &Value::Null;
        match self {
            Self::Create(create) => create.run(transit),
            Self::Read { name } => {
                let key = transit.read(&format!("keys/{}", checked(name)?))?;
                Ok(transit.shown(&key, key_text))
            }
            Self::List(list) => list.run(transit),
            Self::Rotate { name } => posted(name, "rotate", none),
            Self::Config(config) => posted(&config.name, "config", &config.body()?),
            Self::Disable { name } => {
                transit.post(&format!("keys/{}/disable", checked(name)?), none)?;
                Ok(transit.done("Nobody uses it any more: `enable` allows it again.\n"))
            }
            Self::Enable { name } => {
                transit.post(&format!("keys/{}/enable", checked(name)?), none)?;
                Ok(transit.done("It is in use again.\n"))
            }
            Self::Trim { name, before, yes } => {
                confirm(name, *yes)?;
                posted(name, "trim", &json!({ "min_available_version": before }))
            }
            Self::Delete { name, yes } => {
                confirm(name, *yes)?;
                transit.data(Method::DELETE, &format!("keys/{}", checked(name)?), none)?;
                Ok(transit.done("It is deleted, with all its versions.\n"))
            }
            Self::ScheduleDeletion { name, wait } => {
                posted(name, "schedule-deletion", &body([("wait", wait.as_deref().map(Value::from))]))
            }
            Self::CancelDeletion { name } => posted(name, "cancel-deletion", none),
            Self::Version(task) => task.run(transit),
            Self::Import(import) => import.run(transit),
            Self::Export(export) => export.run(transit),
            Self::WrappingKey => transit.one(&transit.read("wrapping_key")?, "public_key"),
            Self::Backup { name } => {
                transit.one(&transit.read(&format!("backup/{}", checked(name)?))?, "backup")
            }
            Self::Restore(restore) => restore.run(transit),
        }
    }
}

impl Create {
    fn run(&self, transit: &Transit) -> Result<Printed, TransitError> {
        let Self { name, kind, derived, exportable, rotate_every } = self;
        let given = body([
            ("type", Some(kind.as_str().into())),
            ("derived", derived.then_some(true.into())),
            ("exportable", exportable.then_some(true.into())),
            ("auto_rotate_period", rotate_every.as_deref().map(Value::from)),
        ]);
        let key = transit.post(&format!("keys/{}", checked(name)?), &given)?;
        Ok(transit.shown(&key, key_text))
    }
}

impl Config {
    fn body(&self) -> Result<Value, TransitError> {
        let Self {
            name: _,
            min_decryption_version,
            min_encryption_version,
            deletion_allowed,
            exportable,
            rotate_every,
            publish_delay,
        } = self;
        let given = body([
            ("min_decryption_version", min_decryption_version.map(Value::from)),
            ("min_encryption_version", min_encryption_version.map(Value::from)),
            ("deletion_allowed", deletion_allowed.map(Value::from)),
            ("exportable", exportable.map(Value::from)),
            ("auto_rotate_period", rotate_every.as_deref().map(Value::from)),
            ("publish_delay", publish_delay.as_deref().map(Value::from)),
        ]);
        match given.as_object().is_some_and(Map::is_empty) {
            true => Err(TransitError::Invalid("nothing is to change: name a setting")),
            false => Ok(given),
        }
    }
}

/// Asks for the name once more before something is lost.
pub(super) fn confirm(name: &str, yes: bool) -> Result<(), TransitError> {
    if yes || ask::line("What is destroyed does not come back. The key's name once more: ")? == name {
        return Ok(());
    }
    Err(TransitError::NotConfirmed)
}

/// A key with its versions, as people like to read it.
pub(super) fn key_text(key: &Value) -> String {
    let kind = transfer::kind_of(key);
    let mut text = format!("Name         {}\nType         {kind}\n", member(key, "name"));
    for (title, name) in [
        ("State", "state"),
        ("Deleted on", "deletion_time"),
        ("Newest", "latest_version"),
        ("Decrypts", "min_decryption_version"),
        ("Exportable", "exportable"),
        ("Deletable", "deletion_allowed"),
    ] {
        if key.get(name).is_some() {
            let from = if name == "min_decryption_version" { "from version " } else { "" };
            text += &format!("{title:<12} {from}{}\n", member(key, name));
        }
    }
    text + "\n" + &versions(key)
}

/// The versions in order, with state and time.
fn versions(key: &Value) -> String {
    let states = key.get("version_states").and_then(Value::as_object).into_iter().flatten();
    let number = |name: &String| name.parse::<u32>().unwrap_or_default();
    let mut rows: Vec<_> = states
        .map(|(name, _)| {
            let state = member(key.get("version_states").unwrap_or(&Value::Null), name);
            (number(name), state, made(key.get("keys").and_then(|keys| keys.get(name))))
        })
        .collect();
    rows.sort();
    let rows = rows.into_iter().map(|(number, state, made)| vec![number.to_string(), state, made]);
    list::table(&["VERSION", "STATE", "MADE"], rows.collect())
}

/// When a version was made: of a symmetric key the answer has seconds, of others a text.
fn made(shown: Option<&Value>) -> String {
    match shown {
        Some(Value::Number(seconds)) => list::moment(seconds.as_u64().unwrap_or_default()),
        Some(shown) => member(shown, "creation_time"),
        None => "-".into(),
    }
}
