use std::{
    cell::{Cell, RefCell},
    collections::HashMap,
    fmt,
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError, TryLockError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use crate::{
    Caches, Change, Clock, Gate, RecordKey, Revision, Segment, Store, StoreError, Table, Tenant, Time,
};

/// The right of a node to answer from its memory, for less than a second at a time, where several nodes share one
/// database.
///
/// Each tenant has a counter in the database: a row whose revision is what counts. A commit after which something in
/// memory is no longer true writes it ([`Lease::announce`]). A node notes the counter before it keeps anything of a
/// tenant ([`Lease::follow`]), and a renewal reads the counters of all that it follows: where one has moved, everything
/// of that tenant is forgotten. Its right ends [`Lease::HELD`] after the renewal *began*, so whoever revokes and then
/// waits for [`Lease::AWAITED`] knows that every node has heard of it or answers nothing ([`Lease::revoke`]).
///
/// On a store that no other process writes to, all of this is nothing: the right never ends, no counter is written, and
/// nobody waits.
pub struct Lease {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    caches: Arc<Caches>,
    gate: Arc<Gate>,
    shared: bool,
    /// When the right ends, by both clocks: one that stands still while the machine sleeps ends nothing.
    until: AtomicU64,
    until_wall: AtomicU64,
    followed: Mutex<HashMap<Tenant, Option<Revision>>>,
    /// The order to seal as it was when the database was opened.
    ordered: Option<Revision>,
    /// Held by who renews: how often it was done, and whether the last time failed.
    turn: Mutex<()>,
    renewals: AtomicU64,
    failing: AtomicBool,
    /// Whether somebody renews regularly, and what tells who waits for that.
    kept: AtomicBool,
    waiting: Mutex<()>,
    renewed: Condvar,
}

const COUNTERS: Table = Table::new(0x0004);
const SEAL: &str = "seal";
/// Tenants that are followed. When there are more, all are forgotten, and those in use come back.
const FOLLOWED: usize = 16_384;
/// Counters that one read asks for.
const PAGE: usize = 1_000;
/// How long an operation waits for who keeps the lease.
const PATIENCE: Duration = Duration::from_millis(1000);

thread_local! {
    static DEFERRED: RefCell<Option<Option<Hold>>> = const { RefCell::new(None) };
    static READING: Cell<Reading> = const { Cell::new(Reading::Allowed) };
}

/// Whether this thread may read a store.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reading {
    Allowed,
    Refused,
    /// It was refused, and something needed it.
    Missed,
}

impl Lease {
    /// How long after a renewal began a node answers from its memory.
    pub const HELD: Duration = Duration::from_millis(900);
    /// How long whoever revokes waits for others. It is longer than [`Lease::HELD`], as clocks do not run alike.
    pub const AWAITED: Duration = Duration::from_millis(1000);
    /// How often to renew so that no operation has to.
    pub const RENEWED: Duration = Duration::from_millis(250);

    /// For who opens a database: `store` is the engine, so that counters are read without a key. Begins without the
    /// right.
    ///
    /// # Errors
    /// [`StoreError`] where the engine cannot read.
    pub fn new(
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
        caches: Arc<Caches>,
        gate: Arc<Gate>,
    ) -> Result<Self, StoreError> {
        let shared = store.shared();
        let ordered = if shared { revisions(&*store, &[order()?])?.pop().flatten() } else { None };
        Ok(Self {
            store,
            clock,
            caches,
            gate,
            shared,
            until: AtomicU64::new(0),
            until_wall: AtomicU64::new(0),
            followed: Mutex::default(),
            ordered,
            turn: Mutex::new(()),
            renewals: AtomicU64::new(0),
            failing: AtomicBool::new(false),
            kept: AtomicBool::new(false),
            waiting: Mutex::new(()),
            renewed: Condvar::new(),
        })
    }

    /// Whether other nodes may be at work on the same database.
    pub fn shared(&self) -> bool {
        self.shared
    }

    /// Answers if the node may answer from its memory now; renews if it has to.
    ///
    /// # Errors
    /// [`StoreError::LeaseLost`] where the database does not answer, and [`StoreError::NotInMemory`] instead of asking
    /// it inside of [`from_memory`].
    pub fn check(&self) -> Result<(), StoreError> {
        if !self.shared || self.holds() {
            return Ok(());
        }
        may_read()?;
        if self.kept.load(Ordering::SeqCst) {
            return self.wait_for_keeper();
        }
        let seen = self.renewals.load(Ordering::SeqCst);
        let _turn = match self.turn.try_lock() {
            Ok(turn) => turn,
            Err(TryLockError::Poisoned(turn)) => turn.into_inner(),
            // Somebody tries already what failed the last time.
            Err(TryLockError::WouldBlock) if self.failing.load(Ordering::SeqCst) => {
                return Err(StoreError::LeaseLost);
            }
            Err(TryLockError::WouldBlock) => self.turn.lock().unwrap_or_else(PoisonError::into_inner),
        };
        match self.holds() {
            true => Ok(()),
            false if self.renewals.load(Ordering::SeqCst) != seen && self.failing.load(Ordering::SeqCst) => {
                Err(StoreError::LeaseLost)
            }
            false => self.renew_in_turn(),
        }
    }

