//! Keys are replaced when their time has come: once, by whoever does the due work, and nothing is lost.

use std::time::Duration;

use strongroom_barrier::{KeyVersion, Reason, Schedule, Unsealed, fsck};
use strongroom_core::{Action, Due, Event, Tenant, commit, drain, run_due};

use crate::db::{Db, NOW, SYSTEM, due_times, name, put, rewrap, value, version, work_off};

const DAY: Duration = Duration::from_secs(86_400);
const ROOT: &str = "barrier.rotate-root";
const TENANT: &str = "barrier.rotate";

/// One pending row per key: of the root, the system, the first tenant and so many others.
fn one_pending_each(db: &Db, others: usize) {
    assert_eq!(due_times(db, ROOT).len(), 1);
    assert_eq!(due_times(db, TENANT).len(), 2 + others);
}

fn sound(db: &Db, unsealed: &Unsealed) {
    let report = fsck(&*db.engine, unsealed, &[], &mut |_| {}).unwrap();
    assert!(report.is_sound(), "{report:?}");
}

#[test]
fn two_years_of_daily_due_work_rotate_every_key_on_time_and_lose_nothing() {
    let db = Db::new();
    let unsealed = db.by_file();
    let mut tenants = vec![Tenant::SYSTEM, unsealed.first_tenant()];
    tenants.extend((0..2).map(|_| unsealed.create_tenant(&SYSTEM).unwrap()));
    let mut events = Vec::new();
    for day in 0..=730_u64 {
        let now = NOW + DAY * day as u32;
        for tenant in &tenants {
            if day % 30 == 0 {
                put(&unsealed, &name(*tenant, &day.to_string()), &day.to_be_bytes()).unwrap();
            }
        }
        work_off(&unsealed, now);
        while drain(&unsealed, 400, &mut |event: &Event| events.push(event.action)).unwrap() > 0 {}
        db.clock.advance(DAY);
    }
    one_pending_each(&db, 2);
    let root = unsealed.root_status().unwrap();
    let reason = Reason::Scheduled;
    assert_eq!(root.newest, KeyVersion { version: 3, made: NOW + DAY * 730, reason });
    assert_eq!((root.older, root.next_rotation), (vec![], NOW + DAY * (730 + 365)));
    for tenant in &tenants {
        let status = unsealed.tenant_status(*tenant).unwrap();
        let kept: Vec<_> = status.versions.iter().map(|kept| (kept.version, kept.reason)).collect();
        assert_eq!(kept, [(9, reason)], "every older version is destroyed");
        assert_eq!((status.resealed.unwrap().below, status.resealed.unwrap().found), (9, 0));
        for day in (0..=730_u64).step_by(30) {
            let key = name(*tenant, &day.to_string());
            assert_eq!(value(&db.by_shares(), &key).unwrap().unwrap(), day.to_be_bytes());
            assert_eq!(version(&db.engine, &key), 9);
        }
    }
    let count = |action| events.iter().filter(|known| **known == action).count();
    assert_eq!((count(Action::Rotate), count(Action::Destroy)), (2 + 4 * 8, 4 * 8));
    sound(&db, &unsealed);
}

#[test]
fn a_rotation_that_somebody_asks_for_moves_the_next_one() {
    let db = Db::new();
    let unsealed = db.by_file();
    let tenant = unsealed.first_tenant();
    let before = unsealed.tenant_status(tenant).unwrap().next_rotation;
    db.clock.advance(DAY * 30);
    unsealed.rotate_tenant(&SYSTEM, tenant).unwrap();
    unsealed.rotate_root(&SYSTEM).unwrap();
    one_pending_each(&db, 0);
    let (status, root) = (unsealed.tenant_status(tenant).unwrap(), unsealed.root_status().unwrap());
    assert!(due_times(&db, TENANT).contains(&status.next_rotation));
    assert_eq!(due_times(&db, ROOT), [root.next_rotation]);
    assert_eq!(root.next_rotation, NOW + DAY * (30 + 365));
    let asked = |version| KeyVersion { version, made: NOW + DAY * 30, reason: Reason::Asked };
    assert_eq!((status.versions[1].clone(), root.newest), (asked(2), asked(2)));
    assert_eq!(status.versions[0], KeyVersion { version: 1, made: NOW, reason: Reason::Created });
    // At the time of before, there is nothing to do.
    work_off(&unsealed, before);
    assert_eq!(unsealed.tenant_status(tenant).unwrap().versions.last().unwrap().version, 2);
    work_off(&unsealed, status.next_rotation);
    assert_eq!(unsealed.tenant_status(tenant).unwrap().versions.last().unwrap().version, 3);
    one_pending_each(&db, 0);
}

