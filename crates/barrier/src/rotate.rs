use minicbor::{Decode, Encode};
use strongroom_core::{
    Action, Caller, Change, CommitError, Direction, Due, Event, Expect, Range, Reader, RecordKey, Revision,
    Service, StoreError, Tenant, Time, Worker, commit,
};

use crate::{
    Unsealed,
    keyring::{TenantKeys, blind, intermediate, old_root},
    record::{Row, SLOTS, Slot, State, TENANTS, TenantRecord, Wrapped, id_of},
    sealed::{SLOT_LIMIT, new_tenant},
    wrap::{Named, new_id, new_key},
};

const REWRAP: &str = "barrier.rewrap";
/// Tenants that one step of rewrapping takes.
const STEP: usize = 50;
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
        // Expected by the change: so the new keys hang under the root that is current when they land.
        let (state, _) = state(&mut reader)?;
        let roots = self.keyring().roots(self.provider(), self.inner())?;
        let root = roots.version(state.root)?;
        let tenant = Tenant::from_bytes(new_id(self.provider())?);
        let row = new_tenant(self.provider(), root, tenant)?;
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
        let (old_state, _) = state(&mut reader)?;
        let slots = slots(&mut reader)?;
        let own = self.keyring().slot()?;
        let (_, _, slot) = slots.iter().find(|(_, id, _)| *id == own).ok_or(StoreError::Corrupt)?;
        let (old, old_material) = self.keyring().open_root(provider, &old_state, slot)?;
        let version = old_state.root.checked_add(1).ok_or(StoreError::TooLarge("versions of the root"))?;
        let material = new_key(provider)?;
        let new = Named::new(provider, old_state.database, version, &material);
        let first_tenant = Tenant::from_bytes(old_state.first_tenant);
        let mut next = State::new(old_state.database, version, now, first_tenant);
        for wrapped in &old_state.old {
            let child = old_root(&old_state, wrapped.version);
            let older = old.unwrap(provider, child, &wrapped.sealed)?;
            next.old.push(Wrapped { version: wrapped.version, sealed: new.wrap(provider, child, &older)? });
        }
        let sealed = new.wrap(provider, old_root(&old_state, old_state.root), &old_material)?;
        next.old.push(Wrapped { version: old_state.root, sealed });
        let mut change = reader.change(version);
        for (key, id, slot) in &slots {
            change.put(key, &slot.rerooted(provider, *id, &old, &new, &material)?.to_bytes()?);
        }
        change.put(&State::key()?, &next.to_bytes()?);
        Rewrap { target: version, after: None }.due(now, new_id(provider)?)?.put(&mut change)?;
        self.record(&mut change, caller, Tenant::SYSTEM, Action::Rotate)?;
        let unsealed = self.clone();
        change.evict(move || unsealed.keyring().evict_roots());
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
        let key = TenantRecord::key(tenant)?;
        let record = reader.get(&key)?.ok_or(StoreError::Invalid("no such tenant: create it first"))?;
        let row = TenantRecord::read(&record.value)?;
        if row.intermediates.len() >= VERSIONS {
            return Err(StoreError::TooLarge("a tenant's key has at most 1,000 versions"));
        }
        let roots = self.keyring().roots(provider, self.inner())?;
        let root = roots.version(row.root)?;
        let keys = TenantKeys::open(provider, &roots, tenant, &row, record.revision)?;
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

    fn evict_with<T>(&self, change: &mut Change<T>, tenant: Tenant) {
        let unsealed = self.clone();
        change.evict(move || unsealed.keyring().evict_tenant(tenant));
    }

    fn record<T>(
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

fn state(reader: &mut Reader<'_>) -> Result<(State, Revision), StoreError> {
    let record = reader.get(&State::key()?)?.ok_or(StoreError::Corrupt)?;
    Ok((State::read(&record.value)?, record.revision))
}

/// All slots. Whoever adds one rewrites the state, so there is no further one that the change does not know.
fn slots(reader: &mut Reader<'_>) -> Result<Vec<(RecordKey, [u8; 16], Slot)>, StoreError> {
    let range = Range::under(Tenant::SYSTEM, SLOTS, &[])?;
    let rows = reader.scan(&range, Direction::Forward, SLOT_LIMIT + 1)?;
    rows.into_iter()
        .map(|(key, record)| {
            let id = id_of(&key)?;
            Ok((key, id, Slot::read(&record.value)?))
        })
        .collect()
}

/// What a step of rewrapping needs to know.
#[derive(Debug, Encode, Decode)]
struct Rewrap {
    /// Roots older than this one are dropped at the end.
    #[n(0)]
    target: u32,
    /// The last tenant done.
    #[cbor(n(1), with = "minicbor::bytes")]
    after: Option<[u8; 16]>,
}

impl Rewrap {
    fn due(&self, time: Time, id: [u8; 16]) -> Result<Due, StoreError> {
        let payload = minicbor::to_vec(self).map_err(|_| StoreError::Corrupt)?;
        Ok(Due { time, kind: REWRAP, id, tenant: Tenant::SYSTEM, payload })
    }
}

/// Wraps the keys of every tenant under the current root, step by step, and drops the roots that nothing
/// needs any more at the end.
impl Worker for Unsealed {
    fn kind(&self) -> &'static str {
        REWRAP
    }

    fn step(&self, mut reader: Reader<'_>, due: &Due, now: Time) -> Result<Change<()>, CommitError> {
        let _inside = self.gate().enter().map_err(StoreError::from)?;
        let job: Rewrap = minicbor::decode(&due.payload).map_err(|_| StoreError::Corrupt)?;
        let mut range = Range::under(Tenant::SYSTEM, TENANTS, &[]).map_err(StoreError::from)?;
        if let Some(after) = job.after {
            range = range.after(&TenantRecord::key(Tenant::from_bytes(after))?).map_err(StoreError::from)?;
        }
        let rows = reader.scan(&range, Direction::Forward, STEP)?;
        let (old_state, _) = state(&mut reader)?;
        let mut change = reader.change(());
        for (key, record) in &rows {
            let row = TenantRecord::read(&record.value)?;
            if row.root < job.target {
                let tenant = Tenant::from_bytes(id_of(key)?);
                change.put(key, &self.rewrapped(&old_state, tenant, &row)?.to_bytes()?);
                self.evict_with(&mut change, tenant);
            }
        }
        if let (true, Some((key, _))) = (rows.len() == STEP, rows.last()) {
            let next = Rewrap { after: Some(id_of(key)?), ..job };
            next.due(now, new_id(self.provider())?)?.put(&mut change)?;
            return Ok(change);
        }
        let mut next = old_state;
        next.old.retain(|wrapped| wrapped.version >= job.target);
        change.put(&State::key()?, &next.to_bytes()?);
        self.record(&mut change, &Caller::system(), Tenant::SYSTEM, Action::Rewrap)?;
        let unsealed = self.clone();
        change.evict(move || unsealed.keyring().evict_roots());
        Ok(change)
    }
}

impl Unsealed {
    /// A tenant's keys under the current root.
    fn rewrapped(
        &self,
        state: &State,
        tenant: Tenant,
        row: &TenantRecord,
    ) -> Result<TenantRecord, StoreError> {
        let provider = self.provider();
        let roots = self.keyring().roots(provider, self.inner())?;
        let (old, new) = (roots.version(row.root)?, roots.version(state.root)?);
        let mut intermediates = Vec::with_capacity(row.intermediates.len());
        for wrapped in &row.intermediates {
            let child = intermediate(&tenant, wrapped.version);
            let material = old.unwrap(provider, child, &wrapped.sealed)?;
            let sealed = new.wrap(provider, child, &material)?;
            intermediates.push(Wrapped { version: wrapped.version, sealed });
        }
        Ok(TenantRecord::new(state.root, intermediates, row.blind.clone()))
    }
}
