use std::{
    env, fs,
    io::{self, IsTerminal, Read, Write},
    path::PathBuf,
    process::ExitCode,
};

use clap::Subcommand;
use hyper::{Method, Uri};
use secrecy::SecretString;
use serde::Deserialize;
use serde_json::{Value, json};
use zeroize::Zeroizing;

use crate::{
    client::{Client, ClientError},
    offline::{Offline, OfflineError},
};

/// Looks after a running server.
#[derive(clap::Args)]
#[command(after_help = ENVIRONMENT)]
pub(crate) struct Operator {
    /// Where the server listens
    #[arg(
        long,
        global = true,
        value_name = "URL",
        help_heading = SERVER,
        env = "STRONGROOM_ADDR",
        default_value = "https://127.0.0.1:8200"
    )]
    address: Uri,

    /// Root certificates to trust, PEM; otherwise the system's
    #[arg(long, global = true, value_name = "FILE", help_heading = SERVER, env = "STRONGROOM_CACERT")]
    ca_cert: Option<PathBuf>,

    /// File of the token; otherwise the environment variable STRONGROOM_TOKEN
    #[arg(long, global = true, value_name = "FILE", help_heading = SERVER)]
    token_file: Option<PathBuf>,

    /// Print the answer as JSON
    #[arg(long, global = true)]
    json: bool,

    #[command(subcommand)]
    task: Task,
}

const SERVER: &str = "To reach a running server";

const ENVIRONMENT: &str = "\
A new server: `strongroom operator init`, then `strongroom operator unseal` once for each share that is needed.
Name the server's certificate with --ca-cert if it signs itself. seal and rotate need the root token of init, by
--token-file or the environment variable STRONGROOM_TOKEN; shares and tokens are never given as arguments.";

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
        /// Forget the shares entered so far
        #[arg(long, conflicts_with = "share_file")]
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
    #[command(flatten)]
    Offline(Offline),
}

/// A task was not done.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OperatorError {
    #[error(transparent)]
    Client(#[from] ClientError),
    #[error(transparent)]
    Offline(#[from] OfflineError),
    #[error("{} cannot be read", .0.display())]
    File(PathBuf, #[source] io::Error),
    #[error("no token: name its file with --token-file, or set STRONGROOM_TOKEN")]
    NoToken,
    #[error("no share was entered")]
    NoShare,
    #[error("the terminal or the standard stream failed")]
    Io(#[from] io::Error),
    #[error("the answer lacks something: is this a Strongroom server?")]
    Answer(#[from] serde_json::Error),
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
            Task::Unseal { share_file, reset } => self.unseal(share_file, *reset)?,
            Task::Seal => self.authorized("/v1/sys/seal", "Sealed.\n")?,
            Task::Rotate { root: false } => {
                self.authorized("/v1/sys/rotate", "A new key encrypts from now on.\n")?
            }
            Task::Rotate { root: true } => {
                self.authorized("/v1/sys/rotate/root", "There is a new root key.\n")?
            }
            Task::Status => {
                let status = self.client(None).call(Method::GET, "/v1/sys/seal-status", &Value::Null)?;
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
        let answer = self.client(None).call(Method::PUT, "/v1/sys/init", &body)?;
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

    fn unseal(&self, files: &[PathBuf], reset: bool) -> Result<Zeroizing<String>, OperatorError> {
        let client = self.client(None);
        let send = |body: Value| client.call(Method::PUT, "/v1/sys/unseal", &body);
        let mut status = Value::Null;
        if reset {
            status = send(json!({ "reset": true }))?;
        } else if files.is_empty() {
            status = send(json!({ "key": share()?.trim() }))?;
        }
        for path in files {
            let share = read(path)?;
            status = send(json!({ "key": share.trim() }))?;
        }
        self.shown(&status, status_text)
    }

    fn authorized(&self, path: &str, done: &str) -> Result<Zeroizing<String>, OperatorError> {
        let token = match &self.token_file {
            Some(path) => SecretString::from(read(path)?.trim()),
            None => SecretString::from(env::var("STRONGROOM_TOKEN").map_err(|_| OperatorError::NoToken)?),
        };
        self.client(Some(token)).call(Method::PUT, path, &Value::Null)?;
        Ok(Zeroizing::new(if self.json { "{}\n".into() } else { done.into() }))
    }

    fn client(&self, token: Option<SecretString>) -> Client {
        Client { address: self.address.clone(), roots: self.ca_cert.clone(), token }
    }

    /// An answer as JSON, or as people like to read it.
    fn shown<T: for<'de> Deserialize<'de>>(
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

/// A share from whoever sits there, unseen; or from the standard input.
fn share() -> Result<Zeroizing<String>, OperatorError> {
    let mut text = Zeroizing::new(String::new());
    if io::stdin().is_terminal() {
        *text = rpassword::prompt_password("Share (not shown): ")?;
    } else {
        io::stdin().take(4096).read_to_string(&mut text)?;
    }
    if text.trim().is_empty() { Err(OperatorError::NoShare) } else { Ok(text) }
}

fn read(path: &PathBuf) -> Result<Zeroizing<String>, OperatorError> {
    fs::read_to_string(path).map(Zeroizing::new).map_err(|error| OperatorError::File(path.clone(), error))
}
