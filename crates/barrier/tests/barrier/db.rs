//! A database to test on: a secret file and three shares of which two are needed.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use strongroom_barrier::{
    Created, NewSlot, Passphrase, Sealed, Share, SlotStatus, Split, Unlock, UnsealSecret, Unsealed,
};
use strongroom_core::{
    Argon2Cost, Batch, Caller, Change, CommitError, Due, Expect, FixedClock, Outcome, Reader, RecordKey,
    SealedStore, Segment, Store, StoreError, Table, Tenant, Time, Worker, Write, commit, run_due,
};
use strongroom_keys::{RustCrypto, envelope::Header};
use strongroom_store_postgres::testing::Engine;
use zeroize::Zeroizing;

pub(crate) const TABLE: Table = Table::new(0x7f01);
pub(crate) const STATE: u16 = 0x0010;
pub(crate) const SLOTS: u16 = 0x0011;
pub(crate) const TENANTS: u16 = 0x0012;
pub(crate) const NOW: Time = Time::from_millis(1_750_000_000_000);
pub(crate) const SYSTEM: Caller = Caller::system();

pub(crate) struct Db {
    pub(crate) engine: Arc<Engine>,
    pub(crate) clock: Arc<FixedClock>,
    pub(crate) sealed: Sealed,
    pub(crate) shares: Vec<Share>,
}

/// The bytes of the secret file.
pub(crate) const FILE: &[u8; 40] = b"the secret file, as random as any canary";

pub(crate) fn file() -> UnsealSecret {
    UnsealSecret::new(FILE.to_vec()).unwrap()
}

pub(crate) fn secret(byte: u8) -> UnsealSecret {
    UnsealSecret::new(vec![byte; 32]).unwrap()
}

pub(crate) fn passphrase(text: &str) -> Passphrase {
    Passphrase::new(text.to_owned()).unwrap()
}

/// The least that Argon2id may take: 8 MiB, once.
pub(crate) fn cheap() -> Argon2Cost {
    Argon2Cost::new(8 << 10, 1, 1).unwrap()
}

impl Db {
    pub(crate) fn new() -> Self {
        let file = file();
        Self::with(&[NewSlot::Secret(&file), NewSlot::Shamir(Split { shares: 3, threshold: 2 })])
    }

