//! `strongroom transit`: keys, and what is done with them, for people.

mod crypt;
mod files;
mod key;
mod list;
mod secrets;
mod sign;
mod transfer;
mod version;

use std::{io, path::PathBuf, process::ExitCode};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use clap::Subcommand;
use hyper::Method;
use serde_json::{Map, Value, json};
use strongroom::{
    core::{KeyError, Name},
    keys::ImportError,
};
use zeroize::Zeroizing;

use crate::{
    ask::AskError,
    client::ClientError,
    reach::{Reach, ReachError},
};

/// Makes and looks after keys, and encrypts, signs and computes with them.
#[derive(clap::Args)]
#[command(after_help = EXAMPLE)]
pub(crate) struct Transit {
    #[command(flatten)]
    server: Reach,

    /// Print the answer as JSON, bytes in base64
    #[arg(long, global = true)]
    json: bool,

    /// Write to this file, which is made for its owner only, and not to the standard output
    #[arg(long, global = true, value_name = "FILE")]
    out: Option<PathBuf>,

    /// Write also over files that there are
    #[arg(long, global = true)]
    force: bool,

    #[command(subcommand)]
    task: Task,
}

const EXAMPLE: &str = "\
A key, a file that it encrypts, and back:

  strongroom transit key create app
  strongroom transit encrypt app --in letter.txt --out letter.sealed
  strongroom transit decrypt app --in letter.sealed

Whatever is worked on comes from a file or the standard input, never from an argument. All need the root token, by
--token-file or STRONGROOM_TOKEN.";

#[derive(Subcommand)]
enum Task {
    /// Keys and their versions: make, list, rotate, end, bring in, take out
    #[command(subcommand)]
    Key(key::KeyTask),
    /// Encrypt; also to keys of RSA and HPKE
    Encrypt(crypt::Encrypt),
    /// Decrypt
    Decrypt(crypt::Decrypt),
    /// Encrypt a ciphertext anew with the newest version: its plaintext stays on the server
    Rewrap(crypt::Encrypt),
    /// Make a key for data: prints it encrypted
    Datakey(crypt::DataKey),
    /// Sign
    Sign(sign::Sign),
    /// Verify a signature or a code: ends with 1 if it is not right
    Verify(sign::Verify),
    /// Compute an HMAC
    Hmac(sign::Hmac),
    /// Compute a CMAC
    Cmac(sign::Cmac),
    /// Derive a secret from a key
    Derive(secrets::Derive),
    /// Agree on a secret with the holder of another key
    Agree(secrets::Agree),
    /// Make a secret for the holder of a key: prints its ciphertext
    Encapsulate(secrets::Encapsulate),
    /// The secret in what `encapsulate` printed
    Decapsulate(secrets::Decapsulate),
    /// Random bytes
    Random(secrets::Random),
    /// Hash
    Hash(secrets::Hash),
}

