use strongroom_core::{
    Action, Caller, Change, CommitError, Direction, Event, Expect, Range, Reader, Record, RecordKey, Service,
    StoreError, Tenant, commit,
};

use crate::{
    Unsealed,
    keyring::{NO_TENANT, TenantKeys, blind, intermediate},
    record::{Row, SLOTS, Slot, State, TenantRecord, Wrapped, id_of},
    rewrap::Rewrap,
    roots::Roots,
    sealed::{SLOT_LIMIT, new_tenant},
    wrap::{Named, new_id, new_key},
};

/// Versions of a tenant's key that one record holds.
const VERSIONS: usize = 1_000;

impl Unsealed {
    /// Makes a tenant with keys of its own.
    ///
    /// # Errors
    /// [`CommitError`].
    pub fn create_tenant(&self, caller: &Caller) -> Result<Tenant, CommitError> {
        commit(self, Tenant::SYSTEM, |reader| Ok(self.plan_create_tenant(reader, caller)?))
    }

    /// Plans [`Unsealed::create_tenant`]; `reader` is one of the system tenant.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn plan_create_tenant(
        &self,
        mut reader: Reader<'_>,
        caller: &Caller,
    ) -> Result<Change<Tenant>, StoreError> {
        let _inside = self.gate().enter()?;
        // The change expects what it reads here: so the new keys hang under the root that is current when
        // they land.
        let (roots, _) = self.roots(&mut reader, Vec::new())?;
        let tenant = Tenant::from_bytes(new_id(self.provider())?);
        let row = new_tenant(self.provider(), &roots.current, tenant)?;
        let mut change = reader.change(tenant);
        let key = TenantRecord::key(tenant)?;
        change.expect(&key, Expect::Absent);
        change.put(&key, &row.to_bytes()?);
        self.record(&mut change, caller, tenant, Action::Create)?;
        Ok(change)
    }

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
    pub fn plan_rotate_root(
        &self,
        mut reader: Reader<'_>,
        caller: &Caller,
    ) -> Result<Change<u32>, StoreError> {
        let _inside = self.gate().enter()?;
        let (provider, now) = (self.provider(), self.now());
        let slots = slots(&mut reader)?;
        let (roots, rows) = self.roots(&mut reader, slots)?;
        let next = roots.next(provider, new_key(provider)?, now)?;
        let mut change = reader.change(next.named.id.version);
        for (key, row) in rows {
            let slot = Slot::read(&row.value)?.rerooted(provider, id_of(&key)?, &roots.current, &next)?;
            change.put(&key, &slot.to_bytes()?);
        }
        change.put(&State::key()?, &next.state.to_bytes()?);
        Rewrap::to(next.named.id.version).due(now, new_id(provider)?)?.put(&mut change)?;
        self.record(&mut change, caller, Tenant::SYSTEM, Action::Rotate)?;
        Ok(change)
    }

    /// Gives a tenant a new key for what is written from now on; answers its version. What was written
    /// before stays under its old one.
    ///
    /// # Errors
    /// [`CommitError`].
    pub fn rotate_tenant(&self, caller: &Caller, tenant: Tenant) -> Result<u32, CommitError> {
        commit(self, Tenant::SYSTEM, |reader| Ok(self.plan_rotate_tenant(reader, caller, tenant)?))
    }

    /// Plans [`Unsealed::rotate_tenant`]; `reader` is one of the system tenant.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn plan_rotate_tenant(
        &self,
        mut reader: Reader<'_>,
        caller: &Caller,
        tenant: Tenant,
    ) -> Result<Change<u32>, StoreError> {
        let _inside = self.gate().enter()?;
        let provider = self.provider();
        let (roots, mut rows) = self.roots(&mut reader, vec![TenantRecord::key(tenant)?])?;
        let (key, record) = rows.pop().ok_or(NO_TENANT)?;
        let row = TenantRecord::read(&record.value)?;
        if row.intermediates.len() >= VERSIONS {
            return Err(StoreError::TooLarge("a tenant's key has at most 1,000 versions"));
        }
        let root = roots.version(provider, row.root)?;
        let keys = TenantKeys::open(provider, &root, tenant, &row, record.revision)?;
        let current = keys.version(row.current()?).ok_or(StoreError::Corrupt)?;
        let blind_material = current.unwrap(provider, blind(tenant), &row.blind)?;
        let version = row.current()?.checked_add(1).ok_or(StoreError::TooLarge("versions of a key"))?;
        let material = new_key(provider)?;
        let new = Named::new(provider, *tenant.as_bytes(), version, &material);
        let sealed = root.wrap(provider, intermediate(&tenant, version), &material)?;
        let mut intermediates = row.intermediates;
        intermediates.push(Wrapped { version, sealed });
        let next =
            TenantRecord::new(row.root, intermediates, new.wrap(provider, blind(tenant), &blind_material)?);
        let mut change = reader.change(version);
        change.put(&key, &next.to_bytes()?);
        self.record(&mut change, caller, tenant, Action::Rotate)?;
        self.evict_with(&mut change, tenant);
        Ok(change)
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

    pub(crate) fn record<T>(
        &self,
        change: &mut Change<T>,
        caller: &Caller,
        tenant: Tenant,
        action: Action,
    ) -> Result<(), StoreError> {
        let mut event = Event::allowed(caller, self.now(), Service::Barrier, action, None);
        event.tenant = tenant;
        self.outbox().put(change, &event)
    }
}

