use std::time::{Duration, UNIX_EPOCH};

use serde_json::{Map, Value, json};

use super::{Printed, Transit, TransitError};
use crate::{audit::member, reach::encoded};

/// Which keys.
#[derive(clap::Args)]
pub(super) struct List {
    /// Of this type, such as ed25519
    #[arg(long = "type", value_name = "TYPE")]
    kind: Option<String>,
    /// In this state: active, disabled or pending_deletion
    #[arg(long)]
    state: Option<String>,
    /// Whose name begins with this
    #[arg(long)]
    prefix: Option<String>,
    /// Made then or later, such as 2026-01-31T00:00:00Z
    #[arg(long, value_name = "TIME")]
    made_after: Option<String>,
    /// Made before
    #[arg(long, value_name = "TIME")]
    made_before: Option<String>,
    /// How many at most; all, if not said
    #[arg(long)]
    limit: Option<usize>,
    /// Ask for each key's versions, too: one more request a key
    #[arg(long)]
    versions: bool,
}

/// Keys of one answer.
const PAGE: usize = 1_000;

impl List {
    pub(super) fn run(&self, transit: &Transit) -> Result<Printed, TransitError> {
        let most = self.limit.unwrap_or(usize::MAX);
        let (mut keys, mut cursor) = (Vec::new(), String::new());
        while keys.len() < most {
            let limit = PAGE.min(most - keys.len());
            let path = format!("keys?list=true&limit={limit}&cursor={}{}", encoded(&cursor), self.query());
            let page = transit.read(&path)?;
            keys.extend(rows(&page));
            let Some(next) = page.get("next").and_then(Value::as_str) else { break };
            next.clone_into(&mut cursor);
        }
        if self.versions {
            keys.iter_mut().try_for_each(|key| with_versions(transit, key))?;
        }
        let shown = json!({ "keys": keys });
        Ok(transit.shown(&shown, |_| if keys.is_empty() { "No keys.\n".into() } else { self.text(&keys) }))
    }

    fn query(&self) -> String {
        let Self { kind, state, prefix, made_after, made_before, limit: _, versions: _ } = self;
        let members = [
            ("type", kind),
            ("state", state),
            ("prefix", prefix),
            ("made_after", made_after),
            ("made_before", made_before),
        ];
        let given = members.into_iter().filter_map(|(name, value)| Some((name, value.as_deref()?)));
        given.map(|(name, value)| format!("&{name}={}", encoded(value))).collect()
    }

    fn text(&self, keys: &[Value]) -> String {
        let mut columns =
            vec![("NAME", "name"), ("TYPE", "type"), ("STATE", "state"), ("MADE", "creation_time")];
        if self.versions {
            columns.extend([("NEWEST", "latest_version"), ("DECRYPTS FROM", "min_decryption_version")]);
        }
        let titles: Vec<_> = columns.iter().map(|(title, _)| *title).collect();
        let row = |key: &Value| columns.iter().map(|(_, name)| member(key, name)).collect();
        table(&titles, keys.iter().map(row).collect())
    }
}

/// The keys of a page, each with its name.
fn rows(page: &Value) -> impl Iterator<Item = Value> {
    let names = page.get("keys").and_then(Value::as_array).into_iter().flatten();
    names.map(|name| {
        let info = name.as_str().and_then(|name| page.get("key_info")?.get(name)?.as_object());
        let mut key = Map::from_iter([("name".to_owned(), name.clone())]);
        key.extend(info.cloned().unwrap_or_default());
        Value::Object(key)
    })
}

fn with_versions(transit: &Transit, key: &mut Value) -> Result<(), TransitError> {
    let read = transit.read(&format!("keys/{}", super::checked(&member(key, "name"))?))?;
    if let Some(members) = key.as_object_mut() {
        for name in ["latest_version", "min_decryption_version"] {
            members.insert(name.to_owned(), read.get(name).cloned().unwrap_or_default());
        }
    }
    Ok(())
}

/// Columns as wide as what stands in them.
pub(super) fn table(titles: &[&str], rows: Vec<Vec<String>>) -> String {
    let titles = titles.iter().map(|title| (*title).to_owned()).collect();
    let rows: Vec<Vec<String>> = std::iter::once(titles).chain(rows).collect();
    let width = |column: usize| rows.iter().filter_map(|row| row.get(column)).map(String::len).max();
    let line = |row: &Vec<String>| {
        let cells =
            row.iter().enumerate().map(|(at, cell)| format!("{cell:<0$}", width(at).unwrap_or_default()));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned() + "\n"
    };
    rows.iter().map(line).collect()
}

/// Seconds since 1970 as a moment in UTC.
pub(super) fn moment(seconds: u64) -> String {
    match UNIX_EPOCH.checked_add(Duration::from_secs(seconds)) {
        Some(time) => humantime::format_rfc3339_millis(time).to_string(),
        None => "-".into(),
    }
}
