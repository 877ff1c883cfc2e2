use std::collections::BTreeMap;

use strongroom_core::{Event, RecordKey, Revision, Segment, StoreError, Tenant, Time, Waiting};

use crate::{Month, tile::TILE_WIDTH};

/// Operations that the events of one step may take; a batch has 1,000.
const OPERATIONS: usize = 950;

/// Events of one step: with tiles, less than 5 MiB of the 8 that a batch has, as long as events can be.
pub(crate) const EVENTS: usize = 4_096;

/// What a step always takes: settings, global head, entries and tiles of the global log.
const ALWAYS: usize = 24;

/// What the first event of a tenant takes at most: its head and its month, each expected and written, a row of entries,
/// of the index and of each level of tiles that may become full, and the due row of a new log.
const TENANT: usize = 15;

/// What one more month takes.
const MONTH: usize = 2;

/// What one more bundle takes: entries, index, tiles.
const BUNDLE: usize = 8;

/// The events that one step takes over.
pub(crate) struct Selected<'w> {
    /// By tenant, each in the order of commits.
    pub(crate) tenants: BTreeMap<Tenant, Vec<Picked<'w>>>,
    /// Rows of the outbox that are done.
    pub(crate) done: Vec<RecordKey>,
    /// Rows of which so many events are taken over.
    pub(crate) begun: Vec<(Vec<u8>, u32)>,
    /// The newest commit among them.
    pub(crate) commit: Revision,
    pub(crate) events: usize,
}

/// An event and where it came from.
pub(crate) struct Picked<'w> {
    pub(crate) event: &'w Event,
    /// As [`Event::to_bytes`] makes them.
    pub(crate) bytes: &'w [u8],
    pub(crate) revision: Revision,
    pub(crate) producer: ([u8; 16], u64),
    pub(crate) item: u32,
}

impl<'w> Selected<'w> {
    /// As many events as fit into one commit, from the first on. Of a row that does not fit as a whole, those are
    /// taken that do: `begun` says how many of a row were taken by steps before.
    pub(crate) fn of(
        waiting: &'w [Waiting],
        begun: Vec<(Vec<u8>, u32)>,
        now: Time,
    ) -> Result<Self, StoreError> {
        let (tenants, done) = (BTreeMap::new(), Vec::new());
        let mut selected = Self { tenants, done, begun, commit: Revision(0), events: 0 };
        let mut budget = Budget { left: OPERATIONS - ALWAYS, months: BTreeMap::new() };
        for row in waiting {
            if !selected.take(row, &mut budget, now)? {
                break;
            }
        }
        Ok(selected)
    }

    /// Takes the events of a row; whether all of them.
    fn take(&mut self, row: &'w Waiting, budget: &mut Budget, now: Time) -> Result<bool, StoreError> {
        let producer = producer(&row.key).ok_or(StoreError::Corrupt)?;
        let before = self.begun.iter().position(|(key, _)| key == row.key.as_bytes());
        let before = before.map_or(0, |at| self.begun.remove(at).1);
        let rest = row.events.iter().zip(0_u32..).skip(before as usize);
        if !budget.pay(1) {
            self.keep(row, before);
            return Ok(false);
        }
        for (event, item) in rest {
            let picked = self.tenants.get(&event.tenant).map_or(0, Vec::len);
            if self.events >= EVENTS || !budget.pay_for(event, picked, now) {
                self.keep(row, item);
                return Ok(false);
            }
            let bytes = row.event_bytes(item as usize).ok_or(StoreError::Corrupt)?;
            let picked = Picked { event, bytes, revision: row.revision, producer, item };
            self.tenants.entry(event.tenant).or_default().push(picked);
            self.events += 1;
            self.commit = self.commit.max(row.revision);
        }
        self.done.push(row.key.clone());
        Ok(true)
    }

    fn keep(&mut self, row: &Waiting, taken: u32) {
        if taken > 0 {
            self.begun.push((row.key.as_bytes().to_vec(), taken));
        }
    }
}

/// What is left of a batch.
struct Budget {
    left: usize,
    months: BTreeMap<Tenant, Month>,
}

impl Budget {
    fn pay(&mut self, operations: usize) -> bool {
        let left = self.left.checked_sub(operations);
        self.left = left.unwrap_or(self.left);
        left.is_some()
    }

    /// Pays for one more event of a tenant, of whose so many were taken.
    fn pay_for(&mut self, event: &Event, taken: usize, now: Time) -> bool {
        let month = Month::of(event.time.min(now));
        let first = if taken == 0 { TENANT } else { 0 };
        let bundle = if taken > 0 && (taken as u64).is_multiple_of(TILE_WIDTH) { BUNDLE } else { 0 };
        let known = self.months.get(&event.tenant).copied();
        let another = if known.is_some_and(|known| month > known) { MONTH } else { 0 };
        let paid = self.pay(first + bundle + another);
        if paid && known.is_none_or(|known| month > known) {
            self.months.insert(event.tenant, month);
        }
        paid
    }
}

/// The producer and its counter, as they stand in the key of a row.
fn producer(key: &RecordKey) -> Option<([u8; 16], u64)> {
    let mut segments = key.segments();
    match (segments.next()?, segments.next()?, segments.next()) {
        (Segment::Id(producer), Segment::Number(counter), None) => Some((producer, counter)),
        _ => None,
    }
}
