//! What is not a store that this release may use is told apart, and stays as it is.

use std::{sync::Barrier, thread};

use strongroom_core::{Outcome, Store, StoreError};
use strongroom_store_postgres::{
    OpenError, PostgresStore, Refusal,
    testing::{Cluster, Database, database},
};

use crate::support::{commit, done, key, lower, put, value};

/// What is in a schema: relations, functions, and the rows of the meta table.
fn contents(database: &Database) -> Vec<String> {
    database
        .run(
            "SELECT string_agg(relname || relkind::text || relfilenode, ',' ORDER BY relname) FROM pg_class
            WHERE relnamespace = 'public'::regnamespace",
        )
        .unwrap()
}

#[track_caller]
fn is_left_alone(database: &Database, expected: fn(&Refusal) -> bool) {
    let before = contents(database);
    let opened = PostgresStore::open(database.config()).unwrap_err();
    assert!(expected(&opened.why), "{opened:?}");
    assert!(opened.to_string().contains(&format!("database {} on", database.name())), "{opened}");
    let either = PostgresStore::open_or_create(database.config()).unwrap_err();
    assert!(expected(&either.why), "{either:?}");
    assert_eq!(contents(database), before);
}

#[test]
fn a_store_is_created_once_and_opened_only_if_it_is_there() {
    let Some(database) = database() else { return };
    assert!(matches!(PostgresStore::open(database.config()), Err(OpenError { why: Refusal::NotFound, .. })));
    let store = PostgresStore::create(database.config()).unwrap();
    done(&commit(&store, &[], vec![(key(1), put(b"kept"))]));
    assert!(matches!(PostgresStore::create(database.config()), Err(OpenError { why: Refusal::Exists, .. })));
    let again = PostgresStore::open(database.config()).unwrap();
    assert_eq!(value(&again, 1), Some(b"kept".to_vec()));
    assert_eq!(store.identity().unwrap(), again.identity().unwrap());
}

#[test]
fn of_many_nodes_that_start_on_a_new_database_one_lays_it_out() {
    let Some(database) = database() else { return };
    let begin = Barrier::new(8);
    let ids: Vec<_> = thread::scope(|scope| {
        let start = || {
            begin.wait();
            PostgresStore::open_or_create(database.config()).unwrap().identity().unwrap()
        };
        let nodes: Vec<_> = (0..8).map(|_| scope.spawn(start)).collect();
        nodes.into_iter().map(|node| node.join().unwrap()).collect()
    });
    assert!(ids.iter().all(|id| *id == ids[0]));
}

#[test]
fn tables_of_another_program_are_left_alone() {
    let Some(database) = database() else { return };
    database
        .run("CREATE TABLE strongroom_meta (name text); INSERT INTO strongroom_meta VALUES ('x')")
        .unwrap();
    is_left_alone(&database, |error| matches!(error, Refusal::Foreign));
    database.run("DROP TABLE strongroom_meta; CREATE TABLE strongroom_other (name text)").unwrap();
    is_left_alone(&database, |error| matches!(error, Refusal::Foreign));
    assert!(matches!(PostgresStore::create(database.config()), Err(OpenError { why: Refusal::Foreign, .. })));
}

#[test]
fn a_layout_that_needs_a_newer_release_is_refused_and_one_that_only_adds_is_used() {
    let Some(database) = database() else { return };
    drop(PostgresStore::create(database.config()).unwrap());
    database
        .run("UPDATE strongroom_meta SET layout = 9; ALTER TABLE strongroom_lane ADD COLUMN later text")
        .unwrap();
    let store = PostgresStore::open(database.config()).unwrap();
    done(&commit(&store, &[], vec![(key(1), put(b"beside a newer node"))]));
    database.run("UPDATE strongroom_meta SET least = 9").unwrap();
    is_left_alone(&database, |error| matches!(error, Refusal::Newer { found: 9, known: 2 }));
}

