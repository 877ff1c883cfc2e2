//! A database that several nodes share, the time, and due work.

use std::{sync::Arc, time::Duration};

use strongroom_core::{
    Action, Actor, Base, Batch, Clock, DueReport, FixedClock, Gate, Outcome, RecordKey, SealedStore, Store,
    Write, run_due,
};
use strongroom_keys::RustCrypto;
use strongroom_kms::{Kms, Rings, checks};
use strongroom_store_postgres::testing::Engine;
use zeroize::Zeroizing;

use crate::support::{NOW, TENANT, drained};

pub(crate) struct World {
    pub(crate) engine: Arc<Engine>,
    pub(crate) clock: Arc<FixedClock>,
}

impl World {
    /// Whose nodes hold leases.
    pub(crate) fn new() -> Self {
        Self::over(Arc::new(Engine::shared()))
    }

    /// With one process at a time.
    pub(crate) fn alone() -> Self {
        Self::over(Arc::new(Engine::new()))
    }

    fn over(engine: Arc<Engine>) -> Self {
        Self { engine, clock: Arc::new(FixedClock::at(NOW)) }
    }

    pub(crate) fn kms_on(&self, store: Arc<dyn SealedStore>) -> Kms {
        let (gate, clock) = (Arc::new(Gate::new()), Arc::clone(&self.clock));
        Kms::new(Base::new(store, gate, Arc::new(RustCrypto::new()), clock).unwrap())
    }

    /// A new node, or process.
    pub(crate) fn kms(&self) -> Kms {
        self.kms_on(self.engine.clone())
    }

    pub(crate) fn rings(&self) -> Rings {
        self.kms().without_caller(TENANT)
    }

    /// Does what is due now, in a new process.
    pub(crate) fn work(&self) -> DueReport {
        self.work_by(&self.kms())
    }

    pub(crate) fn work_by(&self, kms: &Kms) -> DueReport {
        let now = self.clock.now();
        let report = run_due(&*self.engine, &[kms], now, Duration::from_secs(60)).unwrap();
        assert!(report.failed.is_empty(), "{report:?}");
        report
    }

    /// Lets time go by, and does what is due then.
    pub(crate) fn later(&self, by: Duration) -> DueReport {
        self.clock.advance(by);
        self.work()
    }

    /// Takes the events out: what they tell, and whether the suite itself did it.
    pub(crate) fn events(&self) -> Vec<(Action, bool)> {
        let events = drained(&*self.engine);
        events.iter().map(|event| (event.action, event.actor == Actor::System)).collect()
    }

    /// Writes rows as they are, with their keys as the engine has them.
    pub(crate) fn put(&self, rows: Vec<(Vec<u8>, Vec<u8>)>) {
        let row = |(key, value): (Vec<u8>, Vec<u8>)| {
            (RecordKey::from_bytes(key).unwrap(), Write::Put(Zeroizing::new(value)))
        };
        let writes = rows.into_iter().map(row).collect();
        let lowered = self.engine.lower(Batch { expectations: Vec::new(), writes }).unwrap();
        assert!(matches!(self.engine.commit(&lowered), Ok(Outcome::Done(_))));
    }

    /// The rows of a table.
    pub(crate) fn rows(&self, table: u16) -> usize {
        self.engine.dump().iter().filter(|(key, _)| key[16..18] == table.to_be_bytes()).count()
    }

    /// Looks at every record as `fsck` does.
    pub(crate) fn sound(&self) {
        let checks = checks(Arc::new(RustCrypto::new()));
        for (key, value) in self.engine.dump() {
            let key = RecordKey::from_bytes(key).unwrap();
            for check in checks.iter().filter(|check| check.table() == key.table()) {
                assert_eq!(check.check(&key, &value), Ok(()), "{key:?}");
            }
        }
    }
}
