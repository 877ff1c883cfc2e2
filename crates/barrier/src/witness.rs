//! What the rows of the hierarchy were when the barrier wrote them: for each a record of the system tenant, sealed like
//! any other, that holds the row's digest. The rows themselves lie in the clear but for the keys in them, so this is
//! what tells a changed or a missing one. Whoever writes a row through the barrier writes its witness with it.

use strongroom_core::{Provider, RecordKey, Segment, StoreError, Table, Tenant};

use crate::record::is_hierarchy;

/// Digests of rows of the hierarchy, by the number of their table and what follows it in their key.
pub(crate) const WITNESSES: Table = Table::new(0x0013);

/// Where a row's witness lies.
pub(crate) fn key(row: &RecordKey) -> Result<RecordKey, StoreError> {
    let mut segments = vec![Segment::Number(row.table().number().into())];
    segments.extend(row.segments());
    Ok(RecordKey::new(Tenant::SYSTEM, WITNESSES, &segments)?)
}

/// The row that a witness speaks of; nothing for the key of anything else.
pub(crate) fn row(witness: &RecordKey) -> Option<RecordKey> {
    if witness.tenant() != Tenant::SYSTEM || witness.table() != WITNESSES {
        return None;
    }
    let mut segments = witness.segments();
    let Some(Segment::Number(table)) = segments.next() else { return None };
    let table = Table::new(u16::try_from(table).ok()?);
    let row = RecordKey::new(Tenant::SYSTEM, table, &segments.collect::<Vec<_>>()).ok()?;
    is_hierarchy(&row).then_some(row)
}

/// What a witness says of a row with this value.
pub(crate) fn digest(provider: &dyn Provider, value: &[u8]) -> [u8; 32] {
    provider.sha256(&[value])
}
