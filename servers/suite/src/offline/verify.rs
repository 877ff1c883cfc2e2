use serde_json::json;
use strongroom::{RustCrypto, backup};

use super::{
    OfflineError, Outcome,
    input::From,
    shown::{Teller, hex, utc},
};

pub(super) const EXAMPLE: &str = "\
It reads all of the backup and names the first damage, with its place. It does not show that a recovery key and shares
are still at hand: that is what `drill` is for.

  strongroom operator verify-backup --from monday.backup --signer strongroom-signer-…";

#[derive(clap::Args)]
pub(crate) struct VerifyBackup {
    #[command(flatten)]
    from: From,
}

impl VerifyBackup {
    pub(super) fn run(&self, json: bool) -> Result<Outcome, OfflineError> {
        let (signers, mut from, mut teller) = (self.from.signers()?, self.from.open()?, Teller::new());
        let verified = backup::verify(&RustCrypto::new(), &signers, &mut from, &mut |at| {
            teller.bytes("verifying", at.done, at.total);
        });
        let verified = verified.map_err(|error| self.from.refused(error, None))?;
        let (header, size) = (&verified.header, verified.size);
        let manifest = &header.manifest;
        let recipients: Vec<_> = header.recipients.iter().map(ToString::to_string).collect();
        let value = json!({
            "sound": true,
            "backup": hex(&header.id),
            "database": hex(&manifest.database),
            "history": hex(&manifest.history),
            "commit": manifest.commit,
            "taken_at": utc(manifest.taken_at),
            "signer": header.signer.to_string(),
            "recipients": recipients,
            "bytes": size,
        });
        Ok(Outcome::new(json, true, &value, || {
            format!(
                "The backup is whole, unchanged and signed.\n\nBackup    {}, of database {}\nFrom      {}, commit {}\n\
                 Signer    {}\nOpens by  the recovery keys {}\nSize      {size} bytes\n",
                hex(&header.id),
                hex(&manifest.database),
                utc(manifest.taken_at),
                manifest.commit,
                header.signer,
                recipients.join(", "),
            )
        }))
    }
}
