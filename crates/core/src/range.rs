use crate::{InvalidRecordKey, RecordKey, Segment, Table, Tenant};

/// The order of a scan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// Smallest key first.
    Forward,
    /// Largest key first.
    Backward,
}

/// The keys below one prefix of segments: always of one tenant and one table.
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
    prefix: RecordKey,
    after: Option<RecordKey>,
    before: Option<RecordKey>,
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
        Ok(Self { prefix: RecordKey::new(tenant, table, prefix)?, after: None, before: None })
    }

    /// The keys after this one, itself excluded.
    ///
    /// # Errors
    /// [`OutsideRange`] unless `key` lies below the prefix.
    pub fn after(mut self, key: &RecordKey) -> Result<Self, OutsideRange> {
        self.after = Some(self.within(key)?);
        Ok(self)
    }

    /// The keys before this one, itself excluded.
    ///
    /// # Errors
    /// [`OutsideRange`] unless `key` lies below the prefix.
    pub fn before(mut self, key: &RecordKey) -> Result<Self, OutsideRange> {
        self.before = Some(self.within(key)?);
        Ok(self)
    }

    /// Whose keys these are.
    pub fn tenant(&self) -> Tenant {
        self.prefix.tenant()
    }

    /// The table.
    pub fn table(&self) -> Table {
        self.prefix.table()
    }

    /// What all keys begin with.
    pub fn prefix(&self) -> &RecordKey {
        &self.prefix
    }

    /// The range as bytes: from the first, included, to the second, excluded.
    pub fn bounds(&self) -> (Vec<u8>, Vec<u8>) {
        // The byte string after `key` in the order of bytes is `key ‖ 00`.
        let successor = |key: &RecordKey| [key.as_bytes(), &[0]].concat();
        let start = successor(self.after.as_ref().unwrap_or(&self.prefix));
        let end =
            self.before.as_ref().map_or_else(|| past(self.prefix.as_bytes()), |key| key.as_bytes().to_vec());
        (start, end)
    }

    /// The range with all its keys replaced by what `map` makes of them, as a barrier does to blind them.
    ///
    /// # Errors
    /// What `map` answers.
    pub fn map<E>(&self, map: impl Fn(&RecordKey) -> Result<RecordKey, E>) -> Result<Self, E> {
        Ok(Self {
            prefix: map(&self.prefix)?,
            after: self.after.as_ref().map(&map).transpose()?,
            before: self.before.as_ref().map(&map).transpose()?,
        })
    }

    fn within(&self, key: &RecordKey) -> Result<RecordKey, OutsideRange> {
        let below = key.as_bytes().starts_with(self.prefix.as_bytes()) && key != &self.prefix;
        if below { Ok(key.clone()) } else { Err(OutsideRange) }
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
