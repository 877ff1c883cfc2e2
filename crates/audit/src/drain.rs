use std::collections::BTreeMap;

use strongroom_core::{
    Change, Event, Provider, Reader, Signer, StoreError, Tenant, Time, commit, waiting_events,
};
use zeroize::Zeroizing;

use crate::{
    AuditError, AuditLog, Checkpoint, Leaf, LogId, Month, Payload, Pruner, SignedCheckpoint, VerifierKey,
    append::Append,
    frontier::Frontier,
    hash::sha256,
    head::Head,
    index::{Index, Noted},
    month_keys::{MonthKeys, MonthRecord},
    select::{self, Picked, Selected},
    settings::Settings,
    tile::TILE_WIDTH,
};

/// Rows of the outbox that a step looks at, at most.
const ROWS: usize = 400;

/// What a step took over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Drained {
    /// How many events.
    pub events: usize,
    /// Whether more may wait: take a further step.
    pub more: bool,
}

impl AuditLog {
    /// Takes over events that wait in the outbox, in one commit: it appends them to the logs of their tenants and the
    /// new heads to the global log, signs the checkpoints, and deletes the rows. Of any number of processes that do so
    /// at the same time, one succeeds and the others take the step anew: so each event is logged once, and checkpoints
    /// only go forward.
    ///
    /// # Errors
    /// [`AuditError`]; what was not taken over waits on.
    pub fn drain(&self) -> Result<Drained, AuditError> {
        let _inside = self.base().enter()?;
        match commit(self.store(), Tenant::SYSTEM, |reader| self.step(reader)) {
            // Where nothing waits, nothing is committed.
            Err(Stop::Nothing) => Ok(Drained { events: 0, more: false }),
            Err(Stop::Failed(error)) => Err(error),
            Ok(drained) => Ok(drained),
        }
    }

    /// Takes over all that waits.
    ///
    /// # Errors
    /// As for [`AuditLog::drain`].
    pub fn drain_all(&self) -> Result<usize, AuditError> {
        let mut events = 0;
        loop {
            let drained = self.drain()?;
            events += drained.events;
            if !drained.more {
                return Ok(events);
            }
        }
    }

    /// The head of a log that nothing was appended to.
    pub(crate) fn first_head(&self, settings: Settings) -> Result<Head, AuditError> {
        let step = Step::new(self, settings, 0)?;
        step.head(LogId::Global, Frontier::default(), Time::from_millis(0))
    }

    fn step(&self, mut reader: Reader<'_>) -> Result<Change<Drained>, Stop> {
        let now = self.base().clock.now();
        // The head is read before the outbox: who expects it as it was then, found no row that another step took over.
        let mut fixed = reader.get_many(&[Settings::key()?, Head::key(LogId::Global)?])?.into_iter();
        let settings = fixed.next().flatten().ok_or(AuditError::Missing)?;
        let global = fixed.next().flatten().ok_or(AuditError::Missing)?;
        let global = Head::read(&global.value)?;
        let (rows, further) = waiting_events(self.store(), select::EVENTS, ROWS)?;
        if rows.is_empty() {
            return Err(Stop::Nothing);
        }
        let picked = Selected::of(&rows, global.begun.clone(), now)?;
        let newest = picked.commit.0.max(global.note.unverified().commit);
        let step = Step::new(self, Settings::read(&settings.value)?, newest)?;
        let tenants = step.read_tenants(&mut reader, &picked, now)?;
        let more = further || picked.done.len() < rows.len();
        let mut change = reader.change(Drained { events: picked.events, more });
        let mut heads = Append::new(self.store(), LogId::Global, global.frontier.clone());
        for (tenant, events) in picked.tenants {
            let Some(state) = tenants.get(&tenant) else { return Err(Stop::from(StoreError::Corrupt)) };
            let mut head = step.append(&mut change, tenant, state, events)?;
            if state.first {
                Pruner::begin(self, &mut change, tenant, now)?;
            }
            head.at = heads.push(head.note.unverified().to_string().as_bytes(), &[])?;
            change.put(&Head::key(LogId::Tenant(tenant))?, &head.to_bytes()?);
        }
        let head = step.head(LogId::Global, heads.finish(&mut change)?, Time::from_millis(0))?;
        let head = Head { begun: picked.begun, ..head };
        change.put(&Head::key(LogId::Global)?, &head.to_bytes()?);
        picked.done.iter().for_each(|key| change.delete(key));
        Ok(change)
    }
}

