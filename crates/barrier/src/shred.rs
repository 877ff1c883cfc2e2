use std::fmt;

use minicbor::{Decode, Encode};
use strongroom_core::{
    Action, Caller, Change, CommitError, Direction, Due, Name, Range, Reader, RecordKey, Store, StoreError,
    Tenant, Time, commit,
};

use crate::{
    Unsealed,
    keyring::NO_TENANT,
    record::{Row, State, TenantRecord},
    reseal_job, schedule,
    work::following,
};

pub(crate) const SHRED: &str = "barrier.shred";

/// Rows that one step deletes, and what they may have in all.
const DELETED: usize = 500;
const BYTES: usize = 8 << 20;
/// Rows that are read at once; each may have a mebibyte.
const PAGE: usize = 20;
/// Rows of due work that one step looks at.
const LOOKED: usize = 200;

/// A tenant's keys are gone, and nothing of the tenant opens in this database any more. Prints what is not gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shredded {
    /// The tenant.
    pub tenant: Tenant,
    /// Copies of the database that were made before this moment still hold its keys.
    pub copies_before: Time,
}

impl fmt::Display for Shredded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "the keys of tenant {} are erased here; its rows are deleted by due work. Backups and other copies made \
             before {} ms after 1970 stay readable to whoever holds one and an unseal secret of its time: delete them, \
             or wait until they are",
            self.tenant,
            self.copies_before.as_millis()
        )
    }
}

/// What is left to do of shredding a tenant, as its due row keeps it.
#[derive(Debug, Clone, Encode, Decode)]
struct Shred {
    #[cbor(n(0), with = "minicbor::bytes")]
    tenant: [u8; 16],
    #[n(1)]
    phase: Phase,
    /// How many rows were deleted.
    #[n(2)]
    rows: u64,
}

#[derive(Debug, Clone, Encode, Decode)]
enum Phase {
    /// Deletes the tenant's rows.
    #[n(0)]
    Rows,
    /// Deletes its due work, after this row.
    #[n(1)]
    Work(#[cbor(n(0), with = "minicbor::bytes")] Option<Vec<u8>>),
    /// Has the engine forget what was deleted.
    #[n(2)]
    Scrub,
}

impl Unsealed {
    /// Erases a tenant's keys: one commit, after which nothing of the tenant opens in this process, from any cache, nor
    /// in one that has not read the tenant's keys yet. Due work then deletes the tenant's rows and its due work, and has the engine scrub its files. Events that tell of
    /// the tenant stay readable, as they are the system's.
    ///
    /// **Backups are not reached.** A copy of the database from before stays readable to whoever holds it together with
    /// an unseal secret of its time. [`Shredded`] says so too.
    ///
    /// The erasure reaches the engine's files when the due work has been done: until then the deleted rows may be read
    /// from them, and so may the wrapped keys, by whoever has the file and an unseal secret. Where several nodes share the
    /// engine, this returns when all have forgotten the keys or lost their [`Lease`](strongroom_core::Lease).
    ///
    /// # Errors
    /// [`CommitError`]; [`StoreError::Invalid`] for the first tenant, for the system's own, and where there is none.
    pub fn shred_tenant(&self, caller: &Caller, tenant: Tenant) -> Result<Shredded, CommitError> {
        commit(self, Tenant::SYSTEM, |reader| Ok(self.plan_shred_tenant(reader, caller, tenant)?))
    }

    /// Plans [`Unsealed::shred_tenant`]; `reader` is one of the system tenant.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn plan_shred_tenant(
        &self,
        mut reader: Reader<'_>,
        caller: &Caller,
        tenant: Tenant,
    ) -> Result<Change<Shredded>, StoreError> {
        let _inside = self.enter()?;
        let key = TenantRecord::key(tenant)?;
        let rows = reader.get_many(&[State::key()?, key.clone()])?;
        let [Some(state), record] = rows.as_slice() else { return Err(StoreError::Corrupt) };
        if tenant == Tenant::SYSTEM || State::read(&state.value)?.first_tenant == *tenant.as_bytes() {
            return Err(StoreError::Invalid("the first tenant and the system's own are not shredded"));
        }
        let row = TenantRecord::read(&record.as_ref().ok_or(NO_TENANT)?.value)?;
        let job = match row.reseal {
            Some(since) => {
                reseal_job::row_of(tenant, since, |range| reader.scan(range, Direction::Forward, 1))?
            }
            None => None,
        };
        let now = self.now();
        let mut change = reader.change(Shredded { tenant, copies_before: now });
        change.delete(&key);
        change.delete(&schedule::tenant_key(tenant, &row)?);
        if let Some((job, _)) = job {
            change.delete(&job);
        }
        Shred::of(tenant).due(now)?.put(&mut change)?;
        self.record(&mut change, caller, tenant, Action::Shred, &TenantRecord::key(tenant)?)?;
        self.forget_with(&mut change, tenant);
        self.lease().revoke(&mut change, tenant)?;
        Ok(change)
    }

