use std::{
    hint::black_box,
    path::Path,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
        mpsc,
    },
    thread,
};

use postgres::{Client, NoTls, Statement};
use strongroom_barrier::Unsealed;
use strongroom_core::{
    Algorithm, Batch, Expect, Lease, Name, Outcome, RecordKey, Segment, Store as _, Tenant, Write,
};
use strongroom_store_postgres::{
    PostgresStore,
    testing::{Cluster, Database},
};
use strongroom_store_sqlite::SqliteStore;

use crate::{
    Result,
    database::{random_id, rings, unsealed},
    effort::Effort,
    measure::{computing, waiting},
    rate,
    table::{Found, Row, Table, Target, Unit},
};

const VALUE: [u8; 200] = [0x5a; 200];
const TENANT: Tenant = Tenant::from_bytes([0x42; 16]);
const RECORDS: strongroom_core::Table = strongroom_core::Table::new(0x7f01);

/// Ours may take at most so many times as long, so the rate is at least its inverse.
const MOST: f64 = 1.3;

/// What touches no database takes as long over either engine, but for two looks at a clock, by which a node knows that
/// its lease holds.
const ALIKE: f64 = 1.15;

/// Commits and point reads beside what the `postgres` crate does with the simplest of tables, on one private cluster.
pub(crate) fn measure(effort: &Effort, folder: &Path, table: &mut Table) -> Result<()> {
    let Some(cluster) = Cluster::start_on_disk() else {
        eprintln!("PostgreSQL's server is not installed: its rows are left out");
        return Ok(());
    };
    let database = cluster.database();
    let store = PostgresStore::create(database.config())?;
    Plain::connect(&cluster, &database)?.create()?;
    for (clients, text) in [(1, "PostgreSQL: commits, 1 client"), (64, "PostgreSQL: commits, 64 clients")] {
        let plain = (0..clients).map(|_| Ok(Mutex::new(Plain::connect(&cluster, &database)?)));
        let plain = plain.collect::<Result<Vec<_>>>()?;
        let found = waiting(
            effort.waiting_rounds,
            || rate::together(clients, effort.waiting_slice, || commit(&store)),
            || together(&plain, effort, |plain| plain.put(&random_id())),
        )?;
        add(table, text, "the postgres crate, as many connections", found);
    }
    reads(effort, &cluster, &database, &store, table)?;
    encrypting(effort, &cluster, folder, table)
}

/// With a ring that is in memory, under a lease that is kept as a server keeps it.
fn encrypting(effort: &Effort, cluster: &Cluster, folder: &Path, table: &mut Table) -> Result<()> {
    let shared = unsealed(Arc::new(PostgresStore::create(cluster.database().config())?))?;
    let alone = unsealed(Arc::new(SqliteStore::create(folder.join("alone.db"))?))?;
    let _kept = Kept::start(&shared);
    let (shared, alone, name) = (rings(&shared), rings(&alone), Name::parse("orders")?);
    for rings in [&shared, &alone] {
        rings.create(&name, Algorithm::Aes256Gcm)?;
    }
    for (size, text) in [(64, "64 B"), (1 << 10, "1 KiB")] {
        let plaintext = vec![0x5a; size];
        let found = computing(
            effort,
            || assert!(black_box(shared.encrypt(&name, black_box(&plaintext), b"")).is_ok()),
            || assert!(black_box(alone.encrypt(&name, black_box(&plaintext), b"")).is_ok()),
        );
        table.add(Row {
            work: format!("kms.encrypt {text} over PostgreSQL"),
            beside: "the same over SQLite",
            unit: Unit::Seconds,
            found: Found::Beside(found),
            target: Target::AtMost(ALIKE),
            note: None,
        });
    }
    Ok(())
}

/// A lease is renewed until this is dropped.
struct Kept {
    stop: Option<mpsc::Sender<()>>,
    thread: Option<thread::JoinHandle<()>>,
}

impl Kept {
    fn start(unsealed: &Unsealed) -> Self {
        let (stop, stopped) = mpsc::channel();
        let lease = unsealed.base().lease;
        let keep = move || {
            while {
                // Where it fails, encrypting does.
                let _ = lease.keep();
                stopped.recv_timeout(Lease::RENEWED) == Err(mpsc::RecvTimeoutError::Timeout)
            } {}
        };
        Self { stop: Some(stop), thread: Some(thread::spawn(keep)) }
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        drop(self.stop.take());
        let _ = self.thread.take().map(thread::JoinHandle::join);
    }
}

