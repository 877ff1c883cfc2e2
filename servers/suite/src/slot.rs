use std::path::{Path, PathBuf};

use base64::{Engine, engine::general_purpose::STANDARD};
use clap::Subcommand;
use hyper::Method;
use serde::Deserialize;
use serde_json::{Value, json};
use zeroize::Zeroizing;

use crate::{
    ask,
    operator::{Operator, OperatorError},
};

/// Ways to unseal, while the server is unsealed.
#[derive(Subcommand)]
pub(crate) enum Slot {
    /// List the ways in, and the shares that wait for their confirmation
    List,
    /// Add a way in
    Add {
        /// What people call it
        #[arg(long, global = true, value_name = "NAME")]
        label: Option<String>,
        #[command(subcommand)]
        way: Way,
    },
    /// Remove a way in: never the last one
    Remove {
        /// Its id, as `slot list` shows it
        id: String,
    },
    /// Give it a label, or take the label away
    Label {
        /// Its id, as `slot list` shows it
        id: String,
        /// The label; none takes it away
        label: Option<String>,
    },
    /// Replace a way in: shares once all of them are confirmed, anything else at once
    Replace {
        /// Its id, as `slot list` shows it
        id: String,
        #[command(subcommand)]
        way: Way,
    },
    /// Enter a new share again: the last one puts the new set in the place of the old one
    Confirm {
        /// The id that `slot replace` printed
        id: String,
        /// Files with one share each, instead of asking for one
        #[arg(long, value_name = "FILE")]
        share_file: Vec<PathBuf>,
        /// Do not wait for every share: as many as unseal are enough
        #[arg(long)]
        threshold_only: bool,
    },
    /// Forget new shares that were not confirmed: the old ones stay
    Cancel {
        /// The id that `slot replace` printed
        id: String,
    },
    /// Say whether a share, a secret file or a passphrase is right; nothing is unsealed by it
    Verify {
        /// Files with one share each, instead of asking for one
        #[arg(long, value_name = "FILE")]
        share_file: Vec<PathBuf>,
        /// A secret file
        #[arg(long, value_name = "FILE", conflicts_with = "share_file")]
        secret_file: Option<PathBuf>,
        /// A passphrase: asks for it, or reads it from the standard input
        #[arg(long, conflicts_with_all = ["share_file", "secret_file"])]
        passphrase: bool,
    },
}

/// What is to open a slot.
#[derive(Subcommand)]
pub(crate) enum Way {
    /// Shares for several people
    Shamir {
        /// How many shares there are
        #[arg(long, default_value_t = 5)]
        shares: u8,
        /// How many of them unseal
        #[arg(long, default_value_t = 3)]
        threshold: u8,
    },
    /// A file of 32 random bytes or more, for --unseal-secret
    Secret {
        /// The file
        #[arg(long, value_name = "FILE")]
        secret_file: PathBuf,
    },
    /// A passphrase: asks for it, or reads it from the standard input
    Passphrase,
}

#[derive(Deserialize)]
struct Listed {
    slots: Vec<Row>,
    proposals: Vec<Row>,
}

#[derive(Deserialize)]
struct Row {
    id: String,
    kind: String,
    label: Option<String>,
    made: Option<String>,
    expires: Option<String>,
    replaces: Option<String>,
    shares: Option<u8>,
    threshold: Option<u8>,
}

#[derive(Deserialize)]
struct Made {
    id: String,
    shares: Vec<String>,
    expires: Option<String>,
}

#[derive(Deserialize)]
struct Confirmed {
    confirmed: bool,
    have: Option<u8>,
    need: Option<u8>,
    replaced: Option<String>,
}

#[derive(Deserialize)]
struct Verified {
    id: String,
    state: String,
    opens: bool,
    #[serde(default)]
    missing: u8,
}

impl Way {
    fn body(&self) -> Result<Value, OperatorError> {
        Ok(match self {
            Self::Shamir { shares, threshold } => {
                json!({ "kind": "shamir", "shares": shares, "threshold": threshold })
            }
            Self::Secret { secret_file } => json!({ "kind": "secret", "secret": encoded(secret_file)? }),
            Self::Passphrase => json!({ "kind": "passphrase", "passphrase": *ask::new_passphrase()? }),
        })
    }
}

