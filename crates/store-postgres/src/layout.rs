use std::time::Instant;

use crate::{
    Config, Refusal,
    cause::{Cause, Failure},
    connection::{Columns, Connection, Statement},
};

/// What leads from nothing to the layout of this release. A step only adds: what it finds stays as it is, and a
/// function that works otherwise gets a new number in its name, so nodes of two releases live on one database. It locks
/// tables in the order in which a commit does: records, then lanes.
const STEPS: &[&str] = &[include_str!("layout_1.sql"), include_str!("layout_2.sql")];

/// The least step that a release has to know to use what this one writes.
const LEAST: u32 = 1;

/// The layout that this release knows.
pub(crate) const VERSION: u32 = STEPS.len() as u32;

/// What a store knows of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Meta {
    pub(crate) layout: u32,
    /// Tells this store from all others.
    pub(crate) store: [u8; 16],
    /// Tells this history from those of its copies.
    pub(crate) history: [u8; 16],
}

/// What is in the schema.
#[derive(Debug)]
pub(crate) enum Found {
    Nothing,
    Foreign,
    Store(Meta),
}

/// Relations of our names that are in the schema, and whether all of ours are.
const NAMES: &str = "
    SELECT count(*), count(*) FILTER (WHERE relname = 'strongroom_meta'),
        count(*) FILTER (WHERE relname IN ('strongroom_record', 'strongroom_lane', 'strongroom_revision'))
    FROM pg_catalog.pg_class
    WHERE relnamespace = (SELECT oid FROM pg_catalog.pg_namespace WHERE nspname = current_schema()) AND relname LIKE 'strongroom\\_%' AND relkind IN ('r', 'S', 'v', 'm')";

const META: &str =
    "SELECT layout, least, encode(store_id, 'hex'), encode(history_id, 'hex') FROM strongroom_meta";

const HISTORY: Statement = Statement {
    name: "history",
    text: "SELECT store_id || history_id, least FROM strongroom_meta",
    types: &[],
};

/// A new connection to the database of a store that was opened: another one may have taken its address, and a later
/// release may have changed its layout in a way that this one does not know.
pub(crate) fn reopen(config: &Config, meta: &Meta, deadline: Instant) -> Result<Connection, Cause> {
    let deadline = config.timeouts.attempt(0, deadline);
    let mut connection = Connection::open(config, deadline)?;
    let (mut same, mut known) = (false, false);
    let found = connection.call(&HISTORY, &[], deadline, |row| {
        same = row.bytes()? == [meta.store, meta.history].concat();
        known = row.int()? <= VERSION.cast_signed();
        Ok(())
    });
    match found {
        Ok(()) if same && known => Ok(connection),
        Ok(()) if same => Err(Cause::Newer),
        // No such table.
        Err(Failure::Refused(Cause::Server(state))) if state.is("42P01") => Err(Cause::Exchanged),
        Ok(()) => Err(Cause::Exchanged),
        Err(failure) => Err(failure.cause()),
    }
}

/// Looks without changing anything.
pub(crate) fn look(connection: &mut Connection, deadline: Instant) -> Result<Found, Refusal> {
    let mut names = (0, 0, 0);
    connection.script(NAMES, deadline, |row| {
        names = (number(row)?, number(row)?, number(row)?);
        Ok(())
    })?;
    match names {
        (0, ..) => Ok(Found::Nothing),
        (_, 0, _) => Ok(Found::Foreign),
        (_, _, ours) => match meta(connection, deadline)? {
            None => Ok(Found::Foreign),
            Some(_) if ours < 3 => Err(Refusal::Damaged),
            Some(meta) => Ok(Found::Store(meta)),
        },
    }
}

/// The row of the store; nothing where the table is another program's.
fn meta(connection: &mut Connection, deadline: Instant) -> Result<Option<Meta>, Refusal> {
    let mut rows = Vec::new();
    let read = connection.script(META, deadline, |row| {
        let (layout, least) = (number(row)?, number(row)?);
        rows.push((layout, least, id(row)?, id(row)?));
        Ok(())
    });
    match read {
        // No such column.
        Err(Failure::Refused(Cause::Server(state))) if state.is("42703") => return Ok(None),
        Err(Failure::Lost(Cause::Protocol)) => return Err(Refusal::Damaged),
        other => other?,
    }
    match rows.as_slice() {
        [(_, least, ..)] if *least > VERSION => Err(Refusal::Newer { found: *least, known: VERSION }),
        [(layout @ 1.., 1.., store, history)] => {
            Ok(Some(Meta { layout: *layout, store: *store, history: *history }))
        }
        _ => Err(Refusal::Damaged),
    }
}

