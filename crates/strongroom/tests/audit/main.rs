//! The audit log as an application gets it.
#![expect(clippy::unwrap_used, reason = "a test ends at the first surprise")]

use std::{sync::Arc, time::Duration};

use strongroom::{
    Algorithm, DrainError, Name, NewSlot, RustCrypto, Sealed, Strongroom, Unlock, UnsealSecret,
    audit::{InclusionProof, LogId, Query},
    core::{Action, Service, SystemClock, memory::MemoryStore},
};

const SECOND: Duration = Duration::from_secs(1);

fn room(store: &Arc<MemoryStore>, new: bool) -> Strongroom {
    let secret = UnsealSecret::new(vec![7; 32]).unwrap();
    let (store, provider, clock) =
        (Arc::clone(store) as _, Arc::new(RustCrypto::new()), Arc::new(SystemClock));
    let sealed = if new {
        Sealed::create(store, provider, clock, &[NewSlot::Secret(&secret)], Vec::new()).unwrap().sealed
    } else {
        Sealed::open(store, provider, clock).unwrap()
    };
    Strongroom::of(sealed.unseal(&Unlock::Secret(&secret)).unwrap())
}

#[test]
fn what_an_application_changes_is_in_the_log_and_proven_to_others() {
    let room = room(&Arc::new(MemoryStore::new()), true);
    let (orders, tenant) = (Name::parse("orders").unwrap(), room.barrier().first_tenant());
    room.keys().create(&orders, Algorithm::Aes256Gcm).unwrap();
    assert!(room.tend_log(SECOND).unwrap().events >= 1);
    let log = room.audit().unwrap();
    let query = Query { resource: Some(orders), ..Query::default() };
    let page = log.query(tenant, &query, None, 10).unwrap();
    let [found] = &page.found[..] else { panic!("{page:?}") };
    assert_eq!((found.payload.event.service, found.payload.event.action), (Service::Kms, Action::Create));
    let proof = log.prove(tenant, found.index).unwrap().to_string();
    let key = log.verifier_key(LogId::Global).unwrap();
    let proven = InclusionProof::parse(&proof).unwrap().verify(&key).unwrap();
    assert_eq!(proven.payload.unwrap().event, found.payload.event);
}

#[test]
fn events_of_a_database_with_a_log_go_to_nobody_else() {
    let room = room(&Arc::new(MemoryStore::new()), true);
    let create = |name| room.keys().create(&Name::parse(name).unwrap(), Algorithm::Aes256Gcm).unwrap();
    create("orders");
    let mut told = Vec::new();
    let first = room.tend(SECOND, &mut |event| told.push(event.action)).unwrap();
    assert_eq!((first.events, told), (1, vec![Action::Create]), "without a log, its caller keeps them");
    room.tend_log(SECOND).unwrap();
    create("receipts");
    let refused = room.tend(SECOND, &mut |event| panic!("{event:?}"));
    assert!(matches!(refused, Err(DrainError::Logged)), "{refused:?}");
    assert_eq!(room.tend_log(SECOND).unwrap().events, 1, "nothing was lost");
}

#[test]
fn all_who_ask_for_the_log_of_a_database_get_the_same_one() {
    let store = Arc::new(MemoryStore::new());
    let first = room(&store, true);
    let second = room(&store, false);
    let keys = std::thread::scope(|scope| {
        let ask = |room: &Strongroom| room.audit().unwrap().verifier_key(LogId::Global).unwrap();
        let others: Vec<_> = (0..8).map(|at| if at % 2 == 0 { &first } else { &second }).collect();
        let threads: Vec<_> = others.into_iter().map(|room| scope.spawn(move || ask(room))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect::<Vec<_>>()
    });
    assert!(keys.iter().all(|key| *key == keys[0]), "{keys:?}");
    let id = u128::from_be_bytes(first.barrier().database().unwrap());
    assert_eq!(keys[0].origin().to_string(), format!("strongroom/{id:032x}/global"));
}
