//! After a tenant was shredded nothing of it opens in that process, from no cache, and its rows go away; another process
//! that has its keys in memory learns it when it writes.

use std::{fs, path::Path, sync::Arc, time::Duration};

use strongroom_barrier::{NewSlot, Sealed, Unlock, Unsealed, fsck};
use strongroom_core::{
    Action, Algorithm, Change, CommitError, Direction, Due, Event, FixedClock, Name, Outcome, Range, Reader,
    RecordKey, Segment, Store, StoreError, Table, Tenant, Time, Worker, commit, drain, run_due,
    tap::{Tap, Tapped},
};
use strongroom_kms::Kms;
use strongroom_store_postgres::testing::Engine;
use strongroom_store_sqlite::SqliteStore;

use crate::db::{
    Db, NOW, SYSTEM, Steps, due_times, file, key, name, provider, put, store_error, value, work_off,
};

fn no_tenant<T: std::fmt::Debug>(answer: Result<T, impl Into<CommitError>>) {
    let error = store_error(answer);
    assert!(matches!(error, StoreError::Invalid("no such tenant: create it first")), "{error:?}");
}

/// A tenant with records in two tables, some of them to be sealed anew.
fn tenant_with_records(unsealed: &Unsealed, records: u64) -> Tenant {
    let tenant = unsealed.create_tenant(&SYSTEM).unwrap();
    for number in 0..records {
        put(unsealed, &key(tenant, &[Segment::Number(number)]), &number.to_be_bytes()).unwrap();
    }
    unsealed.rotate_tenant(&SYSTEM, tenant).unwrap();
    put(unsealed, &name(tenant, "a-name-of-this-tenant"), b"x").unwrap();
    put(unsealed, &key(tenant, &[Segment::Blind(b"me@example.org")]), b"me").unwrap();
    tenant
}

/// Whether any row names the tenant, events and due work that are sealed aside.
fn rows_of(engine: &Engine, tenant: Tenant) -> usize {
    let names = |bytes: &[u8]| bytes.windows(16).any(|window| window == tenant.as_bytes());
    engine.dump().iter().filter(|(key, value)| names(key) || names(value)).count()
}

#[test]
fn nothing_of_a_shredded_tenant_opens_and_its_rows_are_deleted() {
    let db = Db::new();
    let unsealed = db.by_file();
    let tenant = tenant_with_records(&unsealed, 30);
    let record = name(tenant, "a-name-of-this-tenant");
    let shredded = unsealed.shred_tenant(&SYSTEM, tenant).unwrap();
    assert_eq!((shredded.tenant, shredded.copies_before), (tenant, NOW));
    for reader in [&unsealed, &db.by_shares()] {
        no_tenant(value(reader, &record));
        no_tenant(value(reader, &key(tenant, &[Segment::Blind(b"me@example.org")])));
        no_tenant(reader.scan(&Range::of_tenant(tenant), Direction::Forward, 99));
        no_tenant(put(reader, &record, b"again"));
        no_tenant(reader.rotate_tenant(&SYSTEM, tenant));
        no_tenant(reader.reseal(&SYSTEM, tenant));
        no_tenant(reader.tenant_status(tenant));
        no_tenant(reader.shred_tenant(&SYSTEM, tenant));
    }
    let midway = fsck(&*db.engine, &unsealed, &[], &mut |_| {}).unwrap();
    assert!(midway.is_sound() && midway.shredded == 32, "{midway:?}");
    work_off(&unsealed, NOW);
    assert_eq!(rows_of(&db.engine, tenant), 0);
    assert_eq!(value(&unsealed, &record).unwrap(), None);
    assert!(!unsealed.tenants(None, 99).unwrap().contains(&tenant));
    assert!(fsck(&*db.engine, &unsealed, &[], &mut |_| {}).unwrap().is_sound());
    let mut events = Vec::new();
    let mut sink = |event: &Event| events.push((event.tenant, event.action));
    while drain(&unsealed, 400, &mut sink).unwrap() > 0 {}
    let actions = [Action::Create, Action::Rotate, Action::Shred, Action::Delete];
    assert_eq!(events, actions.map(|action| (tenant, action)), "they stay readable");
}

