use std::{
    io::{self, Write},
    path::PathBuf,
    process::ExitCode,
};

use serde_json::{Value, json};
use strongroom::audit::{self, AuditError, AuditLog, Finding, SignedCheckpoint};
use strongroom_serve::{DEEP, wiping_stack};

use super::{AuditTaskError, verify::read};
use crate::offline::{fsck::Opened, shown::Teller};

pub(super) const EXAMPLE: &str = "\
Stop the server first. It computes every tree anew, opens every event, and compares with all that is kept; it changes
nothing. What somebody cut off together with every trace of it shows only beside a checkpoint that you kept:

  strongroom audit fsck --data data --unseal-secret unseal.key --since monday.checkpoint";

#[derive(clap::Args)]
pub(super) struct Fsck {
    #[command(flatten)]
    database: Opened,
    /// A checkpoint that you kept: the log must still begin with all that it had; repeat it for several
    #[arg(long, value_name = "FILE")]
    since: Vec<PathBuf>,
}

impl Fsck {
    pub(super) fn run(&self, json: bool) -> Result<ExitCode, AuditTaskError> {
        let (found, kept) = wiping_stack::<DEEP, _>(|| self.check())?;
        let sound = found.findings.is_empty() && kept.iter().all(Option::is_none);
        let text =
            if json { format!("{:#}\n", value(sound, &found, &kept)) } else { text(sound, &found, &kept) };
        io::stdout().write_all(text.as_bytes())?;
        Ok(if sound { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }

    /// What is damaged, and for each checkpoint what speaks against it.
    fn check(&self) -> Result<(audit::Fsck, Vec<Option<String>>), AuditTaskError> {
        let room = self.database.room()?;
        let mut teller = Teller::new();
        let log = match AuditLog::open(room.barrier().base()) {
            Err(AuditError::Missing) => return Err(AuditTaskError::NoLog),
            opened => opened.map_err(AuditTaskError::Log)?,
        };
        let found = log.fsck(&mut |at| teller.entries("checking", at.done, at.total));
        let found = found.map_err(AuditTaskError::Log)?;
        let against = |path: &PathBuf| {
            let kept = SignedCheckpoint::parse(&read(path)?)?;
            Ok(log.check_since(&kept).err().map(|error| format!("{}: {error}", path.display())))
        };
        let kept = self.since.iter().map(against).collect::<Result<_, AuditTaskError>>()?;
        Ok((found, kept))
    }
}

fn value(sound: bool, found: &audit::Fsck, kept: &[Option<String>]) -> Value {
    let finding =
        |Finding { log, part }: &Finding| json!({ "log": log.to_string(), "part": part.to_string() });
    json!({
        "sound": sound,
        "logs": found.logs,
        "entries": found.entries,
        "erased": found.erased,
        "damaged": found.findings.iter().map(finding).collect::<Vec<_>>(),
        "checkpoints": kept.iter().flatten().collect::<Vec<_>>(),
    })
}

fn text(sound: bool, found: &audit::Fsck, kept: &[Option<String>]) -> String {
    let state = if sound { "sound" } else { "NOT SOUND" };
    let mut text = format!(
        "The log of events is {state}.\n\nLogs      {}\nEntries   {}, of which {} erased\n",
        found.logs, found.entries, found.erased
    );
    for Finding { log, part } in &found.findings {
        text += &format!("Damaged   {part} of the log {log}\n");
    }
    for against in kept.iter().flatten() {
        text += &format!("Kept      {against}\n");
    }
    text
}
