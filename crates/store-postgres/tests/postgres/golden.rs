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
    assert_eq!((identity.layout, identity.revision), (1, Revision(3)));
    assert_eq!(get(&store, 1).map(|record| record.revision), Some(Revision(3)));
    assert_eq!(get(&store, 2).map(|record| record.value.to_vec()), Some(b"untouched".to_vec()));
    let stale = commit(&store, &[(key(1), Expect::At(Revision(1)))], vec![(key(1), put(b"stale"))]);
    assert_eq!(stale, Outcome::Conflict(key(1)));
    let next = done(&commit(&store, &[(key(1), Expect::At(Revision(3)))], vec![(key(1), put(b"next"))]));
    assert!(next > Revision(3));
}
