use crate::{InvalidRecordKey, RecordKey, Segment, Table, Tenant};

/// The order of a scan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// Smallest key first.
    Forward,
    /// Largest key first.
    Backward,
}

/// The keys below one prefix of segments, or all of a tenant's, or all that a store has.
///
/// ```
/// # use strongroom_core::{Range, RecordKey, Segment, Table, Tenant};
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let (tenant, table) = (Tenant::from_bytes([1; 16]), Table::new(0x7f01));
/// let last = RecordKey::new(tenant, table, &[Segment::Name("m")])?;
/// let next_page = Range::under(tenant, table, &[])?.after(&last)?;
/// # Ok(()) }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Range {
    within: Within,
    after: Option<RecordKey>,
    before: Option<RecordKey>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Within {
    Store,
    Tenant(Tenant),
    Prefix(RecordKey),
}

/// A cursor points outside the range that it is used for: another tenant, table or prefix.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the cursor does not belong to this listing: begin again without it")]
pub struct OutsideRange;

impl Range {
    /// All keys that begin with these segments (and are longer).
    ///
    /// # Errors
    /// As for [`RecordKey::new`].
    pub fn under(tenant: Tenant, table: Table, prefix: &[Segment<'_>]) -> Result<Self, InvalidRecordKey> {
        Ok(Self::new(Within::Prefix(RecordKey::new(tenant, table, prefix)?)))
    }

    /// All keys of a tenant, in all tables: for the barrier, which reseals and shreds. A capability knows its tables.
    pub fn of_tenant(tenant: Tenant) -> Self {
        Self::new(Within::Tenant(tenant))
    }

    /// All keys of the store: for what checks or copies it as a whole.
    pub fn all() -> Self {
        Self::new(Within::Store)
    }

    /// The keys after this one, itself excluded.
    ///
    /// # Errors
    /// [`OutsideRange`] unless `key` lies in the range without its bounds.
    pub fn after(mut self, key: &RecordKey) -> Result<Self, OutsideRange> {
        self.after = Some(self.within(key)?);
        Ok(self)
    }

    /// The keys before this one, itself excluded.
    ///
    /// # Errors
    /// [`OutsideRange`] unless `key` lies in the range without its bounds.
    pub fn before(mut self, key: &RecordKey) -> Result<Self, OutsideRange> {
        self.before = Some(self.within(key)?);
        Ok(self)
    }

    /// Whose keys these are, if they are all of one tenant.
    pub fn tenant(&self) -> Option<Tenant> {
        match &self.within {
            Within::Store => None,
            Within::Tenant(tenant) => Some(*tenant),
            Within::Prefix(prefix) => Some(prefix.tenant()),
        }
    }

    /// The segments that all keys begin with, if the range is below some.
    pub fn prefix(&self) -> Option<&RecordKey> {
        match &self.within {
            Within::Store | Within::Tenant(_) => None,
            Within::Prefix(prefix) => Some(prefix),
        }
    }

    /// The range as bytes: from the first, included, to the second, excluded.
    pub fn bounds(&self) -> (Vec<u8>, Vec<u8>) {
        let prefix: &[u8] = match &self.within {
            Within::Store => &[],
            Within::Tenant(tenant) => tenant.as_bytes(),
            Within::Prefix(prefix) => prefix.as_bytes(),
        };
        // The byte string after `bytes` in the order of bytes is `bytes ‖ 00`. No key is as short as a tenant's id.
        let start = [self.after.as_ref().map_or(prefix, RecordKey::as_bytes), &[0]].concat();
        let end = self.before.as_ref().map_or_else(|| past(prefix), |key| key.as_bytes().to_vec());
        (start, end)
    }

    /// The range with all its keys replaced by what `map` makes of them, as a barrier does to blind them.
    ///
    /// # Errors
    /// What `map` answers.
    pub fn map<E>(&self, map: impl Fn(&RecordKey) -> Result<RecordKey, E>) -> Result<Self, E> {
        let within = match &self.within {
            Within::Prefix(prefix) => Within::Prefix(map(prefix)?),
            wide => wide.clone(),
        };
        let after = self.after.as_ref().map(&map).transpose()?;
        Ok(Self { within, after, before: self.before.as_ref().map(&map).transpose()? })
    }

    fn new(within: Within) -> Self {
        Self { within, after: None, before: None }
    }

    fn within(&self, key: &RecordKey) -> Result<RecordKey, OutsideRange> {
        let inside = match &self.within {
            Within::Store => true,
            Within::Tenant(tenant) => key.tenant() == *tenant,
            Within::Prefix(prefix) => key.as_bytes().starts_with(prefix.as_bytes()) && key != prefix,
        };
        if inside { Ok(key.clone()) } else { Err(OutsideRange) }
    }
}

/// The smallest byte string that is larger than all that begin with `prefix`.
fn past(prefix: &[u8]) -> Vec<u8> {
    let kept = prefix.iter().rposition(|byte| *byte != 0xff).map_or(0, |last| last + 1);
    let mut end = prefix.get(..kept).unwrap_or_default().to_vec();
    match end.last_mut() {
        Some(byte) => *byte += 1,
        // Nothing but FF: no key is that long.
        None => end = vec![0xff; RecordKey::MAX + 1],
    }
    end
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: Table = Table::new(0x7f01);

    fn key(tenant: u8, name: &str) -> RecordKey {
        RecordKey::new(Tenant::from_bytes([tenant; 16]), TABLE, &[Segment::Name(name)]).unwrap()
    }

    #[test]
    fn a_cursor_of_another_tenant_is_refused() {
        let range = Range::under(Tenant::from_bytes([1; 16]), TABLE, &[]).unwrap();
        assert_eq!(range.clone().after(&key(2, "a")), Err(OutsideRange));
        assert!(range.after(&key(1, "a")).is_ok());
    }

    #[test]
    fn a_range_of_a_tenant_or_of_all_leaves_out_nobody_and_nothing_more() {
        let inside = |range: &Range, key: &RecordKey| {
            let (start, end) = range.bounds();
            start.as_slice() <= key.as_bytes() && key.as_bytes() < end.as_slice()
        };
        for tenant in [0, 1, 0xfe, 0xff] {
            let key = key(tenant, "a");
            assert!(inside(&Range::all(), &key));
            assert_eq!(inside(&Range::of_tenant(Tenant::from_bytes([1; 16])), &key), tenant == 1);
        }
        // The row of a table without a segment is as short as a key can be.
        let shortest = RecordKey::new(Tenant::SYSTEM, Table::new(0), &[]).unwrap();
        assert!(inside(&Range::all(), &shortest) && inside(&Range::of_tenant(Tenant::SYSTEM), &shortest));
        assert_eq!(Range::of_tenant(Tenant::SYSTEM).after(&key(1, "a")), Err(OutsideRange));
        assert!(Range::all().after(&key(1, "a")).is_ok());
    }

    #[test]
    fn a_range_ends_where_its_prefix_ends() {
        let range = Range::under(Tenant::from_bytes([0xff; 16]), Table::new(0xffff), &[]).unwrap();
        let (start, end) = range.bounds();
        assert!(start < end);
        let (start, end) = Range::under(Tenant::from_bytes([1; 16]), TABLE, &[]).unwrap().bounds();
        let inside = key(1, "zzz");
        assert!(start.as_slice() <= inside.as_bytes() && inside.as_bytes() < end.as_slice());
        assert!(key(2, "").as_bytes() > end.as_slice());
    }
}