/// The keys of all slots. Whoever adds one rewrites the state, so there is no further one that the change does
/// not know.
pub(crate) fn slots(reader: &mut Reader<'_>) -> Result<Vec<RecordKey>, StoreError> {
    let range = Range::under(Tenant::SYSTEM, SLOTS, &[])?;
    let rows = reader.scan(&range, Direction::Forward, SLOT_LIMIT + 1)?;
    // A slot that was left under the old root would be a way in no more.
    if rows.len() > SLOT_LIMIT { Err(StoreError::Corrupt) } else { Ok(keys_of(rows)) }
}

pub(crate) fn keys_of(rows: Vec<(RecordKey, Record)>) -> Vec<RecordKey> {
    rows.into_iter().map(|(key, _)| key).collect()
}

#[cfg(test)]
mod tests {
    use std::{sync::Arc, time::Duration};

    use strongroom_core::{FixedClock, PLAIN_LIMITS, Store, Table, Time, memory::MemoryStore, run_due};
    use strongroom_keys::RustCrypto;

    use super::*;
    use crate::{NewSlot, Sealed, Split, Unlock, rewrap::STEP};

    fn unsealed() -> Unsealed {
        let (store, clock) = (Arc::new(MemoryStore::new()), Arc::new(FixedClock::at(Time::from_millis(1))));
        let slots = [NewSlot::Shamir(Split { shares: 1, threshold: 1 })];
        let made = Sealed::create(store, Arc::new(RustCrypto::new()), clock, &slots, Vec::new()).unwrap();
        made.sealed.unseal(&Unlock::Shares(&made.shares[0])).unwrap()
    }

    /// Gives the first tenant so many versions, as many rotations would; answers the length of the row.
    fn with_versions(unsealed: &Unsealed, versions: u32) -> usize {
        let (provider, tenant) = (unsealed.provider(), unsealed.first_tenant());
        let mut reader = Reader::new(unsealed, Tenant::SYSTEM);
        let key = TenantRecord::key(tenant).unwrap();
        let (roots, rows) = unsealed.roots(&mut reader, vec![key.clone()]).unwrap();
        let mut row = TenantRecord::read(&rows[0].1.value).unwrap();
        let (blind_material, mut last) = (new_key(provider).unwrap(), None);
        for version in 2..=versions {
            let material = new_key(provider).unwrap();
            let sealed = roots.current.wrap(provider, intermediate(&tenant, version), &material).unwrap();
            row.intermediates.push(Wrapped { version, sealed });
            last = Some(Named::new(provider, *tenant.as_bytes(), version, &material));
        }
        row.blind = last.unwrap().wrap(provider, blind(tenant), &blind_material).unwrap();
        let mut change = reader.change(());
        change.put(&key, &row.to_bytes().unwrap());
        unsealed.evict_with(&mut change, tenant);
        change.commit(unsealed).unwrap();
        row.to_bytes().unwrap().len()
    }

    #[test]
    fn a_tenant_s_key_has_at_most_1000_versions_and_works_with_all() {
        let (unsealed, system) = (unsealed(), Caller::system());
        let tenant = unsealed.first_tenant();
        with_versions(&unsealed, 999);
        assert_eq!(unsealed.rotate_tenant(&system, tenant).unwrap(), 1_000);
        let further = unsealed.rotate_tenant(&system, tenant);
        assert!(matches!(further, Err(CommitError::Store(StoreError::TooLarge(_)))), "{further:?}");
        let key = RecordKey::new(tenant, Table::new(0x7f01), &[]).unwrap();
        let mut change = Reader::new(&unsealed, tenant).change(());
        change.put(&key, b"x");
        change.commit(&unsealed).unwrap();
        unsealed.rotate_root(&system).unwrap();
        let report = run_due(&unsealed, &[&unsealed], unsealed.now(), Duration::MAX);
        assert!(report.unwrap().failed.is_empty());
        assert_eq!(*unsealed.get_many(&[key]).unwrap()[0].as_ref().unwrap().value, b"x");
    }

    #[test]
    fn a_step_of_rewrapping_fits_whatever_its_tenants_have() {
        let longest = with_versions(&unsealed(), VERSIONS as u32);
        // Versions and roots are numbers of at most five bytes; the rest of a step is an event and a due row.
        let row = longest + VERSIONS * 4 + RecordKey::MAX;
        assert!(row < PLAIN_LIMITS.value && STEP * row + (1 << 16) < PLAIN_LIMITS.bytes, "{row}");
    }
}
