//! The rows of the hierarchy: whether they are there, are what the barrier wrote, and the keys in them open.

use strongroom_core::{Direction, Range, Record, RecordKey, StoreError, Table, Tenant};

use super::{
    Flaw, Fsck, PAGE, is_unreadable,
    keys::{Keys, whole},
};
use crate::{
    keyring::{GONE, Ways},
    record::{Row, SLOTS, STATE, Slot, State, TENANTS, TenantRecord, check_hierarchy, id_of},
    roots::Roots,
    schedule, witness,
};

impl Fsck<'_> {
    /// The roots, by the slot that was unsealed with; nothing if they do not open.
    pub(super) fn find_roots(&mut self) -> Result<(), StoreError> {
        let (state_key, slot_key) = (State::key()?, self.way()?);
        let (mut sound, rows) = (true, self.store.get_many(&[state_key.clone(), slot_key.clone()])?);
        for (key, row) in [&state_key, &slot_key].into_iter().zip(&rows) {
            let flaw = match row {
                None => Flaw::Missing,
                Some(row) if check_hierarchy(key, &row.value).is_err() => Flaw::Malformed,
                Some(_) => continue,
            };
            sound = false;
            self.report.name(key, flaw);
        }
        if sound {
            self.refresh()?;
            if self.roots.is_none() {
                // One of the two does not fit the other.
                self.report.name(&slot_key, Flaw::DoesNotOpen);
                self.report.name(&state_key, Flaw::DoesNotOpen);
            }
        }
        Ok(())
    }

    /// The slot that the roots are read by: the first of those in memory that is there.
    fn way(&self) -> Result<RecordKey, StoreError> {
        let ways = self.unsealed.keyring().ways()?;
        let keys = ways.0.iter().map(|way| Slot::key(way.id)).collect::<Result<Vec<_>, _>>()?;
        let there = self.store.get_many(&keys)?.iter().position(Option::is_some).unwrap_or(0);
        keys.get(there).cloned().ok_or(StoreError::Sealed)
    }

    /// Reads the roots again, and the system's keys, as others may have changed them.
    pub(super) fn refresh(&mut self) -> Result<(), StoreError> {
        let read =
            |ways: &Ways| Roots::read(self.provider, ways, Vec::new(), |keys| self.store.get_many(keys));
        self.roots = match self.unsealed.keyring().by_ways(read) {
            Err(StoreError::Invalid(GONE)) => None,
            opened => whole(opened)?.map(|(roots, _)| roots),
        };
        self.system = Keys::load(self.provider, self.store, self.roots.as_ref(), Tenant::SYSTEM)?;
        Ok(())
    }

    /// Looks at every row of the three tables.
    pub(super) fn hierarchy(&mut self) -> Result<(), StoreError> {
        self.refresh()?;
        if self.system.is_none() {
            self.report.name(&TenantRecord::key(Tenant::SYSTEM)?, Flaw::Missing);
        }
        [STATE, SLOTS, TENANTS].into_iter().try_for_each(|table| self.table(table))
    }

    fn table(&mut self, table: Table) -> Result<(), StoreError> {
        // The row without segments stands before those that have some.
        self.hierarchy_row(&RecordKey::new(Tenant::SYSTEM, table, &[])?)?;
        let mut range = Range::under(Tenant::SYSTEM, table, &[])?;
        loop {
            let page = match self.store.scan(&range, Direction::Forward, PAGE) {
                // The walk over all rows names what cannot be read.
                Err(error) if is_unreadable(&error) => return Ok(()),
                page => page?,
            };
            for (key, _) in &page {
                self.hierarchy_row(key)?;
            }
            match page.last() {
                Some((key, _)) => range = range.after(key)?,
                None => return Ok(()),
            }
        }
    }

    fn hierarchy_row(&mut self, key: &RecordKey) -> Result<(), StoreError> {
        if self.flaws_of(key)?.is_empty() {
            return Ok(());
        }
        let watched = [key.clone(), State::key()?, TenantRecord::key(Tenant::SYSTEM)?, witness::key(key)?];
        let flaws = self.while_it_changes(&watched, |fsck| {
            let flaws = fsck.flaws_of(key)?;
            Ok((flaws.is_empty(), flaws))
        })?;
        for (key, flaw) in flaws {
            self.report.name(&key, flaw);
        }
        Ok(())
    }

    /// What is wrong with a row, and with those that it refers to.
    fn flaws_of(&mut self, key: &RecordKey) -> Result<Flaws, StoreError> {
        let witness_key = witness::key(key)?;
        let mut rows = self.store.get_many(&[key.clone(), witness_key.clone()])?.into_iter();
        let (Some(row), Some(witness)) = (rows.next(), rows.next()) else { return Err(StoreError::Corrupt) };
        let Some(row) = row else { return Ok(Flaws::new()) };
        if check_hierarchy(key, &row.value).is_err() {
            return Ok(vec![(key.clone(), Flaw::Malformed)]);
        }
        let mut flaws = match key.table() {
            STATE => self.state_row(&row)?,
            SLOTS => self.slot_row(key, &row)?,
            _ => self.tenant_row(key, &row)?,
        };
        match witness {
            None => flaws.push((witness_key, Flaw::Missing)),
            Some(witness) if self.differs(&witness_key, &witness, &row) => {
                flaws.push((key.clone(), Flaw::Changed));
            }
            Some(_) => {}
        }
        Ok(flaws)
    }

    /// Whether a witness says something else of a row. One that does not open is named in the walk over all rows.
    fn differs(&self, key: &RecordKey, witness: &Record, row: &Record) -> bool {
        let opened = self.system.as_ref().and_then(|keys| keys.record(self.provider, key, witness).ok());
        opened.is_some_and(|(_, digest)| digest.as_slice() != witness::digest(self.provider, &row.value))
    }

    fn state_row(&mut self, row: &Record) -> Result<Flaws, StoreError> {
        let state = State::read(&row.value)?;
        let first = TenantRecord::key(Tenant::from_bytes(state.first_tenant))?;
        let mut flaws = self.missing(&State::key()?, row, &[first, schedule::root_key(&state)?])?;
        if let Some(roots) = &self.roots {
            for old in &state.old {
                if whole(roots.version(self.provider, old.version))?.is_none() {
                    flaws.push((State::key()?, Flaw::DoesNotOpen));
                }
            }
        }
        Ok(flaws)
    }

    fn slot_row(&mut self, key: &RecordKey, row: &Record) -> Result<Flaws, StoreError> {
        let Some(roots) = &self.roots else { return Ok(Flaws::new()) };
        let verified = Slot::read(&row.value)?.verify(self.provider, id_of(key)?, &roots.current);
        Ok(if whole(verified)?.is_none() { vec![(key.clone(), Flaw::DoesNotOpen)] } else { Flaws::new() })
    }

    fn tenant_row(&mut self, key: &RecordKey, record: &Record) -> Result<Flaws, StoreError> {
        let (tenant, row) = (Tenant::from_bytes(id_of(key)?), TenantRecord::read(&record.value)?);
        let mut flaws = self.missing(key, record, &[schedule::tenant_key(tenant, &row)?])?;
        if let Some(roots) = &self.roots
            && let Some(flaw) = Keys::open(self.provider, roots, tenant, &row)?.flaw()
        {
            flaws.push((key.clone(), flaw));
        }
        if let Some(since) = row.reseal {
            self.reseals.insert(tenant, since);
        }
        Ok(flaws)
    }

    /// Which of the rows that a row refers to are not there, as of one moment.
    fn missing(&self, key: &RecordKey, row: &Record, others: &[RecordKey]) -> Result<Flaws, StoreError> {
        let asked: Vec<_> = [std::slice::from_ref(key), others].concat();
        let mut found = self.store.get_many(&asked)?.into_iter();
        if found.next().flatten().is_none_or(|again| again.revision != row.revision) {
            // Somebody wrote it meanwhile: the references are not those that were read.
            return Ok(Flaws::new());
        }
        let missing = others.iter().zip(found).filter(|(_, row)| row.is_none());
        Ok(missing.map(|(key, _)| (key.clone(), Flaw::Missing)).collect())
    }
}

type Flaws = Vec<(RecordKey, Flaw)>;