#[test]
fn the_first_tenant_and_the_system_s_own_are_not_shredded() {
    let db = Db::new();
    let unsealed = db.by_file();
    let before = db.engine.dump();
    for tenant in [Tenant::SYSTEM, unsealed.first_tenant(), Tenant::from_bytes([8; 16])] {
        let error = store_error(unsealed.shred_tenant(&SYSTEM, tenant));
        assert!(matches!(error, StoreError::Invalid(_)), "{error:?}");
    }
    assert_eq!(db.engine.dump(), before);
}

#[test]
fn another_process_that_has_the_keys_in_memory_notices_at_its_next_write() {
    let db = Db::new();
    let (one, two) = (db.by_file(), db.by_shares());
    let tenant = tenant_with_records(&one, 3);
    let record = name(tenant, "a-name-of-this-tenant");
    assert!(value(&two, &record).unwrap().is_some());
    let (base, orders) = (two.base(), Name::parse("orders").unwrap());
    let rings = Kms::new(base).without_caller(tenant);
    rings.create(&orders, Algorithm::Aes256Gcm).unwrap();
    let sealed = rings.encrypt(&orders, b"4111", b"").unwrap();
    let late = two.lower(crate::db::batch(&record, b"late")).unwrap();
    one.shred_tenant(&SYSTEM, tenant).unwrap();
    assert!(matches!(two.commit(&late).unwrap(), Outcome::Conflict(_)));
    no_tenant(value(&two, &record));
    assert!(rings.decrypt(&orders, &sealed, b"").is_err(), "its ring is forgotten with it");
    work_off(&one, NOW);
    assert!(rings.decrypt(&orders, &sealed, b"").is_err());
    assert!(rings.create(&orders, Algorithm::Aes256Gcm).is_err());
    assert_eq!(rows_of(&db.engine, tenant), 0);
}

#[test]
fn nothing_is_written_for_a_tenant_that_another_process_shredded() {
    let db = Db::new();
    let (one, two) = (db.by_file(), db.by_shares());
    let tenant = one.create_tenant(&SYSTEM).unwrap();
    let orders = Name::parse("orders").unwrap();
    let rings = Kms::new(two.base()).without_caller(tenant);
    rings.create(&orders, Algorithm::Aes256Gcm).unwrap();
    let sealed = rings.encrypt(&orders, b"4111", b"").unwrap();
    one.shred_tenant(&SYSTEM, tenant).unwrap();
    no_tenant(put(&two, &name(tenant, "b"), b"x"));
    assert!(rings.decrypt(&orders, &sealed, b"").is_err(), "its ring is forgotten with it");
}

#[test]
fn no_ring_works_after_the_answer() {
    let db = Db::new();
    let unsealed = db.by_file();
    let tenant = unsealed.create_tenant(&SYSTEM).unwrap();
    let orders = Name::parse("orders").unwrap();
    let rings = Kms::new(unsealed.base()).without_caller(tenant);
    rings.create(&orders, Algorithm::Aes256Gcm).unwrap();
    let answered = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                loop {
                    let late = answered.load(std::sync::atomic::Ordering::SeqCst);
                    match rings.encrypt(&orders, b"4111", b"") {
                        Ok(_) => assert!(!late, "it began after the answer and worked"),
                        Err(_) if late => return,
                        Err(_) => {}
                    }
                }
            });
        }
        std::thread::sleep(Duration::from_millis(5));
        unsealed.shred_tenant(&SYSTEM, tenant).unwrap();
        answered.store(true, std::sync::atomic::Ordering::SeqCst);
    });
}