    /// Renews now, and from now on leaves renewing to the caller: call it every [`Lease::RENEWED`], from a thread that
    /// does nothing else. So no operation waits longer than a second for a database that does not answer.
    ///
    /// # Errors
    /// As for [`Lease::renew`].
    pub fn keep(&self) -> Result<(), StoreError> {
        self.kept.store(true, Ordering::SeqCst);
        self.renew()
    }

    /// Renews now.
    ///
    /// # Errors
    /// [`StoreError::Sealed`] where another node ordered to seal; else what the engine answers.
    pub fn renew(&self) -> Result<(), StoreError> {
        if !self.shared {
            return Ok(());
        }
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        self.renew_in_turn()
    }

    /// Before something of a tenant is read to be kept in memory.
    ///
    /// # Errors
    /// [`StoreError`] where the engine cannot read.
    pub fn follow(&self, tenant: Tenant) -> Result<(), StoreError> {
        if !self.shared || self.followed().contains_key(&tenant) {
            return Ok(());
        }
        let revision = revisions(&*self.store, &[counter(tenant)?])?.pop().flatten();
        let mut followed = self.followed();
        let crowd = if followed.len() < FOLLOWED { HashMap::new() } else { std::mem::take(&mut *followed) };
        followed.entry(tenant).or_insert(revision);
        drop(followed);
        crowd.into_keys().for_each(|tenant| self.caches.forget(tenant));
        Ok(())
    }

    /// Adds to a change that others forget what they keep in memory of a tenant, within [`Lease::AWAITED`].
    ///
    /// # Errors
    /// [`StoreError`], which the limits of a key exclude.
    pub fn announce<T>(&self, change: &mut Change<T>, tenant: Tenant) -> Result<(), StoreError> {
        if self.shared {
            change.put(&counter(tenant)?, b"");
        }
        Ok(())
    }

    /// The same for what has to be true everywhere when the commit returns: that waits until every other lease has
    /// ended.
    ///
    /// # Errors
    /// As for [`Lease::announce`].
    pub fn revoke<T>(&self, change: &mut Change<T>, tenant: Tenant) -> Result<(), StoreError> {
        self.announce(change, tenant)?;
        if self.shared {
            change.wait(&self.clock);
        }
        Ok(())
    }

    /// Adds to a change the order to seal, for every node that has the database open.
    ///
    /// # Errors
    /// As for [`Lease::announce`].
    pub fn order_seal<T>(&self, change: &mut Change<T>) -> Result<(), StoreError> {
        if self.shared {
            change.put(&order()?, b"");
            change.wait(&self.clock);
        }
        Ok(())
    }

    fn holds(&self) -> bool {
        let elapsed = self.clock.elapsed();
        elapsed < Duration::from_nanos(self.until.load(Ordering::Acquire))
            && self.clock.now() < Time::from_millis(self.until_wall.load(Ordering::Acquire))
    }

    fn renew_in_turn(&self) -> Result<(), StoreError> {
        let renewed = self.read_counters();
        self.failing.store(renewed.is_err(), Ordering::SeqCst);
        self.renewals.fetch_add(1, Ordering::SeqCst);
        drop(self.waiting.lock().unwrap_or_else(PoisonError::into_inner));
        self.renewed.notify_all();
        renewed
    }

    fn wait_for_keeper(&self) -> Result<(), StoreError> {
        let waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let lost = |_: &mut ()| !self.holds() && !self.gate.is_closed();
        let (_waiting, waited) =
            self.renewed.wait_timeout_while(waiting, PATIENCE, lost).unwrap_or_else(PoisonError::into_inner);
        match waited.timed_out() {
            true => Err(StoreError::LeaseLost),
            false if self.gate.is_closed() => Err(StoreError::Sealed),
            false => Ok(()),
        }
    }

