use std::io::Read;

use minicbor::{Decode, Encode};
use strongroom_core::{
    Action, Change, Key, Name, Reader, RecordKey, Segment, StoreError, Table, Tenant, Time,
};
use zeroize::Zeroizing;

use crate::{
    KmsError, Ring, RingBackupError, Rings, VersionState,
    archive::{self, ArchivedRecord},
    backup_format::{BackupHeader, FileKey, Opener, RingFrame, WAY_DATABASE},
    deletion,
    own_keys::OwnKey,
    record::{self, RingRecord, key},
    uses::{self, UsesRecord},
};

/// Under which name a ring came back, by its id: a ring has one name at a time.
pub(crate) const RESTORED: Table = Table::new(0x0109);
const FORMAT: u8 = 1;
/// Archived versions that are written in one commit.
const AT_ONCE: usize = 100;

/// What opens a backup of a ring.
#[derive(Clone, Copy)]
pub enum BackupFrom<'a> {
    /// This database, for the same tenant.
    Database,
    /// The recipient's key.
    Recipient(&'a dyn Key),
}

/// Whether a ring that is there is replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Replace {
    /// Never.
    Never,
    /// The same ring, unless it has a version that the backup has not. What was compromised or destroyed since stays so.
    Same,
}

#[derive(Encode, Decode)]
struct RestoredRecord {
    #[n(0)]
    format: u8,
    #[n(1)]
    name: Name,
}

pub(crate) fn restored_key(tenant: Tenant, ring: [u8; 16]) -> Result<RecordKey, StoreError> {
    Ok(RecordKey::new(tenant, RESTORED, &[Segment::Id(ring)])?)
}

/// The name in a row; nothing of one that a newer version made.
pub(crate) fn restored_name(value: &[u8]) -> Result<Name, StoreError> {
    let row: RestoredRecord = minicbor::decode(value).map_err(|_| StoreError::Corrupt)?;
    if row.format == FORMAT { Ok(row.name) } else { Err(StoreError::Corrupt) }
}

impl Rings {
    /// Restores a ring from what [`Rings::backup`] wrote, under its name or another. It is the same ring with the same id, so
    /// what it encrypted opens: therefore it is refused where that ring is there under another name. Nothing is seen of it
    /// until all of the file was read and found whole. A scheduled deletion does not come back.
    ///
    /// How often counted keys ([`Algorithm::use_limit`](strongroom_core::Algorithm::use_limit)) were used since the backup,
    /// nobody knows: they decrypt, and encrypt no more until a new version is made.
    ///
    /// # Errors
    /// [`RingBackupError::OpenFailed`] for whatever does not open, [`KmsError::Exists`].
    pub fn restore(
        &self,
        name: Option<&Name>,
        from: &mut dyn Read,
        key: BackupFrom<'_>,
        replace: Replace,
    ) -> Result<Ring, RingBackupError> {
        let _inside = self.base().enter()?;
        let mut opener = Opener::new(self.provider(), from, |header| self.file_key(header, key))?;
        let first = opener.next()?.ok_or(RingBackupError::OpenFailed)?;
        let RingFrame { name: known, ring } = RingFrame::read(&first)?;
        let name = name.unwrap_or(&known);
        let ring = RingRecord::read(&ring)?;
        let mut expected = ring.min_available;
        let least = self.claim(&ring, &known, name, replace)?;
        while let Some(page) = opener.next()? {
            let mut versions = versions(&page, &mut expected)?;
            versions.retain(|(version, _)| *version >= least);
            for some in versions.chunks(AT_ONCE) {
                self.put_archived(&ring, some)?;
            }
        }
        if expected != ring.first_live() {
            return Err(RingBackupError::OpenFailed);
        }
        let bytes = ring.to_bytes()?;
        let restored = self.commit(|reader| {
            let ring = RingRecord::read(&bytes)?;
            self.plan_restore(reader, ring, &known, name, replace)
        })?;
        Ok(restored)
    }

    fn file_key(&self, header: &BackupHeader, key: BackupFrom<'_>) -> Result<FileKey, RingBackupError> {
        match key {
            BackupFrom::Database if header.way == WAY_DATABASE => {
                header.open_key(self.provider(), &self.own_key(OwnKey::Backup)?, self.tenant())
            }
            BackupFrom::Recipient(key) if header.way == key.algorithm().number() => header.open_key_with(key),
            _ => Err(RingBackupError::OpenFailed),
        }
    }

    /// Looks whether the ring has a place before anything of it is written, and where versions will be written one after the
    /// other, says so: what is left to be deleted of a ring with this id stays. Answers the least version that is not
    /// trimmed.
    fn claim(&self, ring: &RingRecord, known: &Name, name: &Name, replace: Replace) -> Result<u32, KmsError> {
        self.commit(|mut reader| {
            let there = self.place(&mut reader, ring, known, name, replace)?;
            let mut change = reader.change(there.map_or(1, |there| there.min_available));
            if ring.min_available < ring.first_live() {
                self.put_name(&mut change, ring, name)?;
            }
            Ok(change)
        })
    }

    fn put_name<T>(&self, change: &mut Change<T>, ring: &RingRecord, name: &Name) -> Result<(), KmsError> {
        let row = RestoredRecord { format: FORMAT, name: name.clone() };
        let row = minicbor::to_vec(row).map_err(|_| StoreError::Corrupt)?;
        change.put(&restored_key(self.tenant(), ring.id)?, &row);
        Ok(())
    }

