use strongroom_core::{
    Action, Caller, Change, CommitError, Due, Expect, Provider, Reader, Record, StoreError, Tenant, Time,
    commit,
};

use crate::{
    Reason, Unsealed,
    keyring::{NO_TENANT, TenantKeys, blind, intermediate},
    record::{Intermediate, Row, TenantRecord},
    reseal_job::Reseal,
    roots::Roots,
    schedule,
    wrap::{Named, new_id, new_key},
};

/// Versions of a tenant's key that one record holds.
pub(crate) const VERSIONS: usize = 1_000;

/// A change of a tenant's key: who asked, when and why.
#[derive(Clone, Copy)]
pub(crate) struct Because<'a> {
    pub(crate) caller: &'a Caller,
    pub(crate) reason: Reason,
    pub(crate) now: Time,
}

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
        let _inside = self.enter()?;
        // The change expects what it reads here: so the new keys hang under the root that is current when
        // they land.
        let (roots, _) = self.roots(&mut reader, Vec::new())?;
        let (provider, now) = (self.provider(), self.now());
        let tenant = Tenant::from_bytes(new_id(provider)?);
        let next = roots.state().schedule.next_tenant(provider, now);
        let row = new_tenant(provider, &roots.current, tenant, now, next)?;
        let mut change = reader.change(tenant);
        let key = TenantRecord::key(tenant)?;
        change.expect(&key, Expect::Absent);
        change.put(&key, &row.to_bytes()?);
        schedule::tenant_due(tenant, &row).put(&mut change)?;
        self.record(&mut change, caller, tenant, Action::Create, &key)?;
        Ok(change)
    }

    /// Gives a tenant a new key for what is written from now on; answers its version. What was written before is
    /// sealed anew by due work, unless the [`Schedule`](crate::Schedule) says otherwise.
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
        let _inside = self.enter()?;
        let (roots, mut rows) = self.roots(&mut reader, vec![TenantRecord::key(tenant)?])?;
        let (_, record) = rows.pop().ok_or(NO_TENANT)?;
        let why = Because { caller, reason: Reason::Asked, now: self.now() };
        let mut change = reader.change(());
        let version = self.rotate_in(&mut change, &roots, tenant, &record, why)?;
        Ok(change.map(|()| version))
    }

    /// A rotation whose time has come.
    pub(crate) fn rotation_due(
        &self,
        mut reader: Reader<'_>,
        due: &Due,
        now: Time,
    ) -> Result<Change<()>, CommitError> {
        let tenant = Tenant::from_bytes(due.id);
        let (roots, mut rows) = self.roots(&mut reader, vec![TenantRecord::key(tenant)?])?;
        let mut change = reader.change(());
        let Some((_, record)) = rows.pop() else { return Ok(change) };
        // The row that the record names is the one that counts.
        if TenantRecord::read(&record.value)?.next == due.time {
            let why = Because { caller: &Caller::system(), reason: Reason::Scheduled, now };
            self.rotate_in(&mut change, &roots, tenant, &record, why)?;
        }
        Ok(change)
    }

    /// Adds to a change all that rotating a tenant's key takes; answers the new version.
    pub(crate) fn rotate_in(
        &self,
        change: &mut Change<()>,
        roots: &Roots,
        tenant: Tenant,
        record: &Record,
        why: Because<'_>,
    ) -> Result<u32, StoreError> {
        let row = TenantRecord::read(&record.value)?;
        if row.intermediates.len() >= VERSIONS {
            return Err(StoreError::TooLarge("a tenant's key has at most 1,000 versions"));
        }
        change.delete(&schedule::tenant_key(tenant, &row)?);
        let mut next = rotated(self.provider(), roots, tenant, row, record, why)?;
        next.next = roots.state().schedule.next_tenant(self.provider(), why.now);
        schedule::tenant_due(tenant, &next).put(change)?;
        if roots.state().schedule.reseals() || why.reason == Reason::Leak {
            Reseal::begin(change, tenant, &mut next, why.now)?;
        }
        change.put(&TenantRecord::key(tenant)?, &next.to_bytes()?);
        self.record(change, why.caller, tenant, Action::Rotate, &TenantRecord::key(tenant)?)?;
        self.evict_with(change, tenant);
        next.current()
    }
}

/// The keys of a new tenant, sealed under a root.
pub(crate) fn new_tenant(
    provider: &dyn Provider,
    root: &Named,
    tenant: Tenant,
    now: Time,
    next: Time,
) -> Result<TenantRecord, StoreError> {
    let (material, blind_material) = (new_key(provider)?, new_key(provider)?);
    let named = Named::new(provider, *tenant.as_bytes(), 1, &material);
    let sealed = root.wrap(provider, intermediate(&tenant, 1), &material)?;
    let blind = named.wrap(provider, blind(tenant), &blind_material)?;
    let under = root.id.version;
    let first = Intermediate { version: 1, sealed, made: now, reason: Reason::Created, under };
    Ok(TenantRecord::new(under, vec![first], blind, next))
}

/// A tenant's keys with one more version, all under the current root: so a new key never hangs under a root that was
/// replaced, which may be the one that leaked.
fn rotated(
    provider: &dyn Provider,
    roots: &Roots,
    tenant: Tenant,
    row: TenantRecord,
    record: &Record,
    why: Because<'_>,
) -> Result<TenantRecord, StoreError> {
    let mut row = rewrapped(provider, roots, tenant, row)?;
    let keys = TenantKeys::open(provider, &roots.current, tenant, &row, record.revision)?;
    let current = keys.version(row.current()?).ok_or(StoreError::Corrupt)?;
    let blind_material = current.unwrap(provider, blind(tenant), &row.blind)?;
    let version = row.current()?.checked_add(1).ok_or(StoreError::TooLarge("versions of a key"))?;
    let (material, under) = (new_key(provider)?, roots.current.id.version);
    let new = Named::new(provider, *tenant.as_bytes(), version, &material);
    let sealed = roots.current.wrap(provider, intermediate(&tenant, version), &material)?;
    row.intermediates.push(Intermediate { version, sealed, made: why.now, reason: why.reason, under });
    row.blind = new.wrap(provider, blind(tenant), &blind_material)?;
    Ok(row)
}

/// A tenant's keys under the current root.
pub(crate) fn rewrapped(
    provider: &dyn Provider,
    roots: &Roots,
    tenant: Tenant,
    mut row: TenantRecord,
) -> Result<TenantRecord, StoreError> {
    let (old, new) = (roots.version(provider, row.root)?, &roots.current);
    if row.root == new.id.version {
        return Ok(row);
    }
    for key in &mut row.intermediates {
        let child = intermediate(&tenant, key.version);
        let material = old.unwrap(provider, child, &key.sealed)?;
        key.sealed = new.wrap(provider, child, &material)?;
    }
    row.root = new.id.version;
    Ok(row)
}

#[cfg(test)]
mod tests {
    use std::{sync::Arc, time::Duration};

    use strongroom_core::{FixedClock, PLAIN_LIMITS, RecordKey, Store, Table, memory::MemoryStore, run_due};
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
            let (made, reason) = (unsealed.now(), Reason::Asked);
            row.intermediates.push(Intermediate { version, sealed, made, reason, under: 1 });
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