/// A task was not done, or what was to be verified is not right.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TransitError {
    #[error(transparent)]
    Reach(#[from] ReachError),
    #[error(transparent)]
    Ask(#[from] AskError),
    #[error("this is no name of a key: use A-Z a-z 0-9 _ - .")]
    Name,
    #[error("this is another name: nothing was done")]
    NotConfirmed,
    #[error("it is NOT right: the input was not signed so by this key")]
    NotRight,
    #[error("{} is there already: name another file, or use --force", .0.display())]
    Exists(PathBuf),
    #[error("{} cannot be written", .0.display())]
    Write(PathBuf, #[source] io::Error),
    #[error("the key in the file does not fit the type")]
    Key(#[from] ImportError),
    #[error("the key cannot be wrapped for the server")]
    Wrap(#[from] KeyError),
    #[error("{0}")]
    Invalid(&'static str),
    #[error("a file or the standard stream failed")]
    Io(#[from] io::Error),
}

impl From<ClientError> for TransitError {
    fn from(error: ClientError) -> Self {
        Self::Reach(error.into())
    }
}

/// What a command prints; bytes as they are, everything else as text.
type Printed = Zeroizing<Vec<u8>>;

impl Transit {
    pub(crate) fn run(self) -> Result<ExitCode, TransitError> {
        self.check_files()?;
        let printed = match &self.task {
            Task::Key(task) => task.run(&self)?,
            Task::Encrypt(encrypt) => encrypt.run(&self)?,
            Task::Decrypt(decrypt) => decrypt.run(&self)?,
            Task::Rewrap(rewrap) => rewrap.rewrap(&self)?,
            Task::Datakey(make) => make.run(&self)?,
            Task::Sign(sign) => sign.run(&self)?,
            Task::Verify(verify) => return verify.run(&self),
            Task::Hmac(hmac) => hmac.run(&self)?,
            Task::Cmac(cmac) => cmac.run(&self)?,
            Task::Derive(derive) => derive.run(&self)?,
            Task::Agree(agree) => agree.run(&self)?,
            Task::Encapsulate(encapsulate) => encapsulate.run(&self)?,
            Task::Decapsulate(decapsulate) => decapsulate.run(&self)?,
            Task::Random(random) => random.run(&self)?,
            Task::Hash(hash) => hash.run(&self)?,
        };
        self.print(&printed)?;
        Ok(ExitCode::SUCCESS)
    }

    /// `data` of the answer.
    fn data(&self, method: Method, below: &str, body: &Value) -> Result<Value, TransitError> {
        Ok(self.server.data(method, &format!("/v1/transit/{below}"), body)?)
    }

    fn post(&self, below: &str, body: &Value) -> Result<Value, TransitError> {
        self.data(Method::POST, below, body)
    }

    fn read(&self, below: &str) -> Result<Value, TransitError> {
        self.data(Method::GET, below, &Value::Null)
    }

    /// The end of what has no answer.
    fn done(&self, text: &str) -> Printed {
        self.shown(&json!({}), |_| text.to_owned())
    }

    /// An answer as JSON, or as people like to read it.
    fn shown(&self, answer: &Value, text: impl FnOnce(&Value) -> String) -> Printed {
        let text = if self.json { format!("{answer:#}\n") } else { text(answer) };
        text.into_bytes().into()
    }

    /// An answer as JSON, or one of its texts alone.
    fn one(&self, answer: &Value, name: &str) -> Result<Printed, TransitError> {
        let text = text(answer, name)?;
        Ok(self.shown(answer, |_| format!("{text}\n")))
    }

    /// An answer as JSON, or the bytes of one of its members alone.
    fn bytes(&self, answer: &Value, name: &str, form: Form) -> Result<Printed, TransitError> {
        let bytes = decoded(text(answer, name)?)?;
        Ok(if self.json { self.shown(answer, |_| String::new()) } else { form.of(bytes) })
    }
}

/// How bytes are printed.
#[derive(Clone, Copy, clap::ValueEnum)]
enum Form {
    /// As they are
    Raw,
    /// In base64, with a newline
    Base64,
}

impl Form {
    fn of(self, bytes: Zeroizing<Vec<u8>>) -> Printed {
        match self {
            Self::Raw => bytes,
            Self::Base64 => (STANDARD.encode(&*bytes) + "\n").into_bytes().into(),
        }
    }
}

/// A name of a key, as a segment of a path: nothing in it leads elsewhere.
fn checked(name: &str) -> Result<&str, TransitError> {
    Name::parse(name).map(|_| name).map_err(|_| TransitError::Name)
}

/// A body of what was given.
fn body<const N: usize>(members: [(&str, Option<Value>); N]) -> Value {
    let given = members.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
    Value::Object(given.collect::<Map<_, _>>())
}

fn text<'a>(answer: &'a Value, name: &str) -> Result<&'a str, TransitError> {
    Ok(answer.get(name).and_then(Value::as_str).ok_or(ClientError::Json)?)
}

fn decoded(text: &str) -> Result<Zeroizing<Vec<u8>>, TransitError> {
    Ok(STANDARD.decode(text).map(Zeroizing::new).map_err(|_| ClientError::Json)?)
}
