use strongroom_core::{Expect, Outcome, Revision};
use strongroom_store_postgres::{PostgresStore, testing::database};

use crate::support::{commit, done, get, key, put};

/// Schema and data as the first release with this engine left them.
pub(crate) const FIRST: &str = include_str!("../golden/layout-1.sql");

#[test]
fn a_store_that_the_first_release_made_opens_and_goes_on() {
    let Some(database) = database() else { return };
    database.run(FIRST).unwrap();
    let store = PostgresStore::open(database.config()).unwrap();
    let identity = store.identity().unwrap();
    assert_eq!((identity.layout, identity.revision), (2, Revision(3)));
    assert_eq!(get(&store, 1).map(|record| record.revision), Some(Revision(3)));
    assert_eq!(get(&store, 2).map(|record| record.value.to_vec()), Some(b"untouched".to_vec()));
    let stale = commit(&store, &[(key(1), Expect::At(Revision(1)))], vec![(key(1), put(b"stale"))]);
    assert_eq!(stale, Outcome::Conflict(key(1)));
    let next = done(&commit(&store, &[(key(1), Expect::At(Revision(3)))], vec![(key(1), put(b"next"))]));
    assert!(next > Revision(3));
}

#[test]
fn a_store_that_was_brought_here_step_by_step_is_as_one_that_was_made_now() {
    let Some([old, new]) = database().zip(database()).map(|(old, new)| [old, new]) else { return };
    old.run(FIRST).unwrap();
    drop(PostgresStore::open(old.config()).unwrap());
    drop(PostgresStore::create(new.config()).unwrap());
    // What a released step made is never changed: older nodes go on to call it.
    let functions =
        "SELECT string_agg(proname || pg_get_function_arguments(oid) || prosrc, ',' ORDER BY proname)
        FROM pg_proc WHERE pronamespace = 'public'::regnamespace";
    let columns =
        "SELECT string_agg(concat_ws(' ', table_name, column_name, data_type, is_nullable, column_default),
            ',' ORDER BY table_name, ordinal_position)
        FROM information_schema.columns WHERE table_schema = 'public'";
    for question in [functions, columns] {
        assert_eq!(old.run(question).unwrap(), new.run(question).unwrap());
    }
}
