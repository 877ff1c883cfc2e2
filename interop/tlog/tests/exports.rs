//! Exports of ours, read by others.

use std::{error::Error, fs, path::Path, sync::Arc};

use strongroom_audit::{AuditLog, Disclose, Folder, LogId};
use strongroom_core::{
    Action, Base, Caller, Event, FixedClock, Gate, Name, Service, Tenant, Time, memory::MemoryStore,
};
use strongroom_interop_tlog::read;
use strongroom_keys::RustCrypto;

type Result = std::result::Result<(), Box<dyn Error>>;

const TENANT: Tenant = Tenant::from_bytes([1; 16]);
const NOW: Time = Time::from_millis(1_700_000_000_000);

/// A log with so many events of one tenant, logged in several steps.
fn log(events: usize) -> std::result::Result<AuditLog, Box<dyn Error>> {
    let (clock, provider) = (Arc::new(FixedClock::at(NOW)), Arc::new(RustCrypto::new()));
    let base = Base::new(Arc::new(MemoryStore::new()), Arc::new(Gate::new()), provider, clock)?;
    let log = AuditLog::create(base.clone(), &Name::parse("db")?)?;
    for number in 0..events {
        let name = Some(Name::parse(&format!("key-{number}"))?);
        let caller = Caller::application(TENANT);
        base.outbox.buffer(Event::allowed(&caller, NOW, Service::Kms, Action::Create, name))?;
        if number % 100 == 99 {
            base.outbox.flush(&*base.store, NOW)?;
            log.drain_all()?;
        }
    }
    base.outbox.flush(&*base.store, NOW)?;
    log.drain_all()?;
    Ok(log)
}

fn export(log: &AuditLog, id: LogId, folder: &Path) -> std::result::Result<String, Box<dyn Error>> {
    log.export(id, Disclose::Events, &mut Folder::new(folder), &mut |_| ())?;
    Ok(log.verifier_key(id)?.to_string())
}

#[test]
fn others_open_and_verify_our_tiles_and_checkpoints() -> Result {
    for events in [1, 2, 3, 255, 256, 257, 511, 512, 600] {
        let (log, folder) = (log(events)?, tempfile::tempdir()?);
        let key = export(&log, LogId::Tenant(TENANT), folder.path())?;
        let read = read(folder.path(), &key)?;
        assert_eq!(read.entries.len(), events);
        assert_eq!(read.origin, "strongroom/db/01010101010101010101010101010101");
        assert!(read.extension.starts_with("history 6d656d6f72792073746f726500000000\ncommit "));
    }
    Ok(())
}

#[test]
fn others_open_the_global_log_and_find_the_heads_in_it() -> Result {
    let (log, folder) = (log(600)?, tempfile::tempdir()?);
    let key = export(&log, LogId::Global, folder.path())?;
    let read = read(folder.path(), &key)?;
    let head = log.checkpoint(LogId::Tenant(TENANT))?.to_string();
    assert!(head.as_bytes().starts_with(read.entries.last().ok_or("no head")?));
    Ok(())
}

#[test]
fn others_refuse_what_was_changed() -> Result {
    let (log, folder) = (log(300)?, tempfile::tempdir()?);
    let key = export(&log, LogId::Tenant(TENANT), folder.path())?;
    let stranger = self::log(1)?.verifier_key(LogId::Tenant(TENANT))?.to_string();
    assert!(read(folder.path(), &stranger).is_err());
    for path in ["checkpoint", "tile/0/000", "tile/0/001.p/44", "tile/1/000.p/1", "tile/entries/000"] {
        let path = folder.path().join(path);
        let sound = fs::read(&path)?;
        let mut damaged = sound.clone();
        *damaged.last_mut().ok_or("an empty file")? ^= 1;
        fs::write(&path, damaged)?;
        assert!(read(folder.path(), &key).is_err(), "{}", path.display());
        fs::write(&path, sound)?;
    }
    read(folder.path(), &key)?;
    Ok(())
}
