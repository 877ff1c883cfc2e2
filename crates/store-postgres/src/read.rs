use std::time::Instant;

use strongroom_core::{Direction, Range, Record, RecordKey, Revision, StoreError};
use zeroize::Zeroizing;

use crate::{
    connection::{Columns, Connection, Statement},
    error::{Cause, Failure},
    param::{BYTEA, BYTEA_ARRAY, INT8, Param},
    store::Shared,
};

const GET: Statement = Statement {
    name: "get",
    text: "SELECT revision, value FROM strongroom_record WHERE key = $1",
    types: &[BYTEA],
};

const GET_MANY: Statement = Statement {
    name: "get_many",
    text: "SELECT found.revision, found.value, asked.place
        FROM unnest($1) WITH ORDINALITY AS asked (key, place)
        JOIN strongroom_record AS found ON found.key = asked.key",
    types: &[BYTEA_ARRAY],
};

const FORWARD: Statement = Statement {
    name: "forward",
    text: "SELECT revision, value, key FROM strongroom_record
        WHERE key >= $1 AND key < $2 ORDER BY key LIMIT $3",
    types: &[BYTEA, BYTEA, INT8],
};

const BACKWARD: Statement = Statement {
    name: "backward",
    text: "SELECT revision, value, key FROM strongroom_record
        WHERE key >= $1 AND key < $2 ORDER BY key DESC LIMIT $3",
    types: &[BYTEA, BYTEA, INT8],
};

/// The greatest revision that was given away, or one that never will be.
const NEWEST: Statement =
    Statement { name: "newest", text: "SELECT last_value FROM strongroom_revision", types: &[] };

/// What the server returned is parsed like any input; this is what was not right with it.
type Parsed<T> = Result<T, StoreError>;

impl Shared {
    /// The records under these keys, by one statement and so as of one moment.
    pub(crate) fn get_many(&self, keys: &[RecordKey]) -> Parsed<Vec<Option<Record>>> {
        match keys {
            [] => Ok(Vec::new()),
            [key] => self.read(|connection, deadline| get(connection, key, deadline)),
            _ => self.read(|connection, deadline| get_many(connection, keys, deadline)),
        }
    }

    /// A page of a range, by one statement and so as of one moment.
    pub(crate) fn scan(
        &self,
        range: &Range,
        direction: Direction,
        limit: usize,
    ) -> Parsed<Vec<(RecordKey, Record)>> {
        let (start, end) = range.bounds();
        let statement = match direction {
            Direction::Forward => &FORWARD,
            Direction::Backward => &BACKWARD,
        };
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let parameters = [Param::Bytes(&start), Param::Bytes(&end), Param::Long(limit)];
        self.read(|connection, deadline| {
            let mut page = Ok(Vec::new());
            connection.call(statement, &parameters, deadline, |row| {
                let record = record(row)?;
                let key = RecordKey::from_bytes(row.bytes()?.to_vec());
                add(&mut page, || Ok((key?, record?)));
                Ok(())
            })?;
            Ok(page)
        })
    }

    pub(crate) fn newest(&self) -> Parsed<Revision> {
        self.read(|connection, deadline| {
            let mut newest = Err(StoreError::Corrupt);
            connection.call(&NEWEST, &[], deadline, |row| {
                newest = revision(row.long()?);
                Ok(())
            })?;
            Ok(newest)
        })
    }

    fn read<T>(&self, read: impl Fn(&mut Connection, Instant) -> Result<Parsed<T>, Failure>) -> Parsed<T> {
        self.pool.read(&self.config, &self.meta, read)?
    }
}

fn get(
    connection: &mut Connection,
    key: &RecordKey,
    deadline: Instant,
) -> Result<Parsed<Vec<Option<Record>>>, Failure> {
    let mut found = Ok(None);
    connection.call(&GET, &[Param::Bytes(key.as_bytes())], deadline, |row| {
        found = record(row)?.map(Some);
        Ok(())
    })?;
    Ok(found.map(|found| vec![found]))
}

fn get_many(
    connection: &mut Connection,
    keys: &[RecordKey],
    deadline: Instant,
) -> Result<Parsed<Vec<Option<Record>>>, Failure> {
    let bytes: Vec<_> = keys.iter().map(RecordKey::as_bytes).collect();
    let mut found = Ok(Vec::new());
    found.iter_mut().for_each(|found: &mut Vec<_>| found.resize_with(keys.len(), || None));
    connection.call(&GET_MANY, &[Param::AllBytes(&bytes)], deadline, |row| {
        let record = record(row)?;
        let place = usize::try_from(row.long()?).ok().and_then(|place| place.checked_sub(1));
        match (&mut found, record, place) {
            (Ok(all), Ok(record), Some(place)) => {
                *all.get_mut(place).ok_or(Cause::Protocol)? = Some(record);
            }
            (Ok(_), Err(error), _) => found = Err(error),
            (Ok(_), _, None) => return Err(Cause::Protocol),
            (Err(_), ..) => {}
        }
        Ok(())
    })?;
    Ok(found)
}

fn add<T>(all: &mut Parsed<Vec<T>>, next: impl FnOnce() -> Parsed<T>) {
    if let Ok(found) = all {
        match next() {
            Ok(next) => found.push(next),
            Err(error) => *all = Err(error),
        }
    }
}

/// The revision and the value in the next two columns.
fn record(row: &mut Columns<'_>) -> Result<Parsed<Record>, Cause> {
    let revision = revision(row.long()?);
    let value = Zeroizing::new(row.bytes()?.to_vec());
    Ok(revision.map(|revision| Record { value, revision }))
}

fn revision(number: i64) -> Parsed<Revision> {
    u64::try_from(number).map(Revision).map_err(|_| StoreError::Corrupt)
}
