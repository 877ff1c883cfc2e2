use minicbor::{Decode, Encode};
use strongroom_core::{Change, Due, Range, Record, RecordKey, Segment, StoreError, Tenant, Time};

use crate::record::TenantRecord;

pub(crate) const RESEAL: &str = "barrier.reseal";

/// The job that seals a tenant's records anew, as its due row keeps it.
///
/// It goes over the tenant's records in passes. A pass seals whatever lies under an older version than the one that was
/// newest when the pass began, and counts it. Nothing new lands under those versions, so when a pass has counted none
/// there is none: then, and only then, they are destroyed.
#[derive(Debug, Clone, Encode, Decode)]
pub(crate) struct Reseal {
    #[cbor(n(0), with = "minicbor::bytes")]
    tenant: [u8; 16],
    /// Versions older than this one are to be destroyed.
    #[n(1)]
    pub(crate) target: u32,
    /// The last record that this pass looked at, as the engine has its key.
    #[cbor(n(2), with = "minicbor::bytes")]
    pub(crate) after: Option<Vec<u8>>,
    #[n(3)]
    pub(crate) pass: u32,
    /// What this pass looked at.
    #[n(4)]
    pub(crate) examined: u64,
    /// What it found below `target`.
    #[n(5)]
    pub(crate) found: u64,
    /// What all passes sealed anew.
    #[n(6)]
    pub(crate) resealed: u64,
    /// What this pass looked at, by the version that it found.
    #[n(7)]
    pub(crate) versions: Vec<(u32, u64)>,
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
        let job = Self::pass(id, row.current()?, 1, 0);
        Due { time: now, kind: RESEAL, id, tenant: Tenant::SYSTEM, payload: job.payload()? }.put(change)
    }

    pub(crate) fn read(payload: &[u8]) -> Result<Self, StoreError> {
        minicbor::decode(payload).map_err(|_| StoreError::Corrupt)
    }

    pub(crate) fn payload(&self) -> Result<Vec<u8>, StoreError> {
        minicbor::to_vec(self).map_err(|_| StoreError::Corrupt)
    }

    pub(crate) fn tenant(&self) -> Tenant {
        Tenant::from_bytes(self.tenant)
    }

    /// What is left to look at in this pass.
    pub(crate) fn range(&self) -> Result<Range, StoreError> {
        let range = Range::of_tenant(self.tenant());
        Ok(match &self.after {
            Some(after) => range.after(&RecordKey::from_bytes(after.clone())?)?,
            None => range,
        })
    }

    pub(crate) fn count(&mut self, key: &RecordKey, version: u32) {
        self.after = Some(key.as_bytes().to_vec());
        self.examined += 1;
        self.found += u64::from(version < self.target);
        match self.versions.iter_mut().find(|(known, _)| *known == version) {
            Some((_, records)) => *records += 1,
            None => self.versions.push((version, 1)),
        }
    }

    pub(crate) fn next_pass(self, target: u32) -> Self {
        Self::pass(self.tenant, target, self.pass.saturating_add(1), self.resealed)
    }

    fn pass(tenant: [u8; 16], target: u32, pass: u32, resealed: u64) -> Self {
        Self { tenant, target, after: None, pass, examined: 0, found: 0, resealed, versions: Vec::new() }
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

/// Whose records the job seals anew that a due row keeps.
pub(crate) fn tenant_of(payload: &[u8]) -> Option<Tenant> {
    Reseal::read(payload).ok().map(|job| job.tenant())
}
