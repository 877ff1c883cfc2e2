//! `strongroom audit`: the log of events, from a running server, from a stopped one, and from files alone.

mod export;
mod fsck;
mod keep;
mod list;
mod producer;
mod verify;

use std::{
    io::{self, Write},
    path::PathBuf,
    process::ExitCode,
};

use clap::{Subcommand, ValueEnum};
use hyper::Method;
use serde_json::{Value, json};
use strongroom::audit::{AuditError, ExportFault, InvalidVerifierKey, ProofError};

use crate::{
    ask::AskError,
    client::ClientError,
    offline::OfflineError,
    reach::{Reach, ReachError},
};

/// Reads the log of events, proves what stands in it, and verifies.
#[derive(clap::Args)]
#[command(after_help = EXAMPLE)]
pub(crate) struct Audit {
    #[command(flatten)]
    server: Reach,

    /// Which log: that of your tenant, or the one of the database itself
    #[arg(long, global = true, value_enum, default_value_t = Log::Own)]
    log: Log,

    /// Print the answer as JSON
    #[arg(long, global = true)]
    json: bool,

    #[command(subcommand)]
    task: Task,
}

const EXAMPLE: &str = "\
Keep the key and, now and then, a checkpoint where whoever runs the server cannot change them:

  strongroom audit key
  strongroom audit checkpoint > monday.checkpoint

With them, anybody finds out whether an event stands in the log, and whether the log is still the same:

  strongroom audit proof 17 | strongroom audit verify - --key KEY
  strongroom audit consistency monday.checkpoint | strongroom audit verify - --key KEY --since monday.checkpoint

`verify` and `fsck` call no server; all others need the root token, by --token-file or STRONGROOM_TOKEN.";

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Log {
    /// That of the token's tenant
    Own,
    /// That of the database: seals, unseals, keys of tenants
    System,
    /// That of all heads: checkpoint, key, consistency and export only
    Global,
}

#[derive(Subcommand)]
enum Task {
    /// List events, the newest first
    List(list::List),
    /// Show one event
    Show {
        /// Its number, as `list` shows it
        index: u64,
    },
    /// Show events as they come in, until it is stopped
    Tail(list::Tail),
    /// Print the proof of one event
    Proof {
        /// Its number, as `list` shows it
        index: u64,
    },
    /// Print the newest checkpoint: keep it elsewhere
    Checkpoint,
    /// Print the proof that the log begins with all that it had at a checkpoint that you kept
    Consistency {
        /// The checkpoint; - for the standard input
        checkpoint: PathBuf,
    },
    /// Print the verifier key of the log: keep it elsewhere
    Key,
    /// Write the whole log into a folder that `verify` checks, or events as lines of JSON
    Export(export::Export),
    /// Check a proof, a checkpoint or an exported log: offline, with nothing but the key
    Verify(verify::Verify),
    /// Recompute every log of a stopped server's database, and name what is damaged
    #[command(after_help = fsck::EXAMPLE)]
    Fsck(fsck::Fsck),
    /// Show or set how long which events are kept
    Retention(keep::RetentionTask),
    /// Legal holds: events that stay whatever the retention says
    #[command(subcommand)]
    Hold(keep::HoldTask),
    /// Erase the events of a month that the retention does not keep any more; their hashes stay
    Prune {
        /// The month, such as 2019-01
        month: String,
        /// Do not ask for the month once more
        #[arg(long)]
        yes: bool,
    },
    /// Programs that hand in events of their own, and which services they speak for
    #[command(subcommand)]
    Producer(producer::ProducerTask),
}