#[test]
fn a_row_that_the_record_does_not_name_rotates_nothing() {
    let db = Db::new();
    let unsealed = db.by_file();
    let tenant = unsealed.first_tenant();
    let state = db.sealed.status().unwrap().database;
    let nobody = [8; 16];
    commit::<_, strongroom_core::CommitError>(&unsealed, Tenant::SYSTEM, |reader| {
        let mut change = reader.change(());
        for (kind, id) in [(TENANT, *tenant.as_bytes()), (TENANT, nobody), (ROOT, state)] {
            let due = Due { time: NOW, kind, id, tenant: Tenant::SYSTEM, payload: Vec::new() };
            due.put(&mut change)?;
        }
        Ok(change)
    })
    .unwrap();
    work_off(&unsealed, NOW);
    one_pending_each(&db, 0);
    assert_eq!(unsealed.tenant_status(tenant).unwrap().versions.len(), 1);
    assert_eq!(unsealed.root_status().unwrap().newest.version, 1);
    sound(&db, &unsealed);
}

#[test]
fn a_schedule_is_kept_in_the_database_and_moves_the_root_at_once() {
    let db = Db::new();
    let unsealed = db.by_file();
    assert_eq!(unsealed.schedule().unwrap(), Schedule::default());
    let schedule = Schedule::new(DAY * 10, DAY * 5).unwrap().without_reseal();
    unsealed.set_schedule(&SYSTEM, schedule).unwrap();
    assert_eq!(db.by_shares().schedule().unwrap(), schedule);
    assert_eq!(due_times(&db, ROOT), [NOW + DAY * 10]);
    one_pending_each(&db, 0);
    let tenant = unsealed.create_tenant(&SYSTEM).unwrap();
    let next = unsealed.tenant_status(tenant).unwrap().next_rotation;
    assert!((NOW + DAY * 4..=NOW + DAY * 5).contains(&next));
    put(&unsealed, &name(tenant, "a"), b"x").unwrap();
    work_off(&unsealed, next);
    let status = unsealed.tenant_status(tenant).unwrap();
    assert_eq!((status.versions.len(), status.reseal, status.resealed), (2, None, None));
    assert_eq!(version(&db.engine, &name(tenant, "a")), 1);
    sound(&db, &unsealed);
}

#[test]
fn processes_that_do_due_work_at_once_rotate_each_key_once() {
    let db = Db::new();
    let processes = [db.by_file(), db.by_shares(), db.by_file(), db.by_shares()];
    let tenants: Vec<_> = (0..6).map(|_| processes[0].create_tenant(&SYSTEM).unwrap()).collect();
    for tenant in &tenants {
        put(&processes[0], &name(*tenant, "a"), tenant.as_bytes()).unwrap();
    }
    let now = NOW + DAY * 400;
    db.clock.advance(DAY * 400);
    let done: usize = std::thread::scope(|scope| {
        let work = |unsealed: &Unsealed| run_due(unsealed, &[unsealed], now, DAY).unwrap().done;
        let running: Vec<_> = processes.iter().map(|unsealed| scope.spawn(move || work(unsealed))).collect();
        running.into_iter().map(|thread| thread.join().unwrap()).sum()
    });
    work_off(&processes[1], now);
    assert!(done > 0);
    assert_eq!(processes[2].root_status().unwrap().newest.version, 2);
    for tenant in tenants.iter().chain(&[Tenant::SYSTEM, processes[0].first_tenant()]) {
        let status = processes[3].tenant_status(*tenant).unwrap();
        assert_eq!(status.versions.iter().map(|kept| kept.version).collect::<Vec<_>>(), [2]);
    }
    for tenant in &tenants {
        assert_eq!(value(&processes[3], &name(*tenant, "a")).unwrap().unwrap(), tenant.as_bytes());
    }
    one_pending_each(&db, 6);
    sound(&db, &processes[0]);
}

#[test]
fn a_new_key_never_hangs_under_a_root_that_was_replaced() {
    let db = Db::new();
    let unsealed = db.by_file();
    let tenant = unsealed.first_tenant();
    unsealed.rotate_root(&SYSTEM).unwrap();
    unsealed.rotate_tenant(&SYSTEM, tenant).unwrap();
    // Only the system's keys still wait for the new root.
    let row =
        db.rows(crate::db::TENANTS).into_iter().find(|(key, _)| key.as_bytes().ends_with(tenant.as_bytes()));
    assert_eq!(row.unwrap().1[2], 2, "the root that the tenant's keys hang under");
    rewrap(&unsealed, &db.sealed);
}