    fn read_counters(&self) -> Result<(), StoreError> {
        let (began, began_wall) = (self.clock.elapsed(), self.clock.now());
        let before: Vec<_> = self.followed().iter().map(|(tenant, seen)| (*tenant, *seen)).collect();
        let keys: Result<Vec<_>, _> =
            std::iter::once(order()).chain(before.iter().map(|(tenant, _)| counter(*tenant))).collect();
        let mut read = revisions(&*self.store, &keys?)?.into_iter();
        if read.next().flatten() != self.ordered {
            // Who is inside still ends; the last one out wipes.
            let _ = self.gate.close(Duration::ZERO);
            return Err(StoreError::Sealed);
        }
        for ((tenant, seen), now) in before.into_iter().zip(read) {
            if now != seen {
                // Noted first: what is kept from here on was read later.
                if let Some(noted) = self.followed().get_mut(&tenant) {
                    *noted = now;
                }
                self.caches.forget(tenant);
            }
        }
        let until = (began + Self::HELD).as_nanos();
        self.until.store(u64::try_from(until).unwrap_or(u64::MAX), Ordering::Release);
        self.until_wall.store((began_wall + Self::HELD).as_millis(), Ordering::Release);
        Ok(())
    }

    fn followed(&self) -> MutexGuard<'_, HashMap<Tenant, Option<Revision>>> {
        self.followed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn counter(tenant: Tenant) -> Result<RecordKey, StoreError> {
    Ok(RecordKey::new(Tenant::SYSTEM, COUNTERS, &[Segment::Id(*tenant.as_bytes())])?)
}

fn order() -> Result<RecordKey, StoreError> {
    Ok(RecordKey::new(Tenant::SYSTEM, COUNTERS, &[Segment::Name(SEAL)])?)
}

fn revisions(store: &dyn Store, keys: &[RecordKey]) -> Result<Vec<Option<Revision>>, StoreError> {
    let mut revisions = Vec::with_capacity(keys.len());
    for page in keys.chunks(PAGE) {
        let found = store.revisions(page)?;
        if found.len() != page.len() {
            return Err(StoreError::Corrupt);
        }
        revisions.extend(found);
    }
    Ok(revisions)
}

/// What remains to be waited for before a revocation holds on every node.
#[derive(Clone)]
pub struct Hold {
    clock: Arc<dyn Clock>,
    until: Duration,
}

impl Hold {
    /// From now, until every lease of before has ended.
    pub(crate) fn of(clock: &Arc<dyn Clock>) -> Self {
        Self { clock: Arc::clone(clock), until: clock.elapsed() + Lease::AWAITED }
    }

    /// How long is left to wait.
    pub fn left(&self) -> Duration {
        self.until.saturating_sub(self.clock.elapsed())
    }

    /// Waits on this thread, or leaves it to who called [`deferring`].
    pub(crate) fn wait(self) {
        let deferred = DEFERRED.with_borrow_mut(|deferred| match deferred {
            Some(last) => {
                *last = Some(self.clone());
                true
            }
            None => false,
        });
        if !deferred {
            self.clock.wait_until(self.until);
        }
    }
}

impl fmt::Debug for Hold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hold").field("left", &self.left()).finish_non_exhaustive()
    }
}

/// Runs `work` without blocking the thread where a revocation waits for other nodes: what is left of the wait comes
/// out with the result. A revocation has returned only when that time is over: do not answer before.
pub fn deferring<T>(work: impl FnOnce() -> T) -> (T, Option<Hold>) {
    /// Puts back what was there, also when `work` panics.
    struct Before(Option<Option<Hold>>);
    impl Drop for Before {
        fn drop(&mut self) {
            DEFERRED.set(self.0.take());
        }
    }
    let before = Before(DEFERRED.replace(Some(None)));
    let done = work();
    let hold = DEFERRED.with_borrow_mut(|deferred| deferred.take().flatten());
    drop(before);
    (done, hold)
}

/// Runs `work` on a thread that must not wait for a store: what would have to read one fails with
/// [`StoreError::NotInMemory`], and then the answer is none: ask again where waiting is allowed.
pub fn from_memory<T>(work: impl FnOnce() -> T) -> Option<T> {
    /// Puts back what was there, also when `work` panics.
    struct Before(Reading);
    impl Drop for Before {
        fn drop(&mut self) {
            READING.set(self.0);
        }
    }
    let _before = Before(READING.replace(Reading::Refused));
    let done = work();
    (READING.get() == Reading::Refused).then_some(done)
}

/// Before a store is read: whether this thread may, or is inside of [`from_memory`].
///
/// # Errors
/// [`StoreError::NotInMemory`] if it is.
pub fn may_read() -> Result<(), StoreError> {
    if READING.get() == Reading::Allowed {
        return Ok(());
    }
    READING.set(Reading::Missed);
    Err(StoreError::NotInMemory)
}

impl fmt::Debug for Lease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lease").field("shared", &self.shared).finish_non_exhaustive()
    }
}
