use std::fs;

use strongroom::{
    SqliteStore, Strongroom, Unlock,
    backup::{self, RecoveryKey},
    sqlite::rusqlite::Connection,
};

use crate::support::{database, secret};

#[test]
fn the_file_of_an_application_is_backed_up_and_restored_as_a_whole() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let application = Connection::open(at("app.db")).unwrap();
    application
        .execute_batch("CREATE TABLE account (id INTEGER); INSERT INTO account VALUES (1), (2);")
        .unwrap();
    let store = SqliteStore::create_in(at("app.db")).unwrap();
    let (room, _) = database(&store);
    let recovery = RecoveryKey::generate(&strongroom::RustCrypto::new()).unwrap();
    let trusted = [backup::signer(&room).unwrap()];
    backup::take(&room, &store, &[recovery.recipient()], &at("a.backup"), &mut |_| ()).unwrap();

    let from = || fs::File::open(at("a.backup")).unwrap();
    let restored =
        backup::restore(&mut from(), &recovery, &trusted, &at("restored.db"), &mut |_| ()).unwrap();
    assert!(restored.application);
    let copy = Connection::open(at("restored.db")).unwrap();
    let accounts: i64 = copy.query_row("SELECT count(*) FROM account", [], |row| row.get(0)).unwrap();
    assert_eq!(accounts, 2);
    let store = SqliteStore::open_in(at("restored.db")).unwrap();
    assert_eq!(store.identity().unwrap().restored, Some(restored.origin));
    let secret = secret();
    Strongroom::open(store, &secret).unwrap();

    let (mut from, unlock) = (from(), Unlock::Secret(&secret));
    let drilled = backup::drill(&mut from, &recovery, &trusted, &unlock, folder.path(), &mut |_| ()).unwrap();
    assert!(drilled.is_sound() && drilled.restored.application);
}
