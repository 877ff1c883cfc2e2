use std::{
    path::Path,
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use strongroom::{
    Strongroom,
    backup::{self, RecoveryKey},
};
use strongroom_barrier::{Sealed, Unlock, UnsealSecret, Unsealed};
use strongroom_core::{
    self as core, Algorithm, Caller, Clock, Name, Reader, RecordKey, Segment, Store, SystemClock, run_due,
};
use strongroom_keys::RustCrypto;
use strongroom_kms::Rings;
use strongroom_store_sqlite::SqliteStore;

use crate::{
    Result, database,
    effort::Effort,
    measure::{Compared, Spread},
    table::{Found, Row, Table, Target, Unit},
};

const RECORDS: core::Table = core::Table::new(0x7f02);
const SECRET: [u8; 32] = [7; 32];
/// Records of one commit.
const BATCH: u64 = 400;

/// Encryption beside the heaviest work that a database does, and how long a database takes that was killed in it.
pub(crate) fn measure(effort: &Effort, folder: &Path, table: &mut Table) -> Result<()> {
    let file = folder.join("busy.db");
    let store = SqliteStore::create(&file)?;
    let unsealed = database::unsealed_by(Arc::new(store.clone()), &secret()?)?;
    fill(&unsealed, effort.crowd)?;
    let (rings, name) = (database::rings(&unsealed), Name::parse("busy")?);
    rings.create(&name, Algorithm::Aes256Gcm)?;
    let mut rounds = Vec::new();
    for round in 0..effort.waiting_rounds {
        let slice = || slowest_hundredth(&rings, &name, effort.waiting_slice);
        let idle = slice()?;
        let copy = folder.join(format!("{round}.backup"));
        rounds.push((while_working(&store, &unsealed, &copy, slice)?, idle));
        std::fs::remove_file(copy)?;
    }
    table.add(Row {
        work: format!("kms.encrypt 64 B, p99, rotating, {} records", effort.crowd),
        beside: "the same while nothing else goes on",
        unit: Unit::Seconds,
        found: Found::Beside(Compared::of(&rounds)),
        target: Target::AtMost(2.0),
        note: Some("meanwhile: root and tenant rotate, records are sealed anew, a backup is taken".into()),
    });
    drop((rings, unsealed, store));
    recovery(effort, &file, table)
}

/// The time that 99 of 100 encryptions take at most, in seconds.
fn slowest_hundredth(rings: &Rings, name: &Name, slice: Duration) -> Result<f64> {
    let (began, mut times) = (Instant::now(), Vec::with_capacity(1 << 21));
    while began.elapsed() < slice {
        let before = Instant::now();
        std::hint::black_box(rings.encrypt(name, &[b'x'; 64], b"")?);
        times.push(before.elapsed());
    }
    let place = times.len() * 99 / 100;
    Ok(times.select_nth_unstable(place).1.as_secs_f64())
}

/// Runs `measured` while another thread rotates, seals anew and copies the database.
fn while_working<T>(
    store: &SqliteStore,
    unsealed: &Unsealed,
    copy: &Path,
    measured: impl FnOnce() -> Result<T>,
) -> Result<T> {
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let backup = scope.spawn(|| -> Result<()> {
            let (room, recovery) =
                (Strongroom::of(unsealed.clone()), RecoveryKey::generate(&RustCrypto::new())?);
            backup::take(&room, store, &[recovery.recipient()], copy, &mut |_| {})?;
            Ok(())
        });
        let work = scope.spawn(|| -> Result<()> {
            unsealed.rotate_root(&Caller::system())?;
            unsealed.rotate_tenant(&Caller::system(), unsealed.first_tenant())?;
            unsealed.reseal(&Caller::system(), unsealed.first_tenant())?;
            while !done.load(Ordering::Relaxed) {
                run_due(unsealed, &[unsealed], SystemClock.now(), Duration::from_millis(50))?;
            }
            Ok(())
        });
        let measured = measured();
        done.store(true, Ordering::Relaxed);
        work.join().map_err(|_| "the work panicked")??;
        backup.join().map_err(|_| "the backup panicked")??;
        measured
    })
}

fn fill(unsealed: &Unsealed, records: u64) -> Result<()> {
    let tenant = unsealed.first_tenant();
    for first in (0..records).step_by(BATCH as usize) {
        let mut change = Reader::new(unsealed, tenant).change(());
        for number in first..records.min(first + BATCH) {
            change.put(&key(unsealed, number)?, &[b'x'; 200]);
        }
        change.commit(unsealed)?;
    }
    Ok(())
}

fn key(unsealed: &Unsealed, number: u64) -> Result<RecordKey> {
    Ok(RecordKey::new(unsealed.first_tenant(), RECORDS, &[Segment::Number(number)])?)
}

fn secret() -> Result<UnsealSecret> {
    Ok(UnsealSecret::new(SECRET.to_vec())?)
}

/// A child writes until it is killed; then the database is opened, unsealed and read.
fn recovery(effort: &Effort, file: &Path, table: &mut Table) -> Result<()> {
    let mut times = Vec::new();
    for _ in 0..effort.starts {
        let mut child = Command::new(std::env::current_exe()?).arg("write").arg(file).spawn()?;
        thread::sleep(effort.waiting_slice + Duration::from_millis(300));
        child.kill()?;
        child.wait()?;
        let began = Instant::now();
        let unsealed = open(file)?;
        let found = unsealed.get_many(&[key(&unsealed, effort.crowd / 2)?])?;
        times.push(began.elapsed().as_secs_f64());
        if found.iter().flatten().count() != 1 {
            return Err("a record is gone".into());
        }
    }
    table.add(Row {
        work: format!("from SIGKILL to the first record, {} records", effort.crowd),
        beside: "",
        unit: Unit::Seconds,
        found: Found::Alone(Spread::of(times)),
        target: Target::AtMost(1.0),
        note: None,
    });
    Ok(())
}

fn open(file: &Path) -> Result<Unsealed> {
    let store = Arc::new(SqliteStore::open(file)?);
    let sealed = Sealed::open(store, Arc::new(RustCrypto::new()), Arc::new(SystemClock))?;
    Ok(sealed.unseal(&Unlock::Secret(&secret()?))?)
}

/// In the child: commits without end.
pub(crate) fn write(file: &Path) -> Result<()> {
    let unsealed = open(file)?;
    loop {
        fill(&unsealed, BATCH)?;
    }
}
