//! Every operation of every job fails once in each way: whatever was begun is finished later, and nothing is lost, done
//! twice or left behind.

use std::{sync::Arc, time::Duration};

use strongroom_barrier::{Reason, Unlock, Unsealed, fsck};
use strongroom_core::{
    CommitError, RecordKey, Segment, StoreError, Tenant, Time,
    fault::{Fault, FaultStore},
    run_due,
};

use crate::db::{Db, NOW, SYSTEM, due_times, file, key, name, put, store_error, value, version, work_off};

/// When every key is due to be replaced.
fn later() -> Time {
    NOW + Duration::from_secs(400 * 86_400)
}

/// A database with a tenant beside the first, all with records.
struct Prepared {
    db: Db,
    tenant: Tenant,
    records: Vec<(RecordKey, Vec<u8>)>,
}

fn prepared(numbers: u64) -> Prepared {
    let db = Db::new();
    let unsealed = db.by_file();
    let tenant = unsealed.create_tenant(&SYSTEM).unwrap();
    let mut records = vec![(key(tenant, &[Segment::Blind(b"b")]), b"found blindly".to_vec())];
    records.extend((0..numbers).map(|number| (numbered(tenant, number), number.to_be_bytes().to_vec())));
    for tenant in [unsealed.first_tenant(), Tenant::SYSTEM] {
        records.push((name(tenant, "a"), tenant.as_bytes().to_vec()));
    }
    records.iter().for_each(|(key, value)| put(&unsealed, key, value).unwrap());
    Prepared { db, tenant, records }
}

fn numbered(tenant: Tenant, number: u64) -> RecordKey {
    key(tenant, &[Segment::Number(number)])
}

/// Does due work until nothing is left or something fails.
fn run(unsealed: &Unsealed, now: Time) -> Result<(), CommitError> {
    loop {
        let report = run_due(unsealed, &[unsealed], now, Duration::from_secs(60))?;
        match report.failed.into_iter().next() {
            Some((_, error)) => return Err(error),
            None if report.done == 0 => return Ok(()),
            None => {}
        }
    }
}

impl Prepared {
    /// Runs `work` on copies with each fault at each operation, then lets `finish` do what is left in another process.
    fn at_every_fault(
        &self,
        work: impl Fn(&Unsealed) -> Result<(), CommitError>,
        finish: impl Fn(&Db, &Unsealed),
    ) {
        for fault in [Fault::Fail, Fault::Crash, Fault::CrashAfter, Fault::LoseAnswer] {
            for at in 0.. {
                let db = self.db.copy();
                let faulty = Arc::new(FaultStore::new(db.engine.clone(), fault, at));
                let open = || {
                    let sealed = strongroom_barrier::Sealed::open(
                        faulty.clone(),
                        crate::db::provider(),
                        db.clock.clone(),
                    );
                    sealed.ok()?.unseal(&Unlock::Secret(&file())).ok()
                };
                let answer = open().map(|unsealed| work(&unsealed));
                if fault == Fault::LoseAnswer {
                    answer.unwrap().unwrap_or_else(|error| unreachable!("{error:?}: a lost answer, at {at}"));
                }
                finish(&db, &db.by_shares());
                self.is_whole(&db);
                if faulty.operations() <= at {
                    break;
                }
            }
        }
    }

    /// Every record of a tenant that is there reads as it was written, and there is nothing that should not be there.
    fn is_whole(&self, db: &Db) {
        let unsealed = db.by_file();
        let report = fsck(&*db.engine, &unsealed, &[], &mut |_| {}).unwrap();
        assert!(report.is_sound() && report.shredded == 0, "{report:?}");
        let tenants = unsealed.tenants(None, 9).unwrap();
        for (key, expected) in self.records.iter().filter(|(key, _)| tenants.contains(&key.tenant())) {
            assert!(value(&unsealed, key).unwrap().as_ref() == Some(expected), "{key:?}");
        }
        assert_eq!(due_times(db, "barrier.rotate").len(), tenants.len());
        assert_eq!(due_times(db, "barrier.rotate-root").len(), 1);
        for kind in ["barrier.reseal", "barrier.rewrap", "barrier.renew", "barrier.shred"] {
            assert!(due_times(db, kind).is_empty(), "{kind}");
        }
        assert!(unsealed.root_status().unwrap().older.is_empty());
    }
}

fn kept(unsealed: &Unsealed, tenant: Tenant) -> Vec<(u32, Reason)> {
    let status = unsealed.tenant_status(tenant).unwrap();
    status.versions.iter().map(|kept| (kept.version, kept.reason)).collect()
}

#[test]
fn rotations_that_are_due_happen_once_from_every_point() {
    let prepared = prepared(3);
    prepared.at_every_fault(
        |unsealed| run(unsealed, later()),
        |_, unsealed| {
            work_off(unsealed, later());
            assert_eq!(unsealed.root_status().unwrap().newest.version, 2);
            for tenant in unsealed.tenants(None, 9).unwrap() {
                assert_eq!(kept(unsealed, tenant), [(2, Reason::Scheduled)]);
            }
        },
    );
}

#[test]
fn resealing_is_resumed_from_every_point() {
    // As many records as one step seals, and one more.
    let prepared = prepared(200);
    prepared.db.by_file().rotate_tenant(&SYSTEM, prepared.tenant).unwrap();
    prepared.db.by_file().rotate_tenant(&SYSTEM, Tenant::SYSTEM).unwrap();
    prepared.at_every_fault(
        |unsealed| run(unsealed, NOW),
        |db, unsealed| {
            work_off(unsealed, NOW);
            for tenant in [prepared.tenant, Tenant::SYSTEM] {
                assert_eq!(kept(unsealed, tenant), [(2, Reason::Asked)]);
            }
            for number in 0..200 {
                assert_eq!(version(&db.engine, &numbered(prepared.tenant, number)), 2);
            }
        },
    );
}

#[test]
fn shredding_that_broke_off_anywhere_is_asked_for_again_and_finished() {
    let prepared = prepared(3);
    prepared.db.by_file().rotate_tenant(&SYSTEM, prepared.tenant).unwrap();
    let tenant = prepared.tenant;
    prepared.at_every_fault(
        |unsealed| {
            unsealed.shred_tenant(&SYSTEM, tenant)?;
            run(unsealed, NOW)
        },
        |db, unsealed| {
            if let Err(error) = unsealed.shred_tenant(&SYSTEM, tenant) {
                let error = store_error(Err::<(), _>(error));
                assert!(matches!(error, StoreError::Invalid(_)), "{error:?}");
            }
            work_off(unsealed, NOW);
            let names = |bytes: &[u8]| bytes.windows(16).any(|window| window == tenant.as_bytes());
            assert!(!db.engine.dump().iter().any(|(key, value)| names(key) || names(value)));
        },
    );
}

#[test]
fn renewing_is_resumed_from_every_point() {
    let prepared = prepared(3);
    prepared.at_every_fault(
        |unsealed| {
            unsealed.renew(&SYSTEM)?;
            run(unsealed, NOW)
        },
        |_, unsealed| {
            if unsealed.root_status().unwrap().newest.version == 1 {
                unsealed.renew(&SYSTEM).unwrap();
            }
            work_off(unsealed, NOW);
            assert!(unsealed.renewal(2).unwrap().is_done());
            for tenant in unsealed.tenants(None, 9).unwrap() {
                assert_eq!(kept(unsealed, tenant), [(2, Reason::Leak)]);
            }
        },
    );
}
