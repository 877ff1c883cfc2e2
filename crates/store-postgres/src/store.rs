use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Instant,
};

use strongroom_core::{
    Batch, Direction, History, Lowered, Outcome, Range, Record, RecordKey, Revision, Store, StoreError,
};

use crate::{
    Config, OpenError, Refusal,
    at::At,
    commit::LANES,
    connection::Connection,
    lane::Lane,
    layout::{self, Found, Meta, VERSION},
    line::Line,
    memory::Memory,
    pool::Pool,
};

/// A [`Store`] in a PostgreSQL database, which any number of processes may have open. Cheap to clone.
///
/// It does not seal: what capabilities accept is a barrier over it.
#[derive(Clone)]
pub struct PostgresStore(Arc<Shared>);

pub(crate) struct Shared {
    /// Tells this opening from all others: what was lowered for another one is refused.
    pub(crate) instance: [u8; 16],
    /// What its errors are about.
    pub(crate) at: At,
    pub(crate) config: Config,
    pub(crate) meta: Meta,
    pub(crate) pool: Pool,
    /// Apart, so that what keeps the lease waits for no other read.
    pub(crate) leases: Pool,
    pub(crate) line: Line,
    pub(crate) memory: Memory,
    batches: AtomicU64,
}

/// Which store this is, and how far it is in its history.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Identity {
    /// Tells this store from all others, but not from its copies.
    pub store: [u8; 16],
    /// Which of the store's histories.
    pub history: [u8; 16],
    /// No commit that was answered has a greater revision.
    pub revision: Revision,
    /// The version of the layout of its tables when it was opened.
    pub layout: u32,
}

impl PostgresStore {
    /// Lays out a store in the schema, in tables named `strongroom_*`: all of them or none. Of several that try at
    /// once, one does.
    ///
    /// # Errors
    /// [`Refusal::Exists`] if there is one, [`Refusal::Foreign`], and where the server cannot be used.
    pub fn create(config: Config) -> Result<Self, OpenError> {
        create(&config).map_err(|why| why.at(&config)).map(|found| Self::over(config, found))
    }

    /// Opens a store that [`PostgresStore::create`] laid out, and brings an older layout to this release's, which older
    /// releases go on to use.
    ///
    /// # Errors
    /// [`Refusal::NotFound`], [`Refusal::Foreign`], [`Refusal::Newer`], [`Refusal::Damaged`], and where the
    /// server cannot be used.
    pub fn open(config: Config) -> Result<Self, OpenError> {
        open(&config).map_err(|why| why.at(&config)).map(|found| Self::over(config, found))
    }

    /// Opens the store, or lays it out if there is none: for nodes that start together on a new database.
    ///
    /// # Errors
    /// As for [`PostgresStore::open`], but for [`Refusal::NotFound`].
    pub fn open_or_create(config: Config) -> Result<Self, OpenError> {
        let found = match open(&config) {
            Err(Refusal::NotFound) => match create(&config) {
                Err(Refusal::Exists) => open(&config),
                other => other,
            },
            other => other,
        };
        found.map_err(|why| why.at(&config)).map(|found| Self::over(config, found))
    }

    /// Which store this is, and how far it is.
    ///
    /// # Errors
    /// [`StoreError`] where the server does not answer.
    pub fn identity(&self) -> Result<Identity, StoreError> {
        let Meta { layout, store, history } = self.0.meta;
        Ok(Identity { store, history, revision: self.0.newest()?, layout })
    }

    fn over(config: Config, opened: Opened) -> Self {
        let Opened { instance, meta, connection } = opened;
        Self(Arc::new(Shared {
            instance,
            at: At::of(&config),
            pool: Pool::new(config.readers, Some(connection)),
            leases: Pool::new(1, None),
            config,
            meta,
            line: Line::new((0..LANES).map(|_| Lane::default()).collect()),
            memory: Memory::default(),
            batches: AtomicU64::new(0),
        }))
    }
}

/// A connection to a store of this layout.
struct Opened {
    instance: [u8; 16],
    meta: Meta,
    connection: Connection,
}

fn create(config: &Config) -> Result<Opened, Refusal> {
    let (mut connection, deadline) = connect(config)?;
    match layout::look(&mut connection, deadline)? {
        Found::Nothing => layout::create(&mut connection, deadline)?,
        Found::Foreign => return Err(Refusal::Foreign),
        Found::Store(_) => return Err(Refusal::Exists),
    }
    start(connection, deadline)
}

fn open(config: &Config) -> Result<Opened, Refusal> {
    let (connection, deadline) = connect(config)?;
    start(connection, deadline)
}

fn start(mut connection: Connection, deadline: Instant) -> Result<Opened, Refusal> {
    let mut meta = found(&mut connection, deadline)?;
    if meta.layout < VERSION {
        layout::upgrade(&mut connection, meta.layout, deadline)?;
        meta = found(&mut connection, deadline)?;
    }
    Ok(Opened { instance: layout::random_id()?, meta, connection })
}

fn connect(config: &Config) -> Result<(Connection, Instant), Refusal> {
    let deadline = Instant::now() + config.timeouts.operation;
    Ok((Connection::open(config, deadline)?, deadline))
}

fn found(connection: &mut Connection, deadline: Instant) -> Result<Meta, Refusal> {
    match layout::look(connection, deadline)? {
        Found::Nothing => Err(Refusal::NotFound),
        Found::Foreign => Err(Refusal::Foreign),
        Found::Store(meta) => Ok(meta),
    }
}

impl Store for PostgresStore {
    fn get_many(&self, keys: &[RecordKey]) -> Result<Vec<Option<Record>>, StoreError> {
        self.0.get_many(keys)
    }

    fn revisions(&self, keys: &[RecordKey]) -> Result<Vec<Option<Revision>>, StoreError> {
        self.0.revisions(keys)
    }

    fn scan(
        &self,
        range: &Range,
        direction: Direction,
        limit: usize,
    ) -> Result<Vec<(RecordKey, Record)>, StoreError> {
        self.0.scan(range, direction, limit)
    }

    fn lower(&self, batch: Batch) -> Result<Lowered, StoreError> {
        let number = self.0.batches.fetch_add(1, Ordering::Relaxed);
        Lowered::new(self.0.instance, number.into(), batch)
    }

    fn commit(&self, lowered: &Lowered) -> Result<Outcome, StoreError> {
        self.0.commit(lowered)
    }

    /// The server keeps what was deleted in its tables until it vacuums, and in its log, archives and replicas: no
    /// client can promise that it is gone.
    fn scrub(&self) -> Result<(), StoreError> {
        Err(StoreError::Unsupported(
            "promise that deleted bytes are gone: PostgreSQL keeps them in tables, log, and replicas",
        ))
    }

    fn history(&self) -> Result<History, StoreError> {
        let Identity { history: id, revision, .. } = self.identity()?;
        Ok(History { id, revision })
    }

    fn shared(&self) -> bool {
        true
    }
}

impl fmt::Debug for PostgresStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresStore").field("config", &self.0.config).finish_non_exhaustive()
    }
}
