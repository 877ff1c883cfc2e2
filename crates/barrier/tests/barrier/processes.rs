//! Two processes over one store: each goes on after what the other did.

use std::time::Duration;

use strongroom_barrier::{NewSlot, Reentered, Split, Unlock, Unsealed};
use strongroom_core::{
    CommitError, Direction, Outcome, Range, RecordKey, Store, Table, Tenant, Worker, commit, run_due,
    tap::Tapped,
};
use strongroom_keys::envelope::Header;

use crate::{
    db::{Db, NOW, SYSTEM, TENANTS, batch, file, name, put, rewrap, secret, value},
    engines::Interrupt,
};

fn version(db: &Db, key: &RecordKey) -> u32 {
    let row = db.engine.get_many(std::slice::from_ref(key)).unwrap().pop().flatten().unwrap();
    Header::parse(&row.value).unwrap().key.version
}

#[test]
fn a_batch_that_was_lowered_before_its_key_was_replaced_does_not_land() {
    let db = Db::new();
    let (one, two) = (db.by_file(), db.by_shares());
    let tenant = one.first_tenant();
    for rotates in [&one, &two] {
        let lowered = one.lower(batch(&name(tenant, "a"), b"late")).unwrap();
        rotates.rotate_tenant(&SYSTEM, tenant).unwrap();
        let Outcome::Conflict(key) = one.commit(&lowered).unwrap() else { unreachable!("it landed") };
        assert!(db.rows(TENANTS).iter().any(|(row, _)| *row == key), "it conflicts over a tenant's keys");
        assert_eq!(value(&one, &name(tenant, "a")).unwrap(), None);
    }
    put(&one, &name(tenant, "a"), b"planned anew").unwrap();
    assert_eq!(version(&db, &name(tenant, "a")), 3);
}

#[test]
fn a_process_with_stale_keys_reads_and_writes_on() {
    let db = Db::new();
    let (one, two) = (db.by_file(), db.by_shares());
    let tenant = one.first_tenant();
    put(&two, &name(tenant, "b"), b"keys are in memory now").unwrap();
    one.rotate_tenant(&SYSTEM, tenant).unwrap();
    put(&one, &name(tenant, "a"), b"under version 2").unwrap();
    assert_eq!(value(&two, &name(tenant, "a")).unwrap().unwrap(), b"under version 2");
    one.rotate_tenant(&SYSTEM, tenant).unwrap();
    one.rotate_root(&SYSTEM).unwrap();
    rewrap(&one, &db.sealed);
    put(&two, &name(tenant, "b"), b"by itself").unwrap();
    assert_eq!(version(&db, &name(tenant, "b")), 3);
    assert_eq!(value(&one, &name(tenant, "b")).unwrap().unwrap(), b"by itself");
}

#[test]
fn what_a_batch_expects_itself_does_not_stand_in_for_its_keys() {
    let db = Db::new();
    let (one, two) = (db.by_file(), db.by_shares());
    put(&one, &name(Tenant::SYSTEM, "a"), b"keys are in memory now").unwrap();
    two.rotate_tenant(&SYSTEM, Tenant::SYSTEM).unwrap();
    let record = name(Tenant::SYSTEM, "a");
    commit::<_, CommitError>(&one, Tenant::SYSTEM, |mut reader| {
        // Expects the tenant's record as it is now, while the keys in memory are older.
        let range = Range::under(Tenant::SYSTEM, Table::new(TENANTS), &[]).unwrap();
        reader.scan(&range, Direction::Forward, 9)?;
        let mut change = reader.change(());
        change.put(&record, b"again");
        Ok(change)
    })
    .unwrap();
    assert_eq!(version(&db, &record), 2);
}

type Act = fn(&Unsealed, Tenant);