/// A task was not done, or what was to be verified does not hold.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AuditTaskError {
    #[error(transparent)]
    Reach(#[from] ReachError),
    #[error(transparent)]
    Offline(#[from] OfflineError),
    #[error(transparent)]
    Ask(#[from] AskError),
    #[error(transparent)]
    Key(#[from] InvalidVerifierKey),
    #[error("it does NOT hold: {0}")]
    Proof(#[from] ProofError),
    #[error("the export does NOT hold: {0}")]
    Export(#[from] ExportFault),
    #[error("it proves nothing about the checkpoint that you kept: it begins with another one")]
    OtherCheckpoint,
    #[error("the log cannot be read")]
    Log(#[source] AuditError),
    #[error("this is another month: nothing was erased")]
    NotConfirmed,
    #[error("the database has no audit log: a server makes one when it unseals it")]
    NoLog,
    #[error("{0}")]
    Invalid(&'static str),
    #[error("a file or the standard stream failed")]
    Io(#[from] io::Error),
}

impl From<ClientError> for AuditTaskError {
    fn from(error: ClientError) -> Self {
        Self::Reach(error.into())
    }
}

impl Audit {
    pub(crate) fn run(self) -> Result<ExitCode, AuditTaskError> {
        let text = match &self.task {
            Task::List(list) => list.run(&self)?,
            Task::Show { index } => self.show(*index)?,
            Task::Tail(tail) => return tail.run(&self),
            Task::Proof { index } => self.text(Method::GET, &format!("proof/{index}"), &Value::Null)?,
            Task::Checkpoint => self.text(Method::GET, "checkpoint", &Value::Null)?,
            Task::Consistency { checkpoint } => {
                let kept = verify::read(checkpoint)?;
                self.text(Method::POST, "consistency", &json!({ "checkpoint": kept }))?
            }
            Task::Key => self.key()?,
            Task::Export(export) => export.run(&self)?,
            Task::Verify(verify) => return verify.run(self.json),
            Task::Fsck(fsck) => return fsck.run(self.json),
            Task::Retention(task) => task.run(&self)?,
            Task::Hold(task) => task.run(&self)?,
            Task::Prune { month, yes } => keep::prune(&self, month, *yes)?,
            Task::Producer(task) => task.run(&self)?,
        };
        io::stdout().write_all(text.as_bytes())?;
        Ok(ExitCode::SUCCESS)
    }

    /// A path of the log that is meant.
    fn path(&self, below: &str) -> String {
        let log = match self.log {
            Log::Own => "",
            Log::System => "system/",
            Log::Global => "global/",
        };
        format!("/v1/audit/{log}{below}")
    }

    /// `data` of the answer.
    fn data(&self, method: Method, below: &str, body: &Value) -> Result<Value, AuditTaskError> {
        Ok(self.server.data(method, &self.path(below), body)?)
    }

    fn bytes(&self, below: &str) -> Result<Vec<u8>, AuditTaskError> {
        Ok(self.server.bytes(Method::GET, &self.path(below), &Value::Null)?)
    }

    /// A text as it is answered; in JSON, as the one member `text`.
    fn text(&self, method: Method, below: &str, body: &Value) -> Result<String, AuditTaskError> {
        let bytes = self.server.bytes(method, &self.path(below), body)?;
        let text = String::from_utf8(bytes).map_err(|_| ClientError::Json)?;
        Ok(if self.json { format!("{:#}\n", json!({ "text": text })) } else { text })
    }

    fn key(&self) -> Result<String, AuditTaskError> {
        let key = self.data(Method::GET, "key", &Value::Null)?;
        Ok(self.shown(&key, |key| format!("{}\n", member(key, "key"))))
    }

    /// The end of what has no answer.
    fn done(&self, text: &str) -> String {
        if self.json { "{}\n".into() } else { text.into() }
    }

    /// An answer as JSON, or as people like to read it.
    fn shown(&self, answer: &Value, text: impl FnOnce(&Value) -> String) -> String {
        if self.json { format!("{answer:#}\n") } else { text(answer) }
    }
}

/// A member of an answer that is a text or a number, without what a terminal would act on.
pub(crate) fn member(value: &Value, name: &str) -> String {
    let text = match value.get(name) {
        None | Some(Value::Null) => "-".to_owned(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    };
    text.replace(|character: char| character.is_control(), " ")
}
