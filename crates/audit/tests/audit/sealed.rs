//! The log under a barrier, as it is used.

use std::{sync::Arc, time::Duration};

use strongroom_audit::{AuditError, AuditLog, LogId, Month, Part};
use strongroom_barrier::{NewSlot, Sealed, Unlock, UnsealSecret, Unsealed};
use strongroom_core::{
    Batch, Caller, FixedClock, RecordKey, Segment, Store, StoreError, Table, Tenant, Write,
};
use strongroom_keys::RustCrypto;
use strongroom_store_postgres::testing::Engine;
use strongroom_store_sqlite::SqliteStore;

use crate::support::{NOW, TENANT, all, event, name, names, put};

const ENTRIES: Table = Table::new(0x0402);
const TILES: Table = Table::new(0x0403);
const INDEX: Table = Table::new(0x0404);

fn secret() -> UnsealSecret {
    UnsealSecret::new(vec![7; 32]).unwrap()
}

fn unsealed(engine: Arc<dyn Store>) -> (Sealed, Unsealed) {
    let slots = [NewSlot::Secret(&secret())];
    let clock = Arc::new(FixedClock::at(NOW));
    let sealed =
        Sealed::create(engine, Arc::new(RustCrypto::new()), clock, &slots, Vec::new()).unwrap().sealed;
    let unsealed = sealed.unseal(&Unlock::Secret(&secret())).unwrap();
    (sealed, unsealed)
}

fn filled(unsealed: &Unsealed, count: usize) -> AuditLog {
    let log = AuditLog::create(unsealed.base(), &name("db")).unwrap();
    for number in 0..count {
        unsealed.base().outbox.buffer(event(TENANT, &format!("canary-{number}"), NOW)).unwrap();
    }
    unsealed.base().outbox.flush(unsealed, NOW).unwrap();
    log.drain_all().unwrap();
    log
}

#[test]
fn an_engine_sees_nothing_of_an_event() {
    let engine = Arc::new(Engine::new());
    let (_, unsealed) = unsealed(engine.clone());
    filled(&unsealed, 300);
    let rows: Vec<u8> = engine.dump().into_iter().flat_map(|(key, value)| [key, value].concat()).collect();
    assert!(!rows.windows(6).any(|window| window == b"canary"));
}

#[test]
fn a_flipped_bit_in_the_engine_names_the_part_that_it_seals() {
    let engine = Arc::new(Engine::new());
    let (_, unsealed) = unsealed(engine.clone());
    let log = filled(&unsealed, 300);
    assert_eq!(log.fsck(&mut |_| ()).unwrap().findings, []);
    for (key, value) in engine.dump() {
        let key = RecordKey::from_bytes(key).unwrap();
        let named: fn(&Part) -> bool = match key.table() {
            ENTRIES => |part| matches!(part, Part::Entry(_)),
            TILES => |part| matches!(part, Part::Tile(_)),
            INDEX => |part| matches!(part, Part::Index(_)),
            table if table.number() == 0x0401 => |part| matches!(part, Part::Head),
            table if table.number() == 0x0405 => |part| matches!(part, Part::Month(_)),
            _ => continue,
        };
        let write = |value: Vec<u8>| {
            let batch =
                Batch { expectations: Vec::new(), writes: vec![(key.clone(), Write::Put(value.into()))] };
            engine.commit(&engine.lower(batch).unwrap()).unwrap();
        };
        for at in [0, value.len() / 2, value.len() - 1] {
            let mut damaged = value.clone();
            damaged[at] ^= 1;
            write(damaged);
            let findings = log.fsck(&mut |_| ()).unwrap().findings;
            assert!(findings.iter().any(|finding| named(&finding.part)), "{at} of {key:?}: {findings:?}");
        }
        write(value.clone());
    }
    assert_eq!(log.fsck(&mut |_| ()).unwrap().findings, []);
}