    /// Puts archived versions where they are not: those that are there have states as of now.
    fn put_archived(&self, ring: &RingRecord, versions: &[(u32, &[u8])]) -> Result<(), KmsError> {
        self.commit(|mut reader| {
            let keys: Vec<_> = versions
                .iter()
                .map(|(version, _)| archive::key(self.tenant(), ring.id, *version))
                .collect::<Result<_, _>>()?;
            let rows = reader.get_many(&keys)?;
            let mut change = reader.change(());
            for ((key, row), (_, bytes)) in keys.iter().zip(rows).zip(versions) {
                if row.is_none() {
                    change.put_secret(key, Zeroizing::new(bytes.to_vec()));
                }
            }
            Ok(change)
        })
    }

    /// The ring that is replaced, if any, once it is known that the restored one has a place.
    fn place(
        &self,
        reader: &mut Reader<'_>,
        ring: &RingRecord,
        known: &Name,
        name: &Name,
        replace: Replace,
    ) -> Result<Option<RingRecord>, KmsError> {
        let row = reader.get(&restored_key(self.tenant(), ring.id)?)?;
        let later = row.map(|row| restored_name(&row.value)).transpose()?;
        for other in [Some(known), later.as_ref()].into_iter().flatten().filter(|other| *other != name) {
            let there = reader.get(&key(self.tenant(), other)?)?;
            let there = there.map(|row| RingRecord::read(&row.value)).transpose()?;
            if there.is_some_and(|there| there.id == ring.id) {
                return Err(KmsError::Invalid(
                    "the ring of this backup is there under another name: delete it, or restore under that name",
                ));
            }
        }
        let Some(row) = reader.get(&key(self.tenant(), name)?)? else { return Ok(None) };
        let there = RingRecord::read(&row.value)?;
        match replace {
            Replace::Same if there.id == ring.id && there.latest() <= ring.latest() => Ok(Some(there)),
            Replace::Same if there.id == ring.id => {
                Err(KmsError::Invalid("the ring has a version that the backup has not: delete it first"))
            }
            _ => Err(KmsError::Exists),
        }
    }

    fn plan_restore(
        &self,
        mut reader: Reader<'_>,
        mut ring: RingRecord,
        known: &Name,
        name: &Name,
        replace: Replace,
    ) -> Result<Change<Ring>, KmsError> {
        let (base, tenant, now) = (self.base(), self.tenant(), self.base().clock.now());
        let there = self.place(&mut reader, &ring, known, name, replace)?;
        if let Some(there) = &there {
            ring.keep_ends(there, now);
        }
        ring.deletion = None;
        let (uses_key, tombstone) = (uses::key(tenant, ring.id)?, deletion::key(tenant, ring.id)?);
        let limit = ring.algorithm.use_limit();
        if limit.is_some() {
            reader.get(&uses_key)?;
            ring.min_encryption = ring.min_encryption.max(ring.first_live()).max(ring.min_decryption);
        }
        let was_deleted = reader.get(&tombstone)?.is_some();
        let mut change = reader.change(ring.view(now));
        if was_deleted {
            change.delete(&tombstone);
        }
        if let Some(limit) = limit {
            let versions = ring.versions.iter().map(|version| version.version);
            change.put(&uses_key, &UsesRecord::all_used(versions, limit.stop).to_bytes()?);
        }
        self.put_name(&mut change, &ring, name)?;
        if there.is_some() {
            base.lease.revoke(&mut change, tenant)?;
        }
        self.added(change, name, Action::Restore, &mut ring)
    }
}

impl RingRecord {
    /// What ended in the ring that is there stays so: versions that were trimmed, compromised or destroyed. Archived ones
    /// are not touched.
    fn keep_ends(&mut self, there: &Self, now: Time) {
        let ended =
            |state: &VersionState| matches!(state, VersionState::Compromised | VersionState::Destroyed);
        self.versions.retain(|version| version.version >= there.first_live());
        for version in &mut self.versions {
            let found = there.versions.iter().find(|found| found.version == version.version);
            if let Some(state) = found.map(|found| found.state(now)).filter(ended) {
                version.set_state(state, now);
            }
        }
        self.min_available = self.min_available.max(there.min_available);
        self.min_decryption = self.min_decryption.max(self.min_available);
        if self.min_encryption > 0 {
            self.min_encryption = self.min_encryption.max(self.min_decryption);
        }
    }
}

/// The archived versions in a frame: each is one, and the next.
fn versions<'p>(page: &'p [u8], expected: &mut u32) -> Result<Vec<(u32, &'p [u8])>, RingBackupError> {
    let (mut rest, mut found) = (page, Vec::new());
    while let Some((length, behind)) = rest.split_first_chunk::<4>() {
        let length = u32::from_be_bytes(*length) as usize;
        let (record, behind) = behind.split_at_checked(length).ok_or(RingBackupError::OpenFailed)?;
        ArchivedRecord::read(record, *expected)?;
        found.push((*expected, record));
        *expected = expected.checked_add(1).ok_or(RingBackupError::OpenFailed)?;
        rest = behind;
    }
    if rest.is_empty() { Ok(found) } else { Err(RingBackupError::OpenFailed) }
}

impl std::fmt::Debug for BackupFrom<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Database => "Database",
            Self::Recipient(_) => "Recipient",
        })
    }
}

/// Reads no more than the format number of a row for `fsck`.
pub(crate) fn is_restored_row(value: &[u8]) -> bool {
    record::format(value) == Some(u64::from(FORMAT)) && restored_name(value).is_ok()
}
