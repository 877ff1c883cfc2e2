use std::{collections::BTreeSet, thread, time::Duration};

use strongroom::{
    SqliteStore, Strongroom, Tenant, backup,
    core::{Action, RecordKey, Segment, Service, Store, StoreError, Table},
};

use crate::support::{House, name};

/// Where the documentation says that the key is.
fn row() -> RecordKey {
    RecordKey::new(Tenant::SYSTEM, Table::new(0x0301), &[]).unwrap()
}

#[test]
fn the_key_that_signs_is_made_once_by_whoever_asks_first_and_its_making_is_an_event() {
    let house = House::new();
    let asked = |_| {
        thread::scope(|scope| {
            let ask = || backup::signer(&house.room).unwrap().to_string();
            let threads: Vec<_> = (0..8).map(|_| scope.spawn(ask)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect::<BTreeSet<_>>()
        })
    };
    let keys: BTreeSet<_> = (0..3).flat_map(asked).collect();
    assert_eq!(keys.len(), 1);
    let mut made = Vec::new();
    let mut note = |event: &strongroom::Event| {
        if event.service == Service::Backup {
            made.push((event.action, event.resource.clone()));
        }
    };
    house.room.tend(Duration::from_secs(1), &mut note).unwrap();
    assert_eq!(made, [(Action::Create, Some(name("backup-signer")))]);
}

#[test]
fn the_key_that_signs_is_the_databases_own_and_stays_over_restart_and_restoration() {
    let (house, other) = (House::new(), House::new());
    let signer = backup::signer(&house.room).unwrap();
    assert_ne!(signer, backup::signer(&other.room).unwrap());
    house.take("a.backup");
    house.restore("a.backup", "restored.db").unwrap();
    assert_eq!(backup::signer(&house.open("restored.db")).unwrap(), signer);
    let (path, secret) = (house.store.path().to_owned(), house.secret);
    drop((house.store, house.room));
    let room = Strongroom::open(SqliteStore::open(path).unwrap(), &secret).unwrap();
    assert_eq!(backup::signer(&room).unwrap(), signer);
}

#[test]
fn the_key_that_signs_lies_sealed_and_is_out_of_reach_once_the_database_is() {
    let house = House::new();
    let signer = backup::signer(&house.room).unwrap();
    let row = row();
    assert_eq!(row.segments().collect::<Vec<Segment<'_>>>(), []);
    let [sealed, open] = [&house.store as &dyn Store, house.room.barrier()]
        .map(|store| store.get_many(std::slice::from_ref(&row)).unwrap().pop().flatten().unwrap().value);
    assert!(sealed.starts_with(b"SR") && !open.starts_with(b"SR"));
    // An array of four: the format, a time, 32 bytes of a secret, 32 bytes of its public half.
    assert!(
        open.starts_with(&[0x84, 0x01, 0x1b]) && open[11..13] == [0x58, 32] && open.len() == 13 + 32 + 2 + 32
    );
    assert!(!sealed.windows(32).any(|part| part == &open[13..45] || part == &open[47..]));
    house.room.seal(Duration::from_secs(9)).unwrap();
    let answer = backup::signer(&house.room);
    assert!(matches!(answer, Err(strongroom::core::UseError::Store(StoreError::Sealed))), "{answer:?}");
    assert_eq!(backup::signer(&reopened(&house)).unwrap(), signer);
}

fn reopened(house: &House) -> Strongroom {
    Strongroom::open(house.store.clone(), &house.secret).unwrap()
}
