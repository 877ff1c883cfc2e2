//! Looking whether a whole database is sound.

mod hierarchy;
mod keys;
mod report;

use std::collections::{BTreeMap, BTreeSet};

use strongroom_core::{
    Check, Direction, Due, Plaintext, Provider, Range, Record, RecordKey, Revision, Store, StoreError, Table,
    Tenant, Time,
};

use self::keys::{Keys, whole};
pub use self::report::{Count, Flaw, Place, Problem, Report};
use crate::{
    Unsealed,
    keyring::read_one,
    record::{Row, State, TenantRecord, is_hierarchy},
    reseal_job::{self, RESEAL},
    roots::Roots,
    shred::{self, SHRED},
    witness::{self, WITNESSES},
};

/// Rows that are read at once; each may have a mebibyte.
const PAGE: usize = 20;
/// How often a row is looked at that others keep rewriting.
const TRIES: usize = 100;

/// Looks at every row of `store`, which is the engine below `unsealed` or a copy of it, such as a restored backup: that
/// every key is one, every row of the hierarchy is what the barrier wrote and every key in it opens, every record opens
/// under the version that it names, and every reference leads somewhere. `checks` look at the records of capabilities.
/// `progress` hears how many rows were looked at.
///
/// It changes nothing. What others write meanwhile is read again before it is called wrong, but a tenant that
/// is shredded meanwhile may be. A row that is older than it
/// should be, and its witness with it, is not noticed, nor a record that is gone without a trace: storage that goes back
/// in time is not found so.
///
/// # Errors
/// [`StoreError`] where the engine cannot read, or the barrier is sealed. What is wrong with rows is in the report.
pub fn fsck(
    store: &dyn Store,
    unsealed: &Unsealed,
    checks: &[&dyn Check],
    progress: &mut dyn FnMut(u64),
) -> Result<Report, StoreError> {
    let _inside = unsealed.enter()?;
    let mut fsck = Fsck {
        store,
        unsealed,
        provider: unsealed.provider(),
        checks,
        report: Report::default(),
        roots: None,
        system: None,
        held: None,
        shredded: BTreeSet::new(),
        reseals: BTreeMap::new(),
        dangling: Vec::new(),
    };
    fsck.find_roots()?;
    fsck.hierarchy()?;
    fsck.walk(progress)?;
    fsck.references()?;
    Ok(fsck.report)
}

struct Fsck<'f> {
    store: &'f dyn Store,
    unsealed: &'f Unsealed,
    provider: &'f dyn Provider,
    checks: &'f [&'f dyn Check],
    report: Report,
    roots: Option<Roots>,
    system: Option<Keys>,
    /// The keys of the tenant whose rows come now; nothing if there is no such tenant.
    held: Option<(Tenant, Option<Keys>)>,
    /// Tenants whose rows wait to be deleted.
    shredded: BTreeSet<Tenant>,
    /// Tenants whose record says that their records are being sealed anew, and since when; no row of that job was met.
    reseals: BTreeMap<Tenant, Time>,
    /// Due work of tenants that are not there.
    dangling: Vec<(RecordKey, Tenant)>,
}

