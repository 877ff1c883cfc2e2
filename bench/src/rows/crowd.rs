//! A ring for each user: very many rings in one database, of which memory holds what its budget allows.

use std::{
    fs,
    hint::black_box,
    path::{Path, PathBuf},
    sync::Arc,
    time::Instant,
};

use strongroom_barrier::{Sealed, Unlock, UnsealSecret, Unsealed};
use strongroom_core::{Algorithm, Name, SystemClock, drain};
use strongroom_keys::RustCrypto;
use strongroom_kms::{Filter, Kms, Options, RingState, Rings};
use strongroom_store_sqlite::SqliteStore;

use crate::{
    Result,
    database::{random_id, secret, unsealed_by},
    effort::Effort,
    measure::{Spread, computing, waiting},
    rate,
    table::{Found, Row, Table, Target, Unit},
};

/// The memory that rings may take.
const BUDGET: usize = 64 << 20;
const MESSAGE: [u8; 64] = [0x5a; 64];
/// Rings of which each is used once to see what a miss takes.
const MISSES: u64 = 5_000;

/// A database of this many rings, closed.
struct Database {
    file: PathBuf,
    secret: UnsealSecret,
    rings: u64,
}

impl Database {
    fn create(file: PathBuf, count: u64) -> Result<Self> {
        let secret = secret()?;
        let unsealed = unsealed_by(Arc::new(SqliteStore::create(&file)?), &secret)?;
        let rings = of(&unsealed);
        rate::for_each(count, |number| {
            rings.create(&name(number)?, Algorithm::Aes256Gcm)?;
            Ok(())
        })?;
        while drain(&unsealed, 400, &mut |_| ())? > 0 {}
        Ok(Self { file, secret, rings: count })
    }

    /// What a new process does until its first answer.
    fn open(&self) -> Result<(Unsealed, Rings)> {
        let store = Arc::new(SqliteStore::open(&self.file)?);
        let sealed = Sealed::open(store, Arc::new(RustCrypto::new()), Arc::new(SystemClock))?;
        let unsealed = sealed.unseal(&Unlock::Secret(&self.secret))?;
        let rings = of(&unsealed);
        rings.encrypt(&name(self.rings / 2)?, &MESSAGE, b"")?;
        Ok((unsealed, rings))
    }

    fn start(&self) -> Result<f64> {
        let began = Instant::now();
        self.open()?;
        Ok(began.elapsed().as_secs_f64())
    }
}

fn of(unsealed: &Unsealed) -> Rings {
    let options = Options { cache_bytes: BUDGET, ..Options::default() };
    Kms::with_options(unsealed.base(), options).without_caller(unsealed.first_tenant())
}

/// Names of users do not come in order.
fn name(number: u64) -> Result<Name> {
    Ok(Name::parse(&format!("user-{:016x}", number.wrapping_mul(0x9e37_79b9_7f4a_7c15)))?)
}

pub(crate) fn measure(effort: &Effort, folder: &Path, table: &mut Table) -> Result<()> {
    let began = Instant::now();
    let crowd = Database::create(folder.join("crowd.db"), effort.crowd)?;
    let size = fs::metadata(&crowd.file)?.len() >> 20;
    let made = format!("{size} MiB on disk, made in {:.0} s", began.elapsed().as_secs_f64());
    let one = Database::create(folder.join("one.db"), 1)?;
    let count = effort.crowd;
    table.add(Row {
        work: format!("start to the first answer, {count} rings"),
        beside: "the same with one ring",
        unit: Unit::Seconds,
        found: Found::Beside(waiting(effort.starts, || crowd.start(), || one.start())?),
        target: Target::AtMost(1.5),
        note: Some(made),
    });
    let (_open, rings) = crowd.open()?;
    miss(effort, &rings, table)?;
    hit(effort, &rings, &one, table)?;
    list(count, &rings, table)
}

/// A ring that is not in memory, once memory is full.
fn miss(effort: &Effort, rings: &Rings, table: &mut Table) -> Result<()> {
    let before = resident()?;
    let any = || name(u128::from_be_bytes(random_id()) as u64 % effort.crowd);
    // As many as surely fill the budget, or all.
    for number in 0..effort.crowd.min(200_000) {
        rings.encrypt(&name(number)?, &MESSAGE, b"")?;
    }
    let note =
        format!("memory grew by {} MiB, of a budget of {}", (resident()? - before) >> 20, BUDGET >> 20);
    let mut times = Vec::new();
    for _ in 0..MISSES {
        let ring = any()?;
        if !rings.cached(&ring) {
            let began = Instant::now();
            rings.encrypt(&ring, &MESSAGE, b"")?;
            times.push(began.elapsed().as_secs_f64());
        }
    }
    // All fit where there are few: then there is none.
    if times.is_empty() {
        return Ok(());
    }
    times.sort_by(f64::total_cmp);
    let late = times[times.len() * 99 / 100] * 1e6;
    table.add(Row {
        work: format!("kms.encrypt 64 B, a miss among {} rings", effort.crowd),
        beside: "",
        unit: Unit::Seconds,
        found: Found::Alone(Spread::of(times)),
        target: Target::AtMost(1e-3),
        note: Some(format!("99 of 100 within {late:.0} us; {note}")),
    });
    Ok(())
}

/// A ring that is in memory among all that memory holds.
fn hit(effort: &Effort, rings: &Rings, one: &Database, table: &mut Table) -> Result<()> {
    let (_open, alone) = one.open()?;
    let (ours, theirs) = (name(effort.crowd / 2)?, name(0)?);
    let found = computing(
        effort,
        || drop(black_box(rings.encrypt(&ours, black_box(&MESSAGE), b""))),
        || drop(black_box(alone.encrypt(&theirs, black_box(&MESSAGE), b""))),
    );
    table.add(Row {
        work: "kms.encrypt 64 B, a hit with memory full".into(),
        beside: "the same with one ring",
        unit: Unit::Seconds,
        found: Found::Beside(found),
        target: Target::AtMost(1.1),
        note: None,
    });
    Ok(())
}

/// All pages of a filter that no ring fits: what it costs to look at every one.
fn list(count: u64, rings: &Rings, table: &mut Table) -> Result<()> {
    let rare = Filter { state: Some(RingState::Disabled), ..Filter::default() };
    let (mut times, mut cursor) = (Vec::new(), None);
    loop {
        let began = Instant::now();
        let page = rings.find(&rare, cursor.as_deref(), 100)?;
        times.push(began.elapsed().as_secs_f64());
        cursor = page.next;
        if cursor.is_none() {
            break;
        }
    }
    let all = format!("{} pages, {:.1} s for all {count}", times.len(), times.iter().sum::<f64>());
    table.add(Row {
        work: "kms.find, a page of a filter that none fits".into(),
        beside: "",
        unit: Unit::Seconds,
        found: Found::Alone(Spread::of(times)),
        target: Target::AtMost(0.1),
        note: Some(all),
    });
    Ok(())
}

/// Memory of this process that is there, in bytes: proc(5), in pages.
fn resident() -> Result<usize> {
    let pages = fs::read_to_string("/proc/self/statm")?;
    let pages: usize = pages.split(' ').nth(1).ok_or("no such field")?.parse()?;
    Ok(pages * rustix::param::page_size())
}
