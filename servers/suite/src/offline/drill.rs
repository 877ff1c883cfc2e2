use std::{env, path::PathBuf};

use serde_json::{Value, json};
use strongroom::backup::{self, DrillError, Drilled, Trial};
use strongroom_sm_kms::type_name;

use super::{
    OfflineError, Outcome, fsck,
    input::{From, WayIn, recovery_key},
    shown::{Teller, hex, seconds, utc},
};

pub(super) const EXAMPLE: &str = "\
A drill is best done on another machine, with only what you would have on the worst day: the backup, the recovery key,
the signer's public key, and shares. Nothing of it stays; one that is killed leaves a folder strongroom-drill-… behind.
The exit code is 0 if all is well and 1 if anything is wrong.

  strongroom operator drill --from monday.backup --recovery-key recovery.key --signer strongroom-signer-… \\
    --share-file one --share-file two --share-file three";

#[derive(clap::Args)]
pub(crate) struct Drill {
    #[command(flatten)]
    from: From,
    /// The file of a recovery key that the backup was encrypted to
    #[arg(long, value_name = "FILE")]
    recovery_key: PathBuf,
    #[command(flatten)]
    way_in: WayIn,
    /// Where the temporary folder is made, with room for the database twice; otherwise where the system has them
    #[arg(long, value_name = "DIR")]
    scratch: Option<PathBuf>,
}

impl Drill {
    pub(super) fn run(&self, json: bool) -> Result<Outcome, OfflineError> {
        let (signers, key) = (self.from.signers()?, recovery_key(&self.recovery_key)?);
        let (entered, mut from) = (self.way_in.enter()?, self.from.open()?);
        let scratch = self.scratch.clone().unwrap_or_else(env::temp_dir);
        let (unlock, mut teller) = (entered.unlock(), Teller::new());
        let drilled = backup::drill(&mut from, &key, &signers, &unlock, &scratch, &mut |at| teller.tell(at));
        let drilled = drilled.map_err(|error| match error {
            DrillError::Restore(error) => self.from.not_restored(error, &key),
            DrillError::Scratch(error) => OfflineError::Write(scratch.clone(), error),
            other => OfflineError::Drill(other),
        })?;
        Ok(Outcome::new(json, drilled.is_sound(), &value(&drilled), || text(&drilled)))
    }
}

fn value(drilled: &Drilled) -> Value {
    let Drilled { restored, status, check, trials, restoring, unsealing, checking } = drilled;
    let header = &restored.verified.header;
    let trial = |Trial { algorithm, rings, works }: &Trial| json!({ "type": type_name(*algorithm), "rings": rings, "works": works });
    json!({
        "passed": drilled.is_sound(),
        "backup": hex(&header.id),
        "database": hex(&header.manifest.database),
        "taken_at": utc(restored.origin.taken_at),
        "slots": status.slots.len(),
        "check": fsck::value(check),
        "rings": trials.iter().map(trial).collect::<Vec<_>>(),
        "seconds": {
            "restore": restoring.as_secs_f64(),
            "unseal": unsealing.as_secs_f64(),
            "check": checking.as_secs_f64(),
        },
    })
}

fn text(drilled: &Drilled) -> String {
    let Drilled { restored, status, check, trials, restoring, unsealing, checking } = drilled;
    let header = &restored.verified.header;
    let mut text = format!(
        "The drill {}.\n\nBackup    {}, of database {}\nFrom      {}\nUnseals   by what you entered; {} ways in\n",
        if drilled.is_sound() { "passed" } else { "FAILED" },
        hex(&header.id),
        hex(&header.manifest.database),
        utc(restored.origin.taken_at),
        status.slots.len(),
    );
    for Trial { algorithm, rings, works } in trials {
        let worked = match works {
            Some(true) => "one was used, and works",
            Some(false) => "one was used, and DOES NOT WORK",
            None => "all disabled, none was used",
        };
        text += &format!("Rings     {rings} of {}: {worked}\n", type_name(*algorithm));
    }
    text += &fsck::text(check);
    text += &format!(
        "Times     restore {}, unseal {}, check {}\n\nEverything that the drill made is removed.\n",
        seconds(*restoring),
        seconds(*unsealing),
        seconds(*checking)
    );
    text
}
