use std::{fmt, sync::Arc};

use strongroom_core::{Check, Provider, RecordKey, Segment, Table};

use crate::{
    own_keys::{OWN_KEYS, OwnKey, OwnKeyRecord},
    record::{RINGS, RingRecord, name_of},
    restore::{RESTORED, is_restored_row},
    uses::{USES, UsesRecord},
};

/// Looks at the records of rings: each is one, its keys load, and what they show in public is what the record says.
pub struct RingCheck {
    provider: Arc<dyn Provider>,
}

impl RingCheck {
    /// A check that computes with `provider`.
    pub fn new(provider: Arc<dyn Provider>) -> Self {
        Self { provider }
    }
}

impl Check for RingCheck {
    fn table(&self) -> Table {
        RINGS
    }

    fn check(&self, key: &RecordKey, value: &[u8]) -> Result<(), &'static str> {
        name_of(key).map_err(|_| "no name of a ring")?;
        let ring = RingRecord::read(value).map_err(|_| "no record of a ring")?;
        for stored in ring.all() {
            let loaded = self.provider.software().load(&stored);
            let loaded = loaded.map_err(|_| "a version of the ring does not load")?;
            if loaded.public() != stored.public.as_ref() {
                return Err("a version of the ring shows another public key than its secret has");
            }
        }
        Ok(())
    }
}

impl fmt::Debug for RingCheck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RingCheck")
    }
}

/// Looks at the counts of keys that may be used only so often: each is one, of a ring's id.
#[derive(Debug, Clone, Copy, Default)]
pub struct UsesCheck;

impl Check for UsesCheck {
    fn table(&self) -> Table {
        USES
    }

    fn check(&self, key: &RecordKey, value: &[u8]) -> Result<(), &'static str> {
        let mut segments = key.segments();
        match (segments.next(), segments.next()) {
            (Some(Segment::Id(_)), None) => {}
            _ => return Err("no id of a ring"),
        }
        UsesRecord::read(value).map(drop).map_err(|_| "no count of a ring's uses")
    }
}

/// Looks at keys that the rings of a tenant share, and at the names under which rings came back from backups.
pub struct OwnKeyCheck {
    provider: Arc<dyn Provider>,
}

impl OwnKeyCheck {
    /// A check that computes with `provider`.
    pub fn new(provider: Arc<dyn Provider>) -> Self {
        Self { provider }
    }
}

impl Check for OwnKeyCheck {
    fn table(&self) -> Table {
        OWN_KEYS
    }

    fn check(&self, key: &RecordKey, value: &[u8]) -> Result<(), &'static str> {
        let of = |what: &OwnKey| what.key(key.tenant()).is_ok_and(|own| own == *key);
        let what = OwnKey::ALL.into_iter().find(of).ok_or("no key that rings share")?;
        let stored =
            OwnKeyRecord::read(value, what).map_err(|_| "no record of a key that rings share")?.stored();
        let loaded = self.provider.software().load(&stored);
        loaded.map(drop).map_err(|_| "a key that rings share does not load")
    }
}

impl fmt::Debug for OwnKeyCheck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OwnKeyCheck")
    }
}

/// Looks at the names under which rings came back from backups.
#[derive(Debug, Clone, Copy, Default)]
pub struct RestoredCheck;

impl Check for RestoredCheck {
    fn table(&self) -> Table {
        RESTORED
    }

    fn check(&self, key: &RecordKey, value: &[u8]) -> Result<(), &'static str> {
        let mut segments = key.segments();
        match (segments.next(), segments.next()) {
            (Some(Segment::Id(_)), None) if is_restored_row(value) => Ok(()),
            _ => Err("no name of a ring that came back"),
        }
    }
}
