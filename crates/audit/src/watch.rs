use std::collections::BTreeMap;

use strongroom_core::{Name, Tenant, Time};

use crate::{Checkpoint, Leaf, LogId, Month};

/// Looks whether each leaf makes sense after those before it.
pub(crate) struct Watch {
    log: LogId,
    database: Name,
    time: Time,
    heads: BTreeMap<Tenant, (u64, Checkpoint)>,
    next: u64,
}

impl Watch {
    pub(crate) fn new(log: LogId, database: Name) -> Self {
        Self { log, database, time: Time::from_millis(0), heads: BTreeMap::new(), next: 0 }
    }

    /// Whether the next leaf is one of this log: of the tenant, in the order of time; or of the global log, a checkpoint
    /// that is not behind the last one of its tenant.
    pub(crate) fn accepts(&mut self, leaf: &[u8]) -> bool {
        let index = self.next;
        self.next += 1;
        match self.log {
            LogId::Tenant(tenant) => self.event(tenant, leaf),
            LogId::Global => self.head(index, leaf),
        }
    }

    /// When the last entry was logged.
    pub(crate) fn time(&self) -> Time {
        self.time
    }

    /// Of the global log: the last head of each tenant, and its number.
    pub(crate) fn into_heads(self) -> BTreeMap<Tenant, (u64, Checkpoint)> {
        self.heads
    }

    fn event(&mut self, tenant: Tenant, leaf: &[u8]) -> bool {
        let Some(leaf) = Leaf::from_bytes(leaf) else { return false };
        let fits = leaf.tenant == tenant && leaf.time >= self.time && leaf.month == Month::of(leaf.time);
        self.time = self.time.max(leaf.time);
        fits
    }

    fn head(&mut self, index: u64, leaf: &[u8]) -> bool {
        let Some(head) = std::str::from_utf8(leaf).ok().and_then(Checkpoint::parse) else { return false };
        let LogId::Tenant(tenant) = head.origin.log else { return false };
        let forward = |(_, last): &(u64, Checkpoint)| last.size < head.size && last.commit <= head.commit;
        let fits = head.origin.database == self.database && self.heads.get(&tenant).is_none_or(forward);
        self.heads.insert(tenant, (index, head));
        fits
    }
}
