use minicbor::{Decode, Encode};
use strongroom_core::{
    Action, Caller, Change, CommitError, Direction, Due, Provider, Range, Reader, StoreError, Tenant, Time,
    Worker,
};

use crate::{
    Unsealed,
    keyring::intermediate,
    record::{Row, State, TENANTS, TenantRecord, Wrapped, id_of},
    roots::Roots,
    rotate::keys_of,
};

const REWRAP: &str = "barrier.rewrap";
/// Tenants that one step takes.
pub(crate) const STEP: usize = 50;

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
        let payload = minicbor::to_vec(self).map_err(|_| StoreError::Corrupt)?;
        Ok(Due { time, kind: REWRAP, id, tenant: Tenant::SYSTEM, payload })
    }
}

/// Wraps the keys of every tenant under the current root, step by step, and drops the roots that nothing
/// needs any more at the end.
impl Worker for Unsealed {
    fn kind(&self) -> &'static str {
        REWRAP
    }

    fn step(&self, mut reader: Reader<'_>, due: &Due, now: Time) -> Result<Change<()>, CommitError> {
        let _inside = self.gate().enter().map_err(StoreError::from)?;
        let job: Rewrap = minicbor::decode(&due.payload).map_err(|_| StoreError::Corrupt)?;
        let mut range = Range::under(Tenant::SYSTEM, TENANTS, &[]).map_err(StoreError::from)?;
        if let Some(after) = job.after {
            range = range.after(&TenantRecord::key(Tenant::from_bytes(after))?).map_err(StoreError::from)?;
        }
        let found = keys_of(reader.scan(&range, Direction::Forward, STEP)?);
        let last = found.last().filter(|_| found.len() == STEP).cloned();
        let (roots, rows) = self.roots(&mut reader, found)?;
        let mut change = reader.change(());
        for (key, record) in rows {
            let row = TenantRecord::read(&record.value)?;
            if row.root < job.target {
                let tenant = Tenant::from_bytes(id_of(&key)?);
                change.put(&key, &rewrapped(self.provider(), &roots, tenant, &row)?.to_bytes()?);
                self.evict_with(&mut change, tenant);
            }
        }
        if let Some(key) = last {
            let next = Rewrap { after: Some(id_of(&key)?), ..job };
            next.due(now, following(due.id))?.put(&mut change)?;
            return Ok(change);
        }
        change.put(&State::key()?, &roots.forgetting(job.target).to_bytes()?);
        self.record(&mut change, &Caller::system(), Tenant::SYSTEM, Action::Rewrap)?;
        Ok(change)
    }
}

/// The id of the next step, which sorts behind this one also within one moment: so one run does all steps.
fn following(id: [u8; 16]) -> [u8; 16] {
    u128::from_be_bytes(id).wrapping_add(1).to_be_bytes()
}

/// A tenant's keys under the current root.
fn rewrapped(
    provider: &dyn Provider,
    roots: &Roots,
    tenant: Tenant,
    row: &TenantRecord,
) -> Result<TenantRecord, StoreError> {
    let (old, new) = (roots.version(provider, row.root)?, &roots.current);
    let mut intermediates = Vec::with_capacity(row.intermediates.len());
    for wrapped in &row.intermediates {
        let child = intermediate(&tenant, wrapped.version);
        let material = old.unwrap(provider, child, &wrapped.sealed)?;
        intermediates
            .push(Wrapped { version: wrapped.version, sealed: new.wrap(provider, child, &material)? });
    }
    Ok(TenantRecord::new(new.id.version, intermediates, row.blind.clone()))
}