/// What one process does while the other is between two operations.
const MEANWHILE: [Act; 6] = [
    |other, _| assert!(other.rotate_root(&SYSTEM).is_ok()),
    |other, _| {
        other.rotate_root(&SYSTEM).unwrap();
        run_due(other, &[other], NOW, Duration::from_secs(60)).unwrap();
    },
    |other, tenant| assert!(other.rotate_tenant(&SYSTEM, tenant).is_ok()),
    |other, _| {
        other.rotate_tenant(&SYSTEM, Tenant::SYSTEM).unwrap();
        run_due(other, &[other], NOW, Duration::from_secs(60)).unwrap();
        other.create_tenant(&SYSTEM).unwrap();
    },
    |other, _| {
        let added = other.add_slot(&SYSTEM, &NewSlot::Secret(&secret(9)), None).unwrap();
        let split = Split { shares: 2, threshold: 2 };
        let proposed = other.propose(&SYSTEM, added.id, split).unwrap();
        other.confirm(&SYSTEM, &proposed.shares, Reentered::All).unwrap();
    },
    // Every record is sealed anew, and what it lay under destroyed.
    |other, tenant| {
        other.rotate_tenant(&SYSTEM, tenant).unwrap();
        run_due(other, &[other], NOW, Duration::from_secs(60)).unwrap();
    },
];

/// Runs `work` with each act before each of its operations; `warm` says whether keys are in memory before.
fn interrupted_everywhere(work: impl Fn(&Unsealed, Tenant, &Db)) {
    for (act, warm) in MEANWHILE.into_iter().flat_map(|act| [(act, false), (act, true)]) {
        for at in 0.. {
            let db = Db::new();
            let other = db.by_shares();
            let tenant = other.first_tenant();
            other.rotate_root(&SYSTEM).unwrap();
            put(&other, &name(tenant, "a"), b"before").unwrap();
            let engine = Tapped::over(db.engine.clone(), Interrupt::new(at, move || act(&other, tenant)));
            let unsealed = db.through(engine.clone()).unseal(&Unlock::Secret(&file())).unwrap();
            if warm {
                put(&unsealed, &name(tenant, "b"), b"warm").unwrap();
            }
            engine.tap.arm();
            work(&unsealed, tenant, &db);
            let reader = db.by_shares();
            rewrap(&reader, &db.sealed);
            assert_eq!(value(&reader, &name(tenant, "a")).unwrap().unwrap(), b"before");
            if !engine.tap.acted() {
                break;
            }
        }
    }
}

#[test]
fn reading_and_writing_go_on_whatever_another_process_does_in_between() {
    interrupted_everywhere(|unsealed, tenant, _| {
        assert_eq!(value(unsealed, &name(tenant, "a")).unwrap().unwrap(), b"before");
        put(unsealed, &name(tenant, "c"), b"c").unwrap();
        assert_eq!(value(unsealed, &name(tenant, "c")).unwrap().unwrap(), b"c");
    });
}

#[test]
fn changes_of_the_hierarchy_go_on_whatever_another_process_does_in_between() {
    interrupted_everywhere(|unsealed, tenant, _| {
        let made = unsealed.create_tenant(&SYSTEM).unwrap();
        put(unsealed, &name(made, "a"), b"a").unwrap();
        unsealed.rotate_tenant(&SYSTEM, tenant).unwrap();
        unsealed.rotate_root(&SYSTEM).unwrap();
    });
}

#[test]
fn changes_of_slots_go_on_whatever_another_process_does_in_between() {
    interrupted_everywhere(|unsealed, _, _| {
        let third = secret(10);
        let added = unsealed.add_slot(&SYSTEM, &NewSlot::Secret(&third), None).unwrap();
        let split = Split { shares: 2, threshold: 2 };
        let proposed = unsealed.propose(&SYSTEM, added.id, split).unwrap();
        unsealed.confirm(&SYSTEM, &proposed.shares, Reentered::All).unwrap();
        unsealed.remove_slot(&SYSTEM, proposed.id).unwrap();
        unsealed.rotate_root(&SYSTEM).unwrap();
    });
}

