use std::{fmt, sync::Arc};

use strongroom_core::{
    Batch, Clock, Direction, Due, Expect, Outcome, Provider, Range, Record, RecordKey, Revision, Store,
    StoreError, Tenant, Time, Write,
};
use zeroize::Zeroizing;

use crate::{
    NewSlot, Proposal, Share, SlotStatus, copy,
    keyring::{TenantKeys, read_one},
    prepared::Prepared,
    record::{Row, SLOTS, Slot, State, TenantRecord},
    schedule::{root_due, tenant_due},
    slot_status::Listed,
    tenant::new_tenant,
    witness,
    wrap::{Named, new_id, new_key},
};

/// A database whose keys are not in memory. It has nothing to read: [`Sealed::unseal`] turns it into a store.
#[derive(Clone)]
pub struct Sealed {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) provider: Arc<dyn Provider>,
    pub(crate) clock: Arc<dyn Clock>,
}

/// What a new database begins with.
#[derive(Debug)]
pub struct Created {
    /// The database.
    pub sealed: Sealed,
    /// The shares of each Shamir slot in the order in which the slots were asked for, to be handed out now:
    /// they are kept nowhere.
    pub shares: Vec<Vec<Share>>,
}

/// What a database tells without its keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// The database's id.
    pub database: [u8; 16],
    /// The version of the root.
    pub root: u32,
    /// When it was made.
    pub root_made: Time,
    /// How many older roots wait for their tenants to be rewrapped.
    pub old_roots: usize,
    /// The ways in.
    pub slots: Vec<SlotStatus>,
    /// Sets of shares that wait for their confirmation.
    pub proposals: Vec<Proposal>,
}

/// A database cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum CreateError {
    /// There is one already.
    #[error("this store already holds a database: open it")]
    Exists,
    /// The slots asked for make no sense: none or more than 32, a threshold below 1 or above the number of
    /// shares, or a cost of Argon2id outside of its bounds.
    #[error("ask for 1 to 32 slots, each needing at least 1 and at most as many shares as are made")]
    Slots,
    /// The store cannot do it.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A database cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// There is none in this store.
    #[error("this store holds no database: create one")]
    Uninitialized,
    /// The store cannot do it.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// At most so many ways in.
pub(crate) const SLOT_LIMIT: usize = 32;

