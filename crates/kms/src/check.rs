use std::{fmt, sync::Arc};

use strongroom_core::{Check, Provider, RecordKey, Segment, Table};

use crate::{
    record::{RINGS, RingRecord, name_of},
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