#[test]
fn a_copy_from_before_stays_readable_and_the_answer_says_so() {
    let db = Db::new();
    let unsealed = db.by_file();
    let tenant = tenant_with_records(&unsealed, 3);
    let copy = db.copy();
    let shredded = unsealed.shred_tenant(&SYSTEM, tenant).unwrap();
    work_off(&unsealed, NOW);
    assert!(value(&copy.by_file(), &name(tenant, "a-name-of-this-tenant")).unwrap().is_some());
    let text = shredded.to_string();
    assert!(text.contains("Backups") && text.contains("stay readable"), "{text}");
    // Its rows put back into the database of now do not open.
    for (key, value) in copy.engine.dump() {
        if key.starts_with(tenant.as_bytes()) {
            db.tamper(&crate::db::read_key(&key), Some(value));
        }
    }
    no_tenant(value(&db.by_shares(), &name(tenant, "a-name-of-this-tenant")));
}

struct Other;

/// Work of another capability.
impl Worker for Other {
    fn kinds(&self) -> &[&'static str] {
        &["other"]
    }

    fn step(&self, mut reader: Reader<'_>, due: &Due, _: Time) -> Result<Change<()>, CommitError> {
        reader.get(&name(due.tenant, "a"))?;
        let mut change = reader.change(());
        change.put(&name(due.tenant, "a"), b"done");
        Ok(change)
    }
}

#[test]
fn due_work_of_a_shredded_tenant_goes_and_that_of_others_stays() {
    let db = Db::new();
    let unsealed = db.by_file();
    let (tenant, other) = (tenant_with_records(&unsealed, 3), unsealed.create_tenant(&SYSTEM).unwrap());
    commit::<_, CommitError>(&unsealed, Tenant::SYSTEM, |reader| {
        let mut change = reader.change(());
        for number in 0..250_u64 {
            let tenant = if number % 2 == 0 { tenant } else { other };
            let time = NOW + Duration::from_secs(number * 1_000_000);
            let id = [number as u8; 16];
            Due { time, kind: "other", id, tenant, payload: Vec::new() }.put(&mut change)?;
        }
        Ok(change)
    })
    .unwrap();
    assert_eq!(due_times(&db, "barrier.reseal").len(), 1);
    unsealed.shred_tenant(&SYSTEM, tenant).unwrap();
    assert!(due_times(&db, "barrier.reseal").is_empty());
    // What is due before it was removed fails, and does nothing.
    let report = run_due(&unsealed, &[&Other], NOW, Duration::from_secs(60)).unwrap();
    let failed: Vec<_> = report.failed.into_iter().map(|(_, error)| error).collect();
    assert_eq!(failed.len(), 1);
    failed.into_iter().for_each(|error| no_tenant(Err::<(), _>(error)));
    work_off(&unsealed, NOW);
    assert_eq!(due_times(&db, "other").len(), 125);
    assert_eq!(due_times(&db, "barrier.rotate").len(), 3);
    let report = run_due(&unsealed, &[&Other], NOW + Duration::from_secs(2_000_000), Duration::MAX).unwrap();
    assert_eq!((report.done, report.failed.len()), (1, 0));
    assert!(fsck(&*db.engine, &unsealed, &[], &mut |_| {}).unwrap().is_sound());
}

/// Scrubs of an engine that are answered as a test tells, the last one first.
struct Scrubs(std::sync::Mutex<Vec<Result<(), StoreError>>>);

impl Tap for Scrubs {
    fn scrub(&self, _: &dyn Store) -> Result<(), StoreError> {
        self.0.lock().unwrap().pop().unwrap()
    }
}

#[test]
fn shredding_ends_only_when_the_engine_has_scrubbed_or_never_does() {
    let busy = || Err(StoreError::Engine("a reader is in the way".into()));
    let never = || Err(StoreError::Unsupported("scrub"));
    for (last, said) in [(Ok(()), "5-rows.scrubbed"), (never(), "5-rows.not-scrubbed")] {
        let db = Db::new();
        let answers = std::sync::Mutex::new(vec![last, busy(), busy()]);
        let engine = Tapped::over(db.engine.clone(), Scrubs(answers));
        let unsealed = db.through(engine.clone()).unseal(&Unlock::Secret(&file())).unwrap();
        let tenant = tenant_with_records(&unsealed, 3);
        unsealed.shred_tenant(&SYSTEM, tenant).unwrap();
        for waiting in [1, 1, 0] {
            let report = run_due(&unsealed, &[&unsealed], NOW, Duration::from_secs(60)).unwrap();
            assert_eq!((report.failed.len(), due_times(&db, "barrier.shred").len()), (waiting, waiting));
        }
        assert!(engine.tap.0.lock().unwrap().is_empty());
        let mut last = None;
        drain(&unsealed, 400, &mut |event: &Event| last = event.resource.clone()).unwrap();
        assert_eq!(last.unwrap().as_str(), said);
    }
}

