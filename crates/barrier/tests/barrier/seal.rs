//! After the answer of `seal` nothing works and no key is left.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use strongroom_barrier::{Sealed, Unlock, Unsealed};
use strongroom_core::{
    Batch, CommitError, Direction, Range, Reader, StillInside, Store, StoreError, Tenant, Worker,
    fault::{Fault, FaultStore},
    run_due,
    tap::Tapped,
};

use crate::{
    db::{Db, NOW, SYSTEM, TABLE, batch, file, name, put, store_error, value},
    engines::Turnstile,
    keys::Counting,
};

const LONG: Duration = Duration::from_secs(60);

fn is_sealed<T: std::fmt::Debug>(answer: Result<T, impl Into<CommitError>>) {
    let error = store_error(answer);
    assert!(matches!(error, StoreError::Sealed), "{error:?}");
}

#[test]
fn every_clone_answers_sealed_on_every_method() {
    let db = Db::new();
    let unsealed = db.by_file();
    let tenant = unsealed.first_tenant();
    let key = name(tenant, "a");
    put(&unsealed, &key, b"x").unwrap();
    unsealed.rotate_root(&SYSTEM).unwrap();
    let lowered = unsealed.lower(batch(&key, b"too late")).unwrap();
    let (clone, base) = (unsealed.clone(), unsealed.base());
    unsealed.seal(LONG).unwrap();
    let before = db.engine.dump();
    for sealed in [&unsealed, &clone] {
        assert!(sealed.is_sealed());
        is_sealed(sealed.get_many(std::slice::from_ref(&key)));
        is_sealed(sealed.get_many(&[]));
        let range = Range::under(tenant, TABLE, &[]).unwrap();
        is_sealed(sealed.scan(&range, Direction::Forward, 1));
        is_sealed(sealed.lower(Batch::default()).map(drop));
        is_sealed(sealed.commit(&lowered));
        is_sealed(sealed.scrub());
        is_sealed(sealed.create_tenant(&SYSTEM));
        is_sealed(sealed.rotate_root(&SYSTEM));
        is_sealed(sealed.rotate_tenant(&SYSTEM, tenant));
        let reader = || Reader::new(sealed, Tenant::SYSTEM);
        is_sealed(sealed.plan_create_tenant(reader(), &SYSTEM));
        is_sealed(sealed.plan_rotate_root(reader(), &SYSTEM));
        is_sealed(sealed.plan_rotate_tenant(reader(), &SYSTEM, tenant));
        is_sealed(run_due(sealed, &[sealed as &dyn Worker], NOW, LONG));
        sealed.seal(Duration::ZERO).unwrap();
    }
    is_sealed(base.enter().map(drop));
    is_sealed(value(&*base.store, &key));
    assert_eq!(db.engine.dump(), before);
    assert_eq!(value(&db.by_file(), &key).unwrap().unwrap(), b"x", "unsealed again, all is there");
}

#[test]
fn a_plan_of_before_does_not_commit_after() {
    let db = Db::new();
    let unsealed = db.by_file();
    let reader = Reader::new(&unsealed, Tenant::SYSTEM);
    let change = unsealed.plan_rotate_root(reader, &SYSTEM).unwrap();
    unsealed.seal(LONG).unwrap();
    is_sealed(change.commit(&unsealed));
    assert_eq!(db.sealed.status().unwrap().root, 1);
}

#[test]
fn sealing_wipes_every_key() {
    let db = Db::new();
    let provider = Arc::new(Counting::default());
    let sealed = Sealed::open(db.engine.clone(), provider.clone(), db.clock.clone()).unwrap();
    let unsealed = sealed.unseal(&Unlock::Secret(&file())).unwrap();
    let (clone, base) = (unsealed.clone(), unsealed.base());
    put(&unsealed, &name(unsealed.first_tenant(), "a"), b"x").unwrap();
    unsealed.create_tenant(&SYSTEM).unwrap();
    // The slot's key; of two tenants one key and one blind key each. No root is kept.
    assert_eq!(provider.live(), 5);
    unsealed.seal(LONG).unwrap();
    assert_eq!(provider.live(), 0, "while its clones are there: {clone:?} {base:?}");
}

#[test]
fn a_running_operation_ends_and_wipes_when_it_is_out() {
    let db = Db::new();
    let provider = Arc::new(Counting::default());
    let engine = Tapped::over(db.engine.clone(), Turnstile::default());
    let sealed = Sealed::open(engine.clone(), provider.clone(), db.clock.clone()).unwrap();
    let unsealed = sealed.unseal(&Unlock::Secret(&file())).unwrap();
    let key = name(unsealed.first_tenant(), "a");
    put(&unsealed, &key, b"x").unwrap();
    engine.tap.shut(true);
    let running = std::thread::spawn({
        let (unsealed, key) = (unsealed.clone(), key.clone());
        move || value(&unsealed, &key)
    });
    engine.tap.wait_for_one();
    assert_eq!(unsealed.seal(Duration::from_millis(20)), Err(StillInside(1)));
    assert!(unsealed.is_sealed());
    is_sealed(value(&unsealed, &key));
    assert!(provider.live() > 0, "it still needs its keys");
    engine.tap.shut(false);
    assert_eq!(running.join().unwrap().unwrap().unwrap(), b"x");
    unsealed.seal(LONG).unwrap();
    assert_eq!(provider.live(), 0);
}

#[test]
fn nobody_gets_in_after_the_answer() {
    let db = Db::new();
    let engine = Arc::new(FaultStore::new(db.engine.clone(), Fault::Fail, u64::MAX));
    let sealed = db.through(engine.clone());
    for _ in 0..20 {
        let unsealed = sealed.unseal(&Unlock::Secret(&file())).unwrap();
        let answered = AtomicBool::new(false);
        let work = |unsealed: &Unsealed, thread: usize| {
            let key = name(unsealed.first_tenant(), &thread.to_string());
            loop {
                let late = answered.load(Ordering::SeqCst);
                match put(unsealed, &key, b"x") {
                    Ok(()) => assert!(!late, "it began after the answer and was done"),
                    Err(CommitError::Store(StoreError::Sealed)) => return,
                    Err(other) => unreachable!("{other:?}"),
                }
            }
        };
        std::thread::scope(|scope| {
            for thread in 0..4 {
                let (unsealed, work) = (&unsealed, &work);
                scope.spawn(move || work(unsealed, thread));
            }
            std::thread::sleep(Duration::from_millis(2));
            unsealed.seal(LONG).unwrap();
            let operations = engine.operations();
            answered.store(true, Ordering::SeqCst);
            std::thread::sleep(Duration::from_millis(2));
            assert_eq!(engine.operations(), operations, "the engine was asked after the answer");
        });
    }
}
