//! Reading: what the engine answers is checked, and opened by its tenant's keys.

use std::borrow::Cow;

use strongroom_core::{Direction, Range, Record, RecordKey, StoreError, Tenant};

use crate::{Unsealed, keyring::NO_TENANT, record::is_hierarchy};

impl Unsealed {
    /// The records under these keys, as [`Store::get_many`](strongroom_core::Store::get_many) says.
    pub(crate) fn read_many(&self, keys: &[RecordKey]) -> Result<Vec<Option<Record>>, StoreError> {
        settled(|| self.get_once(keys))
    }

    /// A page of records, as [`Store::scan`](strongroom_core::Store::scan) says.
    pub(crate) fn read_page(
        &self,
        range: &Range,
        direction: Direction,
        limit: usize,
    ) -> Result<Vec<(RecordKey, Record)>, StoreError> {
        settled(|| self.scan_once(range, direction, limit))
    }

    /// A page of rows as the engine has them, which are of the range that was asked for: for jobs that rewrite or delete
    /// what they meet.
    pub(crate) fn raw_page(
        &self,
        range: &Range,
        limit: usize,
    ) -> Result<Vec<(RecordKey, Record)>, StoreError> {
        let rows = self.inner().scan(range, Direction::Forward, limit)?;
        check_page(range, Direction::Forward, limit, &rows)?;
        Ok(rows)
    }

    /// What is said of a tenant that has no record: another process may have shredded it.
    pub(crate) fn gone(&self, tenant: Tenant) -> StoreError {
        self.forget(tenant);
        NO_TENANT
    }

    /// The key as the engine has it: blind segments replaced by their keyed hash.
    fn blinded<'k>(&self, key: &'k RecordKey) -> Result<Cow<'k, RecordKey>, StoreError> {
        if !key.has_blind() {
            return Ok(Cow::Borrowed(key));
        }
        self.keys(key.tenant())?.blinded(key).map(Cow::Owned)
    }

    /// Opens a record of the engine, if it is one to open. Nothing if the version that it lies under is not among its
    /// tenant's keys, also when these are read anew: then it may have been sealed anew meanwhile.
    pub(crate) fn open_record(&self, key: &RecordKey, record: Record) -> Result<Option<Record>, StoreError> {
        if is_hierarchy(key) {
            return Ok(Some(record));
        }
        let tenant = key.tenant();
        if let Some(opened) = self.keys(tenant)?.opened(self.provider(), key, &record)? {
            return Ok(Some(opened));
        }
        self.keyring().evict_tenant(tenant);
        self.keys(tenant)?.opened(self.provider(), key, &record)
    }

    fn get_once(&self, keys: &[RecordKey]) -> Result<Option<Vec<Option<Record>>>, StoreError> {
        let asked = keys.iter().map(|key| self.blinded(key).map(Cow::into_owned));
        let asked = asked.collect::<Result<Vec<_>, _>>()?;
        let records = self.inner().get_many(&asked)?;
        if records.len() != asked.len() {
            return Err(StoreError::Corrupt);
        }
        let open = |(key, record): (&RecordKey, Option<Record>)| match record {
            Some(record) => Ok(self.open_record(key, record)?.map(Some)),
            None => Ok(Some(None)),
        };
        asked.iter().zip(records).map(open).collect()
    }

    fn scan_once(
        &self,
        range: &Range,
        direction: Direction,
        limit: usize,
    ) -> Result<Option<Vec<(RecordKey, Record)>>, StoreError> {
        let blinded = range.map(|key| self.blinded(key).map(Cow::into_owned))?;
        let rows = self.inner().scan(&blinded, direction, limit)?;
        check_page(&blinded, direction, limit, &rows)?;
        let open = |(key, record)| match self.open_record(&key, record)? {
            Some(record) => Ok(Some((unblinded(range, &blinded, key)?, record))),
            None => Ok(None),
        };
        rows.into_iter().map(open).collect()
    }
}

/// Reads until no record was sealed anew between reading it and reading its keys. A record whose version is still not
/// there after some tries never had it.
fn settled<T>(read: impl Fn() -> Result<Option<T>, StoreError>) -> Result<T, StoreError> {
    for _ in 0..READS {
        if let Some(found) = read()? {
            return Ok(found);
        }
    }
    Err(StoreError::Corrupt)
}

const READS: usize = 4;

/// What an engine answers is a page of this range: else a listing would show records of somebody else, which
/// open where they belong.
fn check_page(
    range: &Range,
    direction: Direction,
    limit: usize,
    rows: &[(RecordKey, Record)],
) -> Result<(), StoreError> {
    let (start, end) = range.bounds();
    let within =
        |(key, _): &(RecordKey, Record)| (start.as_slice()..end.as_slice()).contains(&key.as_bytes());
    let ordered = |(one, _): &(RecordKey, Record), (next, _): &(RecordKey, Record)| match direction {
        Direction::Forward => one < next,
        Direction::Backward => one > next,
    };
    let is_page = rows.len() <= limit && rows.iter().all(within);
    let in_order = rows.iter().zip(rows.iter().skip(1)).all(|(one, next)| ordered(one, next));
    if is_page && in_order { Ok(()) } else { Err(StoreError::Corrupt) }
}

/// A key below a prefix as the caller knows it: so it is a cursor of the caller's range.
fn unblinded(range: &Range, blinded: &Range, key: RecordKey) -> Result<RecordKey, StoreError> {
    match (range.prefix(), blinded.prefix()) {
        (Some(prefix), Some(blinded)) if prefix.has_blind() => {
            let rest = key.as_bytes().strip_prefix(blinded.as_bytes()).ok_or(StoreError::Corrupt)?;
            Ok(RecordKey::from_bytes([prefix.as_bytes(), rest].concat())?)
        }
        _ => Ok(key),
    }
}