    pub(crate) fn with(slots: &[NewSlot<'_>]) -> Self {
        Self::by(provider(), slots)
    }

    pub(crate) fn by(provider: Arc<RustCrypto>, slots: &[NewSlot<'_>]) -> Self {
        Self::over(Engine::new(), provider, slots)
    }

    /// On an engine that several nodes share.
    pub(crate) fn shared() -> Self {
        Self::over(Engine::shared(), provider(), &[NewSlot::Secret(&file())])
    }

    fn over(engine: Engine, provider: Arc<RustCrypto>, slots: &[NewSlot<'_>]) -> Self {
        let (engine, clock) = (Arc::new(engine), Arc::new(FixedClock::at(NOW)));
        let made = Sealed::create(engine.clone(), provider, clock.clone(), slots, Vec::new());
        let Created { sealed, shares } = made.unwrap();
        Self { engine, clock, sealed, shares: shares.into_iter().flatten().collect() }
    }

    /// The same database on an engine of its own: what happens there does not happen here.
    pub(crate) fn copy(&self) -> Self {
        let engine = Arc::new(Engine::new());
        write(&*engine, self.engine.dump().into_iter().map(|(key, value)| (read_key(&key), Some(value))));
        let clock = Arc::new(FixedClock::at(NOW));
        let sealed = Sealed::open(engine.clone(), provider(), clock.clone()).unwrap();
        Self { engine, clock, sealed, shares: self.shares.clone() }
    }

    /// The same database through another engine, as another process sees it.
    pub(crate) fn through(&self, engine: Arc<dyn Store>) -> Sealed {
        Sealed::open(engine, provider(), self.clock.clone()).unwrap()
    }

    pub(crate) fn by_file(&self) -> Unsealed {
        self.sealed.unseal(&Unlock::Secret(&file())).unwrap()
    }

    pub(crate) fn by_shares(&self) -> Unsealed {
        self.sealed.unseal(&Unlock::Shares(&self.shares[1..3])).unwrap()
    }

    /// The slots in use.
    pub(crate) fn slots(&self) -> Vec<SlotStatus> {
        self.sealed.status().unwrap().slots
    }

    /// The slot of the secret file.
    pub(crate) fn file_slot(&self) -> [u8; 16] {
        self.sealed.verify(&Unlock::Secret(&file())).unwrap()
    }

    /// The rows of a table of the system tenant.
    pub(crate) fn rows(&self, table: u16) -> Vec<(RecordKey, Vec<u8>)> {
        let rows = self.engine.dump().into_iter().map(|(key, value)| (read_key(&key), value));
        rows.filter(|(key, _)| key.tenant() == Tenant::SYSTEM && key.table() == Table::new(table)).collect()
    }

    /// Writes to the engine past the barrier, as whoever has the disk may do.
    pub(crate) fn tamper(&self, key: &RecordKey, value: Option<Vec<u8>>) {
        write(&*self.engine, [(key.clone(), value)]);
    }
}

pub(crate) fn write(engine: &dyn Store, rows: impl IntoIterator<Item = (RecordKey, Option<Vec<u8>>)>) {
    let write =
        |value: Option<Vec<u8>>| value.map_or(Write::Delete, |value| Write::Put(Zeroizing::new(value)));
    let writes = rows.into_iter().map(|(key, value)| (key, write(value))).collect();
    let lowered = engine.lower(Batch { expectations: Vec::new(), writes }).unwrap();
    assert!(matches!(engine.commit(&lowered).unwrap(), Outcome::Done(_)));
}

pub(crate) fn provider() -> Arc<RustCrypto> {
    Arc::new(RustCrypto::new())
}

pub(crate) fn read_key(bytes: &[u8]) -> RecordKey {
    RecordKey::from_bytes(bytes.to_vec()).unwrap()
}

pub(crate) fn key(tenant: Tenant, segments: &[Segment<'_>]) -> RecordKey {
    RecordKey::new(tenant, TABLE, segments).unwrap()
}

pub(crate) fn name(tenant: Tenant, name: &str) -> RecordKey {
    key(tenant, &[Segment::Name(name)])
}

pub(crate) fn put(store: &dyn SealedStore, key: &RecordKey, value: &[u8]) -> Result<(), CommitError> {
    commit(store, key.tenant(), |reader| {
        let mut change = reader.change(());
        change.put(key, value);
        Ok(change)
    })
}

pub(crate) fn value(store: &dyn Store, key: &RecordKey) -> Result<Option<Vec<u8>>, StoreError> {
    let record = store.get_many(std::slice::from_ref(key))?.pop().flatten();
    Ok(record.map(|record| record.value.to_vec()))
}

/// A batch with one value and nothing expected.
pub(crate) fn batch(key: &RecordKey, value: &[u8]) -> Batch {
    let writes = vec![(key.clone(), Write::Put(Zeroizing::new(value.to_vec())))];
    Batch { expectations: Vec::<(RecordKey, Expect)>::new(), writes }
}

/// Does all due work of now, which must succeed and leave no older root.
pub(crate) fn rewrap(unsealed: &Unsealed, sealed: &Sealed) {
    let report = run_due(unsealed, &[unsealed], NOW, Duration::from_secs(60)).unwrap();
    assert!(report.failed.is_empty(), "{report:?}");
    assert!(report.next > Some(NOW), "rotations of the future are left: {report:?}");
    assert_eq!(sealed.status().unwrap().old_roots, 0);
}

/// Does due work until there is none left at `now`; none of it may fail.
pub(crate) fn work_off(unsealed: &Unsealed, now: Time) {
    loop {
        let report = run_due(unsealed, &[unsealed], now, Duration::from_secs(60)).unwrap();
        assert!(report.failed.is_empty(), "{report:?}");
        if report.done == 0 {
            return;
        }
    }
}

/// Does so many steps of due work, and no more.
pub(crate) struct Steps<'u> {
    pub(crate) unsealed: &'u Unsealed,
    pub(crate) left: AtomicUsize,
}

impl Steps<'_> {
    pub(crate) fn run(unsealed: &Unsealed, steps: usize) {
        let worker = Steps { unsealed, left: AtomicUsize::new(steps) };
        let report = run_due(unsealed, &[&worker], NOW, Duration::from_secs(60)).unwrap();
        assert_eq!((report.done, worker.left.into_inner()), (steps, 0), "{:?}", report.failed);
    }
}

impl Worker for Steps<'_> {
    fn kinds(&self) -> &[&'static str] {
        self.unsealed.kinds()
    }

    fn step(&self, reader: Reader<'_>, due: &Due, now: Time) -> Result<Change<()>, CommitError> {
        if self.left.load(Ordering::SeqCst) == 0 {
            return Err(StoreError::Invalid("enough").into());
        }
        self.left.fetch_sub(1, Ordering::SeqCst);
        self.unsealed.step(reader, due, now)
    }
}

/// Under which version of its tenant's key a row lies, as the engine has it.
pub(crate) fn version(engine: &Engine, key: &RecordKey) -> u32 {
    let row = engine.get_many(std::slice::from_ref(key)).unwrap().pop().flatten().unwrap();
    Header::parse(&row.value).unwrap().key.version
}

/// The times of due rows of a kind.
pub(crate) fn due_times(db: &Db, kind: &str) -> Vec<Time> {
    let rows = db.rows(Due::TABLE.number());
    let parts = rows.iter().map(|(key, _)| Due::parts(key).unwrap());
    parts.filter(|(_, of, _)| *of == kind).map(|(time, ..)| time).collect()
}

/// The error of what should not have been done.
pub(crate) fn store_error<T: std::fmt::Debug>(answer: Result<T, impl Into<CommitError>>) -> StoreError {
    match answer.map_err(Into::into) {
        Err(CommitError::Store(error)) => error,
        other => unreachable!("{other:?}"),
    }
}
