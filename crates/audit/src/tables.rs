//! The tables of the audit log, all under the system tenant, and their keys.

use strongroom_core::{AUDIT_LOG, InvalidRecordKey, Range, RecordKey, Segment, Table, Tenant};

use crate::{LogId, Month};

/// One row: the name of the database's logs and the key that signs them.
pub(crate) const SETTINGS: Table = AUDIT_LOG;
/// Log: its head.
pub(crate) const HEADS: Table = Table::new(0x0401);
/// Log, number of the first: entries side by side, all in one bundle of 256.
pub(crate) const ENTRIES: Table = Table::new(0x0402);
/// Log, level, number: a tile. Level 0 has full ones only.
pub(crate) const TILES: Table = Table::new(0x0403);
/// Log, number: what a bundle of entries holds. The number of the bundle.
pub(crate) const INDEX: Table = Table::new(0x0404);
/// Tenant, month: the keys of the payloads.
pub(crate) const MONTHS: Table = Table::new(0x0405);
/// One row: how long which events are kept.
pub(crate) const RETENTION: Table = Table::new(0x0406);
/// Hold: which events stay whatever the retention says.
pub(crate) const HOLDS: Table = Table::new(0x0407);
/// Tenant, producer: the last number that it gave, and what it may hand in.
pub(crate) const PRODUCERS: Table = Table::new(0x0408);

type Key = Result<RecordKey, InvalidRecordKey>;

/// The one row of a table.
pub(crate) fn single(table: Table) -> Key {
    RecordKey::new(Tenant::SYSTEM, table, &[])
}

/// The row of a log, followed by numbers.
pub(crate) fn of_log(table: Table, log: LogId, numbers: &[u64]) -> Key {
    let mut segments = log_segments(log);
    segments.extend(numbers.iter().map(|number| Segment::Number(*number)));
    RecordKey::new(Tenant::SYSTEM, table, &segments)
}

/// All rows of a log in a table with numbers.
pub(crate) fn under_log(table: Table, log: LogId) -> Result<Range, InvalidRecordKey> {
    Range::under(Tenant::SYSTEM, table, &log_segments(log))
}

/// All rows of a table.
pub(crate) fn all(table: Table) -> Result<Range, InvalidRecordKey> {
    Range::under(Tenant::SYSTEM, table, &[])
}

pub(crate) fn of_month(tenant: Tenant, month: Month) -> Key {
    let segments = [Segment::Id(*tenant.as_bytes()), Segment::Number(month.number().into())];
    RecordKey::new(Tenant::SYSTEM, MONTHS, &segments)
}

/// The log and the numbers after it that a key holds; nothing for a key that has no log.
pub(crate) fn parts(key: &RecordKey) -> Option<(LogId, Vec<u64>)> {
    let mut segments = key.segments();
    let log = match segments.next()? {
        Segment::Number(0) => LogId::Global,
        Segment::Number(1) => match segments.next()? {
            Segment::Id(id) => LogId::Tenant(Tenant::from_bytes(id)),
            _ => return None,
        },
        _ => return None,
    };
    let number = |segment| match segment {
        Segment::Number(number) => Some(number),
        _ => None,
    };
    Some((log, segments.map(number).collect::<Option<_>>()?))
}

fn log_segments(log: LogId) -> Vec<Segment<'static>> {
    match log {
        LogId::Global => vec![Segment::Number(0)],
        LogId::Tenant(tenant) => vec![Segment::Number(1), Segment::Id(*tenant.as_bytes())],
    }
}

/// The producer in the key of one.
pub(crate) fn producer_of(key: &RecordKey) -> Option<[u8; 16]> {
    let mut segments = key.segments();
    match (key.table() == PRODUCERS, segments.next()?, segments.next()?, segments.next()) {
        (true, Segment::Id(_), Segment::Id(producer), None) => Some(producer),
        _ => None,
    }
}

/// The tenant and the month in the key of a month's keys.
pub(crate) fn month_of(key: &RecordKey) -> Option<(Tenant, Month)> {
    let mut segments = key.segments();
    match (key.table() == MONTHS, segments.next()?, segments.next()?, segments.next()) {
        (true, Segment::Id(tenant), Segment::Number(month), None) => {
            Some((Tenant::from_bytes(tenant), Month::from_number(u32::try_from(month).ok()?)))
        }
        _ => None,
    }
}