/// Why a step is not taken.
enum Stop {
    Nothing,
    Failed(AuditError),
}

impl<E: Into<AuditError>> From<E> for Stop {
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}

/// What all logs of one step have in common.
struct Step<'l> {
    log: &'l AuditLog,
    key: VerifierKey,
    signer: Box<dyn Signer>,
    commit: u64,
}

/// What a step knows of a tenant before it appends.
struct State {
    frontier: Frontier,
    /// Whether its log begins with this step.
    first: bool,
    /// When each event is logged.
    times: Vec<Time>,
    months: BTreeMap<Month, MonthState>,
}

struct MonthState {
    keys: MonthKeys,
    /// The record with the keys, if they are new.
    new: Option<MonthRecord>,
}

impl<'l> Step<'l> {
    fn new(log: &'l AuditLog, settings: Settings, commit: u64) -> Result<Self, AuditError> {
        let key = settings.verifier(LogId::Global)?;
        let signer = Box::new(settings.signer(&*log.base().provider)?);
        Ok(Self { log, key, signer, commit })
    }

    fn provider(&self) -> &dyn Provider {
        &*self.log.base().provider
    }

    /// A head with its checkpoint.
    fn head(&self, log: LogId, frontier: Frontier, time: Time) -> Result<Head, AuditError> {
        let key = self.key.of_log(log);
        let (size, root) = (frontier.size(), frontier.root());
        let origin = key.origin().clone();
        let checkpoint = Checkpoint { origin, size, root, history: self.log.history(), commit: self.commit };
        let note = SignedCheckpoint::sign(checkpoint, key.id(), &*self.signer)?;
        Ok(Head { frontier, time, at: 0, note, begun: Vec::new() })
    }

    /// Reads the heads of all tenants, then the months that their events fall into.
    fn read_tenants(
        &self,
        reader: &mut Reader<'_>,
        picked: &Selected<'_>,
        now: Time,
    ) -> Result<BTreeMap<Tenant, State>, AuditError> {
        let tenants = || picked.tenants.keys().map(|tenant| LogId::Tenant(*tenant));
        let heads = tenants().map(Head::key).collect::<Result<Vec<_>, _>>()?;
        let heads = reader.get_many(&heads)?;
        let mut states = BTreeMap::new();
        for ((tenant, events), head) in picked.tenants.iter().zip(heads) {
            let head = head.map(|row| Head::read(&row.value)).transpose()?;
            let first = head.is_none();
            let (frontier, mut time) =
                head.map_or((Frontier::default(), Time::from_millis(0)), |head| (head.frontier, head.time));
            let times: Vec<_> = events
                .iter()
                .map(|picked| {
                    // A clock that goes back does not take the log with it, and one event from the future does not
                    // take all later ones there.
                    time = time.max(picked.event.time.min(now));
                    time
                })
                .collect();
            let months = self.read_months(reader, *tenant, &times)?;
            states.insert(*tenant, State { frontier, first, times, months });
        }
        Ok(states)
    }

    fn read_months(
        &self,
        reader: &mut Reader<'_>,
        tenant: Tenant,
        times: &[Time],
    ) -> Result<BTreeMap<Month, MonthState>, AuditError> {
        let mut months: Vec<_> = times.iter().map(|time| Month::of(*time)).collect();
        months.dedup();
        let keys =
            months.iter().map(|month| MonthRecord::key(tenant, *month)).collect::<Result<Vec<_>, _>>()?;
        let rows = reader.get_many(&keys)?;
        let state = |(month, row): (Month, Option<strongroom_core::Record>)| {
            let old = row.map(|row| MonthRecord::read(&row.value)).transpose()?;
            let (record, new) = MonthRecord::with_keys(old, self.provider())?;
            let keys = record.keys(self.provider())?.ok_or(StoreError::Corrupt)?;
            Ok((month, MonthState { keys, new: new.then_some(record) }))
        };
        months.into_iter().zip(rows).map(state).collect()
    }