/// Lays out a store where there is none. Of several that try at once, one does.
pub(crate) fn create(connection: &mut Connection, deadline: Instant) -> Result<(), Refusal> {
    let (store, history) = (hex(&random_id()?), hex(&random_id()?));
    let text = format!(
        "{} INSERT INTO strongroom_meta
            VALUES (1, {VERSION}, {LEAST}, decode('{store}', 'hex'), decode('{history}', 'hex'));",
        STEPS.concat(),
    );
    // A script without BEGIN is one transaction.
    match connection.script(&text, deadline, |_| Ok(())) {
        // The name is taken: in the catalogue, by a transaction that committed while this one waited.
        Err(Failure::Refused(Cause::Server(state)))
            if ["42P07", "42710", "23505"].iter().any(|taken| state.is(taken)) =>
        {
            Err(Refusal::Exists)
        }
        other => Ok(other?),
    }
}

/// Brings an older layout to that of this release. Of several that try at once, one does.
pub(crate) fn upgrade(connection: &mut Connection, found: u32, deadline: Instant) -> Result<(), Refusal> {
    Ok(raise(connection, STEPS, found, LEAST, deadline)?)
}

/// Makes the steps that come after `found`. A row with another layout by then means that somebody else made them.
fn raise(
    connection: &mut Connection,
    steps: &[&str],
    found: u32,
    least: u32,
    deadline: Instant,
) -> Result<(), Failure> {
    for (step, to) in steps.iter().zip(1_u32..).skip(found as usize) {
        // The division fails where the row is not the one that was found, and nothing happens.
        let from = to - 1;
        let text = format!(
            "SELECT 1 / (layout = {from})::integer FROM strongroom_meta FOR UPDATE; {step}
            UPDATE strongroom_meta SET layout = {to}, least = greatest(least, {least});"
        );
        match connection.script(&text, deadline, |_| Ok(())) {
            Err(Failure::Refused(Cause::Server(state))) if state.is("22012") => {}
            // A deadlock with commits of nodes that are at work.
            Err(Failure::Refused(Cause::Server(state)))
                if state.begins("40") && Instant::now() < deadline =>
            {
                return raise(connection, steps, to - 1, least, deadline);
            }
            other => other?,
        }
    }
    Ok(())
}

fn number<T: std::str::FromStr>(row: &mut Columns<'_>) -> Result<T, Cause> {
    row.text()?.parse().map_err(|_| Cause::Protocol)
}

fn id(row: &mut Columns<'_>) -> Result<[u8; 16], Cause> {
    let text = row.text()?;
    if text.len() != 32 {
        return Err(Cause::Protocol);
    }
    u128::from_str_radix(text, 16).map(u128::to_be_bytes).map_err(|_| Cause::Protocol)
}

fn hex(id: &[u8; 16]) -> String {
    format!("{:032x}", u128::from_be_bytes(*id))
}

pub(crate) fn random_id() -> Result<[u8; 16], Refusal> {
    let mut id = [0; 16];
    getrandom::fill(&mut id).map_err(Refusal::Random).map(|()| id)
}

#[cfg(all(test, feature = "testing"))]
mod tests {
    use std::{sync::Barrier, thread, time::Duration};

    use super::*;
    use crate::{PostgresStore, testing::database};

    #[test]
    fn of_many_nodes_that_find_an_older_layout_each_step_is_made_by_one() {
        let Some(database) = database() else { return };
        drop(PostgresStore::create(database.config()).unwrap());
        // A step that fails if it is made twice, and one that adds to it.
        let steps = [
            STEPS,
            &["CREATE TABLE strongroom_later (id integer);", "INSERT INTO strongroom_later VALUES (7);"],
        ]
        .concat();
        let begin = Barrier::new(6);
        thread::scope(|scope| {
            for _ in 0..6 {
                scope.spawn(|| {
                    let deadline = Instant::now() + Duration::from_secs(20);
                    let mut connection = Connection::open(&database.config(), deadline).unwrap();
                    begin.wait();
                    raise(&mut connection, &steps, VERSION, LEAST + 1, deadline).unwrap();
                });
            }
        });
        let found = "SELECT layout, least, (SELECT count(*) FROM strongroom_later) FROM strongroom_meta";
        assert_eq!(
            database.run(found).unwrap(),
            [VERSION + 2, LEAST + 1, 1].map(|number| number.to_string())
        );
    }
}