fn reads(
    effort: &Effort,
    cluster: &Cluster,
    database: &Database,
    store: &PostgresStore,
    table: &mut Table,
) -> Result<()> {
    let mut plain = Plain::connect(cluster, database)?;
    let keys = (0..effort.readable.min(10_000)).map(key).collect::<Result<Vec<_>>>()?;
    for some in keys.chunks(500) {
        let writes = some.iter().map(|key| (key.clone(), Write::Put(VALUE.to_vec().into()))).collect();
        store.commit(&store.lower(Batch { expectations: Vec::new(), writes })?)?;
    }
    plain.fill(&keys)?;
    let next = AtomicU64::new(0);
    let any = || &keys[next.fetch_add(7_919, Ordering::Relaxed) as usize % keys.len()];
    let found = waiting(
        effort.waiting_rounds,
        || {
            rate::alone(effort.waiting_slice, || {
                expect(store.get_many(std::slice::from_ref(any()))?[0].is_some())
            })
        },
        || rate::alone(effort.waiting_slice, || expect(plain.get(any().as_bytes())?)),
    )?;
    add(table, "PostgreSQL: point reads, 1 client", "the postgres crate", found);
    Ok(())
}

fn add(table: &mut Table, work: &str, beside: &'static str, found: crate::measure::Compared) {
    table.add(Row {
        work: work.to_owned(),
        beside,
        unit: Unit::PerSecond,
        found: Found::Beside(found),
        target: Target::AtLeast((100.0 / MOST).round() / 100.0),
        note: None,
    });
}

fn key(number: u64) -> Result<RecordKey> {
    Ok(RecordKey::new(TENANT, RECORDS, &[Segment::Number(number)])?)
}

fn expect(found: bool) -> Result<()> {
    if found { Ok(()) } else { Err("a record is gone".into()) }
}

/// One new record.
fn commit(store: &PostgresStore) -> Result<()> {
    let key = RecordKey::new(TENANT, RECORDS, &[Segment::Id(random_id())])?;
    let batch = Batch {
        expectations: vec![(key.clone(), Expect::Absent)],
        writes: vec![(key, Write::Put(VALUE.to_vec().into()))],
    };
    match store.commit(&store.lower(batch)?)? {
        Outcome::Done(_) => Ok(()),
        _ => Err("a commit of a new record met another".into()),
    }
}

/// Each thread with a connection of its own.
fn together(
    plain: &[Mutex<Plain>],
    effort: &Effort,
    work: impl Fn(&mut Plain) -> Result<()> + Sync,
) -> Result<f64> {
    let turn = AtomicU64::new(0);
    thread_local!(static OWN: std::cell::Cell<Option<usize>> = const { std::cell::Cell::new(None) });
    rate::together(plain.len(), effort.waiting_slice, || {
        let own = OWN.get().unwrap_or_else(|| turn.fetch_add(1, Ordering::Relaxed) as usize);
        OWN.set(Some(own));
        let mut own = plain[own].lock().map_err(|_| "a thread panicked")?;
        work(&mut own)
    })
}

/// What anybody would do: one table, prepared statements, a connection for each client.
struct Plain {
    client: Client,
    statements: Option<(Statement, Statement)>,
}

impl Plain {
    fn connect(cluster: &Cluster, database: &Database) -> Result<Self> {
        let (folder, port, name) = (cluster.folder(), database.port(), database.name());
        let client =
            Client::connect(&format!("host={folder} port={port} user=postgres dbname={name}"), NoTls)?;
        Ok(Self { client, statements: None })
    }

    fn create(&mut self) -> Result<()> {
        Ok(self.client.batch_execute("CREATE TABLE plain (key bytea PRIMARY KEY, value bytea NOT NULL)")?)
    }

    fn statements(&mut self) -> Result<(Statement, Statement)> {
        if self.statements.is_none() {
            let put = self.client.prepare("INSERT INTO plain VALUES ($1, $2)")?;
            let get = self.client.prepare("SELECT value FROM plain WHERE key = $1")?;
            self.statements = Some((put, get));
        }
        self.statements.clone().ok_or_else(|| "no statements".into())
    }

    fn put(&mut self, key: &[u8]) -> Result<()> {
        let (put, _) = self.statements()?;
        self.client.execute(&put, &[&key, &VALUE.as_slice()])?;
        Ok(())
    }

    fn get(&mut self, key: &[u8]) -> Result<bool> {
        let (_, get) = self.statements()?;
        let row = self.client.query_opt(&get, &[&key])?;
        Ok(row.is_some_and(|row| row.get::<_, Vec<u8>>(0) == VALUE))
    }

    fn fill(&mut self, keys: &[RecordKey]) -> Result<()> {
        let (put, _) = self.statements()?;
        let mut transaction = self.client.transaction()?;
        for key in keys {
            transaction.execute(&put, &[&key.as_bytes(), &VALUE.as_slice()])?;
        }
        Ok(transaction.commit()?)
    }
}