impl Slot {
    pub(crate) fn run(&self, operator: &Operator) -> Result<Zeroizing<String>, OperatorError> {
        match self {
            Self::List => {
                let listed = operator.data(Method::GET, "/v1/sys/slots", &Value::Null)?;
                operator.shown(&listed, list_text)
            }
            Self::Add { label, way } => {
                let mut body = way.body()?;
                if let Some(members) = body.as_object_mut() {
                    members.insert("label".into(), json!(label));
                }
                let made = operator.data(Method::POST, "/v1/sys/slots", &body)?;
                operator.shown(&made, made_text)
            }
            Self::Remove { id } => {
                operator.data(Method::DELETE, &path(id, "")?, &Value::Null)?;
                operator.done("Removed. Copies of the database from before still open by it.\n")
            }
            Self::Label { id, label } => {
                operator.data(Method::POST, &path(id, "")?, &json!({ "label": label }))?;
                operator.done("Labelled.\n")
            }
            Self::Replace { id, way } => {
                let made = operator.data(Method::POST, &path(id, "/replace")?, &way.body()?)?;
                operator.shown(&made, made_text)
            }
            Self::Confirm { id, share_file, threshold_only } => {
                confirm(operator, id, share_file, *threshold_only)
            }
            Self::Cancel { id } => {
                operator.data(Method::POST, &path(id, "/cancel")?, &Value::Null)?;
                operator.done("Cancelled: the new shares are void, the old ones stay.\n")
            }
            Self::Verify { share_file, secret_file, passphrase } => {
                let body = match secret_file {
                    Some(file) => json!({ "secret": encoded(file)? }),
                    None if *passphrase => json!({ "passphrase": *ask::passphrase()? }),
                    None => json!({ "shares": texts(share_file)? }),
                };
                let verified = operator.data(Method::POST, "/v1/sys/slots/verify", &body)?;
                operator.shown(&verified, verified_text)
            }
        }
    }
}

fn confirm(
    operator: &Operator,
    id: &str,
    files: &[PathBuf],
    threshold_only: bool,
) -> Result<Zeroizing<String>, OperatorError> {
    let path = path(id, "/confirm")?;
    let mut answer = Value::Null;
    for share in texts(files)? {
        let body = json!({ "key": share, "threshold_only": threshold_only });
        answer = operator.data(Method::POST, &path, &body)?;
        if answer.get("confirmed") == Some(&Value::Bool(true)) {
            break;
        }
    }
    operator.shown(&answer, |confirmed: Confirmed| match confirmed {
        Confirmed { confirmed: true, replaced, .. } => {
            format!("The new shares unseal from now on. Slot {} is gone.\n", replaced.unwrap_or_default())
        }
        Confirmed { have, need, .. } => {
            let (have, need) = (have.unwrap_or(0), need.unwrap_or(0));
            format!("{have} of {need} new shares entered again; until the last one the old shares unseal.\n")
        }
    })
}

/// Shares from files, or one from whoever sits there.
fn texts(files: &[PathBuf]) -> Result<Vec<String>, OperatorError> {
    if files.is_empty() {
        return Ok(vec![ask::share()?.to_string()]);
    }
    files.iter().map(|file| Ok(ask::read(file)?.trim().to_owned())).collect()
}

fn encoded(file: &Path) -> Result<String, OperatorError> {
    Ok(STANDARD.encode(&*ask::read_bytes(file)?))
}

/// The path of a slot. What is no id is not sent and not repeated: it may be a share.
fn path(id: &str, verb: &str) -> Result<String, OperatorError> {
    Ok(format!("/v1/sys/slots/{}{verb}", checked(id)?))
}

pub(crate) fn checked(id: &str) -> Result<&str, OperatorError> {
    let is_id = id.len() == 32 && id.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    if is_id { Ok(id) } else { Err(OperatorError::Id) }
}

fn list_text(Listed { slots, proposals }: Listed) -> String {
    let mut text = String::new();
    for Row { id, kind, label, made, shares, threshold, .. } in slots {
        let what = match (threshold, shares) {
            (Some(threshold), Some(shares)) => format!("{threshold} of {shares} shares"),
            _ => kind,
        };
        let (label, made) = (label.unwrap_or_else(|| "-".into()), made.unwrap_or_default());
        text.push_str(&format!("{id}  {what:<16}  {label:<16}  {made}\n"));
    }
    for Row { id, replaces, expires, .. } in proposals {
        let (replaces, expires) = (replaces.unwrap_or_default(), expires.unwrap_or_default());
        text.push_str(&format!("{id}  unconfirmed shares, to replace {replaces} before {expires}\n"));
    }
    text
}

fn made_text(Made { id, shares, expires }: Made) -> String {
    let mut text = format!("Slot {id}\n");
    for (share, number) in shares.iter().zip(1..) {
        text.push_str(&format!("Share {number}: {}\n", share));
    }
    match expires {
        Some(expires) => text.push_str(&format!(
            "\nNothing opens by these shares yet. Give each to another person, and have each entered again:\n\n  \
             strongroom operator slot confirm {id}\n\nThe last one puts them in the place of the old ones, which \
             unseal until then. There is time until {expires}; `slot cancel` forgets them.\n"
        )),
        None if shares.is_empty() => text.push_str("It opens from now on.\n"),
        None => {
            text.push_str("\nThey unseal from now on. Give each to another person; nothing shows them again.\n");
        }
    }
    text
}

fn verified_text(Verified { id, state, opens, missing }: Verified) -> String {
    match (&*state, opens) {
        ("proposed", _) => format!("Right, but not confirmed yet: it is of the new shares of slot {id}.\n"),
        (_, true) => format!("Right: slot {id} opens.\n"),
        (_, false) => format!("Right: it is of slot {id}, which opens with {missing} more.\n"),
    }
}
