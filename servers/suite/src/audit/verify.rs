use std::{
    io::{self, Read, Write},
    path::{Path, PathBuf},
    process::ExitCode,
};

use serde_json::{Value, json};
use strongroom::audit::{
    Archive, Checkpoint, ConsistencyProof, Folder, InclusionProof, Proven, SignedCheckpoint, VerifierKey,
    verify_export, verify_export_range,
};
use strongroom_sm_kms::event_shown;

use super::{AuditTaskError, list::lines};
use crate::{
    ask,
    offline::shown::{Teller, utc},
};

#[derive(clap::Args)]
pub(super) struct Verify {
    /// A proof or a checkpoint, a folder of `export`, or - for the standard input
    what: PathBuf,
    /// The verifier key of the log, as `audit key` printed it once: never take it from beside the proof
    #[arg(long, value_name = "VERIFIER_KEY")]
    key: String,
    /// A checkpoint that you kept, which a proof of consistency must begin with
    #[arg(long, value_name = "FILE")]
    since: Option<PathBuf>,
    /// Of a folder: only the entries from this one on
    #[arg(long, value_name = "INDEX", requires = "to")]
    from: Option<u64>,
    /// Of a folder: only the entries before this one
    #[arg(long, value_name = "INDEX", requires = "from")]
    to: Option<u64>,
}

/// What was verified: its JSON, and how that begins in words.
type Verified = (Value, &'static str);

impl Verify {
    pub(super) fn run(&self, json: bool) -> Result<ExitCode, AuditTaskError> {
        let verified = self.verify();
        let (text, code) = match (verified, json) {
            (Ok((value, _)), true) => {
                (format!("{:#}\n", json!({ "verified": true, "shows": value })), ExitCode::SUCCESS)
            }
            (Ok((value, words)), false) => (format!("{words}\n\n{}", lines(&value)), ExitCode::SUCCESS),
            (Err(error), true) if error.is_verdict() => {
                let value = json!({ "verified": false, "reason": error.to_string() });
                (format!("{value:#}\n"), ExitCode::FAILURE)
            }
            (Err(error), _) => return Err(error),
        };
        io::stdout().write_all(text.as_bytes())?;
        Ok(code)
    }

    fn verify(&self) -> Result<Verified, AuditTaskError> {
        let key = VerifierKey::parse(self.key.trim())?;
        if self.what.is_dir() {
            return self.folder(&key);
        }
        let text = read(&self.what)?;
        if text.starts_with("strongroom/audit/inclusion/") {
            let proven = InclusionProof::parse(&text)?.verify(&key)?;
            Ok((proven_shown(&proven), "The event stands in the log."))
        } else if text.starts_with("strongroom/audit/consistency/") {
            self.consistency(&text, &key)
        } else {
            let signed = SignedCheckpoint::parse(&text)?;
            let checkpoint = signed.verify(&key.of_log(signed.claimed_origin().log))?.clone();
            Ok((checkpoint_shown(&checkpoint), "The checkpoint was signed by the log."))
        }
    }

    fn consistency(&self, text: &str, key: &VerifierKey) -> Result<Verified, AuditTaskError> {
        let proof = ConsistencyProof::parse(text)?;
        let Some(since) = &self.since else {
            let why = "name the checkpoint that you kept with --since: the proof brings its own";
            return Err(AuditTaskError::Invalid(why));
        };
        let kept = SignedCheckpoint::parse(&read(since)?)?;
        let key = key.of_log(kept.claimed_origin().log);
        let (old, new) = proof.verify(&key)?;
        if old != *kept.verify(&key)? {
            return Err(AuditTaskError::OtherCheckpoint);
        }
        let value = json!({
            "origin": new.origin.to_string(), "from": old.size, "to": new.size, "root": new.root.to_string(),
        });
        Ok((value, "The log begins with all that it had at the checkpoint that you kept."))
    }

    fn folder(&self, key: &VerifierKey) -> Result<Verified, AuditTaskError> {
        let archive = Folder::new(&self.what);
        let text = archive.read("checkpoint")?.and_then(|bytes| String::from_utf8(bytes).ok());
        let missing = AuditTaskError::Invalid("there is no checkpoint in the folder: is it an export?");
        let signed = SignedCheckpoint::parse(&text.ok_or(missing)?)?;
        let key = key.of_log(signed.claimed_origin().log);
        let (mut entries, mut events, mut teller) = (0_u64, 0_u64, Teller::new());
        let mut each = |entry: &strongroom::audit::ExportedEntry| {
            entries += 1;
            events += u64::from(entry.payload.is_some());
        };
        let mut progress = |at: strongroom::audit::Progress| teller.entries("verifying", at.done, at.total);
        let checkpoint = match self.from.zip(self.to) {
            Some((from, to)) => verify_export_range(&archive, &key, from..to, &mut each, &mut progress)?,
            None => verify_export(&archive, &key, &mut each, &mut progress)?,
        };
        let mut value = checkpoint_shown(&checkpoint);
        if let Some(members) = value.as_object_mut() {
            members.insert("verified_entries".into(), entries.into());
            members.insert("disclosed_events".into(), events.into());
        }
        let words =
            if self.from.is_some() { "These entries stand in the log." } else { "The whole log holds." };
        Ok((value, words))
    }
}

impl AuditTaskError {
    /// Whether it says that something does not hold, and not that it could not be looked at.
    fn is_verdict(&self) -> bool {
        matches!(self, Self::Proof(_) | Self::Export(_) | Self::OtherCheckpoint)
    }
}

/// A text from a file, or from the standard input.
pub(super) fn read(path: &Path) -> Result<String, AuditTaskError> {
    if path != Path::new("-") {
        return Ok(ask::read(path)?.to_string());
    }
    let mut text = String::new();
    io::stdin().take(LONGEST).read_to_string(&mut text)?;
    Ok(text)
}

/// More than any proof has.
const LONGEST: u64 = 1 << 20;

/// What a proof shows.
pub(super) fn proven_shown(proven: &Proven) -> Value {
    let Proven { leaf, payload, index, checkpoint, global } = proven;
    let mut shown = match payload {
        Some(payload) => event_shown(payload),
        None => json!({ "tenant": leaf.tenant.to_string(), "erased": true }),
    };
    if let Some(members) = shown.as_object_mut() {
        members.insert("index".into(), (*index).into());
        members.insert("logged".into(), utc(leaf.time).into());
        members.insert("log".into(), checkpoint.origin.to_string().into());
        members.insert("log_size".into(), checkpoint.size.into());
        members.insert("global_size".into(), global.size.into());
    }
    shown
}

fn checkpoint_shown(checkpoint: &Checkpoint) -> Value {
    let Checkpoint { origin, size, root, history, commit } = checkpoint;
    json!({
        "origin": origin.to_string(),
        "size": size,
        "root": root.to_string(),
        "history": format!("{:032x}", u128::from_be_bytes(*history)),
        "commit": commit,
    })
}
