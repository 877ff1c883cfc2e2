//! A database moves to another engine: all of it or none, and whatever happens in between.

use std::sync::Arc;

use strongroom_barrier::{CopyError, CopyStep, CreateError, NewSlot, OpenError, Sealed, Unlock, copy, fsck};
use strongroom_core::{
    CommitError, RecordKey, Table, Tenant, commit,
    fault::{Fault, FaultStore},
};
use strongroom_store_postgres::testing::Engine;

use crate::db::{Db, STATE, SYSTEM, file, name, provider, put, read_key, value, write};

/// A database of two tenants with so many rows.
fn database(rows: usize) -> (Db, Tenant) {
    let db = Db::new();
    let unsealed = db.by_file();
    let tenant = unsealed.create_tenant(&SYSTEM).unwrap();
    for number in 0..rows {
        put(&unsealed, &name(tenant, &format!("row {number:04}")), format!("value {number}").as_bytes())
            .unwrap();
    }
    (db, tenant)
}

fn opens(target: &Arc<Engine>, db: &Db) -> Result<Sealed, OpenError> {
    Sealed::open(target.clone(), provider(), db.clock.clone())
}

/// The target is the database: every row of it is there, opens, and nothing else is.
fn is_the_database(target: &Arc<Engine>, db: &Db, tenant: Tenant) {
    assert_eq!(target.dump(), db.engine.dump());
    let unsealed = opens(target, db).unwrap().unseal(&Unlock::Secret(&file())).unwrap();
    assert_eq!(value(&unsealed, &name(tenant, "row 0003")).unwrap().unwrap(), b"value 3");
    assert!(fsck(&**target, &unsealed, &[], &mut |_| {}).unwrap().is_sound());
}

#[test]
fn a_copy_is_the_same_database_and_tells_how_far_it_is() {
    let (db, tenant) = database(1_000);
    let (target, mut steps) = (Arc::new(Engine::new()), Vec::new());
    let copied = copy(&*db.engine, &*target, &mut |step| steps.push(step)).unwrap();
    assert_eq!(copied.rows, db.engine.dump().len() as u64);
    assert!(steps.contains(&CopyStep::Written(copied.rows)));
    assert!(steps.contains(&CopyStep::Compared(copied.rows - 1)), "{steps:?}");
    is_the_database(&target, &db, tenant);
}

#[test]
fn a_copy_that_ended_at_any_operation_is_no_database_and_can_be_made_again() {
    let (db, tenant) = database(40);
    for fault in [Fault::Fail, Fault::Crash, Fault::CrashAfter, Fault::LoseAnswer] {
        for at in 0.. {
            let target = Arc::new(Engine::new());
            let faulty = FaultStore::new(target.clone(), fault, at);
            let copied = copy(&*db.engine, &faulty, &mut |_| {});
            let struck = faulty.operations() > at;
            match copied {
                Ok(_) => is_the_database(&target, &db, tenant),
                // The last commit may have happened, with its answer lost for good.
                Err(_) if opens(&target, &db).is_ok() => is_the_database(&target, &db, tenant),
                Err(_) => {
                    let slots = [NewSlot::Secret(&file())];
                    if !target.dump().is_empty() {
                        let made =
                            Sealed::create(target.clone(), provider(), db.clock.clone(), &slots, Vec::new());
                        assert!(matches!(made, Err(CreateError::Exists)), "on top of a copy, at {at}");
                    }
                    copy(&*db.engine, &*target, &mut |_| {}).unwrap();
                    is_the_database(&target, &db, tenant);
                }
            }
            if !struck {
                break;
            }
        }
    }
}

#[test]
fn an_unfinished_copy_is_emptied_before_it_is_made_again() {
    let (db, tenant) = database(40);
    let target = Arc::new(Engine::new());
    let faulty = FaultStore::new(target.clone(), Fault::Crash, 6);
    copy(&*db.engine, &faulty, &mut |_| {}).unwrap_err();
    // The source goes on, and loses a row that the copy has.
    let unsealed = db.by_file();
    let gone = name(tenant, "row 0007");
    commit(&unsealed, tenant, |reader| {
        let mut change = reader.change(());
        change.delete(&gone);
        Ok::<_, CommitError>(change)
    })
    .unwrap();
    copy(&*db.engine, &*target, &mut |_| {}).unwrap();
    is_the_database(&target, &db, tenant);
}

#[test]
fn a_target_with_anything_in_it_is_left_alone() {
    let (db, _) = database(3);
    let (other, _) = database(3);
    let before = other.engine.dump();
    assert!(matches!(copy(&*db.engine, &*other.engine, &mut |_| {}), Err(CopyError::NotEmpty)));
    assert_eq!(other.engine.dump(), before);
    // Nor is an unfinished copy of another database.
    let target = Arc::new(Engine::new());
    copy(&*other.engine, &FaultStore::new(target.clone(), Fault::Crash, 5), &mut |_| {}).unwrap_err();
    let before = target.dump();
    assert!(!before.is_empty());
    assert!(matches!(copy(&*db.engine, &*target, &mut |_| {}), Err(CopyError::NotEmpty)));
    assert_eq!(target.dump(), before);
    let stray = Arc::new(Engine::new());
    let key = RecordKey::new(Tenant::from_bytes([9; 16]), Table::new(0x7f01), &[]).unwrap();
    write(&*stray, [(key, Some(b"of somebody".to_vec()))]);
    assert!(matches!(copy(&*db.engine, &*stray, &mut |_| {}), Err(CopyError::NotEmpty)));
}

#[test]
fn a_source_without_a_database_is_not_copied() {
    let target = Engine::new();
    assert!(matches!(copy(&Engine::new(), &target, &mut |_| {}), Err(CopyError::Uninitialized)));
    assert!(target.dump().is_empty());
}

#[test]
fn a_source_that_is_written_to_meanwhile_is_not_copied() {
    let (db, tenant) = database(100);
    let (target, unsealed) = (Arc::new(Engine::new()), db.by_file());
    let mut written = false;
    let copied = copy(&*db.engine, &*target, &mut |step| {
        if matches!(step, CopyStep::Compared(_)) && !std::mem::replace(&mut written, true) {
            put(&unsealed, &name(tenant, "zz"), b"too late for the copy").unwrap();
        }
    });
    assert!(matches!(copied, Err(CopyError::Changed | CopyError::Differs(_))), "{copied:?}");
    assert!(matches!(opens(&target, &db), Err(OpenError::Uninitialized)));
}

#[test]
fn a_target_that_loses_or_changes_a_row_is_found_out() {
    let (db, _) = database(10);
    let rows = db.engine.dump();
    for (key, bytes) in rows.iter().filter(|(key, _)| read_key(key).table() != Table::new(STATE)) {
        for now in [None, Some([&bytes[1..], &[0]].concat())] {
            let target = Engine::new();
            let copied = copy(&*db.engine, &target, &mut |step| {
                if matches!(step, CopyStep::Written(_)) {
                    write(&target, [(read_key(key), now.clone())]);
                }
            });
            assert!(matches!(copied, Err(CopyError::Differs(_))), "{copied:?}");
        }
    }
}
