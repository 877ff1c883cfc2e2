use std::{collections::HashMap, fmt, time::Duration};

use strongroom_core::{
    Action, Caller, Change, CommitError, Detail, Due, DueError, Event, Name, Reader, RecordKey, Service,
    StoreError, Tenant, Time, Worker,
};

use crate::{
    AuditError, AuditLog, Hash, Hold, Leaf, LogId, Order, Query, Retention,
    entries::{self, Entry, Rows},
    hold,
    index::Index,
    leaf::take,
    open::{Opened, Opener},
    producer::producer_of,
    tile::TILE_WIDTH,
};

/// Erases payloads whose time is over: due work, a bundle of 256 entries in each step. Hashes stay for ever, so that
/// every proof holds.
///
/// It begins with the first event of a tenant and looks once a day. What was erased is gone from the engine's files
/// after the next [`scrub`](strongroom_core::Store::scrub).
#[derive(Clone)]
pub struct Pruner(AuditLog);

const KIND: &str = "audit-prune";
const DAY: Duration = Duration::from_secs(86_400);

/// Where a pass over a tenant's log is.
#[derive(Debug, Clone, Copy)]
struct Pass {
    tenant: Tenant,
    /// The next bundle.
    bundle: u64,
    /// The first bundle that still has a payload: the next pass begins there.
    first_kept: u64,
}

impl Pruner {
    /// Prunes this log.
    pub const fn new(log: AuditLog) -> Self {
        Self(log)
    }

    fn plan(&self, mut reader: Reader<'_>, pass: Pass, now: Time) -> Result<Change<()>, AuditError> {
        let log = LogId::Tenant(pass.tenant);
        let full = match self.0.head(log) {
            Ok(head) => head.frontier.size() / TILE_WIDTH,
            Err(AuditError::NotFound) => 0,
            Err(error) => return Err(error),
        };
        if pass.bundle >= full {
            let bundle = pass.first_kept.min(full);
            let mut change = reader.change(());
            self.due(Pass { bundle, first_kept: u64::MAX, ..pass }, now + DAY)?.put(&mut change)?;
            return Ok(change);
        }
        let rules =
            Rules { retention: Retention::read(&mut reader)?, holds: hold::read_all(&mut reader)?, now };
        let rows = entries::bundle_rows(self.0.store(), log, pass.bundle)?;
        let keys: Vec<_> = rows.into_iter().map(|(key, _)| key).collect();
        // The payloads were sealed under keys that nobody may erase and make anew meanwhile; the rows are what they were.
        let rows = reader.get_many(&keys)?.into_iter().flatten().map(|row| entries::read(&row.value));
        let mut entries = rows.collect::<Result<Vec<_>, _>>()?.concat();
        if entries.len() as u64 != TILE_WIDTH {
            return Err(StoreError::Corrupt.into());
        }
        let erased = self.erase(pass.tenant, &rules, &mut entries)?;
        let kept = entries.iter().any(|entry| !entry.sealed.is_empty());
        let first_kept = if kept { pass.first_kept.min(pass.bundle) } else { pass.first_kept };
        let mut change = reader.change(());
        if erased > 0 {
            self.rewrite(&mut change, pass, &keys, &entries, erased, now)?;
        }
        self.due(Pass { bundle: pass.bundle + 1, first_kept, ..pass }, now)?.put(&mut change)?;
        Ok(change)
    }

    /// Takes the payloads out whose time is over, and sealed ones without a key; answers how many.
    fn erase(&self, tenant: Tenant, rules: &Rules, entries: &mut [Entry]) -> Result<u64, AuditError> {
        let mut opener = Opener::new(&self.0, tenant);
        let mut ends = Ends { log: &self.0, tenant, known: HashMap::new() };
        let mut erased = 0;
        for entry in entries.iter_mut().filter(|entry| !entry.sealed.is_empty()) {
            let leaf = Leaf::from_bytes(&entry.leaf).ok_or(StoreError::Corrupt)?;
            let over = match opener.open(&leaf, &entry.sealed)? {
                Opened::Here(_, payload) => rules.over(&payload.event, leaf.time, &mut ends)?,
                Opened::Gone => true,
                Opened::Damaged => false,
            };
            if over {
                entry.sealed.clear();
                erased += 1;
            }
        }
        Ok(erased)
    }

    /// Writes the bundle anew, in as few rows as there is need for, and its index.
    fn rewrite(
        &self,
        change: &mut Change<()>,
        pass: Pass,
        old: &[RecordKey],
        entries: &[Entry],
        erased: u64,
        now: Time,
    ) -> Result<(), AuditError> {
        let (log, start) = (LogId::Tenant(pass.tenant), pass.bundle * TILE_WIDTH);
        old.iter().for_each(|key| change.delete(key));
        let mut rows = Rows::default();
        for (entry, index) in entries.iter().zip(start..) {
            rows.push(index, &entry.leaf, &Hash::leaf(&entry.leaf), &entry.sealed)?;
        }
        for (key, row) in rows.into_writes(log)? {
            change.put(&key, &row);
        }
        let (index, _) = Opener::new(&self.0, pass.tenant).index(entries)?;
        change.put(&Index::key(log, pass.bundle)?, &index.to_bytes()?);
        let name = Name::parse("audit-retention").map_err(|_| AuditError::Invalid("a name"))?;
        let caller = Caller { tenant: pass.tenant, ..Caller::system() };
        let event = Event::allowed(&caller, now, Service::Audit, Action::Destroy, Some(name));
        self.0.base().outbox.put(change, &event.with(Detail::Count(erased)))?;
        Ok(())
    }

