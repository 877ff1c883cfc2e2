use std::collections::{BTreeMap, BTreeSet};

use strongroom_core::{Direction, StoreError, Table, Tenant};

use crate::{
    AuditError, AuditLog, Checkpoint, LogId, Month, Part, Progress, head::Head, hold, log_check::LogCheck,
    month_keys::MonthRecord, producer::ProducerRecord, retention::Retention, tables,
};

/// What a check of the whole audit log found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Fsck {
    /// What is damaged: of each log the first of each kind of part, in the order in which they were met. Empty if all is
    /// as it was written.
    pub findings: Vec<Finding>,
    /// Logs that were looked at, the global one among them.
    pub logs: u64,
    /// Entries that were looked at.
    pub entries: u64,
    /// Entries whose payload was erased: pruned, or with its month.
    pub erased: u64,
}

/// Something that is damaged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Finding {
    /// In which log.
    pub log: LogId,
    /// What.
    pub part: Part,
}

impl AuditLog {
    /// Computes every tree of the database anew from its entries, opens every payload, and compares with all that is
    /// kept: tiles, heads, checkpoints and their signatures, the heads in the global log, indexes, and every other record
    /// of the log. The log should not grow meanwhile: what comes in is not looked at, and may be taken for damage.
    ///
    /// What somebody cut off together with every trace of it does not show here, but to a holder of a later checkpoint:
    /// [`AuditLog::check_since`].
    ///
    /// # Errors
    /// [`AuditError`] where the store cannot be read. What is damaged is no error, but a [`Finding`].
    pub fn fsck(&self, progress: &mut dyn FnMut(Progress)) -> Result<Fsck, AuditError> {
        let _inside = self.base().enter()?;
        let mut fsck = Fsck::default();
        let settings = match self.settings() {
            Ok(settings) => Some(settings),
            Err(AuditError::Store(StoreError::Corrupt)) => None,
            Err(error) => return Err(error),
        };
        let Some(settings) = settings.and_then(|settings| settings.verifier(LogId::Global).ok()) else {
            fsck.add(LogId::Global, Part::Settings);
            return Ok(fsck);
        };
        self.check_records(&mut fsck)?;
        let heads = self.heads(&mut fsck)?;
        let total = heads.values().flatten().map(|head| head.frontier.size()).sum();
        let mut in_global = BTreeMap::new();
        for (log, head) in &heads {
            fsck.logs += 1;
            let mut check = LogCheck::new(self, *log, settings.of_log(*log), &mut fsck);
            let done = check.run(head.as_ref(), total, progress)?;
            in_global.extend(done);
        }
        fsck.compare_heads(&heads, &in_global);
        Ok(fsck)
    }

    /// The head of each log that there is any row of; nothing for one that cannot be read.
    fn heads(&self, fsck: &mut Fsck) -> Result<BTreeMap<LogId, Option<Head>>, AuditError> {
        let mut logs = BTreeSet::from([LogId::Global]);
        for table in [tables::HEADS, tables::ENTRIES, tables::TILES, tables::INDEX] {
            self.logs_in(table, &mut logs)?;
        }
        let mut heads = BTreeMap::new();
        for log in logs {
            let head = self.row(&Head::key(log)?).map_err(AuditError::from).and_then(|row| match row {
                Some(row) => Ok(Head::read(&row.value)?),
                None => Err(StoreError::Corrupt.into()),
            });
            let head = match head {
                Ok(head) => Some(head),
                Err(AuditError::Store(StoreError::Corrupt)) => {
                    fsck.add(log, Part::Head);
                    None
                }
                Err(error) => return Err(error),
            };
            heads.insert(log, head);
        }
        Ok(heads)
    }

