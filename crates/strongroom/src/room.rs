use std::{fmt, sync::Arc, time::Duration};

use strongroom_barrier::{
    CreateError, NewSlot, OpenError, Report, Sealed, Unlock, UnsealError, UnsealSecret, Unsealed, fsck,
};
use strongroom_core::{
    Base, DrainError, DueReport, Event, StillInside, Store, StoreError, SystemClock, Tenant, drain, run_due,
};
use strongroom_keys::{RustCrypto, SelfTestFailed};
use strongroom_kms::{Kms, Rings, checks};

/// An unsealed database and the key rings in it. Cheap to clone; once sealed, every clone answers
/// [`StoreError::Sealed`].
#[derive(Clone)]
pub struct Strongroom {
    unsealed: Unsealed,
    kms: Kms,
}

/// A database cannot be made or opened.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// This build or this machine computes wrongly.
    #[error(transparent)]
    SelfTest(#[from] SelfTestFailed),
    /// It cannot be made.
    #[error(transparent)]
    Create(#[from] CreateError),
    /// It cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// It does not unseal.
    #[error(transparent)]
    Unseal(#[from] UnsealError),
}

/// What [`Strongroom::tend`] did.
#[derive(Debug)]
pub struct Tended {
    /// Events that were handed over.
    pub events: usize,
    /// The work that was due.
    pub due: DueReport,
}

/// Events of one commit.
const EVENTS: usize = 400;

impl Strongroom {
    /// Makes a database in an empty store, with one secret as its only way in, and opens it. Whoever loses the secret
    /// loses all that is in it: for shares beside it, see [`Sealed::create`].
    ///
    /// # Errors
    /// [`StartError::SelfTest`] before anything else, or [`StartError::Create`]; the store is as before.
    pub fn create(store: impl Store + 'static, secret: &UnsealSecret) -> Result<Self, StartError> {
        let (provider, clock) = (Arc::new(RustCrypto::tested()?), Arc::new(SystemClock));
        let slots = [NewSlot::Secret(secret)];
        let created = Sealed::create(Arc::new(store), provider, clock, &slots, Vec::new())?;
        Ok(Self::of(created.sealed.unseal(&Unlock::Secret(secret))?))
    }

    /// Opens a store that holds a database.
    ///
    /// # Errors
    /// [`StartError::SelfTest`] before anything else, [`StartError::Open`] if it holds none, [`StartError::Unseal`] if the secret is not one of its ways in.
    pub fn open(store: impl Store + 'static, secret: &UnsealSecret) -> Result<Self, StartError> {
        let (provider, clock) = (Arc::new(RustCrypto::tested()?), Arc::new(SystemClock));
        let sealed = Sealed::open(Arc::new(store), provider, clock)?;
        Ok(Self::of(sealed.unseal(&Unlock::Secret(secret))?))
    }

    /// Works on a database that was unsealed in another way: by shares, or with a provider and a clock of your own.
    pub fn of(unsealed: Unsealed) -> Self {
        let kms = Kms::new(unsealed.base());
        Self { unsealed, kms }
    }

    /// The key rings of the first tenant, for the program itself: nobody's rights are checked.
    pub fn keys(&self) -> Rings {
        self.keys_of(self.unsealed.first_tenant())
    }

    /// The key rings of a tenant, for the program itself: nobody's rights are checked.
    pub fn keys_of(&self, tenant: Tenant) -> Rings {
        self.kms.without_caller(tenant)
    }

    /// All key rings, for programs that act for callers.
    pub fn kms(&self) -> &Kms {
        &self.kms
    }

    /// The barrier: tenants, rotation of the root, and the store that capabilities stand on.
    pub fn barrier(&self) -> &Unsealed {
        &self.unsealed
    }

    /// Writes the events that wait in memory, as after [`Rings::recording`], hands all events so far to `sink` and
    /// forgets them, then does the work that is due, for about `budget`. Call it now and then; after a crash `sink` may
    /// see events again.
    ///
    /// For programs that keep their own record of events. Once a database has an audit log, that takes them over: call
    /// `tend_log` there, which needs the feature `audit`.
    ///
    /// # Errors
    /// [`DrainError::Logged`] for a database with an audit log; [`DrainError::Commit`] where the store cannot do it.
    /// Nothing is lost. Work that failed alone is in the report.
    pub fn tend(&self, budget: Duration, sink: &mut dyn FnMut(&Event)) -> Result<Tended, DrainError> {
        let Base { clock, outbox, .. } = self.unsealed.base();
        outbox.flush(&self.unsealed, clock.now())?;
        let mut events = 0;
        loop {
            let drained = drain(&self.unsealed, EVENTS, sink)?;
            events += drained;
            if drained < EVENTS {
                break;
            }
        }
        let due = run_due(&self.unsealed, &[&self.unsealed, &self.kms], clock.now(), budget)?;
        Ok(Tended { events, due })
    }

    /// Looks whether the whole database is sound: every record opens, every reference leads somewhere, every key of
    /// every ring loads. `store` is what the room was opened from; `progress` hears how many rows were looked at.
    ///
    /// # Errors
    /// [`StoreError`] where the engine cannot read. What is wrong with rows is in the report.
    pub fn fsck(&self, store: &dyn Store, progress: &mut dyn FnMut(u64)) -> Result<Report, StoreError> {
        let checks = checks(self.unsealed.base().provider);
        let checks: Vec<_> = checks.iter().map(|check| &**check).collect();
        fsck(store, &self.unsealed, &checks, progress)
    }

    /// Closes the database: nothing begins any more, and when the running operations have ended, for which this waits
    /// at most so long, every key is wiped. Events that wait in memory are written before, if the store takes them.
    ///
    /// # Errors
    /// [`StillInside`] at the deadline; the last operation to end wipes.
    pub fn seal(&self, wait: Duration) -> Result<(), StillInside> {
        let Base { clock, outbox, .. } = self.unsealed.base();
        // A store that does not take them must not keep the database open.
        let _ = outbox.flush(&self.unsealed, clock.now());
        self.unsealed.seal(wait)
    }
}

impl fmt::Debug for Strongroom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Strongroom").field("sealed", &self.unsealed.is_sealed()).finish_non_exhaustive()
    }
}
