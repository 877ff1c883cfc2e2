use std::{
    io::{self, Write},
    path::PathBuf,
    process::ExitCode,
};

use clap::Subcommand;
use hyper::Method;
use serde::Deserialize;
use serde_json::{Value, json};
use zeroize::Zeroizing;

use crate::{
    ask::{self, AskError},
    client::ClientError,
    offline::{Offline, OfflineError},
    reach::{Reach, ReachError},
    rotation::Rotation,
    slot::Slot,
    upkeep,
};

/// Looks after a running server.
#[derive(clap::Args)]
#[command(after_help = ENVIRONMENT)]
pub(crate) struct Operator {
    #[command(flatten)]
    server: Reach,

    /// Print the answer as JSON
    #[arg(long, global = true)]
    json: bool,

    #[command(subcommand)]
    task: Task,
}

const ENVIRONMENT: &str = "\
A new server: `strongroom operator init`, then `strongroom operator unseal` once for each share that is needed.
Name the server's certificate with --ca-cert if it signs itself. All but init, unseal and status need the root token of
init, by --token-file or the environment variable STRONGROOM_TOKEN; shares and tokens are never given as arguments.";

#[derive(Subcommand)]
enum Task {
    /// Make the database: prints the shares and the root token, which nobody can ask for again
    Init {
        /// How many shares there are
        #[arg(long, default_value_t = 5)]
        shares: u8,
        /// How many of them unseal
        #[arg(long, default_value_t = 3)]
        threshold: u8,
    },
    /// Enter a share: asks for it, or reads it from the standard input
    Unseal {
        /// Files with one share each, instead
        #[arg(long, value_name = "FILE")]
        share_file: Vec<PathBuf>,
        /// Enter a passphrase instead: asks for it, or reads it from the standard input
        #[arg(long, conflicts_with = "share_file")]
        passphrase: bool,
        /// Forget the shares entered so far
        #[arg(long, conflicts_with_all = ["share_file", "passphrase"])]
        reset: bool,
    },
    /// Seal: nothing is encrypted, signed or read any more until it is unsealed
    Seal,
    /// Say whether it is initialized and sealed; the exit code is 0 if unsealed, 2 if not
    Status,
    /// Make a new key that encrypts what is stored from now on
    Rotate {
        /// The root key instead, which keeps the others
        #[arg(long)]
        root: bool,
    },
    /// Ways to unseal: shares, secret files, passphrases
    #[command(subcommand, after_help = LOST_SHARES)]
    Slot(Slot),
    /// When keys are replaced by themselves
    #[command(subcommand)]
    Rotation(Rotation),
    /// Encrypt a tenant's records anew under its newest key, then destroy its older keys
    Rewrap {
        /// The tenant's id; otherwise the first tenant, which all that the server offers works on
        #[arg(long, value_name = "ID")]
        tenant: Option<String>,
        /// Do not wait for the end
        #[arg(long)]
        no_wait: bool,
    },
    /// After a leak: replace the root and every tenant's key, and encrypt all records anew
    Renew {
        /// Begin once more although it goes on
        #[arg(long)]
        again: bool,
        /// Do not wait for the end
        #[arg(long)]
        no_wait: bool,
    },
    /// Erase a tenant's keys, so that nothing of it opens here any more
    Shred {
        /// The tenant's id, as `rotation status` shows it
        tenant: String,
        /// Do not ask for the id once more
        #[arg(long)]
        yes: bool,
    },
    /// Have the database's files forget what was erased or encrypted anew: writes wait meanwhile
    Scrub,
    /// Take a backup into the folder that the server was started with
    Backup {
        /// Do not wait for the end
        #[arg(long)]
        no_wait: bool,
    },
    #[command(flatten)]
    Offline(Offline),
}

const LOST_SHARES: &str = "\
A share is lost: `slot list`, `slot replace ID shamir`, hand out the new shares, `slot confirm NEW-ID` once for each.
The old shares unseal until the last one is entered.";

