use std::collections::{BTreeMap, btree_map::Entry as Slot};

use strongroom_core::Tenant;

use crate::{
    AuditError, AuditLog, Leaf, Month, Payload,
    entries::Entry,
    inclusion::Disclosed,
    index::Index,
    month_keys::{MonthKeys, MonthRecord},
};

/// Opens the payloads of a tenant's log; reads the keys of each month once, and lives for one operation.
pub(crate) struct Opener<'l> {
    log: &'l AuditLog,
    tenant: Tenant,
    months: BTreeMap<Month, Keys>,
}

#[derive(Default)]
struct Keys {
    record: Option<MonthRecord>,
    live: Option<MonthKeys>,
}

/// What became of a payload.
pub(crate) enum Opened {
    /// It is there.
    Here(Disclosed, Box<Payload>),
    /// It was pruned, or its month was erased.
    Gone,
    /// It does not open, or is not what the leaf commits to.
    Damaged,
}

impl<'l> Opener<'l> {
    pub(crate) fn new(log: &'l AuditLog, tenant: Tenant) -> Self {
        Self { log, tenant, months: BTreeMap::new() }
    }

    /// The keys of a month, if there are some.
    pub(crate) fn keys(&mut self, month: Month) -> Result<Option<&MonthKeys>, AuditError> {
        Ok(self.month(month)?.live.as_ref())
    }

    /// Opens the payload of a leaf.
    pub(crate) fn open(&mut self, leaf: &Leaf, sealed: &[u8]) -> Result<Opened, AuditError> {
        if sealed.is_empty() {
            return Ok(Opened::Gone);
        }
        let provider = self.log.base().provider.clone();
        let Keys { record, live } = self.month(leaf.month)?;
        let Some(keys) = live.as_ref().filter(|keys| keys.seals(sealed)) else {
            let erased = record.as_ref().is_some_and(|record| record.erased(sealed));
            return Ok(if erased { Opened::Gone } else { Opened::Damaged });
        };
        let Ok(plaintext) = keys.open(&*provider, leaf, sealed) else { return Ok(Opened::Damaged) };
        let Some((blind, payload)) = plaintext.split_first_chunk() else { return Ok(Opened::Damaged) };
        let disclosed = Disclosed { blind: *blind, payload: payload.to_vec() };
        Ok(disclosed.of(leaf).map_or(Opened::Damaged, |payload| Opened::Here(disclosed, Box::new(payload))))
    }

    /// The index of these entries, and how many of their payloads are gone.
    pub(crate) fn index(&mut self, entries: &[Entry]) -> Result<(Index, usize), AuditError> {
        let (mut index, mut gone) = (Index::empty(), 0);
        for entry in entries {
            let Some(leaf) = Leaf::from_bytes(&entry.leaf) else { continue };
            index.note(leaf.time, leaf.month);
            let Opened::Here(_, payload) = self.open(&leaf, &entry.sealed)? else {
                gone += 1;
                continue;
            };
            if let Some(keys) = self.keys(leaf.month)? {
                index.note_event(&payload.event, keys)?;
            }
        }
        Ok((index, gone))
    }

    fn month(&mut self, month: Month) -> Result<&Keys, AuditError> {
        match self.months.entry(month) {
            Slot::Occupied(slot) => Ok(slot.into_mut()),
            Slot::Vacant(slot) => {
                let (record, live) = self.log.month(self.tenant, month)?;
                Ok(slot.insert(Keys { record, live }))
            }
        }
    }
}
