use std::{path::Path, sync::Arc};

use strongroom_core::{Algorithm, Name, drain};
use strongroom_kms::Rings;
use strongroom_store_sqlite::SqliteStore;

use super::store::{Order, Place, plain_rate};
use crate::{
    Result,
    database::{random_id, rings, unsealed},
    effort::Effort,
    measure::waiting,
    rate,
    table::{Found, Row, Table, Target, Unit},
};

const THREADS: usize = 64;

pub(crate) fn measure(effort: &Effort, folder: &Path, table: &mut Table) -> Result<()> {
    let store = SqliteStore::create(folder.join("rings.db"))?;
    let unsealed = unsealed(Arc::new(store))?;
    let rings = rings(&unsealed);
    rate::for_each(effort.existing, |number| {
        rings.create(&name(number)?, Algorithm::Aes256Gcm)?;
        Ok(())
    })?;
    while drain(&unsealed, 400, &mut |_| ())? > 0 {}
    let place = Place::new(folder);
    let found = waiting(
        effort.waiting_rounds,
        || rate::together(THREADS, effort.waiting_slice, || rotate(&rings, effort.existing)),
        || plain_rate(effort, &place, Order::Random),
    )?;
    table.add(Row {
        work: format!("kms.rotate, 64 threads, on {} records", effort.existing),
        beside: "plain rusqlite, 1 thread, single rows",
        unit: Unit::PerSecond,
        found: Found::Beside(found),
        target: Target::AtLeast(3.0),
        note: None,
    });
    Ok(())
}

/// Rotates any of the rings.
fn rotate(rings: &Rings, count: u64) -> Result<()> {
    let (random, _) = u128::from_be_bytes(random_id()).overflowing_shr(64);
    rings.rotate(&name(random as u64 % count)?)?;
    Ok(())
}

fn name(number: u64) -> Result<Name> {
    // Names of a real installation do not come in order.
    Ok(Name::parse(&format!("{:016x}", number.wrapping_mul(0x9e37_79b9_7f4a_7c15)))?)
}
