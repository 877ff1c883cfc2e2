use strongroom_core::{
    Action, Caller, Change, CommitError, Direction, Due, Expect, Name, Reader, Record, RecordKey, Store,
    StoreError, Tenant, Time, commit,
};
use strongroom_keys::envelope::Header;

use crate::{
    Resealed, Unsealed,
    keyring::{NO_TENANT, read_one},
    record::{Intermediate, Row, TenantRecord, is_hierarchy},
    reseal_job::{Reseal, row_of},
    work::following,
    wrap::refused,
};

/// Records that one step looks at, and those that it seals anew, by number and by bytes: it ends behind the first that
/// goes beyond.
const EXAMINED: u64 = 1_000;
const RESEALED: u64 = 200;
const BYTES: usize = 1 << 20;
/// Records that are read at once; each may have a mebibyte.
const PAGE: usize = 20;

/// How far the job is that seals a tenant's records anew.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResealProgress {
    /// When it began.
    pub since: Time,
    /// Versions older than this one are destroyed at its end.
    pub below: u32,
    /// Which pass over the tenant's records it is in, from 1. The last one finds nothing to do.
    pub pass: u32,
    /// Records that this pass looked at.
    pub examined: u64,
    /// Records that all passes sealed anew.
    pub resealed: u64,
    /// Records that this pass looked at, by the version that they lay under.
    pub versions: Vec<(u32, u64)>,
    /// The last record that this pass looked at, as the engine has its key.
    pub last: Option<RecordKey>,
}

impl Unsealed {
    /// Seals all records of a tenant anew that lie under an older version of its key, and then destroys the older
    /// versions: by due work, in small steps beside whoever reads and writes. [`Unsealed::tenant_status`] tells how far
    /// it is. A job that there is already goes on.
    ///
    /// Copies of the database that were made before still hold the records under the older versions, and these.
    ///
    /// # Errors
    /// [`CommitError`].
    pub fn reseal(&self, caller: &Caller, tenant: Tenant) -> Result<(), CommitError> {
        commit(self, Tenant::SYSTEM, |reader| Ok(self.plan_reseal(reader, caller, tenant)?))
    }

