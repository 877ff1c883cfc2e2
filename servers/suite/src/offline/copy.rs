use std::{path::PathBuf, time::Instant};

use secrecy::{ExposeSecret, SecretString};
use serde_json::json;
use strongroom::barrier::{CopyStep, copy};
use strongroom_sm_kms::{Place, secret};

use super::{
    OfflineError, Outcome,
    shown::{Teller, seconds},
};

pub(super) const EXAMPLE: &str = "\
Stop every server on the source first. No secret of the database is needed: every record is copied sealed, as it is, and
read back. The target has to be empty; until the last commit it is no database, and after a failure the same command
begins anew. The slots, shares and tokens stay the same. Start servers on the target only, and delete the source.

  strongroom operator copy --from sqlite:data --to postgres://strongroom@db.example/strongroom";

#[derive(clap::Args)]
pub(crate) struct Copy {
    /// What is copied: sqlite:DIR or postgres://USER@HOST/DATABASE
    #[arg(long, value_name = "STORE", value_parser = secret)]
    from: SecretString,
    /// Where to: sqlite:DIR or postgres://USER@HOST/DATABASE
    #[arg(long, value_name = "STORE", value_parser = secret)]
    to: SecretString,
    /// File of the password of a source in PostgreSQL; otherwise STRONGROOM_STORE_PASSWORD or PGPASSWORD holds it
    #[arg(long, value_name = "FILE")]
    from_password_file: Option<PathBuf>,
    /// File of the password of a target in PostgreSQL; otherwise STRONGROOM_STORE_PASSWORD or PGPASSWORD holds it
    #[arg(long, value_name = "FILE")]
    to_password_file: Option<PathBuf>,
}

impl Copy {
    pub(super) fn run(&self, json: bool) -> Result<Outcome, OfflineError> {
        let place = |text: &SecretString, file: &Option<PathBuf>| {
            text.expose_secret().parse::<Place>()?.without_password()?.with_password(file.as_deref())
        };
        let from = place(&self.from, &self.from_password_file)?.open()?.store();
        let to = place(&self.to, &self.to_password_file)?.open_or_create()?.store();
        let (mut teller, began) = (Teller::new(), Instant::now());
        let copied = copy(&*from, &*to, &mut |step| match step {
            CopyStep::Removed(rows) => teller.rows("removing what an earlier try left", rows),
            CopyStep::Written(rows) => teller.rows("copying", rows),
            CopyStep::Compared(rows) => teller.rows("comparing", rows),
        })
        .map_err(OfflineError::Copy)?;
        let took = began.elapsed();
        let value = json!({ "rows": copied.rows, "bytes": copied.bytes, "seconds": took.as_secs_f64() });
        Ok(Outcome::new(json, true, &value, || {
            format!(
                "Copied    {} rows, with {} KiB\nTime      {}\n\nStart servers on the target only, and delete the source.\n",
                copied.rows,
                copied.bytes.div_ceil(1024),
                seconds(took)
            )
        }))
    }
}