impl Sealed {
    /// Makes a database in an empty store, with these ways in. `first` are records of the system tenant that
    /// it begins with: they are sealed, and put by the same commit.
    ///
    /// # Errors
    /// [`CreateError`]; the store is as before.
    pub fn create(
        store: Arc<dyn Store>,
        provider: Arc<dyn Provider>,
        clock: Arc<dyn Clock>,
        slots: &[NewSlot<'_>],
        first: Vec<(RecordKey, Zeroizing<Vec<u8>>)>,
    ) -> Result<Created, CreateError> {
        if slots.is_empty() || slots.len() > SLOT_LIMIT || !slots.iter().all(NewSlot::makes_sense) {
            return Err(CreateError::Slots);
        }
        let (p, now) = (&*provider, clock.now());
        let root_material = new_key(p)?;
        let root = Named::new(p, new_id(p)?, 1, &root_material);
        let made = slots.iter().map(|new| Prepared::new(p, new, now)).collect::<Result<Vec<_>, _>>()?;
        let rows = made
            .iter()
            .map(|made| Ok((Slot::key(made.id)?, made.row(p, &root, &root_material, None)?.to_bytes()?)));
        let batch = first_batch(p, &root, now, rows.collect::<Result<_, StoreError>>()?, first)?;
        let lowered = store.lower(batch)?;
        let mut outcome = store.commit(&lowered)?;
        if outcome == Outcome::Unknown {
            outcome = store.commit(&lowered)?;
        }
        match outcome {
            Outcome::Done(_) => {}
            Outcome::Conflict(_) => return Err(CreateError::Exists),
            Outcome::Unknown => return Err(StoreError::Broken.into()),
        }
        let shares = made.into_iter().map(|made| made.shares).filter(|shares| !shares.is_empty()).collect();
        Ok(Created { sealed: Self { store, provider, clock }, shares })
    }

    /// Opens a store that holds a database.
    ///
    /// # Errors
    /// [`OpenError`].
    pub fn open(
        store: Arc<dyn Store>,
        provider: Arc<dyn Provider>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, OpenError> {
        let record = read_one(&*store, &State::key()?)?.ok_or(OpenError::Uninitialized)?;
        State::read(&record.value)?;
        Ok(Self { store, provider, clock })
    }

    /// What the database tells without its keys.
    ///
    /// # Errors
    /// [`StoreError`] where the store cannot read.
    pub fn status(&self) -> Result<Status, StoreError> {
        let State { database, root, root_made, old, .. } = self.state()?;
        let (mut slots, mut proposals) = (Vec::new(), Vec::new());
        for row in self.slot_rows()? {
            match Listed::read(&row)? {
                Listed::Slot(slot) => slots.push(slot),
                Listed::Proposal(proposal) => proposals.push(proposal),
            }
        }
        Ok(Status { database, root, root_made, old_roots: old.len(), slots, proposals })
    }

    /// The present moment, by the database's clock.
    pub(crate) fn now(&self) -> Time {
        self.clock.now()
    }

    pub(crate) fn state(&self) -> Result<State, StoreError> {
        State::read(&read_one(&*self.store, &State::key()?)?.ok_or(StoreError::Corrupt)?.value)
    }

    pub(crate) fn slot(&self, id: [u8; 16]) -> Result<Option<Slot>, StoreError> {
        let row = read_one(&*self.store, &Slot::key(id)?)?;
        row.map(|record| Slot::read(&record.value)).transpose()
    }

    pub(crate) fn slot_rows(&self) -> Result<Vec<(RecordKey, Record)>, StoreError> {
        self.store.scan(&Range::under(Tenant::SYSTEM, SLOTS, &[])?, Direction::Forward, SLOT_LIMIT)
    }
}

/// All that a database begins with: the hierarchy, then the first records as any later one is sealed.
fn first_batch(
    provider: &dyn Provider,
    root: &Named,
    now: Time,
    slots: Vec<(RecordKey, Vec<u8>)>,
    first: Vec<(RecordKey, Zeroizing<Vec<u8>>)>,
) -> Result<Batch, StoreError> {
    let tenant = Tenant::from_bytes(new_id(provider)?);
    let state = State::new(root.id.id, root.id.version, now, tenant);
    let new = |tenant| new_tenant(provider, root, tenant, now, state.schedule.next_tenant(provider, now));
    let (system, own) = (new(Tenant::SYSTEM)?, new(tenant)?);
    let mut rows = vec![
        (State::key()?, state.to_bytes()?),
        (TenantRecord::key(Tenant::SYSTEM)?, system.to_bytes()?),
        (TenantRecord::key(tenant)?, own.to_bytes()?),
    ];
    rows.extend(slots);
    let dues = [root_due(&state), tenant_due(Tenant::SYSTEM, &system), tenant_due(tenant, &own)];
    let mut beside = dues.iter().map(Due::row).collect::<Result<Vec<_>, _>>()?;
    for (key, value) in &rows {
        beside.push((witness::key(key)?, witness::digest(provider, value).to_vec()));
    }
    let beside = beside.into_iter().map(|(key, value)| (key, Zeroizing::new(value)));
    let keys = TenantKeys::open(provider, root, Tenant::SYSTEM, &system, Revision(0))?;
    for (key, value) in first.into_iter().chain(beside) {
        if key.tenant() != Tenant::SYSTEM {
            return Err(StoreError::Invalid("a database begins with records of the system tenant"));
        }
        let key = keys.blinded(&key)?;
        let value = keys.seal(provider, &key, &value)?;
        rows.push((key, value));
    }
    // No database begins where one is being copied to.
    let keys = rows.iter().map(|(key, _)| key.clone()).chain([copy::marker()?]);
    let expectations = keys.map(|key| (key, Expect::Absent)).collect();
    let writes = rows.into_iter().map(|(key, value)| (key, Write::Put(Zeroizing::new(value)))).collect();
    Ok(Batch { expectations, writes })
}

impl fmt::Debug for Sealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sealed")
    }
}
