use std::{
    env, fmt,
    sync::{
        OnceLock,
        atomic::{AtomicU64, Ordering},
    },
};

use strongroom_core::{
    Batch, Direction, History, Lowered, Outcome, Range, Record, RecordKey, SealedStore, Store, StoreError,
    memory::MemoryStore,
};
use strongroom_store_sqlite::SqliteStore;
use tempfile::TempDir;

use crate::{
    PostgresStore,
    testing::{Database, database},
};

/// The environment variable that chooses an engine: `memory`, which is also meant without it, `sqlite` or `postgres`.
const VARIABLE: &str = "STRONGROOM_TEST_ENGINE";

/// A new, empty engine for a test of what stands on one: of the kind that the environment variable
/// `STRONGROOM_TEST_ENGINE` names. It passes for a store that seals, although it seals nothing.
pub struct Engine {
    store: Box<dyn Store>,
    /// Whether it says that several nodes share it, so that revocations wait for their leases.
    shared: bool,
    /// Where the store is, if it is in a file.
    _folder: Option<TempDir>,
}

impl Engine {
    /// Makes one.
    ///
    /// # Panics
    /// If there is no such engine here.
    #[expect(clippy::new_without_default, reason = "a default is not looked up in the environment")]
    #[expect(clippy::expect_used, clippy::panic, reason = "a test ends at the first surprise")]
    pub fn new() -> Self {
        let chosen = env::var(VARIABLE).unwrap_or_default();
        match chosen.as_str() {
            "" | "memory" => Self::of(Box::new(MemoryStore::new())),
            "sqlite" => {
                let folder = tempfile::tempdir().expect("a folder");
                let store = SqliteStore::create(folder.path().join("test.db")).expect("a store");
                Self { store: Box::new(store), shared: false, _folder: Some(folder) }
            }
            "postgres" => Self::of(Box::new(on_postgres())),
            other => panic!("there is no engine {other}"),
        }
    }

    fn of(store: Box<dyn Store>) -> Self {
        Self { store, shared: false, _folder: None }
    }

    /// Makes one that several nodes share.
    ///
    /// # Panics
    /// As for [`Engine::new`].
    pub fn shared() -> Self {
        Self { shared: true, ..Self::new() }
    }

    /// Whether this engine can promise that deleted bytes are gone.
    pub fn scrubs(&self) -> bool {
        !matches!(self.store.scrub(), Err(StoreError::Unsupported(_)))
    }

    /// All rows in order.
    ///
    /// # Panics
    /// If the engine cannot read.
    #[expect(clippy::expect_used, reason = "a test ends at the first surprise")]
    pub fn dump(&self) -> Vec<(Vec<u8>, Vec<u8>)> {
        let rows = self.store.scan(&Range::all(), Direction::Forward, usize::MAX).expect("a working engine");
        rows.into_iter().map(|(key, record)| (key.as_bytes().to_vec(), record.value.to_vec())).collect()
    }
}

/// A store in a schema of its own, in the one database of this process.
#[expect(clippy::expect_used, reason = "a test ends at the first surprise")]
fn on_postgres() -> PostgresStore {
    static DATABASE: OnceLock<Database> = OnceLock::new();
    static NUMBERS: AtomicU64 = AtomicU64::new(0);
    let database = DATABASE.get_or_init(|| database().expect("PostgreSQL's server"));
    let schema = format!("engine_{}", NUMBERS.fetch_add(1, Ordering::Relaxed));
    database.run(&format!("CREATE SCHEMA {schema}")).expect("a schema");
    PostgresStore::create(database.config().with_schema(&schema)).expect("a store")
}

impl Store for Engine {
    fn get_many(&self, keys: &[RecordKey]) -> Result<Vec<Option<Record>>, StoreError> {
        self.store.get_many(keys)
    }

    fn scan(
        &self,
        range: &Range,
        direction: Direction,
        limit: usize,
    ) -> Result<Vec<(RecordKey, Record)>, StoreError> {
        self.store.scan(range, direction, limit)
    }

    fn lower(&self, batch: Batch) -> Result<Lowered, StoreError> {
        self.store.lower(batch)
    }

    fn commit(&self, batch: &Lowered) -> Result<Outcome, StoreError> {
        self.store.commit(batch)
    }

    fn scrub(&self) -> Result<(), StoreError> {
        self.store.scrub()
    }

    fn history(&self) -> Result<History, StoreError> {
        self.store.history()
    }

    fn shared(&self) -> bool {
        self.shared
    }
}

impl SealedStore for Engine {}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine").finish_non_exhaustive()
    }
}
