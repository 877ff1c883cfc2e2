use strongroom_core::{
    Action, Caller, Change, CommitError, Direction, Due, Event, Name, Range, Reader, Record, RecordKey,
    Service, StoreError, Tenant, Time, commit,
};

use crate::{
    Reason, Unsealed,
    record::{Row, SLOTS, Slot, State, id_of},
    rewrap::Rewrap,
    roots::Roots,
    schedule,
    sealed::SLOT_LIMIT,
    tenant::Because,
    wrap::{new_id, new_key},
};

impl Unsealed {
    /// Replaces the root; answers its version. Due work then wraps every tenant's keys under it. No secret is
    /// needed but the one that is unsealed with, and every slot opens as before.
    ///
    /// # Errors
    /// [`CommitError`].
    pub fn rotate_root(&self, caller: &Caller) -> Result<u32, CommitError> {
        commit(self, Tenant::SYSTEM, |reader| Ok(self.plan_rotate_root(reader, caller)?))
    }

    /// Plans [`Unsealed::rotate_root`]; `reader` is one of the system tenant.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn plan_rotate_root(&self, reader: Reader<'_>, caller: &Caller) -> Result<Change<u32>, StoreError> {
        let _inside = self.enter()?;
        let why = Because { caller, reason: Reason::Asked, now: self.now() };
        let (change, version) = self.rotated_root(reader, why)?;
        Ok(change.map(|()| version))
    }

    /// A rotation of the root whose time has come.
    pub(crate) fn root_rotation_due(
        &self,
        mut reader: Reader<'_>,
        due: &Due,
        now: Time,
    ) -> Result<Change<()>, CommitError> {
        let state = reader.get(&State::key()?)?.ok_or(StoreError::Corrupt)?;
        // The row that the state names is the one that counts.
        if State::read(&state.value)?.next != due.time {
            return Ok(reader.change(()));
        }
        let why = Because { caller: &Caller::system(), reason: Reason::Scheduled, now };
        Ok(self.rotated_root(reader, why)?.0)
    }

    /// All that replacing the root takes, and the new version.
    pub(crate) fn rotated_root(
        &self,
        mut reader: Reader<'_>,
        why: Because<'_>,
    ) -> Result<(Change<()>, u32), StoreError> {
        let provider = self.provider();
        let slots = slots(&mut reader)?;
        let (roots, rows) = self.roots(&mut reader, slots)?;
        let next = roots.next(provider, new_key(provider)?, why.now, why.reason)?;
        let mut change = reader.change(());
        for (key, row) in rows {
            let slot = Slot::read(&row.value)?.rerooted(provider, id_of(&key)?, &roots.current, &next)?;
            change.put(&key, &slot.to_bytes()?);
        }
        change.delete(&schedule::root_key(roots.state())?);
        schedule::root_due(&next.state).put(&mut change)?;
        change.put(&State::key()?, &next.state.to_bytes()?);
        Rewrap::to(next.named.id.version).due(why.now, new_id(provider)?)?.put(&mut change)?;
        self.record(&mut change, why.caller, Tenant::SYSTEM, Action::Rotate, &State::key()?)?;
        Ok((change, next.named.id.version))
    }

    /// The roots and the records under `beside` that there are, as of one moment; the change expects them so.
    pub(crate) fn roots(
        &self,
        reader: &mut Reader<'_>,
        beside: Vec<RecordKey>,
    ) -> Result<(Roots, Vec<(RecordKey, Record)>), StoreError> {
        let provider = self.provider();
        let (roots, rows) = self
            .keyring()
            .by_ways(|ways| Roots::read(provider, ways, beside.clone(), |keys| reader.get_many(keys)))?;
        Ok((roots, beside.into_iter().zip(rows).filter_map(|(key, row)| Some((key, row?))).collect()))
    }

    pub(crate) fn evict_with<T>(&self, change: &mut Change<T>, tenant: Tenant) {
        let unsealed = self.clone();
        change.evict(move || unsealed.keyring().evict_tenant(tenant));
    }

    /// The event of a change of a tenant, or of what all tenants share; `written` is the record that it writes first of
    /// all.
    pub(crate) fn record<T>(
        &self,
        change: &mut Change<T>,
        caller: &Caller,
        tenant: Tenant,
        action: Action,
        written: &RecordKey,
    ) -> Result<(), StoreError> {
        self.record_of(change, caller, tenant, action, None, written)
    }

    pub(crate) fn record_of<T>(
        &self,
        change: &mut Change<T>,
        caller: &Caller,
        tenant: Tenant,
        action: Action,
        resource: Option<Name>,
        written: &RecordKey,
    ) -> Result<(), StoreError> {
        let mut event = Event::allowed(caller, self.now(), Service::Barrier, action, resource);
        event.tenant = tenant;
        event.old = change.replaced(written);
        self.outbox().put(change, &event)
    }
}

/// The keys of all slots. Whoever adds one rewrites the state, so there is no further one that the change does
/// not know.
pub(crate) fn slots(reader: &mut Reader<'_>) -> Result<Vec<RecordKey>, StoreError> {
    // Every insert rewrites the state: read first, it tells a slot that comes after the scan.
    reader.get(&State::key()?)?;
    let range = Range::under(Tenant::SYSTEM, SLOTS, &[])?;
    let rows = reader.scan(&range, Direction::Forward, SLOT_LIMIT + 1)?;
    // A slot that was left under the old root would be a way in no more.
    if rows.len() > SLOT_LIMIT { Err(StoreError::Corrupt) } else { Ok(keys_of(rows)) }
}

pub(crate) fn keys_of(rows: Vec<(RecordKey, Record)>) -> Vec<RecordKey> {
    rows.into_iter().map(|(key, _)| key).collect()
}