impl Fsck<'_> {
    /// Every row, from the first to the last. If one cannot be read, from both ends towards it.
    fn walk(&mut self, progress: &mut dyn FnMut(u64)) -> Result<(), StoreError> {
        let Some(stopped) = self.run(Range::all(), Direction::Forward, progress)? else { return Ok(()) };
        let lowest = RecordKey::new(Tenant::SYSTEM, Table::new(0), &[])?;
        let stopped = stopped.unwrap_or(lowest);
        self.report.name(&stopped, Flaw::NextUnreadable);
        self.run(Range::all().after(&stopped)?, Direction::Backward, progress)?;
        Ok(())
    }

    /// Looks at rows until the last, or until one that cannot be read: then answers the one before it, if there is one.
    fn run(
        &mut self,
        all: Range,
        direction: Direction,
        progress: &mut dyn FnMut(u64),
    ) -> Result<Option<Option<RecordKey>>, StoreError> {
        let (mut range, mut last, mut limit) = (all.clone(), None, PAGE);
        loop {
            let page = match self.store.scan(&range, direction, limit) {
                Err(error) if is_unreadable(&error) && limit > 1 => {
                    limit = 1;
                    continue;
                }
                Err(error) if is_unreadable(&error) => return Ok(Some(last)),
                page => page?,
            };
            for (key, record) in page.iter() {
                self.report.rows += 1;
                self.row(key, record)?;
            }
            progress(self.report.rows);
            let Some((key, _)) = page.into_iter().last() else { return Ok(None) };
            range = match direction {
                Direction::Forward => all.clone().after(&key)?,
                Direction::Backward => all.clone().before(&key)?,
            };
            last = Some(key);
        }
    }

    fn row(&mut self, key: &RecordKey, record: &Record) -> Result<(), StoreError> {
        if is_hierarchy(key) {
            self.report.count(key, 0, record.value.len());
            return Ok(());
        }
        if self.shredded.contains(&key.tenant()) {
            self.report.shredded += 1;
            return Ok(());
        }
        let opened = match self.open(key, record)? {
            Err(_) => self.open_again(key)?,
            opened => Some(opened),
        };
        match opened {
            Some(Ok((version, value))) => {
                self.report.count(key, version, record.value.len());
                self.opened(key, &value)?;
            }
            Some(Err(flaw)) => self.report.name(key, flaw),
            None => {}
        }
        Ok(())
    }

    /// A record that did not open, and may have been sealed anew since it was read; nothing if it is gone.
    fn open_again(&mut self, key: &RecordKey) -> Result<Option<Opened>, StoreError> {
        let watched = [key.clone(), State::key()?, TenantRecord::key(key.tenant())?];
        self.while_it_changes(&watched, |fsck| {
            fsck.held = None;
            let opened = read_one(fsck.store, key)?.map(|record| fsck.open(key, &record)).transpose()?;
            Ok((matches!(opened, None | Some(Ok(_))), opened))
        })
    }

    /// Looks again, with roots read anew, until nothing is wrong, or something is while none of these rows changed: what
    /// others rewrite at this moment is not damaged.
    fn while_it_changes<T>(
        &mut self,
        watched: &[RecordKey],
        mut look: impl FnMut(&mut Self) -> Result<(bool, T), StoreError>,
    ) -> Result<T, StoreError> {
        let mut tries = 0;
        loop {
            let before = self.revisions(watched)?;
            self.refresh()?;
            let (sound, found) = look(self)?;
            tries += 1;
            if sound || tries == TRIES || self.revisions(watched)? == before {
                return Ok(found);
            }
        }
    }

    fn revisions(&self, keys: &[RecordKey]) -> Result<Vec<Option<Revision>>, StoreError> {
        let records = self.store.get_many(keys)?;
        Ok(records.into_iter().map(|record| record.map(|record| record.revision)).collect())
    }

    fn open(&mut self, key: &RecordKey, record: &Record) -> Result<Opened, StoreError> {
        let tenant = key.tenant();
        let keys = match self.held.take() {
            Some((held, keys)) if held == tenant => keys,
            _ => Keys::load(self.provider, self.store, self.roots.as_ref(), tenant)?,
        };
        let opened = match &keys {
            Some(keys) => keys.record(self.provider, key, record),
            None => Err(Flaw::NoTenant),
        };
        self.held = Some((tenant, keys));
        Ok(opened)
    }

    /// A record that opens: what it refers to, and what the capability says whose it is.
    fn opened(&mut self, key: &RecordKey, value: &[u8]) -> Result<(), StoreError> {
        if key.tenant() == Tenant::SYSTEM {
            match key.table() {
                Due::TABLE => self.due_row(key, value)?,
                WITNESSES => self.witness_row(key)?,
                _ => {}
            }
        }
        for check in self.checks.iter().filter(|check| check.table() == key.table()) {
            if let Err(what) = check.check(key, value) {
                self.report.name(key, Flaw::Unsound(what));
            }
        }
        Ok(())
    }

    fn due_row(&mut self, key: &RecordKey, value: &[u8]) -> Result<(), StoreError> {
        let (Some((_, kind, _)), Ok((tenant, payload))) = (Due::parts(key), Due::content(value)) else {
            self.report.name(key, Flaw::Malformed);
            return Ok(());
        };
        match kind {
            SHRED => drop(shred::tenant_of(payload).map(|tenant| self.shredded.insert(tenant))),
            RESEAL => drop(reseal_job::tenant_of(payload).map(|tenant| self.reseals.remove(&tenant))),
            _ => {}
        }
        if read_one(self.store, &TenantRecord::key(tenant)?)?.is_none() {
            self.dangling.push((key.clone(), tenant));
        }
        Ok(())
    }

    fn witness_row(&mut self, key: &RecordKey) -> Result<(), StoreError> {
        let Some(row) = witness::row(key) else {
            self.report.name(key, Flaw::Malformed);
            return Ok(());
        };
        let both = self.store.get_many(&[row.clone(), key.clone()])?;
        if let [None, Some(_)] = both.as_slice() {
            self.report.name(&row, Flaw::Missing);
        }
        Ok(())
    }

    /// What is known only when all rows have been looked at.
    fn references(&mut self) -> Result<(), StoreError> {
        for (key, tenant) in std::mem::take(&mut self.dangling) {
            if !self.shredded.contains(&tenant) && read_one(self.store, &key)?.is_some() {
                self.report.name(&key, Flaw::NoTenant);
            }
        }
        for (tenant, since) in std::mem::take(&mut self.reseals) {
            if !self.reseal_is_there(tenant, since)? {
                self.report.name(&Due::key(since, RESEAL, *tenant.as_bytes())?, Flaw::Missing);
            }
        }
        Ok(())
    }

    /// Whether a tenant's record that waits for a job does so in vain: it may have been done since, or begun a step.
    fn reseal_is_there(&mut self, tenant: Tenant, since: Time) -> Result<bool, StoreError> {
        let key = TenantRecord::key(tenant)?;
        let Some(before) = read_one(self.store, &key)? else { return Ok(true) };
        if whole(TenantRecord::read(&before.value))?.and_then(|row| row.reseal) != Some(since) {
            return Ok(true);
        }
        let found = reseal_job::row_of(tenant, since, |range| self.opened_row(range));
        let after = read_one(self.store, &key)?.map(|record| record.revision);
        Ok(whole(found)?.flatten().is_some() || after != Some(before.revision))
    }

    /// The first row of a range, opened.
    fn opened_row(&mut self, range: &Range) -> Result<Vec<(RecordKey, Record)>, StoreError> {
        let mut rows = self.store.scan(range, Direction::Forward, 1)?;
        for (key, record) in &mut rows {
            let (_, value) = self.open(key, record)?.map_err(|_| StoreError::Corrupt)?;
            record.value = value.into();
        }
        Ok(rows)
    }
}

type Opened = Result<(u32, Plaintext), Flaw>;

/// Whether an engine failed over a row that it holds, as over a key that is none.
fn is_unreadable(error: &StoreError) -> bool {
    matches!(error, StoreError::Corrupt | StoreError::TooLarge(_) | StoreError::Invalid(_))
}
