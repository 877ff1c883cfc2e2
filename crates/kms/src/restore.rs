use std::{io::Read, time::Duration};

use minicbor::{Decode, Encode};
use strongroom_core::{
    Action, Change, Due, Key, Name, Reader, RecordKey, Segment, StoreError, Table, Tenant, Time,
};
use zeroize::Zeroizing;

use crate::{
    KmsError, Ring, RingBackupError, Rings,
    archive::{self, ArchivedRecord},
    backup_format::{BackupHeader, FileKey, Opener, RingFrame, WAY_DATABASE},
    deletion,
    own_keys::OwnKey,
    record::{self, RingRecord, key},
    uses::{self, UsesRecord},
    version_record::VersionRecord,
    work,
};

/// A record that is to be written.
type Row = (RecordKey, Zeroizing<Vec<u8>>);

/// Under which name a ring came back, by its id: a ring has one name at a time.
pub(crate) const RESTORED: Table = Table::new(0x0109);
const FORMAT: u8 = 1;
/// Archived versions that are written in one commit.
const AT_ONCE: usize = 100;
/// How long the versions of a ring may take to come back, before its record does.
const AWAITED: Duration = Duration::from_secs(24 * 3_600);

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
    /// Until when the ring has to be back; none once it is. What has come of it by then is given up.
    #[n(2)]
    deadline: Option<Time>,
}

pub(crate) fn restored_key(tenant: Tenant, ring: [u8; 16]) -> Result<RecordKey, StoreError> {
    Ok(RecordKey::new(tenant, RESTORED, &[Segment::Id(ring)])?)
}

/// What a restored ring found in its place.
struct Claim {
    /// The least version that is not trimmed.
    least: u32,
    /// The first version in the record of the ring that is there.
    first_live: Option<u32>,
    /// Until when its versions have to be there, where they are written before it.
    deadline: Option<Time>,
}

