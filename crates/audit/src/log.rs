use std::fmt;

use strongroom_core::{
    Action, Base, Caller, Event, Name, Record, RecordKey, SealedStore, Service, StoreError, Tenant, commit,
};

use crate::{
    AuditError, LogId, Month, Part, SignedCheckpoint, TileId, VerifierKey,
    append::{leaf_hashes, stored_tile},
    entries,
    hash::concat,
    head::Head,
    month_keys::{MonthKeys, MonthRecord},
    settings::Settings,
};

/// The audit log of a database: a log of events for each tenant, and the global log of their heads. Cheap to clone;
/// keeps no key in memory.
#[derive(Clone)]
pub struct AuditLog {
    base: Base,
    /// It stands in every checkpoint, and begins anew with every restore.
    history: [u8; 16],
}

impl AuditLog {
    /// Makes the logs of a database, with a key of their own. `database` stands in the origin of every log and should be
    /// the name of no other database.
    ///
    /// # Errors
    /// [`AuditError::Exists`] if there are some.
    pub fn create(base: Base, database: &Name) -> Result<Self, AuditError> {
        let log = Self::over(base)?;
        let _inside = log.base.enter()?;
        let key = Settings::key()?;
        let provider = &*log.base.provider;
        let settings = Settings::generate(provider, database, log.base.clock.now())?.to_bytes()?;
        let made =
            Event::allowed(&Caller::system(), log.base.clock.now(), Service::Audit, Action::Create, None);
        commit(&*log.base.store, Tenant::SYSTEM, |mut reader| {
            if reader.get(&key)?.is_some() {
                return Err(AuditError::Exists);
            }
            let mut change = reader.change(());
            change.put_secret(&key, settings.clone());
            let head = log.first_head(Settings::read(&settings)?)?;
            change.put(&Head::key(LogId::Global)?, &head.to_bytes()?);
            log.base.outbox.put(&mut change, &made)?;
            Ok(change)
        })?;
        drop(_inside);
        Ok(log)
    }

    /// Opens the logs of a database.
    ///
    /// # Errors
    /// [`AuditError::Missing`] if there are none.
    pub fn open(base: Base) -> Result<Self, AuditError> {
        let log = Self::over(base)?;
        log.verifier_key(LogId::Global)?;
        Ok(log)
    }

    /// A database is not restored while it is open, so its history stays the one that it is now.
    fn over(base: Base) -> Result<Self, AuditError> {
        let history = base.store.history()?.id;
        Ok(Self { base, history })
    }

    /// What the checkpoints of a log are verified with. It is to be kept where no one who can write to the database can
    /// change it.
    ///
    /// # Errors
    /// [`AuditError`].
    pub fn verifier_key(&self, log: LogId) -> Result<VerifierKey, AuditError> {
        let _inside = self.base.enter()?;
        Ok(self.settings()?.verifier(log)?)
    }

    /// The newest checkpoint of a log.
    ///
    /// # Errors
    /// [`AuditError::NotFound`] for a tenant without events.
    pub fn checkpoint(&self, log: LogId) -> Result<SignedCheckpoint, AuditError> {
        let _inside = self.base.enter()?;
        Ok(self.head(log)?.note)
    }

    /// The hashes of a tile, one after the other, as C2SP tlog-tiles has them. A tile may be asked for with fewer
    /// hashes than it has by now.
    ///
    /// # Errors
    /// [`AuditError::NotFound`] for a tile that the log does not have, or not yet with so many hashes.
    pub fn tile(&self, log: LogId, tile: TileId) -> Result<Vec<u8>, AuditError> {
        let _inside = self.base.enter()?;
        let size = self.head(log)?.frontier.size();
        let there = TileId::at(tile.level, tile.index, size).ok_or(AuditError::NotFound)?;
        let hashes = self.hashes(log, tile.level, tile.index)?;
        match hashes.get(..tile.width.into()) {
            Some(hashes) if tile.width > 0 && tile.width <= there.width => Ok(concat(hashes)),
            _ => Err(AuditError::NotFound),
        }
    }

    /// A bundle of entries as C2SP tlog-tiles has it: each leaf with its length, u16 big-endian, before it. `width` is
    /// how many of its entries are wanted.
    ///
    /// # Errors
    /// [`AuditError::NotFound`] where the log does not have so many.
    pub fn entries(&self, log: LogId, bundle: u64, width: u16) -> Result<Vec<u8>, AuditError> {
        let _inside = self.base.enter()?;
        let there = TileId::at(0, bundle, self.head(log)?.frontier.size()).ok_or(AuditError::NotFound)?;
        let entries = self.bundle(log, bundle)?;
        match entries.get(..width.into()) {
            Some(entries) if width > 0 && width <= there.width => Ok(bundle_bytes(entries)),
            _ => Err(AuditError::NotFound),
        }
    }

    pub(crate) fn base(&self) -> &Base {
        &self.base
    }

    pub(crate) fn store(&self) -> &dyn SealedStore {
        &*self.base.store
    }

    pub(crate) const fn history(&self) -> [u8; 16] {
        self.history
    }

    pub(crate) fn settings(&self) -> Result<Settings, AuditError> {
        let row = self.row(&Settings::key()?)?.ok_or(AuditError::Missing)?;
        Ok(Settings::read(&row.value)?)
    }

    pub(crate) fn head(&self, log: LogId) -> Result<Head, AuditError> {
        let row = self.row(&Head::key(log)?)?.ok_or(AuditError::NotFound)?;
        Head::read(&row.value).map_err(|_| AuditError::Damaged { log, part: Part::Head })
    }

    pub(crate) fn row(&self, key: &RecordKey) -> Result<Option<Record>, StoreError> {
        Ok(self.store().get_many(std::slice::from_ref(key))?.pop().flatten())
    }

    /// The hashes of a tile, as many as there are.
    pub(crate) fn hashes(&self, log: LogId, level: u8, index: u64) -> Result<Vec<crate::Hash>, StoreError> {
        let tile = stored_tile(self.store(), log, level, index)?;
        // Of level 0, only full tiles are kept.
        if tile.is_empty() && level == 0 { leaf_hashes(self.store(), log, index) } else { Ok(tile) }
    }

    pub(crate) fn bundle(&self, log: LogId, bundle: u64) -> Result<Vec<entries::Entry>, StoreError> {
        entries::bundle(self.store(), log, bundle)
    }

    /// The keys of a tenant's month, and the record that they come from; nothing where there are none any more.
    pub(crate) fn month(
        &self,
        tenant: Tenant,
        month: Month,
    ) -> Result<(Option<MonthRecord>, Option<MonthKeys>), AuditError> {
        let Some(row) = self.row(&MonthRecord::key(tenant, month)?)? else { return Ok((None, None)) };
        let record = MonthRecord::read(&row.value)?;
        let keys = record.keys(&*self.base.provider)?;
        Ok((Some(record), keys))
    }
}

/// A bundle as C2SP tlog-tiles has it.
pub(crate) fn bundle_bytes(entries: &[entries::Entry]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for entry in entries {
        // A leaf of ours has less than 64 KiB: so its row says.
        bytes.extend_from_slice(&u16::try_from(entry.leaf.len()).unwrap_or(u16::MAX).to_be_bytes());
        bytes.extend_from_slice(&entry.leaf);
    }
    bytes
}

impl fmt::Debug for AuditLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AuditLog")
    }
}