#[test]
fn two_processes_that_delete_at_once_delete_everything() {
    let db = Db::new();
    let (one, two) = (db.by_file(), db.by_shares());
    let tenant = tenant_with_records(&one, 1_300);
    one.shred_tenant(&SYSTEM, tenant).unwrap();
    Steps::run(&one, 1);
    std::thread::scope(|scope| {
        for unsealed in [&one, &two] {
            scope.spawn(move || run_due(unsealed, &[unsealed], NOW, Duration::from_secs(60)).unwrap());
        }
    });
    work_off(&two, NOW);
    assert_eq!(rows_of(&db.engine, tenant), 0);
}

/// The first wrapped key in a row of a tenant, without its header.
fn inside(row: &[u8]) -> &[u8] {
    let at = row.windows(4).position(|window| window == b"SR\x01\x01").unwrap();
    &row[at + 48..at + 140]
}

fn traces(folder: &Path, needles: &[Vec<u8>]) -> usize {
    let files = fs::read_dir(folder).unwrap().map(|file| fs::read(file.unwrap().path()).unwrap());
    let found = |bytes: &[u8]| {
        needles.iter().filter(|needle| bytes.windows(needle.len()).any(|window| window == *needle)).count()
    };
    files.map(|bytes| found(&bytes)).sum()
}

#[test]
fn no_byte_of_a_shredded_tenant_s_rows_is_left_in_the_files_of_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    let store = Arc::new(SqliteStore::create(folder.path().join("keys.db")).unwrap());
    let (clock, secret) = (Arc::new(FixedClock::at(NOW)), file());
    let slots = [NewSlot::Secret(&secret)];
    let created = Sealed::create(store.clone(), provider(), clock, &slots, Vec::new()).unwrap();
    let unsealed = created.sealed.unseal(&Unlock::Secret(&secret)).unwrap();
    let (tenant, other) = (tenant_with_records(&unsealed, 40), tenant_with_records(&unsealed, 40));
    put(&unsealed, &name(tenant, "large"), &vec![7; 30_000]).unwrap();
    // Pieces of the wrapped keys and of every row: those that no other row has.
    let record =
        RecordKey::new(Tenant::SYSTEM, Table::new(0x12), &[Segment::Id(*tenant.as_bytes())]).unwrap();
    let keys = store.get_many(&[record]).unwrap().pop().flatten().unwrap().value;
    let mut needles: Vec<Vec<u8>> = inside(&keys).chunks_exact(16).map(<[u8]>::to_vec).collect();
    for (key, record) in store.scan(&Range::of_tenant(tenant), Direction::Forward, 99).unwrap() {
        needles.push(key.as_bytes().to_vec());
        needles.extend(record.value[24..].chunks_exact(16).step_by(64).map(<[u8]>::to_vec));
    }
    assert!(traces(folder.path(), &needles) >= needles.len());
    unsealed.shred_tenant(&SYSTEM, tenant).unwrap();
    work_off(&unsealed, NOW);
    assert_eq!(traces(folder.path(), &needles), 0);
    drop((unsealed, created, store));
    assert_eq!(traces(folder.path(), &needles), 0);
    let store = Arc::new(SqliteStore::open(folder.path().join("keys.db")).unwrap());
    let sealed = Sealed::open(store.clone(), provider(), Arc::new(FixedClock::at(NOW))).unwrap();
    let unsealed = sealed.unseal(&Unlock::Secret(&secret)).unwrap();
    assert!(fsck(&*store, &unsealed, &[], &mut |_| {}).unwrap().is_sound());
    assert!(value(&unsealed, &name(other, "a-name-of-this-tenant")).unwrap().is_some());
}