    /// Plans [`Unsealed::reseal`]; `reader` is one of the system tenant.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn plan_reseal(
        &self,
        mut reader: Reader<'_>,
        caller: &Caller,
        tenant: Tenant,
    ) -> Result<Change<()>, StoreError> {
        let _inside = self.enter()?;
        let key = TenantRecord::key(tenant)?;
        let mut row = TenantRecord::read(&reader.get(&key)?.ok_or(NO_TENANT)?.value)?;
        let mut change = reader.change(());
        if row.reseal.is_none() {
            Reseal::begin(&mut change, tenant, &mut row, self.now())?;
            change.put(&key, &row.to_bytes()?);
            self.evict_with(&mut change, tenant);
        }
        // Also who asks for what goes on already is told of.
        self.record(&mut change, caller, tenant, Action::Reseal, &key)?;
        Ok(change)
    }

    /// One step of the job.
    pub(crate) fn reseal_some(
        &self,
        mut reader: Reader<'_>,
        due: &Due,
        now: Time,
    ) -> Result<Change<()>, CommitError> {
        let mut job = Reseal::read(&due.payload)?;
        let record = reader.get(&TenantRecord::key(job.tenant())?)?;
        let mut change = reader.change(());
        // The tenant may have been shredded.
        let Some(record) = record else { return Ok(change) };
        let row = TenantRecord::read(&record.value)?;
        let current = row.current()?;
        let own = Due::key(due.time, due.kind, due.id)?;
        let ended = self.reseal_page(&mut change, &mut job, current, &own)?;
        let next = match (ended, job.found) {
            (false, _) => Some(job),
            (true, 0) => self.destroy_older(&mut change, job, row, now)?,
            (true, _) => Some(job.next_pass(current)),
        };
        if let Some(job) = next {
            following(due, job.payload()?).put(&mut change)?;
        }
        Ok(change)
    }

    /// Looks at the next records; answers whether that was all of this pass.
    fn reseal_page(
        &self,
        change: &mut Change<()>,
        job: &mut Reseal,
        current: u32,
        own: &RecordKey,
    ) -> Result<bool, CommitError> {
        let (mut examined, mut resealed, mut bytes) = (0, 0, 0);
        loop {
            let page = self.raw_page(&job.range()?, PAGE)?;
            let last = page.len() < PAGE;
            for (key, record) in page {
                examined += 1;
                if is_hierarchy(&key) || key == *own {
                    job.after = Some(key.as_bytes().to_vec());
                    continue;
                }
                let version = version_of(&job.tenant(), &record)?;
                job.count(&key, version);
                if version < current {
                    (resealed, bytes) = (resealed + 1, bytes + record.value.len());
                    self.reseal_record(change, &key, record)?;
                }
                if examined >= EXAMINED || resealed >= RESEALED || bytes >= BYTES {
                    job.resealed += resealed;
                    return Ok(false);
                }
            }
            if last {
                job.resealed += resealed;
                return Ok(true);
            }
        }
    }

    /// What is put is sealed under the newest version, and only if nobody wrote the record meanwhile.
    fn reseal_record(
        &self,
        change: &mut Change<()>,
        key: &RecordKey,
        record: Record,
    ) -> Result<(), CommitError> {
        let revision = record.revision;
        change.expect(key, Expect::At(revision));
        if let Some(opened) = self.open_record(key, record)? {
            change.put_secret(key, opened.value);
            return Ok(());
        }
        // Its version was destroyed since it was read, or was never there.
        match read_one(self.inner(), key)? {
            Some(record) if record.revision == revision => Err(StoreError::Corrupt.into()),
            _ => Err(CommitError::Conflict(key.clone())),
        }
    }

    /// Ends a pass that found nothing below its target: destroys the versions below it. Answers the next pass if the key
    /// was rotated again since, else the job is over.
    fn destroy_older(
        &self,
        change: &mut Change<()>,
        job: Reseal,
        mut row: TenantRecord,
        now: Time,
    ) -> Result<Option<Reseal>, StoreError> {
        let (tenant, current) = (job.tenant(), row.current()?);
        let old = |key: &&Intermediate| key.version < job.target;
        let destroyed: Vec<u32> = row.intermediates.iter().filter(old).map(|key| key.version).collect();
        row.intermediates.retain(|key| key.version >= job.target);
        row.resealed =
            Some(Resealed { below: job.target, examined: job.examined, found: job.found, at: now });
        if let (Some(first), Some(last)) = (destroyed.first(), destroyed.last()) {
            let proof = format!("v{first}-v{last}.found-{}-of-{}", job.found, job.examined);
            let proof = Name::parse(&proof).ok();
            self.record_of(
                change,
                &Caller::system(),
                tenant,
                Action::Destroy,
                proof,
                &TenantRecord::key(tenant)?,
            )?;
        }
        let next = (current > job.target).then(|| job.next_pass(current));
        if next.is_none() {
            row.reseal = None;
        }
        change.put(&TenantRecord::key(tenant)?, &row.to_bytes()?);
        self.evict_with(change, tenant);
        Ok(next)
    }

    /// How far the job of a tenant is that began at `since`.
    pub(crate) fn reseal_progress(
        &self,
        tenant: Tenant,
        since: Time,
    ) -> Result<Option<ResealProgress>, StoreError> {
        let row = row_of(tenant, since, |range| self.scan(range, Direction::Forward, 1))?;
        let Some((_, job)) = row else { return Ok(None) };
        let last = job.after.map(RecordKey::from_bytes).transpose()?;
        let Reseal { target: below, pass, examined, resealed, versions, .. } = job;
        Ok(Some(ResealProgress { since, below, pass, examined, resealed, versions, last }))
    }
}

/// The version that a record lies under.
pub(crate) fn version_of(tenant: &Tenant, record: &Record) -> Result<u32, StoreError> {
    let key = Header::parse(&record.value).map_err(refused)?.key;
    if key.id == *tenant.as_bytes() { Ok(key.version) } else { Err(StoreError::Corrupt) }
}
