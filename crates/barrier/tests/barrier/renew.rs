//! After a leak everything gets new keys, and what is known of the old ones opens nothing that is there then.

use strongroom_barrier::{Reason, Renewal, fsck};
use strongroom_core::{Tenant, run_due};

use crate::db::{Db, NOW, SYSTEM, Steps, TENANTS, due_times, name, put, read_key, value, work_off};

fn reasons(db: &Db, tenant: Tenant) -> Vec<(u32, Reason)> {
    let status = db.by_shares().tenant_status(tenant).unwrap();
    status.versions.iter().map(|kept| (kept.version, kept.reason)).collect()
}

#[test]
fn everything_gets_new_keys_and_the_progress_tells_until_nothing_older_is_left() {
    let db = Db::new();
    let unsealed = db.by_file();
    let mut tenants = vec![Tenant::SYSTEM, unsealed.first_tenant()];
    tenants.extend((0..43).map(|_| unsealed.create_tenant(&SYSTEM).unwrap()));
    tenants.iter().for_each(|tenant| put(&unsealed, &name(*tenant, "a"), tenant.as_bytes()).unwrap());
    unsealed.rotate_root(&SYSTEM).unwrap();
    let root = unsealed.renew(&SYSTEM).unwrap();
    assert_eq!(root, 3);
    assert_eq!(unsealed.root_status().unwrap().newest.reason, Reason::Leak);
    let begun = Renewal { root, old_roots: 2, tenants: 45, waiting: 45, resealing: 0 };
    assert_eq!(unsealed.renewal(root).unwrap(), begun);
    let late = unsealed.create_tenant(&SYSTEM).unwrap();
    put(&unsealed, &name(late, "a"), late.as_bytes()).unwrap();
    let mut seen = Vec::new();
    while !unsealed.renewal(root).unwrap().is_done() {
        Steps::run(&unsealed, 1);
        seen.push(unsealed.renewal(root).unwrap());
    }
    assert!(
        seen.iter().all(|now| now.tenants == 46)
            && seen.is_sorted_by_key(|now| std::cmp::Reverse(now.waiting))
    );
    assert!(
        seen.iter().any(|now| (1..45).contains(&now.waiting)) && seen.iter().any(|now| now.resealing > 0)
    );
    for tenant in &tenants {
        assert_eq!(reasons(&db, *tenant), [(2, Reason::Leak)]);
        assert_eq!(value(&db.by_shares(), &name(*tenant, "a")).unwrap().unwrap(), tenant.as_bytes());
    }
    assert_eq!(reasons(&db, late), [(1, Reason::Created)], "it never had an older key");
    work_off(&unsealed, NOW);
    assert!(
        ["renew", "rewrap", "reseal"]
            .iter()
            .all(|kind| due_times(&db, &format!("barrier.{kind}")).is_empty())
    );
    assert_eq!(due_times(&db, "barrier.rotate").len(), 46);
    assert!(fsck(&*db.engine, &unsealed, &[], &mut |_| {}).unwrap().is_sound());
}

#[test]
fn the_keys_of_before_open_nothing_of_what_is_there_after() {
    let db = Db::new();
    let unsealed = db.by_file();
    let tenant = unsealed.first_tenant();
    for number in 0..20 {
        put(&unsealed, &name(tenant, &number.to_string()), b"old and new").unwrap();
    }
    // What a thief took: the database with a way in, so the old root and every key of then.
    let thief = db.copy();
    unsealed.renew(&SYSTEM).unwrap();
    work_off(&unsealed, NOW);
    assert_eq!(value(&thief.by_file(), &name(tenant, "0")).unwrap().unwrap(), b"old and new");
    let hierarchy = |key: &[u8]| read_key(key).table().number() <= TENANTS && key.starts_with(&[0; 16]);
    for (key, value) in db.engine.dump().into_iter().filter(|(key, _)| !hierarchy(key)) {
        thief.tamper(&read_key(&key), Some(value));
    }
    let with_old_keys = thief.by_file();
    for number in 0..20 {
        assert!(value(&with_old_keys, &name(tenant, &number.to_string())).is_err());
    }
    // Nor do they open the tenants' keys of now.
    for (key, row) in db.rows(TENANTS) {
        thief.tamper(&key, Some(row));
    }
    assert!(value(&thief.by_file(), &name(tenant, "0")).is_err());
}

#[test]
fn processes_that_renew_at_once_give_each_tenant_one_new_key() {
    let db = Db::new();
    let (one, two) = (db.by_file(), db.by_shares());
    let tenants: Vec<_> = (0..50).map(|_| one.create_tenant(&SYSTEM).unwrap()).collect();
    let root = one.renew(&SYSTEM).unwrap();
    std::thread::scope(|scope| {
        for unsealed in [&one, &two] {
            scope.spawn(move || {
                run_due(unsealed, &[unsealed], NOW, std::time::Duration::from_secs(60)).unwrap()
            });
        }
    });
    work_off(&two, NOW);
    assert!(one.renewal(root).unwrap().is_done());
    assert!(tenants.iter().all(|tenant| reasons(&db, *tenant) == [(2, Reason::Leak)]));
}