    /// Adds the logs that a table has rows of. Where a row cannot be read, those behind it are found in other tables.
    fn logs_in(&self, table: Table, logs: &mut BTreeSet<LogId>) -> Result<(), AuditError> {
        let mut range = tables::all(table)?;
        loop {
            let rows = match self.store().scan(&range, Direction::Forward, 1) {
                Err(StoreError::Corrupt) => return Ok(()),
                rows => rows?,
            };
            let Some((key, _)) = rows.first() else { return Ok(()) };
            let Some((log, _)) = tables::parts(key) else { return Ok(()) };
            logs.insert(log);
            // On to the next log: no row of this one is behind it.
            let last = tables::of_log(table, log, &[u64::MAX, u64::MAX])?;
            range = tables::all(table)?.after(&last)?;
        }
    }

    /// Whether the records that belong to no tree can be read.
    fn check_records(&self, fsck: &mut Fsck) -> Result<(), AuditError> {
        let month = |value: &[u8]| MonthRecord::read(value).map(drop);
        let retention = |value: &[u8]| Retention::parse(value).map(drop);
        let holds = |value: &[u8]| hold::parse(value).map(drop);
        let producer = |value: &[u8]| ProducerRecord::read(value).map(drop);
        type Read<'r> = &'r dyn Fn(&[u8]) -> Result<(), StoreError>;
        let kinds: [(Table, Read<'_>, Part); 4] = [
            (tables::MONTHS, &month, Part::Month(Month::from_number(0))),
            (tables::RETENTION, &retention, Part::Retention),
            (tables::HOLDS, &holds, Part::Holds),
            (tables::PRODUCERS, &producer, Part::Producer),
        ];
        for (table, read, part) in kinds {
            self.check_table(table, read, part, fsck)?;
        }
        Ok(())
    }

    fn check_table(
        &self,
        table: Table,
        read: &dyn Fn(&[u8]) -> Result<(), StoreError>,
        part: Part,
        fsck: &mut Fsck,
    ) -> Result<(), AuditError> {
        // The row of a table that has only one has no segments, and so lies under no prefix but its tenant's.
        let single = self.row(&tables::single(table)?);
        if matches!(
            single.and_then(|row| row.map_or(Ok(()), |row| read(&row.value))),
            Err(StoreError::Corrupt)
        ) {
            fsck.add(LogId::Global, part);
        }
        let mut range = tables::all(table)?;
        loop {
            let rows = match self.store().scan(&range, Direction::Forward, 1) {
                Err(StoreError::Corrupt) => {
                    fsck.add(LogId::Global, part);
                    return Ok(());
                }
                rows => rows?,
            };
            let Some((key, row)) = rows.first() else { return Ok(()) };
            match read(&row.value) {
                Ok(()) => {}
                Err(StoreError::Corrupt) => {
                    let (log, part) = tables::month_of(key)
                        .map_or((LogId::Global, part), |(tenant, month)| {
                            (LogId::Tenant(tenant), Part::Month(month))
                        });
                    fsck.add(log, part);
                }
                Err(error) => return Err(error.into()),
            }
            range = tables::all(table)?.after(key)?;
        }
    }
}

impl Fsck {
    /// Notes what is damaged, unless its log has something of this kind already.
    pub(crate) fn add(&mut self, log: LogId, part: Part) {
        let same = |finding: &Finding| {
            finding.log == log && std::mem::discriminant(&finding.part) == std::mem::discriminant(&part)
        };
        if !self.findings.iter().any(same) {
            self.findings.push(Finding { log, part });
        }
    }

    /// Whether the head of each tenant is the last one that the global log has of it.
    fn compare_heads(
        &mut self,
        heads: &BTreeMap<LogId, Option<Head>>,
        in_global: &BTreeMap<Tenant, (u64, Checkpoint)>,
    ) {
        for (log, head) in heads {
            let (LogId::Tenant(tenant), Some(head)) = (log, head) else { continue };
            let same = |(at, last): &(u64, Checkpoint)| *at == head.at && last == head.note.unverified();
            if !in_global.get(tenant).is_some_and(same) {
                self.add(*log, Part::Head);
            }
        }
        for tenant in in_global.keys().filter(|tenant| !heads.contains_key(&LogId::Tenant(**tenant))) {
            self.add(LogId::Tenant(*tenant), Part::Head);
        }
    }
}