/// A task was not done.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OperatorError {
    #[error(transparent)]
    Client(#[from] ClientError),
    #[error(transparent)]
    Offline(#[from] OfflineError),
    #[error("no token: name its file with --token-file, or set STRONGROOM_TOKEN")]
    NoToken,
    #[error(transparent)]
    Ask(#[from] AskError),
    #[error("an id has 32 digits of 0-9 and a-f: `slot list` and `rotation status` show them")]
    Id,
    #[error("this is another id: nothing was erased")]
    NotConfirmed,
    #[error("no backup was taken: {0}")]
    Backup(String),
    #[error("the terminal or the standard stream failed")]
    Io(#[from] io::Error),
    #[error("the answer lacks something: is this a Strongroom server?")]
    Answer(#[from] serde_json::Error),
}

impl From<ReachError> for OperatorError {
    fn from(error: ReachError) -> Self {
        match error {
            ReachError::Client(error) => error.into(),
            ReachError::Ask(error) => error.into(),
            ReachError::NoToken => Self::NoToken,
        }
    }
}

#[derive(Deserialize)]
struct Initialized {
    keys_base64: Vec<String>,
    root_token: String,
}

#[derive(Deserialize)]
struct SealStatus {
    initialized: bool,
    sealed: bool,
    t: u8,
    n: u8,
    progress: u8,
    version: String,
}

impl Operator {
    pub(crate) fn run(self) -> Result<ExitCode, OperatorError> {
        let mut code = ExitCode::SUCCESS;
        let text = match &self.task {
            Task::Offline(task) => return Ok(task.run(self.json)?),
            Task::Init { shares, threshold } => self.init(*shares, *threshold)?,
            Task::Unseal { share_file, passphrase, reset } => self.unseal(share_file, *passphrase, *reset)?,
            Task::Seal => self.authorized("/v1/sys/seal", "Sealed.\n")?,
            Task::Rotate { root: false } => {
                self.authorized("/v1/sys/rotate", "A new key encrypts from now on.\n")?
            }
            Task::Rotate { root: true } => {
                self.authorized("/v1/sys/rotate/root", "There is a new root key.\n")?
            }
            Task::Slot(slot) => slot.run(&self)?,
            Task::Rotation(rotation) => rotation.run(&self)?,
            Task::Rewrap { tenant, no_wait } => upkeep::rewrap(&self, tenant.as_deref(), !no_wait)?,
            Task::Renew { again, no_wait } => upkeep::renew(&self, *again, !no_wait)?,
            Task::Shred { tenant, yes } => upkeep::shred(&self, tenant, *yes)?,
            Task::Scrub => self.authorized(
                "/v1/sys/scrub",
                "The database's files hold nothing any more that was erased.\n",
            )?,
            Task::Backup { no_wait } => upkeep::backup(&self, !no_wait)?,
            Task::Status => {
                let status =
                    self.server.client(None).call(Method::GET, "/v1/sys/seal-status", &Value::Null)?;
                if status.get("sealed") != Some(&Value::Bool(false)) {
                    code = ExitCode::from(2);
                }
                self.shown(&status, status_text)?
            }
        };
        io::stdout().write_all(text.as_bytes())?;
        Ok(code)
    }

    fn init(&self, shares: u8, threshold: u8) -> Result<Zeroizing<String>, OperatorError> {
        let body = json!({ "secret_shares": shares, "secret_threshold": threshold });
        let answer = self.server.client(None).call(Method::PUT, "/v1/sys/init", &body)?;
        self.shown(&answer, |made: Initialized| {
            let mut text = String::new();
            for (share, number) in made.keys_base64.iter().zip(1..) {
                text.push_str(&format!("Share {number}: {share}\n"));
            }
            text.push_str(&format!(
                "\nRoot token: {}\n\nAny {threshold} of these {shares} shares unseal. Give each to another person; \
                 nothing shows them again.\n",
                made.root_token
            ));
            text
        })
    }

    fn unseal(
        &self,
        files: &[PathBuf],
        passphrase: bool,
        reset: bool,
    ) -> Result<Zeroizing<String>, OperatorError> {
        let client = self.server.client(None);
        let send = |body: Value| client.call(Method::PUT, "/v1/sys/unseal", &body);
        let mut status = Value::Null;
        if reset {
            status = send(json!({ "reset": true }))?;
        } else if passphrase {
            status = send(json!({ "passphrase": *ask::passphrase()? }))?;
        } else if files.is_empty() {
            status = send(json!({ "key": *ask::share()? }))?;
        }
        for path in files {
            let share = ask::read(path)?;
            status = send(json!({ "key": share.trim() }))?;
        }
        self.shown(&status, status_text)
    }

    fn authorized(&self, path: &str, done: &str) -> Result<Zeroizing<String>, OperatorError> {
        self.data(Method::PUT, path, &Value::Null)?;
        self.done(done)
    }

    /// Calls with the token; gives `data` of the answer.
    pub(crate) fn data(&self, method: Method, path: &str, body: &Value) -> Result<Value, OperatorError> {
        Ok(self.server.data(method, path, body)?)
    }

    /// The end of what has no answer.
    pub(crate) fn done(&self, text: &str) -> Result<Zeroizing<String>, OperatorError> {
        Ok(Zeroizing::new(if self.json { "{}\n".into() } else { text.into() }))
    }

    /// An answer as JSON, or as people like to read it.
    pub(crate) fn shown<T: for<'de> Deserialize<'de>>(
        &self,
        answer: &Value,
        text: impl FnOnce(T) -> String,
    ) -> Result<Zeroizing<String>, OperatorError> {
        let shown = if self.json { format!("{answer:#}\n") } else { text(T::deserialize(answer)?) };
        Ok(Zeroizing::new(shown))
    }
}

fn status_text(status: SealStatus) -> String {
    let state = match (status.initialized, status.sealed) {
        (false, _) => "not initialized: run `strongroom operator init`".to_owned(),
        (true, true) => format!("sealed: {} of {} shares entered", status.progress, status.t),
        (true, false) => "unsealed".to_owned(),
    };
    let shares = match status.n {
        0 => "none".to_owned(),
        n => format!("{} of {n} unseal", status.t),
    };
    format!("State    {state}\nShares   {shares}\nVersion  {}\n", status.version)
}
