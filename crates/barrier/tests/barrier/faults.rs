//! Every operation of every change fails once in each way: at every point old or new secrets open everything,
//! and the work can be finished.

use std::{sync::Arc, time::Duration};

use strongroom_barrier::{NewSlot, Sealed, Split, Unlock, UnsealError, Unsealed};
use strongroom_core::{
    CommitError, FixedClock, RecordKey, Segment, StoreError, Tenant,
    fault::{Fault, FaultStore},
    run_due,
};
use strongroom_store_postgres::testing::Engine;

use crate::db::{Db, NOW, SYSTEM, file, key, name, provider, put, rewrap, value};

const FAULTS: [Fault; 4] = [Fault::Fail, Fault::Crash, Fault::CrashAfter, Fault::LoseAnswer];

#[derive(Debug)]
enum Failed {
    Commit,
    Unseal,
    Store,
}

impl From<CommitError> for Failed {
    fn from(error: CommitError) -> Self {
        assert!(matches!(error, CommitError::Store(StoreError::Engine(_))), "{error:?}");
        Self::Commit
    }
}

impl From<UnsealError> for Failed {
    fn from(error: UnsealError) -> Self {
        assert!(matches!(error, UnsealError::Store(StoreError::Engine(_))), "{error:?}");
        Self::Unseal
    }
}

fn first_failure(failed: Vec<(&str, CommitError)>) -> Result<(), Failed> {
    failed.into_iter().next().map_or(Ok(()), |(_, error)| Err(error.into()))
}

/// A database with so many tenants, and records of some of them, found by name and by a blind segment.
struct Prepared {
    db: Db,
    records: Vec<(RecordKey, Vec<u8>)>,
    tenant: Tenant,
}

fn prepared(tenants: usize) -> Prepared {
    let db = Db::new();
    let unsealed = db.by_file();
    let mut records = Vec::new();
    let mut made: Vec<Tenant> = (0..tenants).map(|_| unsealed.create_tenant(&SYSTEM).unwrap()).collect();
    let tenant = made[0];
    made.truncate(2);
    made.push(unsealed.first_tenant());
    unsealed.rotate_tenant(&SYSTEM, tenant).unwrap();
    for tenant in made {
        records.push((name(tenant, "a"), tenant.as_bytes().to_vec()));
        records.push((key(tenant, &[Segment::Blind(b"b")]), b"found blindly".to_vec()));
    }
    records.iter().for_each(|(key, value)| put(&unsealed, key, value).unwrap());
    Prepared { db, records, tenant }
}

impl Prepared {
    /// Runs `work` on copies, with each fault at each operation.
    fn at_every_fault(&self, work: impl Fn(&Unsealed, &Sealed) -> Result<(), Failed>) {
        for fault in FAULTS {
            for at in 0.. {
                let db = self.db.copy();
                let faulty = Arc::new(FaultStore::new(db.engine.clone(), fault, at));
                let answer = match Sealed::open(faulty.clone(), provider(), db.clock.clone()) {
                    Ok(sealed) => sealed
                        .unseal(&Unlock::Secret(&file()))
                        .map_err(Failed::from)
                        .and_then(|unsealed| work(&unsealed, &sealed)),
                    Err(_) => Err(Failed::Store),
                };
                if fault == Fault::LoseAnswer {
                    answer.unwrap_or_else(|failed| unreachable!("{failed:?}: a lost answer, at {at}"));
                }
                self.all_is_there(&db);
                self.work_can_be_finished(&db);
                if faulty.operations() <= at {
                    break;
                }
            }
        }
    }

    fn all_is_there(&self, db: &Db) {
        for unsealed in [db.by_file(), db.by_shares()] {
            for (key, expected) in &self.records {
                assert_eq!(value(&unsealed, key).unwrap().as_ref(), Some(expected));
            }
        }
    }

    fn work_can_be_finished(&self, db: &Db) {
        let unsealed = db.by_shares();
        rewrap(&unsealed, &db.sealed);
        unsealed.rotate_root(&SYSTEM).unwrap();
        unsealed.rotate_tenant(&SYSTEM, self.tenant).unwrap();
        let tenant = unsealed.create_tenant(&SYSTEM).unwrap();
        put(&unsealed, &name(tenant, "a"), b"new").unwrap();
        rewrap(&unsealed, &db.sealed);
        self.all_is_there(db);
    }
}

