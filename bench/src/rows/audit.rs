use std::{
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use strongroom_audit::AuditLog;
use strongroom_barrier::Unsealed;
use strongroom_core::{
    Action, Base, Caller, Clock, CommitError, Event, Name, Service, SystemClock, Tenant, commit,
    memory::MemoryStore,
};
use strongroom_store_sqlite::SqliteStore;

use super::store::{Order, Place, plain_rate};
use crate::{
    Result, database,
    effort::Effort,
    measure::{Spread, cpu_time, waiting},
    rate,
    table::{Found, Row, Table, Target, Unit},
};

/// Events between two steps, as when many requests a second are answered.
const BATCH: u64 = 400;

pub(crate) fn measure(effort: &Effort, folder: &Path, table: &mut Table) -> Result<()> {
    append(effort, folder, table)?;
    drain_and_prove(effort, table)
}

/// Events that are durable when their call returns, of 64 threads, beside single commits of plain SQLite.
fn append(effort: &Effort, folder: &Path, table: &mut Table) -> Result<()> {
    let place = Place::new(folder);
    let found = waiting(
        effort.waiting_rounds,
        || {
            let unsealed = database::unsealed(Arc::new(SqliteStore::create(place.next())?))?;
            let (base, event) = (unsealed.base(), event(unsealed.first_tenant(), 0)?);
            rate::together(64, effort.waiting_slice, || Ok(put(&base, &event)?))
        },
        || plain_rate(effort, &place, Order::Time),
    )?;
    table.add(Row {
        work: "durable events, 64 threads".to_owned(),
        beside: "plain rusqlite, 1 thread, single rows",
        unit: Unit::PerSecond,
        found: Found::Beside(found),
        target: Target::AtLeast(5.0),
        note: None,
    });
    Ok(())
}

/// Fills a log under a barrier in memory, step by step; then proves events of it.
fn drain_and_prove(effort: &Effort, table: &mut Table) -> Result<()> {
    let unsealed = database::unsealed(Arc::new(MemoryStore::new()))?;
    let log = AuditLog::create(unsealed.base(), &Name::parse("bench")?)?;
    let mut times = Vec::new();
    for first in (0..effort.crowd).step_by(BATCH as usize) {
        times.push(step(&log, &unsealed, first)?);
    }
    table.add(Row {
        work: format!("audit: take over an event, CPU, in steps of {BATCH}"),
        beside: "",
        unit: Unit::Seconds,
        found: Found::Alone(Spread::of(times)),
        target: Target::AtMost(8e-6),
        note: Some("with barrier, in memory".into()),
    });
    let tenant = unsealed.first_tenant();
    let mut times = Vec::new();
    for round in 0..1_000 {
        let index = round * 7_919 % effort.crowd;
        let began = Instant::now();
        std::hint::black_box(log.prove(tenant, index)?);
        times.push(began.elapsed().as_secs_f64());
    }
    table.add(Row {
        work: format!("audit: prove an event of {}", effort.crowd),
        beside: "",
        unit: Unit::Seconds,
        found: Found::Alone(Spread::of(times)),
        target: Target::AtMost(1e-3),
        note: None,
    });
    Ok(())
}

/// The CPU time of taking over one event.
fn step(log: &AuditLog, unsealed: &Unsealed, first: u64) -> Result<f64> {
    let base = unsealed.base();
    for number in first..first + BATCH {
        base.outbox.buffer(event(unsealed.first_tenant(), number)?)?;
    }
    base.outbox.flush(unsealed, SystemClock.now())?;
    let before = cpu_time();
    let events = log.drain_all()?;
    let time: Duration = cpu_time().saturating_sub(before);
    Ok(time.as_secs_f64() / events as f64)
}

fn event(tenant: Tenant, number: u64) -> Result<Event> {
    let name = Name::parse(&format!("key-{}", number % 100))?;
    let caller = Caller::application(tenant);
    Ok(Event::allowed(&caller, SystemClock.now(), Service::Kms, Action::Encrypt, Some(name)))
}

fn put(base: &Base, event: &Event) -> std::result::Result<(), CommitError> {
    commit(&*base.store, Tenant::SYSTEM, |reader| {
        let mut change = reader.change(());
        base.outbox.put(&mut change, event)?;
        Ok(change)
    })
}
