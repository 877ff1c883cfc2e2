use std::{fmt, sync::Arc};

use strongroom_core::{Check, Provider, RecordKey, Segment, Table};

use crate::{
    own_keys::{OWN_KEYS, OwnKey, OwnKeyRecord},
    restore::{RESTORED, is_restored_row},
};

/// Looks at keys that the rings of a tenant share: each is what it serves as, and loads.
pub(crate) struct OwnKeyCheck {
    provider: Arc<dyn Provider>,
}

impl OwnKeyCheck {
    /// A check that computes with `provider`.
    pub(crate) fn new(provider: Arc<dyn Provider>) -> Self {
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
pub(crate) struct RestoredCheck;

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
