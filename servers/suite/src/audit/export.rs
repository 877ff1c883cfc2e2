use std::path::PathBuf;

use serde_json::Value;
use strongroom::audit::{Archive, Folder, SignedCheckpoint, TILE_WIDTH, TileId, VerifierKey};

use super::{Audit, AuditTaskError, Log, list::Filter, member};
use crate::{client::ClientError, offline::shown::Teller};
use hyper::Method;

#[derive(clap::Args)]
pub(super) struct Export {
    /// The folder: files that are there already and whole are not fetched again
    #[arg(value_name = "DIR", required_unless_present = "lines")]
    folder: Option<PathBuf>,
    /// Hashes only, and no event
    #[arg(long, conflicts_with = "lines")]
    hashes: bool,
    /// Print events as lines of JSON instead, the oldest first
    #[arg(long, conflicts_with = "folder")]
    lines: bool,
    #[command(flatten)]
    filter: Filter,
}

/// Events of one answer.
const PAGE: usize = 1_000;

impl Export {
    pub(super) fn run(&self, audit: &Audit) -> Result<String, AuditTaskError> {
        match &self.folder {
            Some(folder) => self.mirror(audit, &mut Folder::new(folder)),
            None => self.print(audit),
        }
    }

    /// Prints page by page; the last line of a page is no event.
    fn print(&self, audit: &Audit) -> Result<String, AuditTaskError> {
        use std::io::{self, Write};
        let mut after = String::new();
        loop {
            let path = format!("export?limit={PAGE}{}{after}", self.filter.query());
            let page = String::from_utf8(audit.bytes(&path)?).map_err(|_| ClientError::Json)?;
            let (events, last) = page.trim_end().rsplit_once('\n').unwrap_or(("", page.trim_end()));
            if !events.is_empty() {
                writeln!(io::stdout(), "{events}")?;
            }
            let last: Value = serde_json::from_str(last).map_err(|_| ClientError::Json)?;
            match last.get("next").and_then(Value::as_str) {
                Some(next) => after = format!("&after={next}"),
                None => return Ok(String::new()),
            }
        }
    }

    /// Fetches all files of the log as of its newest checkpoint, which is written last.
    fn mirror(&self, audit: &Audit, folder: &mut Folder) -> Result<String, AuditTaskError> {
        let key = VerifierKey::parse(&member(&audit.data(Method::GET, "key", &Value::Null)?, "key"))?;
        let note = String::from_utf8(audit.bytes("checkpoint")?).map_err(|_| ClientError::Json)?;
        let size = SignedCheckpoint::parse(&note)?.verify(&key)?.size;
        let mut teller = Teller::new();
        let mut entries = 0;
        for tile in TileId::all(size) {
            let mut names = vec![tile.to_string()];
            if tile.level == 0 {
                let number = tile.to_string().replacen("tile/0/", "", 1);
                names.push(format!("tile/entries/{number}"));
                // What was erased since then is not there any more: so events are fetched each time.
                let discloses = !self.hashes && audit.log != Log::Global;
                names.extend(discloses.then(|| format!("events/{number}")));
                entries = (entries + TILE_WIDTH).min(size);
            }
            for name in names {
                if name.starts_with("events/") || folder.read(&name)?.is_none() {
                    folder.put(&name, &audit.bytes(&name)?)?;
                }
            }
            teller.entries("fetching", entries, size);
        }
        folder.put("checkpoint", note.as_bytes())?;
        Ok(audit.done(&format!("{size} entries; check them with `strongroom audit verify`.\n")))
    }
}
