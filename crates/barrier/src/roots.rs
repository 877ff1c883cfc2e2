use strongroom_core::{Provider, Record, RecordKey, StoreError, Time};

use crate::{
    Reason,
    keyring::{GONE, Ways},
    record::{Row, Slot, State, Wrapped},
    slot::Opened,
    wrap::{Child, Level, Material, Named},
};

/// The roots as of one moment, by the key of the slot that was unsealed with. They are read when they are
/// needed and not kept: so no process goes on with a root that another one has replaced.
pub(crate) struct Roots {
    pub(crate) current: Named,
    state: State,
    material: Material,
}

/// A root that was just made, and the state of the database under it.
pub(crate) struct NextRoot {
    pub(crate) named: Named,
    pub(crate) material: Material,
    pub(crate) state: State,
}

impl Roots {
    /// Reads the roots and the records `beside` them, all as of one moment.
    pub(crate) fn read(
        provider: &dyn Provider,
        ways: &Ways,
        beside: Vec<RecordKey>,
        get: impl FnOnce(&[RecordKey]) -> Result<Vec<Option<Record>>, StoreError>,
    ) -> Result<(Self, Vec<Option<Record>>), StoreError> {
        let slots = ways.0.iter().map(|way| Slot::key(way.id)).collect::<Result<Vec<_>, _>>()?;
        let keys = [vec![State::key()?], slots, beside].concat();
        let mut records = get(&keys)?.into_iter();
        let state = records.next().flatten().ok_or(StoreError::Corrupt)?;
        let mut by = None;
        for (way, record) in ways.0.iter().zip(records.by_ref()) {
            if let (None, Some(record)) = (&by, record) {
                let row = Slot::read(&record.value)?;
                by = (!row.is_proposed()).then_some((way, row));
            }
        }
        let (way, row) = by.ok_or(StoreError::Invalid(GONE))?;
        Ok((Self::open(provider, way, State::read(&state.value)?, &row)?, records.collect()))
    }

    /// What the current root is made of, to seal it for a slot.
    pub(crate) fn material(&self) -> &Material {
        &self.material
    }

    fn open(provider: &dyn Provider, slot: &Opened, state: State, row: &Slot) -> Result<Self, StoreError> {
        if row.root.version != state.root {
            return Err(StoreError::Corrupt);
        }
        let material = row.root(provider, slot, &state.database)?;
        let current = Named::new(provider, state.database, state.root, &material);
        Ok(Self { current, state, material })
    }

    /// A root that a tenant's keys may be wrapped under.
    pub(crate) fn version(&self, provider: &dyn Provider, version: u32) -> Result<Named, StoreError> {
        let named = |material: &Material| Named::new(provider, self.state.database, version, material);
        if version == self.state.root {
            return Ok(named(&self.material));
        }
        let wrapped = self.state.old.iter().find(|wrapped| wrapped.version == version);
        Ok(named(&self.older(provider, wrapped.ok_or(StoreError::Corrupt)?)?))
    }

    /// The state of the database that they were read from.
    pub(crate) fn state(&self) -> &State {
        &self.state
    }

    /// A new root, with all roots so far sealed under it.
    pub(crate) fn next(
        &self,
        provider: &dyn Provider,
        material: Material,
        now: Time,
        reason: Reason,
    ) -> Result<NextRoot, StoreError> {
        let State { database, root, old, schedule, .. } = &self.state;
        let version = root.checked_add(1).ok_or(StoreError::TooLarge("versions of the root"))?;
        let named = Named::new(provider, *database, version, &material);
        let mut kept = Vec::with_capacity(old.len() + 1);
        for wrapped in old {
            let older = self.older(provider, wrapped)?;
            kept.push(under(provider, &named, database, wrapped.version, &older)?);
        }
        kept.push(under(provider, &named, database, *root, &self.material)?);
        let mut state = self.state.clone();
        (state.root, state.root_made, state.root_reason) = (version, now, reason);
        (state.next, state.old) = (schedule.next_root(now), kept);
        Ok(NextRoot { named, material, state })
    }

    /// The state without the roots that are older than `target`.
    pub(crate) fn forgetting(&self, target: u32) -> State {
        let mut state = self.state.clone();
        state.old.retain(|wrapped| wrapped.version >= target);
        state
    }

    fn older(&self, provider: &dyn Provider, wrapped: &Wrapped) -> Result<Material, StoreError> {
        self.current.unwrap(provider, old_root(&self.state.database, wrapped.version), &wrapped.sealed)
    }
}

/// An older root sealed under a newer one.
fn under(
    provider: &dyn Provider,
    newer: &Named,
    database: &[u8; 16],
    version: u32,
    material: &Material,
) -> Result<Wrapped, StoreError> {
    Ok(Wrapped { version, sealed: newer.wrap(provider, old_root(database, version), material)? })
}

/// An older root in the context of its envelope.
fn old_root(database: &[u8; 16], version: u32) -> Child<'_> {
    Child { level: Level::OldRoot, id: database, version, tenant: None }
}