#[test]
fn a_store_of_which_a_part_is_missing_is_damaged() {
    let Some(database) = database() else { return };
    drop(PostgresStore::create(database.config()).unwrap());
    database.run("ALTER TABLE strongroom_record RENAME TO gone").unwrap();
    is_left_alone(&database, |error| matches!(error, Refusal::Damaged));
    database.run("ALTER TABLE gone RENAME TO strongroom_record; DELETE FROM strongroom_meta").unwrap();
    is_left_alone(&database, |error| matches!(error, Refusal::Damaged));
}

#[test]
fn a_database_or_schema_that_is_not_there_is_named_as_such() {
    let Some(database) = database() else { return };
    let no_schema = PostgresStore::create(database.config().with_schema("no \"such"));
    assert!(matches!(no_schema, Err(OpenError { why: Refusal::NoDatabase, .. })));
    database.run("CREATE SCHEMA \"od\"\"d name\"").unwrap();
    let odd = PostgresStore::create(database.config().with_schema("od\"d name")).unwrap();
    done(&commit(&odd, &[], vec![(key(1), put(b"x"))]));
    assert!(matches!(PostgresStore::open(database.config()), Err(OpenError { why: Refusal::NotFound, .. })));
}

#[test]
fn another_store_that_took_the_address_is_not_written_to() {
    let Some(database) = database() else { return };
    let store = PostgresStore::create(database.config()).unwrap();
    done(&commit(&store, &[], vec![(key(1), put(b"x"))]));
    database
        .run(
            "UPDATE strongroom_meta SET history_id = decode(repeat('ab', 16), 'hex');
            SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
            WHERE datname = current_database() AND pid <> pg_backend_pid()",
        )
        .unwrap();
    assert!(matches!(store.get_many(&[key(1)]), Err(StoreError::Engine(_))));
    let lowered = lower(&store, &[], vec![(key(1), put(b"y"))]);
    assert!(!matches!(store.commit(&lowered), Ok(Outcome::Done(_))));
    let other = PostgresStore::open(database.config()).unwrap();
    assert_eq!(value(&other, 1), Some(b"x".to_vec()));
}

#[test]
fn a_server_that_only_reads_is_refused() {
    let Some(database) = database() else { return };
    let store = PostgresStore::create(database.config()).unwrap();
    database
        .run(&format!("ALTER DATABASE {} SET default_transaction_read_only = on", database.name()))
        .unwrap();
    assert!(matches!(PostgresStore::open(database.config()), Err(OpenError { why: Refusal::ReadOnly, .. })));
    drop(store);
}

#[test]
fn a_server_that_does_not_sync_is_refused() {
    let Some(cluster) = Cluster::start(&["fsync=off"]) else { return };
    let refused = PostgresStore::create(cluster.first_database().config());
    assert!(matches!(refused, Err(OpenError { why: Refusal::NotDurable, .. })), "{refused:?}");
}

#[test]
fn a_standby_is_refused() {
    let Some(mut cluster) = Cluster::start(&[]) else { return };
    drop(PostgresStore::create(cluster.first_database().config()).unwrap());
    cluster.become_standby();
    let refused = PostgresStore::open(cluster.first_database().config());
    assert!(matches!(refused, Err(OpenError { why: Refusal::ReadOnly, .. })), "{refused:?}");
}

#[test]
fn deleted_bytes_are_not_promised_to_be_gone() {
    let Some(database) = database() else { return };
    let store = PostgresStore::create(database.config()).unwrap();
    assert!(matches!(store.scrub(), Err(StoreError::Unsupported(_))));
}

#[test]
fn durability_is_turned_on_where_the_database_turns_it_off() {
    let Some(database) = database() else { return };
    database
        .run(&format!(
            "ALTER DATABASE {0} SET synchronous_commit = off;
            ALTER DATABASE {0} SET default_transaction_isolation = 'repeatable read'",
            database.name()
        ))
        .unwrap();
    // The connections of a store and of `run` have the same settings.
    let settings = "SELECT current_setting('synchronous_commit'), current_setting('transaction_isolation')";
    assert_eq!(database.run(settings).unwrap(), ["on", "read committed"]);
    let store = PostgresStore::create(database.config()).unwrap();
    done(&commit(&store, &[], vec![(key(1), put(b"x"))]));
}
