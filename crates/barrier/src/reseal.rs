use minicbor::{Decode, Encode};
use strongroom_core::{
    Action, Caller, Change, CommitError, Direction, Due, Expect, Name, Range, Reader, Record, RecordKey,
    Segment, Store, StoreError, Tenant, Time, commit,
};
use strongroom_keys::envelope::Header;

use crate::{
    Resealed, Unsealed,
    keyring::{NO_TENANT, read_one},
    record::{Intermediate, Row, TenantRecord, is_hierarchy},
    work::following,
    wrap::refused,
};

pub(crate) const RESEAL: &str = "barrier.reseal";

/// Records that one step looks at, and those that it seals anew, by number and by bytes: it ends behind the first that
/// goes beyond.
const EXAMINED: u64 = 1_000;
const RESEALED: u64 = 200;
const BYTES: usize = 1 << 20;
/// Records that are read at once; each may have a mebibyte.
const PAGE: usize = 20;

/// The job that seals a tenant's records anew, as its due row keeps it.
///
/// It goes over the tenant's records in passes. A pass seals whatever lies under an older version than the one that was
/// newest when the pass began, and counts it. Nothing new lands under those versions, so when a pass has counted none
/// there is none: then, and only then, they are destroyed.
#[derive(Debug, Clone, Encode, Decode)]
pub(crate) struct Reseal {
    #[cbor(n(0), with = "minicbor::bytes")]
    tenant: [u8; 16],
    /// Versions older than this one are to be destroyed; 0 before the first step.
    #[n(1)]
    target: u32,
    /// The last record that this pass looked at, as the engine has its key.
    #[cbor(n(2), with = "minicbor::bytes")]
    after: Option<Vec<u8>>,
    #[n(3)]
    pass: u32,
    /// What this pass looked at.
    #[n(4)]
    examined: u64,
    /// What it found below `target`.
    #[n(5)]
    found: u64,
    /// What all passes sealed anew.
    #[n(6)]
    resealed: u64,
    /// What this pass looked at, by the version that it found.
    #[n(7)]
    versions: Vec<(u32, u64)>,
}

/// How far the job is that seals a tenant's records anew.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResealProgress {
    /// When it began.
    pub since: Time,
    /// Versions older than this one are destroyed at its end; 0 before its first step.
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

impl Reseal {
    /// Adds the job to a change that puts `row`, unless there is one already: that one will see to it.
    pub(crate) fn begin<T>(
        change: &mut Change<T>,
        tenant: Tenant,
        row: &mut TenantRecord,
        now: Time,
    ) -> Result<(), StoreError> {
        if row.reseal.is_some() {
            return Ok(());
        }
        row.reseal = Some(now);
        let id = *tenant.as_bytes();
        let job = Self {
            tenant: id,
            target: 0,
            after: None,
            pass: 1,
            examined: 0,
            found: 0,
            resealed: 0,
            versions: Vec::new(),
        };
        Due { time: now, kind: RESEAL, id, tenant: Tenant::SYSTEM, payload: job.payload()? }.put(change)
    }

    fn read(payload: &[u8]) -> Result<Self, StoreError> {
        minicbor::decode(payload).map_err(|_| StoreError::Corrupt)
    }

    fn payload(&self) -> Result<Vec<u8>, StoreError> {
        minicbor::to_vec(self).map_err(|_| StoreError::Corrupt)
    }

    fn tenant(&self) -> Tenant {
        Tenant::from_bytes(self.tenant)
    }

    /// What is left to look at in this pass.
    fn range(&self) -> Result<Range, StoreError> {
        let range = Range::of_tenant(self.tenant());
        Ok(match &self.after {
            Some(after) => range.after(&RecordKey::from_bytes(after.clone())?)?,
            None => range,
        })
    }

    fn count(&mut self, key: &RecordKey, version: u32) {
        self.after = Some(key.as_bytes().to_vec());
        self.examined += 1;
        self.found += u64::from(version < self.target);
        match self.versions.iter_mut().find(|(known, _)| *known == version) {
            Some((_, records)) => *records += 1,
            None => self.versions.push((version, 1)),
        }
    }

