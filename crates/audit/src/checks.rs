use strongroom_core::{Check, RecordKey, StoreError, Table};

use crate::{
    entries,
    hash::hashes,
    head::Head,
    hold,
    index::Index,
    month_keys::MonthRecord,
    producer::ProducerRecord,
    retention::Retention,
    settings::Settings,
    tables::{self, ENTRIES, HEADS, HOLDS, INDEX, MONTHS, PRODUCERS, RETENTION, SETTINGS, TILES},
    tile::TILE_WIDTH,
};

/// Looks at single records of one table. What they say together, [`AuditLog::fsck`](crate::AuditLog::fsck) checks.
struct TableCheck {
    table: Table,
    read: fn(&[u8]) -> Result<(), StoreError>,
    /// How many numbers stand in a key after its log; nothing where there is no log in it.
    numbers: Option<usize>,
}

/// What the audit log knows of its records, one for each table: for whoever looks at a whole database, as before a
/// backup.
pub fn checks() -> Vec<Box<dyn Check>> {
    let check = |table, numbers, read| Box::new(TableCheck { table, read, numbers }) as Box<dyn Check>;
    vec![
        check(SETTINGS, None, |value| Settings::read(value).map(drop)),
        check(HEADS, Some(0), |value| Head::read(value).map(drop)),
        check(ENTRIES, Some(1), |value| entries::read(value).map(drop)),
        check(TILES, Some(2), tile),
        check(INDEX, Some(1), |value| Index::read(value).map(drop)),
        check(MONTHS, None, |value| MonthRecord::read(value).map(drop)),
        check(RETENTION, None, |value| Retention::parse(value).map(drop)),
        check(HOLDS, None, |value| hold::parse(value).map(drop)),
        check(PRODUCERS, None, |value| ProducerRecord::read(value).map(drop)),
    ]
}

fn tile(value: &[u8]) -> Result<(), StoreError> {
    let full = |tile: &Vec<_>| (1..=TILE_WIDTH).contains(&(tile.len() as u64));
    hashes(value).filter(full).map(drop).ok_or(StoreError::Corrupt)
}

impl Check for TableCheck {
    fn table(&self) -> Table {
        self.table
    }

    fn check(&self, key: &RecordKey, value: &[u8]) -> Result<(), &'static str> {
        if let Some(numbers) = self.numbers
            && tables::parts(key).is_none_or(|(_, found)| found.len() != numbers)
        {
            return Err("a key that no record of the audit log has");
        }
        (self.read)(value).map_err(|error| match error {
            StoreError::Unsupported(_) => "a record of the audit log that a newer version made",
            _ => "a record of the audit log that makes no sense",
        })
    }
}