    /// One step of what is left to do.
    pub(crate) fn shred_some(&self, reader: Reader<'_>, due: &Due) -> Result<Change<()>, CommitError> {
        let mut job: Shred = minicbor::decode(&due.payload).map_err(|_| StoreError::Corrupt)?;
        let mut change = reader.change(());
        self.forget_with(&mut change, job.tenant());
        job.phase = match job.phase.clone() {
            Phase::Rows => self.delete_rows(&mut change, &mut job)?,
            Phase::Work(after) => self.delete_work(&mut change, job.tenant(), after)?,
            Phase::Scrub => {
                self.scrubbed(&mut change, &job)?;
                return Ok(change);
            }
        };
        following(due, job.payload()?).put(&mut change)?;
        Ok(change)
    }

    /// Deletes the first rows that the tenant still has, without looking into them.
    fn delete_rows(&self, change: &mut Change<()>, job: &mut Shred) -> Result<Phase, StoreError> {
        let (mut range, mut rows, mut bytes) = (Range::of_tenant(job.tenant()), 0, 0);
        while rows < DELETED && bytes < BYTES {
            let page = self.raw_page(&range, PAGE)?;
            for (key, record) in &page {
                change.delete(key);
                (rows, bytes) = (rows + 1, bytes + record.value.len());
            }
            match page.last().filter(|_| page.len() == PAGE) {
                Some((key, _)) => range = range.after(key)?,
                None => {
                    job.rows += rows as u64;
                    return Ok(Phase::Work(None));
                }
            }
        }
        job.rows += rows as u64;
        Ok(Phase::Rows)
    }

    /// Deletes what other capabilities had planned for the tenant.
    fn delete_work(
        &self,
        change: &mut Change<()>,
        tenant: Tenant,
        after: Option<Vec<u8>>,
    ) -> Result<Phase, StoreError> {
        let mut range = Range::under(Tenant::SYSTEM, Due::TABLE, &[])?;
        if let Some(after) = after {
            range = range.after(&RecordKey::from_bytes(after)?)?;
        }
        let rows = self.scan(&range, Direction::Forward, LOOKED)?;
        for (key, record) in &rows {
            if Due::content(&record.value)?.0 == tenant {
                change.delete(key);
            }
        }
        Ok(match rows.last().filter(|_| rows.len() == LOOKED) {
            Some((key, _)) => Phase::Work(Some(key.as_bytes().to_vec())),
            None => Phase::Scrub,
        })
    }

    /// The last step. Scrubbing again after a crash does no harm.
    fn scrubbed(&self, change: &mut Change<()>, job: &Shred) -> Result<(), StoreError> {
        let scrubbed = match self.inner().scrub() {
            Ok(()) => "scrubbed",
            Err(StoreError::Unsupported(_)) => "not-scrubbed",
            Err(error) => return Err(error),
        };
        let what = Name::parse(&format!("{}-rows.{scrubbed}", job.rows)).ok();
        self.record_of(
            change,
            &Caller::system(),
            job.tenant(),
            Action::Delete,
            what,
            &TenantRecord::key(job.tenant())?,
        )
    }

    fn forget_with<T>(&self, change: &mut Change<T>, tenant: Tenant) {
        let unsealed = self.clone();
        change.evict(move || unsealed.forget(tenant));
    }
}

impl Shred {
    fn of(tenant: Tenant) -> Self {
        Self { tenant: *tenant.as_bytes(), phase: Phase::Rows, rows: 0 }
    }

    fn tenant(&self) -> Tenant {
        Tenant::from_bytes(self.tenant)
    }

    fn due(&self, time: Time) -> Result<Due, StoreError> {
        let payload = self.payload()?;
        Ok(Due { time, kind: SHRED, id: self.tenant, tenant: Tenant::SYSTEM, payload })
    }

    fn payload(&self) -> Result<Vec<u8>, StoreError> {
        minicbor::to_vec(self).map_err(|_| StoreError::Corrupt)
    }
}

/// Whose rows the job deletes that a due row keeps.
pub(crate) fn tenant_of(payload: &[u8]) -> Option<Tenant> {
    minicbor::decode::<Shred>(payload).ok().map(|job| job.tenant())
}
