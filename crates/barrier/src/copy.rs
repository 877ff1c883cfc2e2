use strongroom_core::{
    Batch, Direction, Expect, Outcome, Range, Record, RecordKey, Store, StoreError, Table, Tenant, Write,
};

use crate::{
    keyring::read_one,
    record::{Row, State},
};

/// Stands in a store while a database is copied into it, and holds the database's id.
pub(crate) const COPYING: Table = Table::new(0x0014);

/// Rows that are read at once; each may have a mebibyte.
const PAGE: usize = 32;
/// What one commit takes.
const ROWS: usize = 900;
const BYTES: usize = 4 << 20;

/// What was copied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Copied {
    /// Rows.
    pub rows: u64,
    /// Bytes of their keys and values.
    pub bytes: u64,
}

/// How far a copy is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CopyStep {
    /// Rows of an earlier try that were removed.
    Removed(u64),
    /// Rows that were written.
    Written(u64),
    /// Rows that were read back and compared.
    Compared(u64),
}

/// A database was not copied.
#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    /// There is nothing to copy.
    #[error("the source holds no database")]
    Uninitialized,
    /// The target has something else in it.
    #[error(
        "the target is not empty, and what is in it is no unfinished copy of this database: name another one"
    )]
    NotEmpty,
    /// Somebody wrote to the source meanwhile.
    #[error("the source was written to while it was copied: stop every server on it, and copy again")]
    Changed,
    /// Somebody wrote to the target meanwhile.
    #[error("something else writes to the target: stop it, and copy again")]
    Contended,
    /// A row came back as another one.
    #[error("the row {0:?} is not in the target as it is in the source: do not use the target")]
    Differs(RecordKey),
    /// A store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Copies a database as it is, sealed, from one store into another, and reads it back. No secret is needed. The target
/// is no database until the last commit; after a crash, copying again begins anew. Stop every server on the source
/// first, and use it no more afterwards: both are the same database, with the same keys.
///
/// # Errors
/// [`CopyError`]; the source is as before, and the target holds no database.
pub fn copy(
    source: &dyn Store,
    target: &dyn Store,
    progress: &mut dyn FnMut(CopyStep),
) -> Result<Copied, CopyError> {
    let before = source.history()?;
    let state = read_one(source, &State::key()?)?.ok_or(CopyError::Uninitialized)?;
    let mark = State::read(&state.value)?.database;
    begin(target, &mark, progress)?;
    let copied = write_all(source, target, progress)?;
    compare(source, target, progress)?;
    if source.history()? != before {
        return Err(CopyError::Changed);
    }
    // Only now it is a database.
    write(
        target,
        Batch {
            expectations: vec![(State::key()?, Expect::Absent)],
            writes: vec![(State::key()?, Write::Put(state.value.clone())), (marker()?, Write::Delete)],
        },
    )?;
    match read_one(target, &State::key()?)? {
        Some(written) if *written.value == *state.value => Ok(copied),
        _ => Err(CopyError::Differs(State::key()?)),
    }
}

/// Marks the target, and empties it of an earlier try.
fn begin(
    target: &dyn Store,
    database: &[u8; 16],
    progress: &mut dyn FnMut(CopyStep),
) -> Result<(), CopyError> {
    let mark = marker()?;
    match read_one(target, &mark)? {
        Some(found) if *found.value != *database => return Err(CopyError::NotEmpty),
        Some(_) => {}
        None if !target.scan(&Range::all(), Direction::Forward, 1)?.is_empty() => {
            return Err(CopyError::NotEmpty);
        }
        None => write(
            target,
            Batch {
                expectations: vec![(mark.clone(), Expect::Absent), (State::key()?, Expect::Absent)],
                writes: vec![(mark.clone(), Write::Put(database.to_vec().into()))],
            },
        )?,
    }
    let mut removed = 0;
    each_page(target, |page| {
        let keys = page.iter().map(|(key, _)| key).filter(|key| **key != mark);
        let writes: Vec<_> = keys.map(|key| (key.clone(), Write::Delete)).collect();
        removed += writes.len() as u64;
        if !writes.is_empty() {
            write(target, Batch { expectations: Vec::new(), writes })?;
            progress(CopyStep::Removed(removed));
        }
        Ok(())
    })
}

