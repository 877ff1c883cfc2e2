//! Logs over an engine, with a clock that stands still.

use std::{sync::Arc, time::Duration};

use strongroom_audit::{AuditError, AuditLog, InclusionProof, LogId, Month, Order, Payload, Query};
use strongroom_core::{
    Action, Base, Caller, CommitError, Event, FixedClock, Gate, History, Name, Reader, SealedStore, Service,
    StoreError, Tenant, Time, tap::Tap,
};
use strongroom_keys::RustCrypto;
use strongroom_store_postgres::testing::Engine;

pub(crate) const TENANT: Tenant = Tenant::from_bytes([1; 16]);
pub(crate) const OTHER: Tenant = Tenant::from_bytes([2; 16]);
/// 2023-11-14.
pub(crate) const NOW: Time = Time::from_millis(1_700_000_000_000);
pub(crate) const DAY: Duration = Duration::from_secs(86_400);

pub(crate) fn name(text: &str) -> Name {
    Name::parse(text).unwrap()
}

/// A log, with what is under it.
pub(crate) struct Fixture {
    pub(crate) log: AuditLog,
    pub(crate) base: Base,
    pub(crate) clock: Arc<FixedClock>,
}

/// What capabilities stand on, over this store.
pub(crate) fn base(store: Arc<dyn SealedStore>, clock: Arc<FixedClock>) -> Base {
    Base::new(store, Arc::new(Gate::new()), Arc::new(RustCrypto::new()), clock).unwrap()
}

impl Fixture {
    /// A new log in a new engine, which has its own first event behind it.
    pub(crate) fn new() -> Self {
        Self::over(Arc::new(Engine::new()))
    }

    pub(crate) fn over(store: Arc<dyn SealedStore>) -> Self {
        let clock = Arc::new(FixedClock::at(NOW));
        let base = base(store, clock.clone());
        let log = AuditLog::create(base.clone(), &name("db")).unwrap();
        assert_eq!(log.drain_all().unwrap(), 1);
        Self { log, base, clock }
    }

    /// A log in an engine with so many events of [`TENANT`], one for each name `key-0`, `key-1`, and so on.
    pub(crate) fn with_events(count: usize) -> (Self, Arc<Engine>) {
        let store = Arc::new(Engine::new());
        let fixture = Self::over(store.clone());
        fixture.put_keys(0..count);
        fixture.log.drain_all().unwrap();
        (fixture, store)
    }

    /// Puts an event of [`TENANT`] for each number into the outbox.
    pub(crate) fn put_keys(&self, numbers: std::ops::Range<usize>) {
        for number in numbers {
            self.put(&event(TENANT, &format!("key-{number}"), self.base.clock.now()));
        }
    }

    /// Puts an event into the outbox, as a change does.
    pub(crate) fn put(&self, event: &Event) {
        put(&self.base, event).unwrap();
    }

    /// Puts events and takes them over, and so on for each batch.
    pub(crate) fn log_in_batches(&self, batches: &[Vec<Event>]) {
        for batch in batches {
            batch.iter().for_each(|event| self.put(event));
            self.log.drain_all().unwrap();
        }
    }

    /// Every event of a tenant's log, oldest first.
    pub(crate) fn all(&self, tenant: Tenant) -> Vec<Payload> {
        all(&self.log, tenant)
    }

    /// Erases a month. An engine that cannot scrub says so, once the month is gone.
    pub(crate) fn erase_month(
        &self,
        caller: &Caller,
        tenant: Tenant,
        month: Month,
    ) -> Result<(), AuditError> {
        let unsupported = |error: &StoreError| matches!(error, StoreError::Unsupported(_));
        match self.log.erase_month(caller, tenant, month) {
            Err(AuditError::Store(error)) if unsupported(&error) => {
                assert!(self.base.store.scrub().is_err_and(|error| unsupported(&error)));
                Ok(())
            }
            other => other,
        }
    }

    pub(crate) fn size(&self, log: LogId) -> u64 {
        let key = self.log.verifier_key(log).unwrap();
        self.log.checkpoint(log).unwrap().verify(&key).unwrap().size
    }

    pub(crate) fn prove(&self, index: u64) -> InclusionProof {
        self.log.prove(TENANT, index).unwrap()
    }
}

/// A store of which a backup was restored: another history begins.
pub(crate) struct Restored;

impl Restored {
    pub(crate) const HISTORY: [u8; 16] = [8; 16];
}

impl Tap for Restored {
    fn history(&self, is: History) -> History {
        History { id: Self::HISTORY, ..is }
    }
}

pub(crate) fn put(base: &Base, event: &Event) -> Result<(), CommitError> {
    let mut change = Reader::new(&*base.store, Tenant::SYSTEM).change(());
    base.outbox.put(&mut change, event)?;
    change.commit(&*base.store)
}

pub(crate) fn all(log: &AuditLog, tenant: Tenant) -> Vec<Payload> {
    let query = Query { order: Order::OldestFirst, ..Query::default() };
    let (mut found, mut after) = (Vec::new(), None);
    loop {
        let page = log.query(tenant, &query, after.as_ref(), 1_000).unwrap();
        found.extend(page.found.into_iter().map(|found| found.payload));
        match page.next {
            Some(next) => after = Some(next),
            None => return found,
        }
    }
}

/// That a key was made.
pub(crate) fn event(tenant: Tenant, resource: &str, time: Time) -> Event {
    Event::allowed(&Caller::application(tenant), time, Service::Kms, Action::Create, Some(name(resource)))
}

/// The names of events, in their order.
pub(crate) fn names(payloads: &[Payload]) -> Vec<String> {
    payloads.iter().map(|payload| payload.event.resource.as_ref().unwrap().to_string()).collect()
}

/// A proof with the size of each of its checkpoints one greater, and one smaller.
pub(crate) fn resized(proof: &str) -> Vec<String> {
    let origins = |line: &&str| line.starts_with("strongroom/db/");
    let lines: Vec<_> = proof.lines().collect();
    let sizes = (1..lines.len()).filter(|at| origins(&lines[at - 1]));
    let with = |at: usize, size: u64| {
        let size = size.to_string();
        let line =
            |(number, line): (usize, &&str)| if number == at { size.clone() } else { (*line).to_owned() };
        lines.iter().enumerate().map(line).map(|line| line + "\n").collect::<String>()
    };
    sizes
        .flat_map(|at| {
            let size: u64 = lines[at].parse().unwrap();
            [with(at, size + 1), with(at, size - 1)]
        })
        .collect()
}

/// A proof whose two checkpoints have each other's root.
pub(crate) fn roots_swapped(proof: &str) -> String {
    let mut lines: Vec<_> = proof.lines().collect();
    let origin = |at: &usize| lines[*at].starts_with("strongroom/db/");
    let roots: Vec<_> = (0..lines.len()).filter(origin).map(|at| at + 2).collect();
    assert_ne!(lines[roots[0]], lines[roots[1]]);
    lines.swap(roots[0], roots[1]);
    lines.iter().map(|line| format!("{line}\n")).collect()
}