#[test]
fn a_slot_that_another_process_adds_beside_a_rotation_of_the_root_opens_afterwards() {
    for at in 0.. {
        let db = Db::new();
        let other = db.by_shares();
        let add = move || drop(other.add_slot(&SYSTEM, &NewSlot::Secret(&secret(9)), None).unwrap());
        let engine = Tapped::over(db.engine.clone(), Interrupt::new(at, add));
        let unsealed = db.through(engine.clone()).unseal(&Unlock::Secret(&file())).unwrap();
        engine.tap.arm();
        unsealed.rotate_root(&SYSTEM).unwrap();
        if !engine.tap.acted() {
            break;
        }
        db.sealed.verify(&Unlock::Secret(&secret(9))).unwrap();
        unsealed.rotate_root(&SYSTEM).unwrap();
    }
}

#[test]
fn a_process_goes_on_whatever_another_one_does_while_its_own_slot_goes() {
    interrupted_everywhere(|unsealed, tenant, db| {
        unsealed.replace_slot(&SYSTEM, db.file_slot(), &NewSlot::Secret(&secret(11))).unwrap();
        unsealed.rotate_root(&SYSTEM).unwrap();
        let made = unsealed.create_tenant(&SYSTEM).unwrap();
        put(unsealed, &name(made, "a"), b"a").unwrap();
        assert_eq!(value(unsealed, &name(tenant, "a")).unwrap().unwrap(), b"before");
    });
}

#[test]
fn unsealing_goes_on_whatever_another_process_does_in_between() {
    for act in MEANWHILE {
        for at in 0.. {
            let db = Db::new();
            let other = db.by_shares();
            let tenant = other.first_tenant();
            let engine = Tapped::over(db.engine.clone(), Interrupt::new(at, move || act(&other, tenant)));
            let sealed = db.through(engine.clone());
            engine.tap.arm();
            for unlock in [Unlock::Secret(&file()), Unlock::Shares(&db.shares[..2])] {
                put(&sealed.unseal(&unlock).unwrap(), &name(tenant, "a"), b"x").unwrap();
            }
            if !engine.tap.acted() {
                break;
            }
        }
    }
}

#[test]
fn rewrapping_that_meets_another_process_conflicts_at_most() {
    interrupted_everywhere(|unsealed, _, _| {
        let report = run_due(unsealed, &[unsealed as &dyn Worker], NOW, Duration::from_secs(60)).unwrap();
        let conflicts = |error: &CommitError| matches!(error, CommitError::Conflict(_));
        assert!(report.failed.iter().all(|(_, error)| conflicts(error)), "{report:?}");
    });
}

#[test]
fn threads_that_rotate_everything_at_once_lose_nothing() {
    let db = Db::new();
    let processes = [db.by_file(), db.by_shares()];
    let tenant = processes[0].first_tenant();
    let work = |unsealed: &Unsealed, thread: usize| {
        for round in 0..6 {
            let retry = |answer: Result<u32, CommitError>| {
                assert!(matches!(answer, Ok(_) | Err(CommitError::Contended)), "{answer:?}");
            };
            let key = name(tenant, &format!("{thread}-{round}"));
            put(unsealed, &key, b"x").unwrap();
            retry(unsealed.rotate_root(&SYSTEM));
            retry(unsealed.rotate_tenant(&SYSTEM, tenant));
            for (_, error) in run_due(unsealed, &[unsealed], NOW, Duration::from_secs(60)).unwrap().failed {
                assert!(matches!(error, CommitError::Conflict(_)), "{error:?}");
            }
            assert_eq!(value(unsealed, &key).unwrap().unwrap(), b"x");
        }
    };
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let unsealed = &processes[thread % 2];
            scope.spawn(move || work(unsealed, thread));
        }
    });
    let reader = db.by_shares();
    rewrap(&reader, &db.sealed);
    for (thread, round) in (0..4).flat_map(|thread| (0..6).map(move |round| (thread, round))) {
        assert!(value(&reader, &name(tenant, &format!("{thread}-{round}"))).unwrap().is_some());
    }
}
