use std::{
    env, fmt,
    sync::{Mutex, MutexGuard, PoisonError},
};

use strongroom_core::{
    Batch, Direction, History, Lowered, Outcome, PLAIN_LIMITS, Range, Record, RecordKey, SealedStore, Store,
    StoreError, Write, memory::MemoryStore,
};
use strongroom_store_sqlite::SqliteStore;
use tempfile::TempDir;

use crate::{PostgresStore, layout, testing::cluster};

/// The environment variable that chooses an engine: `memory`, which is also meant without it, `sqlite` or `postgres`.
const VARIABLE: &str = "STRONGROOM_TEST_ENGINE";

/// Stores on PostgreSQL that tests of this process gave back, emptied: an empty one is a few statements away, a new one
/// a few dozen.
static EMPTIED: Mutex<Vec<PostgresStore>> = Mutex::new(Vec::new());

/// A new, empty engine for a test of what stands on one: of the kind that the environment variable
/// `STRONGROOM_TEST_ENGINE` names. It passes for a store that seals, although it seals nothing.
pub struct Engine {
    kind: Kind,
    /// Whether it says that several nodes share it, so that revocations wait for their leases.
    shared: bool,
}

enum Kind {
    Memory(MemoryStore),
    /// In a file of this folder.
    Sqlite {
        store: SqliteStore,
        _folder: TempDir,
    },
    Postgres(PostgresStore),
}

impl Engine {
    /// Makes one.
    ///
    /// # Panics
    /// If there is no such engine here.
    #[expect(clippy::new_without_default, reason = "a default is not looked up in the environment")]
    pub fn new() -> Self {
        Self { kind: Kind::chosen(), shared: false }
    }

    /// Makes one that several nodes share.
    ///
    /// # Panics
    /// As for [`Engine::new`].
    pub fn shared() -> Self {
        let mut engine = Self::new();
        engine.shared = true;
        engine
    }

    fn store(&self) -> &dyn Store {
        match &self.kind {
            Kind::Memory(store) => store,
            Kind::Sqlite { store, .. } => store,
            Kind::Postgres(store) => store,
        }
    }

    /// Whether this engine can promise that deleted bytes are gone.
    pub fn scrubs(&self) -> bool {
        !matches!(self.store().scrub(), Err(StoreError::Unsupported(_)))
    }

    /// How far apart cases are that differ in a number alone, such as that of a flipped bit, where so many are tried that
    /// an engine behind a socket takes minutes: every one, or every seventh, which in turn hits each bit of a byte.
    pub fn stride(&self) -> usize {
        if matches!(self.kind, Kind::Postgres(_)) { 7 } else { 1 }
    }

    /// All rows in order.
    ///
    /// # Panics
    /// If the engine cannot read.
    #[expect(clippy::expect_used, reason = "a test ends at the first surprise")]
    pub fn dump(&self) -> Vec<(Vec<u8>, Vec<u8>)> {
        let rows =
            self.store().scan(&Range::all(), Direction::Forward, usize::MAX).expect("a working engine");
        rows.into_iter().map(|(key, record)| (key.as_bytes().to_vec(), record.value.to_vec())).collect()
    }
}

impl Kind {
    #[expect(clippy::expect_used, clippy::panic, reason = "a test ends at the first surprise")]
    fn chosen() -> Self {
        match env::var(VARIABLE).unwrap_or_default().as_str() {
            "" | "memory" => Self::Memory(MemoryStore::new()),
            "sqlite" => {
                let folder = tempfile::tempdir().expect("a folder");
                let store = SqliteStore::create(folder.path().join("test.db")).expect("a store");
                Self::Sqlite { store, _folder: folder }
            }
            "postgres" => Self::Postgres(emptied().pop().unwrap_or_else(on_postgres)),
            other => panic!("there is no engine {other}"),
        }
    }
}

fn emptied() -> MutexGuard<'static, Vec<PostgresStore>> {
    EMPTIED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A store in a schema of its own, in the one database that all share, as a new database takes longer than most tests.
#[expect(clippy::expect_used, reason = "a test ends at the first surprise")]
fn on_postgres() -> PostgresStore {
    let database = cluster::shared().expect("PostgreSQL's server").first_database();
    let id = layout::random_id().expect("random bytes");
    let schema = format!("engine_{:032x}", u128::from_be_bytes(id));
    database.run(&format!("CREATE SCHEMA {schema}")).expect("a schema");
    PostgresStore::create(database.config().with_schema(&schema)).expect("a store")
}

/// Deletes every row.
fn empty(store: &PostgresStore) -> Result<(), StoreError> {
    loop {
        let rows = store.scan(&Range::all(), Direction::Forward, PLAIN_LIMITS.operations)?;
        if rows.is_empty() {
            return Ok(());
        }
        let writes = rows.into_iter().map(|(key, _)| (key, Write::Delete)).collect();
        store.commit(&store.lower(Batch { expectations: Vec::new(), writes })?)?;
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        if let Kind::Postgres(store) = &self.kind
            && empty(store).is_ok()
        {
            emptied().push(store.clone());
        }
    }
}

impl Store for Engine {
    fn get_many(&self, keys: &[RecordKey]) -> Result<Vec<Option<Record>>, StoreError> {
        self.store().get_many(keys)
    }

    fn scan(
        &self,
        range: &Range,
        direction: Direction,
        limit: usize,
    ) -> Result<Vec<(RecordKey, Record)>, StoreError> {
        self.store().scan(range, direction, limit)
    }

    fn lower(&self, batch: Batch) -> Result<Lowered, StoreError> {
        self.store().lower(batch)
    }

    fn commit(&self, batch: &Lowered) -> Result<Outcome, StoreError> {
        self.store().commit(batch)
    }

    fn scrub(&self) -> Result<(), StoreError> {
        self.store().scrub()
    }

    fn history(&self) -> Result<History, StoreError> {
        self.store().history()
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