    /// Appends the events of a tenant to its log; gives the new head.
    fn append<T>(
        &self,
        change: &mut Change<T>,
        tenant: Tenant,
        state: &State,
        events: Vec<Picked<'_>>,
    ) -> Result<Head, AuditError> {
        let log = LogId::Tenant(tenant);
        let mut append = Append::new(self.log.store(), log, state.frontier.clone());
        let mut indexes = Indexes { log: self.log, tenant, written: BTreeMap::new() };
        // One question to the system for the blinds of all.
        let mut blinds = Zeroizing::new(vec![0; 32 * events.len()]);
        self.provider().random().fill_secret(&mut blinds)?;
        let (blinds, _) = blinds.as_chunks::<32>();
        for ((picked, time), blind) in events.into_iter().zip(&state.times).zip(blinds) {
            let month = Month::of(*time);
            let keys = &state.months.get(&month).ok_or(StoreError::Corrupt)?.keys;
            let bundle = append.size() / TILE_WIDTH;
            let (leaf, sealed) = self.entry(keys, &picked, *time, blind)?;
            indexes.note(bundle, append.size() % TILE_WIDTH, &leaf, picked.event, keys)?;
            append.push(&leaf.to_bytes(), &sealed)?;
        }
        indexes.finish(change)?;
        for (month, state) in &state.months {
            if let Some(record) = &state.new {
                change.put_secret(&MonthRecord::key(tenant, *month)?, record.to_bytes()?);
            }
        }
        let time = state.times.last().copied().unwrap_or(Time::from_millis(0));
        self.head(log, append.finish(change)?, time)
    }

    /// The leaf and the sealed payload of an event.
    fn entry(
        &self,
        keys: &MonthKeys,
        picked: &Picked<'_>,
        time: Time,
        blind: &[u8; 32],
    ) -> Result<(Leaf, Vec<u8>), AuditError> {
        let Picked { event, bytes, revision, producer, item } = picked;
        let mut plaintext = Zeroizing::new(Vec::with_capacity(512));
        plaintext.extend_from_slice(blind);
        Payload::write(bytes, *revision, *producer, *item, &mut plaintext)?;
        let (month, tenant, class) = (Month::of(time), event.tenant, event.class());
        let disclosed = sha256(&[&plaintext]);
        let mut leaf = Leaf { class, tenant, time, month, sealed: [0; 32], disclosed };
        let sealed = keys.seal(self.provider(), &leaf.header(), &plaintext)?;
        leaf.sealed = sha256(&[&sealed]);
        Ok((leaf, sealed))
    }
}

/// The indexes of the bundles that a step writes to.
struct Indexes<'l, 'e> {
    log: &'l AuditLog,
    tenant: Tenant,
    written: BTreeMap<u64, (Index, Noted<'e>)>,
}

impl<'e> Indexes<'_, 'e> {
    fn note(
        &mut self,
        bundle: u64,
        place: u64,
        leaf: &Leaf,
        event: &'e Event,
        keys: &MonthKeys,
    ) -> Result<(), AuditError> {
        if !self.written.contains_key(&bundle) {
            let old = if place == 0 {
                None
            } else {
                self.log.row(&Index::key(LogId::Tenant(self.tenant), bundle)?)?
            };
            let old = old.map(|row| Index::read(&row.value)).transpose()?;
            self.written.insert(bundle, (old.unwrap_or_else(Index::empty), Noted::default()));
        }
        if let Some((index, noted)) = self.written.get_mut(&bundle) {
            index.note(leaf.time, leaf.month);
            index.note_new_terms(event, leaf.month, keys, noted)?;
        }
        Ok(())
    }

    fn finish<T>(self, change: &mut Change<T>) -> Result<(), AuditError> {
        for (bundle, (index, _)) in self.written {
            change.put(&Index::key(LogId::Tenant(self.tenant), bundle)?, &index.to_bytes()?);
        }
        Ok(())
    }
}
