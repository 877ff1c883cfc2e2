use std::time::Instant;

use strongroom_core::{Direction, Range, Record, RecordKey, Revision, StoreError};
use zeroize::Zeroizing;

use crate::{
    cause::{Cause, Failure},
    connection::{Columns, Connection, Statement},
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

const REVISIONS: Statement = Statement {
    name: "revisions",
    text: "SELECT found.revision, asked.place
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
            _ => self.read(|connection, deadline| in_places(connection, &GET_MANY, keys, deadline, record)),
        }
    }

    /// The revisions of records, in the time after which a lease has no use for them.
    pub(crate) fn revisions(&self, keys: &[RecordKey]) -> Parsed<Vec<Option<Revision>>> {
        let revision = |row: &mut Columns<'_>| Ok(revision(row.long()?));
        self.leases
            .read(&self.config, &self.meta, self.config.timeouts.lease, |connection, deadline| {
                in_places(connection, &REVISIONS, keys, deadline, revision)
            })
            .map_err(|cause| cause.at(&self.at))?
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
        self.pool
            .read(&self.config, &self.meta, self.config.timeouts.operation, read)
            .map_err(|cause| cause.at(&self.at))?
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

/// What a statement finds of each key. Its rows end with the key's place.
fn in_places<T>(
    connection: &mut Connection,
    statement: &Statement,
    keys: &[RecordKey],
    deadline: Instant,
    read: impl Fn(&mut Columns<'_>) -> Result<Parsed<T>, Cause>,
) -> Result<Parsed<Vec<Option<T>>>, Failure> {
    let bytes: Vec<_> = keys.iter().map(RecordKey::as_bytes).collect();
    let mut all: Vec<Option<T>> = std::iter::repeat_with(|| None).take(keys.len()).collect();
    let mut sound = Ok(());
    connection.call(statement, &[Param::AllBytes(&bytes)], deadline, |row| {
        let found = read(row)?;
        let place = usize::try_from(row.long()?).ok().and_then(|place| place.checked_sub(1));
        let place = place.and_then(|place| all.get_mut(place)).ok_or(Cause::Protocol)?;
        match found {
            Ok(found) => *place = Some(found),
            Err(error) => sound = Err(error),
        }
        Ok(())
    })?;
    Ok(sound.map(|()| all))
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