    fn due(&self, pass: Pass, time: Time) -> Result<Due, AuditError> {
        // A step's row is deleted with its commit: the next one needs another key, also at the same time.
        let mut id = [0; 16];
        self.0.base().provider.random().fill(&mut id);
        let Pass { tenant, bundle, first_kept } = pass;
        let payload =
            [tenant.as_bytes().as_slice(), &bundle.to_be_bytes(), &first_kept.to_be_bytes()].concat();
        Ok(Due { time, kind: KIND, id, tenant: Tenant::SYSTEM, payload })
    }

    /// Adds the first pass over a tenant's log to the change that begins the log.
    pub(crate) fn begin<T>(
        log: &AuditLog,
        change: &mut Change<T>,
        tenant: Tenant,
        now: Time,
    ) -> Result<(), AuditError> {
        let pass = Pass { tenant, bundle: 0, first_kept: u64::MAX };
        Ok(Self(log.clone()).due(pass, now + DAY)?.put(change)?)
    }
}

impl Worker for Pruner {
    fn kinds(&self) -> &[&'static str] {
        &[KIND]
    }

    fn step(&self, reader: Reader<'_>, due: &Due, now: Time) -> Result<Change<()>, DueError> {
        let _inside = self.0.base().enter()?;
        let pass = Pass::read(&due.payload).ok_or(StoreError::Corrupt)?;
        self.plan(reader, pass, now).map_err(|error| match error {
            AuditError::Commit(error) => error,
            AuditError::Store(error) => error.into(),
            _ => CommitError::Store(StoreError::Corrupt),
        })
    }
}

impl Pass {
    fn read(mut bytes: &[u8]) -> Option<Self> {
        let tenant = Tenant::from_bytes(take(&mut bytes)?);
        let [bundle, first_kept] = [take(&mut bytes)?, take(&mut bytes)?].map(u64::from_be_bytes);
        bytes.is_empty().then_some(Self { tenant, bundle, first_kept })
    }
}

/// What decides whether a payload is erased.
struct Rules {
    retention: Retention,
    holds: Vec<Hold>,
    now: Time,
}

impl Rules {
    fn over(&self, event: &Event, logged: Time, ends: &mut Ends<'_>) -> Result<bool, AuditError> {
        if self.holds.iter().any(|hold| hold.keeps(event, logged)) {
            return Ok(false);
        }
        let rule = self.retention.rule(event);
        let until = rule.until(event, logged, |name| ends.of(event, name, logged))?;
        Ok(until.is_some_and(|until| until <= self.now))
    }
}

/// When resources ended.
struct Ends<'l> {
    log: &'l AuditLog,
    tenant: Tenant,
    known: HashMap<Thing, Option<Time>>,
}

/// Of which service and which producer, and its name. What a producer tells of is nothing of this database, and nothing
/// of another producer: nobody ends the time of events that are not their own.
type Thing = (Service, Option<[u8; 16]>, Name);

impl Ends<'_> {
    /// When the last thing of this name ended; nothing if that was before `since`.
    fn of(&mut self, event: &Event, name: &Name, since: Time) -> Result<Option<Time>, AuditError> {
        let thing = (event.service, producer_of(event), name.clone());
        let end = match self.known.get(&thing) {
            Some(end) => *end,
            None => {
                let deleted = self.last(&thing, Action::Delete)?;
                let end = deleted.max(self.last(&thing, Action::Destroy)?);
                self.known.insert(thing, end);
                end
            }
        };
        Ok(end.filter(|end| *end >= since))
    }

    fn last(&self, (service, producer, name): &Thing, action: Action) -> Result<Option<Time>, AuditError> {
        let (service, action, resource) = (Some(*service), Some(action), Some(name.clone()));
        let ending = Some(crate::Ending::Allowed);
        let query =
            Query { service, action, resource, ending, order: Order::NewestFirst, ..Query::default() };
        let mut after = None;
        loop {
            let page = self.log.query(self.tenant, &query, after.as_ref(), 16)?;
            let same = page.found.iter().find(|found| producer_of(&found.payload.event) == *producer);
            match (same, page.next) {
                (Some(found), _) => return Ok(Some(found.time)),
                (None, None) => return Ok(None),
                (None, next) => after = next,
            }
        }
    }
}

impl fmt::Debug for Pruner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pruner")
    }
}