fn write_all(
    source: &dyn Store,
    target: &dyn Store,
    progress: &mut dyn FnMut(CopyStep),
) -> Result<Copied, CopyError> {
    let (mut copied, mut batch, mut size) = (Copied::default(), Batch::default(), 0);
    let state = State::key()?;
    each_page(source, |page| {
        for (key, record) in page {
            let bytes = key.as_bytes().len() + record.value.len();
            copied = Copied { rows: copied.rows + 1, bytes: copied.bytes + bytes as u64 };
            if key == state {
                continue;
            }
            if batch.writes.len() == ROWS || size + bytes > BYTES {
                write(target, std::mem::take(&mut batch))?;
                progress(CopyStep::Written(copied.rows));
                size = 0;
            }
            size += bytes;
            batch.writes.push((key, Write::Put(record.value)));
        }
        Ok(())
    })?;
    if !batch.writes.is_empty() {
        write(target, batch)?;
    }
    progress(CopyStep::Written(copied.rows));
    Ok(copied)
}

/// Looks whether the target has every row of the source but the state, and no other one but the mark.
fn compare(
    source: &dyn Store,
    target: &dyn Store,
    progress: &mut dyn FnMut(CopyStep),
) -> Result<(), CopyError> {
    let (mark, state) = (marker()?, State::key()?);
    let mut there = Rows::of(target);
    let mut compared = 0;
    each_page(source, |page| {
        for (key, record) in page.into_iter().filter(|(key, _)| *key != state) {
            let mut other = there.next()?;
            if other.as_ref().is_some_and(|(key, _)| *key == mark) {
                other = there.next()?;
            }
            match other {
                Some((found, copy)) if found == key && *copy.value == *record.value => compared += 1,
                _ => return Err(CopyError::Differs(key)),
            }
        }
        progress(CopyStep::Compared(compared));
        Ok(())
    })?;
    match there.next()? {
        None => Ok(()),
        Some((key, _)) if key == mark && there.next()?.is_none() => Ok(()),
        Some((key, _)) => Err(CopyError::Differs(key)),
    }
}

/// The rows of a store, one after the other.
struct Rows<'s> {
    store: &'s dyn Store,
    range: Option<Range>,
    page: std::vec::IntoIter<(RecordKey, Record)>,
}

impl<'s> Rows<'s> {
    fn of(store: &'s dyn Store) -> Self {
        Self { store, range: Some(Range::all()), page: Vec::new().into_iter() }
    }

    fn next(&mut self) -> Result<Option<(RecordKey, Record)>, StoreError> {
        if let Some(row) = self.page.next() {
            return Ok(Some(row));
        }
        let Some(range) = self.range.take() else { return Ok(None) };
        let page = self.store.scan(&range, Direction::Forward, PAGE)?;
        if let Some((last, _)) = page.last() {
            self.range = Some(range.after(last)?);
        }
        self.page = page.into_iter();
        Ok(self.page.next())
    }
}

fn each_page(
    store: &dyn Store,
    mut work: impl FnMut(Vec<(RecordKey, Record)>) -> Result<(), CopyError>,
) -> Result<(), CopyError> {
    let mut range = Range::all();
    loop {
        let page = store.scan(&range, Direction::Forward, PAGE)?;
        let Some((last, _)) = page.last() else { return Ok(()) };
        range = range.after(last).map_err(StoreError::from)?;
        work(page)?;
    }
}

fn write(store: &dyn Store, batch: Batch) -> Result<(), CopyError> {
    let lowered = store.lower(batch)?;
    let mut outcome = store.commit(&lowered)?;
    if outcome == Outcome::Unknown {
        outcome = store.commit(&lowered)?;
    }
    match outcome {
        Outcome::Done(_) => Ok(()),
        Outcome::Conflict(_) => Err(CopyError::Contended),
        Outcome::Unknown => Err(StoreError::Broken.into()),
    }
}

/// The row that says that a copy is not finished.
pub(crate) fn marker() -> Result<RecordKey, StoreError> {
    Ok(RecordKey::new(Tenant::SYSTEM, COPYING, &[])?)
}