#[test]
fn a_tenant_is_there_as_a_whole_or_not_at_all() {
    prepared(1).at_every_fault(|unsealed, _| {
        let tenant = unsealed.create_tenant(&SYSTEM)?;
        put(unsealed, &name(tenant, "a"), b"x")?;
        assert_eq!(value(unsealed, &name(tenant, "a")).map_err(|_| Failed::Store)?.unwrap(), b"x");
        Ok(())
    });
}

#[test]
fn a_root_is_rotated_as_a_whole_or_not_at_all() {
    prepared(1).at_every_fault(|unsealed, sealed| {
        let version = unsealed.rotate_root(&SYSTEM)?;
        assert_eq!(sealed.status().map_err(|_| Failed::Store)?.root, version);
        Ok(())
    });
}

#[test]
fn a_tenant_s_key_is_rotated_as_a_whole_or_not_at_all() {
    let prepared = prepared(1);
    prepared.at_every_fault(|unsealed, _| {
        assert_eq!(unsealed.rotate_tenant(&SYSTEM, prepared.tenant)?, 3);
        put(unsealed, &name(prepared.tenant, "c"), b"x")?;
        Ok(())
    });
}

#[test]
fn rewrapping_is_resumed_from_every_point() {
    let prepared = prepared(51);
    prepared.db.by_file().rotate_root(&SYSTEM).unwrap();
    prepared.at_every_fault(|unsealed, sealed| {
        let report = run_due(unsealed, &[unsealed], NOW, Duration::from_secs(60))?;
        first_failure(report.failed)?;
        // Two steps of rewrapping, and a pass over the tenant whose key was rotated before it had records.
        assert_eq!((report.done, sealed.status().map_err(|_| Failed::Store)?.old_roots), (3, 0));
        Ok(())
    });
}

#[test]
fn a_long_row_of_changes_can_break_off_anywhere() {
    let prepared = prepared(2);
    prepared.at_every_fault(|unsealed, sealed| {
        unsealed.rotate_root(&SYSTEM)?;
        let tenant = unsealed.create_tenant(&SYSTEM)?;
        unsealed.rotate_tenant(&SYSTEM, prepared.tenant)?;
        unsealed.rotate_root(&SYSTEM)?;
        unsealed.rotate_tenant(&SYSTEM, Tenant::SYSTEM)?;
        first_failure(run_due(unsealed, &[unsealed], NOW, Duration::from_secs(60))?.failed)?;
        put(unsealed, &name(tenant, "a"), b"x")?;
        sealed.unseal(&Unlock::Shares(&prepared.db.shares[..2]))?.rotate_root(&SYSTEM)?;
        Ok(())
    });
}

#[test]
fn a_database_is_made_as_a_whole_or_not_at_all() {
    let secret = file();
    let slots = [NewSlot::Secret(&secret), NewSlot::Shamir(Split { shares: 2, threshold: 2 })];
    let first = (name(Tenant::SYSTEM, "first"), zeroize::Zeroizing::new(b"record".to_vec()));
    for fault in FAULTS {
        for at in 0..3 {
            let (engine, clock) = (Arc::new(Engine::new()), Arc::new(FixedClock::at(NOW)));
            let faulty = Arc::new(FaultStore::new(engine.clone(), fault, at));
            let made = Sealed::create(faulty.clone(), provider(), clock.clone(), &slots, vec![first.clone()]);
            let is_there = !engine.dump().is_empty();
            match made {
                Ok(created) => {
                    let sealed = Sealed::open(engine.clone(), provider(), clock).unwrap();
                    let unsealed = sealed.unseal(&Unlock::Shares(&created.shares[0])).unwrap();
                    assert_eq!(value(&unsealed, &first.0).unwrap().unwrap(), b"record");
                }
                Err(_) => assert_eq!(is_there, fault == Fault::CrashAfter, "{fault:?} at {at}"),
            }
            if is_there {
                let sealed = Sealed::open(engine, provider(), Arc::new(FixedClock::at(NOW))).unwrap();
                assert_eq!(sealed.status().unwrap().slots.len(), 2);
                sealed.unseal(&Unlock::Secret(&secret)).unwrap().rotate_root(&SYSTEM).unwrap();
            }
        }
    }
}
