use std::{fmt, sync::Arc};

use strongroom_core::{
    Batch, Clock, Direction, Due, Expect, Outcome, Provider, Range, Record, RecordKey, Revision, Store,
    StoreError, Tenant, Time, Write,
};
use zeroize::Zeroizing;

use crate::{
    NewSlot, Share, ShareError, SlotStatus, Split, Unlock, UnsealSecret, Unsealed,
    keyring::{TenantKeys, read_one},
    record::{Row, SLOTS, Slot, State, TenantRecord, id_of},
    schedule::{root_due, tenant_due},
    slot::{self, Made, Opened, SlotError},
    tenant::new_tenant,
    witness,
    wrap::{Named, new_id, new_key},
};

/// A database whose keys are not in memory. It has nothing to read: [`Sealed::unseal`] turns it into a store.
#[derive(Clone)]
pub struct Sealed {
    store: Arc<dyn Store>,
    provider: Arc<dyn Provider>,
    clock: Arc<dyn Clock>,
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
}

/// A database cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum CreateError {
    /// There is one already.
    #[error("this store already holds a database: open it")]
    Exists,
    /// The slots asked for make no sense: none or more than 32, or a threshold below 1 or above the number
    /// of shares.
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

/// A database was not unsealed.
#[derive(Debug, thiserror::Error)]
pub enum UnsealError {
    /// A share is wrong, or shares are missing.
    #[error(transparent)]
    Share(#[from] ShareError),
    /// No slot opens with this secret.
    #[error("no slot of this database opens with this secret: is it the right file?")]
    WrongSecret,
    /// The store cannot do it.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<SlotError> for UnsealError {
    fn from(error: SlotError) -> Self {
        match error {
            SlotError::Share(error) => Self::Share(error),
            SlotError::Store(error) => Self::Store(error),
        }
    }
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
        if slots.is_empty() || slots.len() > SLOT_LIMIT || !slots.iter().all(makes_sense) {
            return Err(CreateError::Slots);
        }
        let (p, now) = (&*provider, clock.now());
        let root_material = new_key(p)?;
        let root = Named::new(p, new_id(p)?, 1, &root_material);
        let made = slots.iter().map(|new| slot::make(p, new, now, &root, &root_material));
        let made = made.collect::<Result<Vec<Made>, _>>()?;
        let batch = first_batch(p, &root, now, &made, first)?;
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

    /// Opens the barrier.
    ///
    /// # Errors
    /// [`UnsealError`] says what is wrong with which share; nothing has changed.
    pub fn unseal(&self, unlock: &Unlock<'_>) -> Result<Unsealed, UnsealError> {
        let opened = self.open_slot(unlock)?;
        let first_tenant = Tenant::from_bytes(self.state()?.first_tenant);
        let (store, provider) = (Arc::clone(&self.store), Arc::clone(&self.provider));
        Ok(Unsealed::new(store, provider, Arc::clone(&self.clock), opened, first_tenant)?)
    }

    /// What the database tells without its keys.
    ///
    /// # Errors
    /// [`StoreError`] where the store cannot read.
    pub fn status(&self) -> Result<Status, StoreError> {
        let State { database, root, root_made, old, .. } = self.state()?;
        let status = |(key, record): (RecordKey, Record)| Ok(Slot::read(&record.value)?.status(id_of(&key)?));
        let slots = self.slot_rows()?.into_iter().map(status).collect::<Result<_, StoreError>>()?;
        Ok(Status { database, root, root_made, old_roots: old.len(), slots })
    }

    /// Whether a share belongs to a slot of this database; changes nothing.
    ///
    /// # Errors
    /// [`UnsealError::Share`] says what is wrong with it.
    pub fn check_share(&self, share: &Share) -> Result<(), UnsealError> {
        let slot = self.slot(share.slot())?.ok_or(ShareError::Foreign)?;
        Ok(slot.check(&*self.provider, share.slot(), share)?)
    }

    /// The present moment, by the database's clock.
    pub(crate) fn now(&self) -> Time {
        self.clock.now()
    }

    fn open_slot(&self, unlock: &Unlock<'_>) -> Result<Opened, UnsealError> {
        match unlock {
            Unlock::Shares(shares) => {
                let id = shares.first().ok_or(ShareError::Missing { missing: 1 })?.slot();
                let slot = self.slot(id)?.ok_or(ShareError::Foreign)?;
                Ok(slot.open_shares(&*self.provider, id, shares)?)
            }
            Unlock::Secret(secret) => self.open_secret(secret),
        }
    }

    /// Tries every slot: one whose row is damaged does not keep the others from opening.
    fn open_secret(&self, secret: &UnsealSecret) -> Result<Opened, UnsealError> {
        let mut otherwise = UnsealError::WrongSecret;
        for (key, record) in self.slot_rows()? {
            let opened = id_of(&key)
                .and_then(|id| Slot::read(&record.value)?.open_secret(&*self.provider, id, secret));
            match opened {
                Ok(Some(opened)) => return Ok(opened),
                Ok(None) => {}
                Err(error) => otherwise = error.into(),
            }
        }
        Err(otherwise)
    }

    fn state(&self) -> Result<State, StoreError> {
        State::read(&read_one(&*self.store, &State::key()?)?.ok_or(StoreError::Corrupt)?.value)
    }

    fn slot(&self, id: [u8; 16]) -> Result<Option<Slot>, StoreError> {
        let row = read_one(&*self.store, &Slot::key(id)?)?;
        row.map(|record| Slot::read(&record.value)).transpose()
    }

    fn slot_rows(&self) -> Result<Vec<(RecordKey, Record)>, StoreError> {
        self.store.scan(&Range::under(Tenant::SYSTEM, SLOTS, &[])?, Direction::Forward, SLOT_LIMIT)
    }
}

fn makes_sense(slot: &NewSlot<'_>) -> bool {
    match slot {
        NewSlot::Secret(_) => true,
        NewSlot::Shamir(Split { shares, threshold }) => (1..=*shares).contains(threshold),
    }
}

/// All that a database begins with: the hierarchy, then the first records as any later one is sealed.
fn first_batch(
    provider: &dyn Provider,
    root: &Named,
    now: Time,
    made: &[Made],
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
    for Made { id, slot, .. } in made {
        rows.push((Slot::key(*id)?, slot.to_bytes()?));
    }
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
    let expectations = rows.iter().map(|(key, _)| (key.clone(), Expect::Absent)).collect();
    let writes = rows.into_iter().map(|(key, value)| (key, Write::Put(Zeroizing::new(value)))).collect();
    Ok(Batch { expectations, writes })
}

impl fmt::Debug for Sealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sealed")
    }
}
