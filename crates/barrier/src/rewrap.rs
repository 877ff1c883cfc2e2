use minicbor::{Decode, Encode};
use strongroom_core::{
    Action, Caller, Change, CommitError, Direction, Due, Reader, StoreError, Tenant, Time,
};

use crate::{
    Unsealed,
    record::{Row, State, TenantRecord, id_of},
    rotate::keys_of,
    status::tenants_after,
    tenant::rewrapped,
    work::following,
};

pub(crate) const REWRAP: &str = "barrier.rewrap";
/// Tenants that one step takes.
pub(crate) const STEP: usize = 40;

/// What a step of rewrapping needs to know.
#[derive(Debug, Encode, Decode)]
pub(crate) struct Rewrap {
    /// Roots older than this one are dropped at the end.
    #[n(0)]
    target: u32,
    /// The last tenant done.
    #[cbor(n(1), with = "minicbor::bytes")]
    after: Option<[u8; 16]>,
}

impl Rewrap {
    /// The job that begins with the first tenant.
    pub(crate) fn to(target: u32) -> Self {
        Self { target, after: None }
    }

    pub(crate) fn due(&self, time: Time, id: [u8; 16]) -> Result<Due, StoreError> {
        Ok(Due { time, kind: REWRAP, id, tenant: Tenant::SYSTEM, payload: self.payload()? })
    }

    fn payload(&self) -> Result<Vec<u8>, StoreError> {
        minicbor::to_vec(self).map_err(|_| StoreError::Corrupt)
    }
}

impl Unsealed {
    /// Wraps the keys of some tenants under the current root, and drops the roots that nothing needs any more at the
    /// end.
    pub(crate) fn rewrap_some(&self, mut reader: Reader<'_>, due: &Due) -> Result<Change<()>, CommitError> {
        let job: Rewrap = minicbor::decode(&due.payload).map_err(|_| StoreError::Corrupt)?;
        let range = tenants_after(job.after.map(Tenant::from_bytes))?;
        let found = keys_of(reader.scan(&range, Direction::Forward, STEP)?);
        let last = found.last().filter(|_| found.len() == STEP).cloned();
        let (roots, rows) = self.roots(&mut reader, found)?;
        let mut change = reader.change(());
        for (key, record) in rows {
            let row = TenantRecord::read(&record.value)?;
            if row.root < job.target {
                let tenant = Tenant::from_bytes(id_of(&key)?);
                change.put(&key, &rewrapped(self.provider(), &roots, tenant, row)?.to_bytes()?);
                self.evict_with(&mut change, tenant);
            }
        }
        if let Some(key) = last {
            let next = Rewrap { after: Some(id_of(&key)?), ..job };
            following(due, next.payload()?).put(&mut change)?;
            return Ok(change);
        }
        change.put(&State::key()?, &roots.forgetting(job.target).to_bytes()?);
        self.record(&mut change, &Caller::system(), Tenant::SYSTEM, Action::Rewrap, &State::key()?)?;
        Ok(change)
    }
}
