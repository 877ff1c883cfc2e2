//! How service tokens end: revoked, alone or with what they made, or when their time is over.

use std::time::Duration;

use strongroom_core::{
    Action, Caller, Change, Direction, Due, DueError, Reader, StoreError, Tenant, Time, Worker, commit,
};

use super::{
    ServiceTokens, TokenError,
    record::Record,
    service_tokens::END,
    tables::{self, Accessor},
};

/// The kind of due work that deletes what a token that has ended made.
const CHILDREN: &str = "token-children";
/// Children that one step deletes.
const STEP: usize = 32;
/// How often to look whether a token that left its children is still needed.
const LEFT: Duration = Duration::from_secs(3600);

impl ServiceTokens {
    /// Revokes a token of the caller's tenant with all that it made, and what those made. Once it returned, none of
    /// them is good on any node; their rows are deleted by due work.
    ///
    /// # Errors
    /// [`TokenError::NotFound`] and [`TokenError::Commit`].
    pub fn revoke(&self, caller: &Caller, accessor: &[u8; 16]) -> Result<(), TokenError> {
        self.end(caller, accessor, |change, record| {
            delete(change, caller.tenant, record)?;
            sweep(change, caller.tenant, record, self.0.base.clock.now())
        })
    }

    /// Revokes a token of the caller's tenant alone: what it made has no ancestors from then on.
    ///
    /// # Errors
    /// [`TokenError::NotFound`] and [`TokenError::Commit`].
    pub fn revoke_orphan(&self, caller: &Caller, accessor: &[u8; 16]) -> Result<(), TokenError> {
        self.end(caller, accessor, |change, record| {
            let mut left = record.clone();
            left.left = true;
            change.put(&tables::token(caller.tenant, accessor)?, &left.to_bytes()?);
            change.delete(&tables::text(&record.hash)?);
            Ok(())
        })
    }

    fn end(
        &self,
        caller: &Caller,
        accessor: &Accessor,
        write: impl Fn(&mut Change<()>, &Record) -> Result<(), StoreError>,
    ) -> Result<(), TokenError> {
        let base = &self.0.base;
        let _inside = base.enter()?;
        let (now, tenant, accessor) = (base.clock.now(), caller.tenant, *accessor);
        commit(&*base.store, tenant, |mut reader| {
            let record = live_or_ended(&mut reader, &accessor)?.filter(|record| !record.left);
            let record = record.ok_or(TokenError::NotFound)?;
            let mut change = reader.change(());
            write(&mut change, &record)?;
            self.0.tell(&mut change, caller, now, Action::Delete)?;
            base.lease.revoke(&mut change, tenant)?;
            let inner = self.0.clone();
            change.evict(move || {
                inner.cache.forget(|view| {
                    let of_it = view.record.ancestors().any(|ancestor| *ancestor == accessor);
                    view.tenant == tenant && (of_it || view.record.accessor == accessor)
                });
            });
            Ok(change)
        })
    }
}

impl Worker for ServiceTokens {
    fn kinds(&self) -> &[&'static str] {
        &[END, CHILDREN]
    }

    fn step(&self, reader: Reader<'_>, due: &Due, now: Time) -> Result<Change<()>, DueError> {
        Ok(if due.kind == END { look(reader, due, now)? } else { delete_children(reader, due, now)? })
    }
}

/// Deletes a token whose time is over, or looks again later.
fn look(mut reader: Reader<'_>, due: &Due, now: Time) -> Result<Change<()>, StoreError> {
    let tenant = due.tenant;
    let (accessor, hash) = due.payload.split_first_chunk().ok_or(StoreError::Corrupt)?;
    let record = match live_or_ended(&mut reader, accessor) {
        Err(StoreError::Invalid(_)) => return shredded(reader, hash),
        found => found?,
    };
    let Some(record) = record else { return Ok(reader.change(())) };
    let needed =
        record.left && !reader.scan(&tables::children(tenant, accessor)?, Direction::Forward, 1)?.is_empty();
    let mut change = reader.change(());
    if needed || now < record.until {
        let time = if needed { now + LEFT } else { record.until };
        Due { time, ..due.clone() }.put(&mut change)?;
        return Ok(change);
    }
    delete(&mut change, tenant, &record)?;
    if !record.left {
        sweep(&mut change, tenant, &record, later(due, now))?;
    }
    Ok(change)
}

/// The tenant is gone with its tokens; what a text stood for lies elsewhere.
fn shredded(reader: Reader<'_>, hash: &[u8]) -> Result<Change<()>, StoreError> {
    let hash: &[u8; 32] = hash.try_into().map_err(|_| StoreError::Corrupt)?;
    let mut change = reader.change(());
    change.delete(&tables::text(hash)?);
    Ok(change)
}

/// Deletes some children of a token that is not there any more, so that none can come to them.
fn delete_children(mut reader: Reader<'_>, due: &Due, now: Time) -> Result<Change<()>, StoreError> {
    let tenant = due.tenant;
    let parent: Accessor = due.payload.as_slice().try_into().map_err(|_| StoreError::Corrupt)?;
    let rows = match reader.scan(&tables::children(tenant, &parent)?, Direction::Forward, STEP) {
        Err(StoreError::Invalid(_)) => Vec::new(),
        rows => rows?,
    };
    let mut children = Vec::with_capacity(rows.len());
    for (_, row) in &rows {
        let child: Accessor = row.value.as_slice().try_into().map_err(|_| StoreError::Corrupt)?;
        children.push((child, live_or_ended(&mut reader, &child)?.filter(|record| !record.left)));
    }
    let mut change = reader.change(());
    for (child, record) in children {
        change.delete(&tables::child(tenant, &parent, &child)?);
        if let Some(record) = record {
            delete(&mut change, tenant, &record)?;
            sweep(&mut change, tenant, &record, later(due, now))?;
        }
    }
    if rows.len() == STEP {
        Due { time: later(due, now), ..due.clone() }.put(&mut change)?;
    }
    Ok(change)
}

/// A time that is not the one of the row that is being done.
fn later(due: &Due, now: Time) -> Time {
    now.max(due.time + Duration::from_millis(1))
}

fn live_or_ended(reader: &mut Reader<'_>, accessor: &Accessor) -> Result<Option<Record>, StoreError> {
    let found = reader.get(&tables::token(reader.tenant(), accessor)?)?;
    found.map(|found| Record::read(&found.value)).transpose()
}

fn delete<T>(change: &mut Change<T>, tenant: Tenant, record: &Record) -> Result<(), StoreError> {
    let Record { accessor, hash, .. } = record;
    change.delete(&tables::token(tenant, accessor)?);
    change.delete(&tables::text(hash)?);
    if let Some(parent) = record.ancestors().next() {
        change.delete(&tables::child(tenant, parent, accessor)?);
    }
    Ok(())
}

fn sweep<T>(change: &mut Change<T>, tenant: Tenant, parent: &Record, time: Time) -> Result<(), StoreError> {
    Due { time, kind: CHILDREN, id: parent.work, tenant, payload: parent.accessor.to_vec() }.put(change)
}