    fn next_pass(self, target: u32) -> Self {
        let Self { tenant, pass, resealed, .. } = self;
        let pass = pass.saturating_add(1);
        Self { tenant, target, after: None, pass, examined: 0, found: 0, resealed, versions: Vec::new() }
    }
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
        let _inside = self.gate().enter()?;
        let key = TenantRecord::key(tenant)?;
        let mut row = TenantRecord::read(&reader.get(&key)?.ok_or(NO_TENANT)?.value)?;
        let mut change = reader.change(());
        if row.reseal.is_none() {
            Reseal::begin(&mut change, tenant, &mut row, self.now())?;
            change.put(&key, &row.to_bytes()?);
            self.record(&mut change, caller, tenant, Action::Reseal)?;
            self.evict_with(&mut change, tenant);
        }
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
        if job.target == 0 {
            job.target = current;
        }
        let own = Due::key(due.time, due.kind, due.id)?;
        if self.reseal_page(&mut change, &mut job, current, &own)? {
            if job.found == 0 {
                job = self.destroy_older(&mut change, job, row, now)?;
            } else {
                job = job.next_pass(current);
            }
        }
        if job.target != 0 {
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
            let page = self.inner().scan(&job.range()?, Direction::Forward, PAGE)?;
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

    /// Ends a pass that found nothing below its target: destroys the versions below it. What it answers is the next
    /// pass if the key was rotated again since, else a job without a target, which is over.
    fn destroy_older(
        &self,
        change: &mut Change<()>,
        job: Reseal,
        mut row: TenantRecord,
        now: Time,
    ) -> Result<Reseal, StoreError> {
        let (tenant, current) = (job.tenant(), row.current()?);
        let old = |key: &&Intermediate| key.version < job.target;
        let destroyed: Vec<u32> = row.intermediates.iter().filter(old).map(|key| key.version).collect();
        row.intermediates.retain(|key| key.version >= job.target);
        row.resealed =
            Some(Resealed { below: job.target, examined: job.examined, found: job.found, at: now });
        if let (Some(first), Some(last)) = (destroyed.first(), destroyed.last()) {
            let proof = format!("v{first}-v{last}.found-{}-of-{}", job.found, job.examined);
            let proof = Name::parse(&proof).ok();
            self.record_of(change, &Caller::system(), tenant, Action::Destroy, proof)?;
        }
        let next = if current > job.target { current } else { 0 };
        if next == 0 {
            row.reseal = None;
        }
        change.put(&TenantRecord::key(tenant)?, &row.to_bytes()?);
        self.evict_with(change, tenant);
        Ok(job.next_pass(next))
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

/// The due row of the job of a tenant that began at `since`, by `scan` of one row: the first at that time whose id is
/// not below the tenant's.
pub(crate) fn row_of(
    tenant: Tenant,
    since: Time,
    scan: impl FnOnce(&Range) -> Result<Vec<(RecordKey, Record)>, StoreError>,
) -> Result<Option<(RecordKey, Reseal)>, StoreError> {
    let prefix = [Segment::Number(since.as_millis()), Segment::Name(RESEAL)];
    let mut range = Range::under(Tenant::SYSTEM, Due::TABLE, &prefix)?;
    if let Some(before) = u128::from_be_bytes(*tenant.as_bytes()).checked_sub(1) {
        range = range.after(&Due::key(since, RESEAL, before.to_be_bytes())?)?;
    }
    let Some((key, record)) = scan(&range)?.pop() else { return Ok(None) };
    let job = Reseal::read(Due::content(&record.value)?.1)?;
    Ok((job.tenant() == tenant).then_some((key, job)))
}

/// The version that a record lies under.
pub(crate) fn version_of(tenant: &Tenant, record: &Record) -> Result<u32, StoreError> {
    let key = Header::parse(&record.value).map_err(refused)?.key;
    if key.id == *tenant.as_bytes() { Ok(key.version) } else { Err(StoreError::Corrupt) }
}

/// Whose records the job seals anew that a due row keeps.
pub(crate) fn tenant_of(payload: &[u8]) -> Option<Tenant> {
    Reseal::read(payload).ok().map(|job| job.tenant())
}