#[test]
fn a_sealed_database_logs_and_tells_nothing() {
    let (_, unsealed) = unsealed(Arc::new(Engine::new()));
    let log = filled(&unsealed, 3);
    unsealed.seal(Duration::from_secs(5)).unwrap();
    let sealed = |error: AuditError| matches!(error, AuditError::Store(StoreError::Sealed));
    assert!(sealed(log.drain().unwrap_err()));
    assert!(sealed(log.checkpoint(LogId::Global).unwrap_err()));
    assert!(sealed(log.prove(TENANT, 0).unwrap_err()));
    assert!(sealed(log.query(TENANT, &strongroom_audit::Query::default(), None, 1).unwrap_err()));
    assert!(sealed(log.fsck(&mut |_| ()).unwrap_err()));
}

#[test]
fn the_events_of_a_shredded_tenant_stay() {
    let (_, unsealed) = unsealed(Arc::new(Engine::new()));
    let log = filled(&unsealed, 1);
    let tenant = unsealed.create_tenant(&Caller::system()).unwrap();
    put(&unsealed.base(), &event(tenant, "theirs", NOW)).unwrap();
    log.drain_all().unwrap();
    unsealed.shred_tenant(&Caller::system(), tenant).unwrap();
    log.drain_all().unwrap();
    let theirs = Some(name("theirs"));
    assert!(all(&log, tenant).iter().any(|found| found.event.resource == theirs));
    assert_eq!(log.fsck(&mut |_| ()).unwrap().findings, []);
}

#[test]
fn the_key_of_an_erased_month_is_in_no_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("audit.db");
    let (_, unsealed) = unsealed(Arc::new(SqliteStore::create(&path).unwrap()));
    let log = filled(&unsealed, 3);
    let files = || -> Vec<u8> {
        let files = std::fs::read_dir(folder.path()).unwrap();
        files.flat_map(|file| std::fs::read(file.unwrap().path()).unwrap()).collect()
    };
    let find = |bytes: &[u8], piece: &[u8]| bytes.windows(piece.len()).position(|window| window == piece);
    let month = [Segment::Id(*TENANT.as_bytes()), Segment::Number(12 * 2023 + 10)];
    let key = RecordKey::new(Tenant::SYSTEM, Table::new(0x0405), &month).unwrap();
    // The envelope of the month's keys, which stands behind its key; its first bytes name the tenant's key.
    let before = files();
    let row = find(&before, key.as_bytes()).unwrap();
    let envelope = row + find(&before[row..], b"SR\x01\x01").unwrap();
    let sealed = &before[envelope + 24..envelope + 124];
    assert!(find(&files(), sealed).is_some());
    log.erase_month(&Caller::application(TENANT), TENANT, Month::new(2023, 11).unwrap()).unwrap();
    assert!(find(&files(), sealed).is_none());
}

#[test]
fn a_log_goes_on_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("audit.db");
    let store = SqliteStore::create(&path).unwrap();
    let kept = {
        let (_, unsealed) = unsealed(Arc::new(store));
        let log = AuditLog::create(unsealed.base(), &name("db")).unwrap();
        put(&unsealed.base(), &event(TENANT, "first", NOW)).unwrap();
        log.drain_all().unwrap();
        put(&unsealed.base(), &event(TENANT, "waits", NOW)).unwrap();
        log.checkpoint(LogId::Tenant(TENANT)).unwrap()
    };
    let store = Arc::new(SqliteStore::open(&path).unwrap());
    let sealed = Sealed::open(store, Arc::new(RustCrypto::new()), Arc::new(FixedClock::at(NOW))).unwrap();
    let unsealed = sealed.unseal(&Unlock::Secret(&secret())).unwrap();
    let log = AuditLog::open(unsealed.base()).unwrap();
    log.check_since(&kept).unwrap();
    log.drain_all().unwrap();
    assert_eq!(names(&all(&log, TENANT)), ["first", "waits"]);
    log.check_since(&kept).unwrap();
}