impl RestoredRecord {
    /// Nothing of one that a newer version made.
    fn read(value: &[u8]) -> Result<Self, StoreError> {
        let row: Self = minicbor::decode(value).map_err(|_| StoreError::Corrupt)?;
        if row.format == FORMAT { Ok(row) } else { Err(StoreError::Corrupt) }
    }
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
        let claim = self.claim(&ring, &known, name, replace)?;
        let mut late = Vec::new();
        while let Some(page) = opener.next()? {
            let mut versions = versions(&page, &mut expected)?;
            versions.retain(|version| version.version.version >= claim.least);
            let live = |version: &mut ArchivedRecord| {
                claim.first_live.is_some_and(|first| version.version.version >= first)
            };
            late.extend(versions.extract_if(.., live));
            for some in versions.chunks(AT_ONCE) {
                self.put_archived(&ring, some, claim.first_live.is_none())?;
            }
        }
        if expected != ring.first_live() {
            return Err(RingBackupError::OpenFailed);
        }
        let bytes = ring.to_bytes()?;
        let restored = self.commit(|reader| {
            let ring = RingRecord::read(&bytes)?;
            self.plan_restore(reader, ring, (&known, name), (&claim, &late), replace)
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
    /// other, says so: what is left to be deleted of a ring with this id stays, and due work gives up what does not come
    /// to an end.
    fn claim(
        &self,
        ring: &RingRecord,
        known: &Name,
        name: &Name,
        replace: Replace,
    ) -> Result<Claim, KmsError> {
        let deadline = self.base().clock.now() + AWAITED;
        self.commit(|mut reader| {
            let there = self.place(&mut reader, ring, known, name, replace)?;
            // Where the ring is there, so are its versions.
            let writes = there.is_none() && ring.min_available < ring.first_live();
            let claim = Claim {
                least: there.as_ref().map_or(1, |there| there.min_available),
                first_live: there.as_ref().map(RingRecord::first_live),
                deadline: writes.then_some(deadline),
            };
            let mut change = reader.change(claim);
            if writes {
                self.put_name(&mut change, ring, name, Some(deadline))?;
                work::giving_up(self.tenant(), ring.id, deadline).put(&mut change)?;
            }
            Ok(change)
        })
    }

    /// Gives up what came of a ring that did not come back in time.
    pub(crate) fn give_up(&self, mut reader: Reader<'_>, due: &Due) -> Result<Change<()>, KmsError> {
        let restored = restored_key(self.tenant(), due.id)?;
        let row = reader.get(&restored)?.map(|row| RestoredRecord::read(&row.value)).transpose()?;
        let Some(row) = row.filter(|row| row.deadline == Some(due.time)) else {
            return Ok(reader.change(()));
        };
        let there = reader.get(&key(self.tenant(), &row.name)?)?;
        let there = there.map(|row| RingRecord::read(&row.value)).transpose()?;
        let mut change = reader.change(());
        if there.is_none_or(|there| there.id != due.id) {
            change.delete(&restored);
            work::tidying(self.tenant(), due.id, u32::MAX, due.time).put(&mut change)?;
        }
        Ok(change)
    }

    fn put_name<T>(
        &self,
        change: &mut Change<T>,
        ring: &RingRecord,
        name: &Name,
        deadline: Option<Time>,
    ) -> Result<(), KmsError> {
        let row = RestoredRecord { format: FORMAT, name: name.clone(), deadline };
        let row = minicbor::to_vec(row).map_err(|_| StoreError::Corrupt)?;
        change.put(&restored_key(self.tenant(), ring.id)?, &row);
        Ok(())
    }

    /// Puts archived versions where they are not, if the ring is not there. Those that are there have states as of now, and
    /// end if they did so in the backup.
    fn put_archived(
        &self,
        ring: &RingRecord,
        versions: &[ArchivedRecord],
        absent: bool,
    ) -> Result<(), KmsError> {
        self.commit(|mut reader| {
            let mut rows = Vec::new();
            for version in versions {
                rows.extend(self.ended(&mut reader, ring, &version.version, absent.then_some(version))?);
            }
            let mut change = reader.change(());
            rows.into_iter().for_each(|(key, row)| change.put_secret(&key, row));
            Ok(change)
        })
    }

    /// The row of an archived version where it has to change, as a record of the same version says; where there is none,
    /// what it is to be.
    fn ended(
        &self,
        reader: &mut Reader<'_>,
        ring: &RingRecord,
        like: &VersionRecord,
        absent: Option<&ArchivedRecord>,
    ) -> Result<Option<Row>, KmsError> {
        let key = archive::key(self.tenant(), ring.id, like.version)?;
        let row = match reader.get(&key)? {
            None => absent.map(ArchivedRecord::to_bytes).transpose()?,
            Some(row) => {
                let mut there = ArchivedRecord::read(&row.value, like.version)?;
                there.version.end_like(like).then(|| there.to_bytes()).transpose()?
            }
        };
        Ok(row.map(|row| (key, row)))
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
        let later = row.map(|row| RestoredRecord::read(&row.value)).transpose()?.map(|row| row.name);
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
        (known, name): (&Name, &Name),
        (claim, late): (&Claim, &[ArchivedRecord]),
        replace: Replace,
    ) -> Result<Change<Ring>, KmsError> {
        let (base, tenant, now) = (self.base(), self.tenant(), self.base().clock.now());
        let there = self.place(&mut reader, &ring, known, name, replace)?;
        self.is_as_claimed(&mut reader, &ring, claim, there.is_some())?;
        let mut rows = Vec::new();
        if let Some(there) = &there {
            rows = self.archived_now(&mut reader, &ring, there, late)?;
            ring.keep_ends(there);
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
        rows.into_iter().for_each(|(key, row)| change.put_secret(&key, row));
        self.put_name(&mut change, &ring, name, None)?;
        if let Some(deadline) = claim.deadline {
            change.delete(&Due::key(deadline, work::GIVE_UP, ring.id)?);
        }
        if there.is_some() {
            base.lease.revoke(&mut change, tenant)?;
        }
        self.added(change, name, Action::Restore, &mut ring)
    }

    /// That since the claim nobody deleted the ring, brought it back, or gave its versions up.
    fn is_as_claimed(
        &self,
        reader: &mut Reader<'_>,
        ring: &RingRecord,
        claim: &Claim,
        is_there: bool,
    ) -> Result<(), KmsError> {
        let row = reader.get(&restored_key(self.tenant(), ring.id)?)?;
        let deadline =
            row.map(|row| RestoredRecord::read(&row.value)).transpose()?.and_then(|row| row.deadline);
        let same = claim.deadline.is_none() || claim.deadline == deadline;
        if same && claim.first_live.is_some() == is_there {
            Ok(())
        } else {
            Err(KmsError::Invalid("the ring was changed while it was restored: restore it again"))
        }
    }

    /// The rows of archived versions that change with the record of a ring that is there: of versions that are in it now,
    /// and of those that ended in the backup.
    fn archived_now(
        &self,
        reader: &mut Reader<'_>,
        ring: &RingRecord,
        there: &RingRecord,
        late: &[ArchivedRecord],
    ) -> Result<Vec<Row>, KmsError> {
        let mut rows = Vec::new();
        for late in late {
            let version = late.version.version;
            let mut late = ArchivedRecord::read(&late.to_bytes()?, version)?;
            match there.version(version) {
                Some(live) => {
                    late.version.end_like(live);
                    rows.push((archive::key(self.tenant(), ring.id, version)?, late.to_bytes()?));
                }
                None => rows.extend(self.ended(reader, ring, &late.version, None)?),
            }
        }
        for version in ring.versions.iter().filter(|version| version.version < there.first_live()) {
            rows.extend(self.ended(reader, ring, version, None)?);
        }
        Ok(rows)
    }
}

impl RingRecord {
    /// What ended in the ring that is there stays so: versions that were trimmed, compromised or destroyed. Archived ones
    /// are not touched.
    fn keep_ends(&mut self, there: &Self) {
        self.versions.retain(|version| version.version >= there.first_live());
        for version in &mut self.versions {
            if let Some(found) = there.version(version.version) {
                version.end_like(found);
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
fn versions(page: &[u8], expected: &mut u32) -> Result<Vec<ArchivedRecord>, RingBackupError> {
    let (mut rest, mut found) = (page, Vec::new());
    while let Some((length, behind)) = rest.split_first_chunk::<4>() {
        let length = u32::from_be_bytes(*length) as usize;
        let (record, behind) = behind.split_at_checked(length).ok_or(RingBackupError::OpenFailed)?;
        found.push(ArchivedRecord::read(record, *expected)?);
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
    record::format(value) == Some(u64::from(FORMAT)) && RestoredRecord::read(value).is_ok()
}
