use std::{sync::Arc, time::Instant};

use serde_json::{Value, json};
use strongroom::{
    RustCrypto, Sealed, Strongroom,
    barrier::{Report, UnsealError},
    core::{Store, SystemClock},
};
use strongroom_sm_kms::StoreOptions;

use super::{
    OfflineError, Outcome,
    input::{Entered, WayIn},
    shown::{Teller, seconds},
};

pub(super) const EXAMPLE: &str = "\
Stop the server first. It opens every record and every key, follows every reference, and changes nothing. What is wrong
is named by its place in the database; nothing that is sealed is shown. Run it also on a folder that was restored.

  strongroom operator fsck --data data --share-file one --share-file two --share-file three";

#[derive(clap::Args)]
pub(crate) struct Fsck {
    #[command(flatten)]
    database: Opened,
}

/// The database of a stopped server, and a way in.
#[derive(clap::Args)]
pub(crate) struct Opened {
    #[command(flatten)]
    store: StoreOptions,
    #[command(flatten)]
    way_in: WayIn,
}

impl Fsck {
    pub(super) fn run(&self, json: bool) -> Result<Outcome, OfflineError> {
        let (store, room) = self.database.open()?;
        let (mut teller, began) = (Teller::new(), Instant::now());
        let report = room.fsck(&*store, &mut |rows| teller.rows("checking", rows))?;
        let took = began.elapsed();
        let mut found = value(&report);
        if let Some(object) = found.as_object_mut() {
            object.insert("seconds".to_owned(), took.as_secs_f64().into());
        }
        Ok(Outcome::new(json, report.is_sound(), &found, || {
            let state = if report.is_sound() { "sound" } else { "NOT SOUND" };
            format!("The database is {state}.\n\n{}Time      {}\n", text(&report), seconds(took))
        }))
    }
}

impl Opened {
    /// The database, unsealed.
    pub(crate) fn room(&self) -> Result<Strongroom, OfflineError> {
        Ok(self.open()?.1)
    }

    fn open(&self) -> Result<(Arc<dyn Store>, Strongroom), OfflineError> {
        let entered = self.way_in.enter()?;
        let store = self.store.place()?.open()?.store();
        let (provider, clock) = (Arc::new(RustCrypto::new()), Arc::new(SystemClock));
        let sealed = Sealed::open(Arc::clone(&store), provider, clock).map_err(OfflineError::Empty)?;
        self.check_shares(&sealed, &entered)?;
        Ok((store, Strongroom::of(sealed.unseal(&entered.unlock())?)))
    }

    /// Names the file of a share that is not one of the database's.
    fn check_shares(&self, sealed: &Sealed, entered: &Entered) -> Result<(), OfflineError> {
        let Entered::Shares(shares) = entered else { return Ok(()) };
        for (share, path) in shares.iter().zip(self.way_in.share_files()) {
            sealed.check_share(share).map_err(|error| match error {
                UnsealError::Share(error) => OfflineError::Share(path.clone(), error),
                other => other.into(),
            })?;
        }
        Ok(())
    }
}

/// Problems that are shown as text.
const SHOWN: usize = 10;

pub(super) fn value(report: &Report) -> Value {
    let problem = |problem: &strongroom::barrier::Problem| json!({ "row": format!("{:?}", problem.key), "what": problem.flaw.to_string() });
    let count = |(place, count): (&strongroom::barrier::Place, &strongroom::barrier::Count)| {
        json!({
            "tenant": place.tenant.to_string(),
            "table": format!("{:04x}", place.table.number()),
            "version": place.version,
            "rows": count.rows,
            "bytes": count.bytes,
        })
    };
    json!({
        "sound": report.is_sound(),
        "rows": report.rows,
        "shredded": report.shredded,
        "counts": report.counts.iter().map(count).collect::<Vec<_>>(),
        "problems": report.problems.iter().map(problem).collect::<Vec<_>>(),
        "further_problems": report.further,
    })
}

pub(super) fn text(report: &Report) -> String {
    let bytes: u64 = report.counts.values().map(|count| count.bytes).sum();
    let mut text = format!("Rows      {}, with {} KiB\n", report.rows, bytes.div_ceil(1024));
    if report.shredded > 0 {
        text += &format!("Shredded  {} rows, which wait to be deleted\n", report.shredded);
    }
    for problem in report.problems.iter().take(SHOWN) {
        text += &format!("Problem   {problem}\n");
    }
    let hidden = report.problems.len().saturating_sub(SHOWN) as u64 + report.further;
    if hidden > 0 {
        text += &format!("Problem   and {hidden} further ones: --json names the first 100\n");
    }
    if report.is_sound() { text + "Problems  none\n" } else { text + WHAT_TO_DO }
}

const WHAT_TO_DO: &str = "\
Keep the folder as it is, and restore the newest backup whose drill passes into a new one.
";
