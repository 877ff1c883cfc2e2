use minicbor::{Decode, Encode};
use strongroom_core::{
    Action, Caller, Change, CommitError, Direction, Due, Reader, StoreError, Tenant, Time, commit,
};

use crate::{
    Reason, Unsealed,
    record::{Row, State, TenantRecord, id_of},
    rotate::keys_of,
    status::tenants_after,
    tenant::{Because, VERSIONS},
    work::following,
    wrap::new_id,
};

pub(crate) const RENEW: &str = "barrier.renew";
/// Tenants that one step takes.
const STEP: usize = 20;
/// Tenants that are read at once for a report.
const PAGE: usize = 50;

/// What a step of renewing needs to know.
#[derive(Debug, Clone, Encode, Decode)]
struct Renew {
    /// The root that it began with: keys made under it or a later one are new.
    #[n(0)]
    root: u32,
    /// The last tenant done.
    #[cbor(n(1), with = "minicbor::bytes")]
    after: Option<[u8; 16]>,
}

/// How far everything is renewed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Renewal {
    /// The root that it began with.
    pub root: u32,
    /// Roots that are older and still kept, until every tenant's keys are wrapped under a newer one.
    pub old_roots: usize,
    /// Tenants that there are, the system's own among them.
    pub tenants: u64,
    /// Those that still write under an older key.
    pub waiting: u64,
    /// Those that write under a new key, but keep older ones for records that are not sealed anew yet.
    pub resealing: u64,
}

impl Renewal {
    /// Whether nothing older is left in the database. Copies of it are another matter: see [`Unsealed::renew`].
    pub fn is_done(&self) -> bool {
        self.old_roots == 0 && self.waiting == 0 && self.resealing == 0
    }
}

impl Unsealed {
    /// After a leak of keys: replaces the root at once; due work then replaces every tenant's key and seals all records
    /// anew. Answers the version of the new root, by which [`Unsealed::renewal`] tells how far it is.
    ///
    /// A leak is healed by this sequence, in this order:
    ///
    /// 1. Replace every slot, as whoever knows a slot's secret or key opens every later root by it.
    /// 2. Call this: a new root, then new keys of all tenants under it, then all records under these.
    /// 3. Run due work until [`Renewal::is_done`], then [`scrub`](strongroom_core::Store::scrub).
    /// 4. Change what the database held and others may have read: keys of rings, tokens, passwords.
    ///
    /// Two things are not healed. Whoever took a copy before, with an unseal secret or a root of its time, reads that
    /// copy for ever. And a tenant's key of blind segments never changes, as records are found by it: whoever has it can
    /// find out by trying whether a later copy holds a private text that they guess.
    ///
    /// A tenant whose key has as many versions as a record holds keeps waiting: reseal it, then rotate it.
    ///
    /// # Errors
    /// [`CommitError`].
    pub fn renew(&self, caller: &Caller) -> Result<u32, CommitError> {
        commit(self, Tenant::SYSTEM, |reader| Ok(self.plan_renew(reader, caller)?))
    }

    /// Plans [`Unsealed::renew`]; `reader` is one of the system tenant.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn plan_renew(&self, reader: Reader<'_>, caller: &Caller) -> Result<Change<u32>, StoreError> {
        let _inside = self.enter()?;
        let now = self.now();
        let (mut change, root) = self.rotated_root(reader, Because { caller, reason: Reason::Leak, now })?;
        let job = Renew { root, after: None };
        let id = new_id(self.provider())?;
        Due { time: now, kind: RENEW, id, tenant: Tenant::SYSTEM, payload: job.payload()? }
            .put(&mut change)?;
        self.record(&mut change, caller, Tenant::SYSTEM, Action::Renew, &State::key()?)?;
        Ok(change.map(|()| root))
    }

    /// How far everything is renewed since [`Unsealed::renew`] answered this root. Reads the record of every tenant.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn renewal(&self, root: u32) -> Result<Renewal, StoreError> {
        let _inside = self.enter()?;
        let state = self.state()?;
        let mut renewal = Renewal {
            root,
            old_roots: state.old.iter().filter(|old| old.version < root).count(),
            tenants: 0,
            waiting: 0,
            resealing: 0,
        };
        let mut after = None;
        loop {
            let rows = self.raw_page(&tenants_after(after)?, PAGE)?;
            for (_, record) in &rows {
                renewal.count(&TenantRecord::read(&record.value)?)?;
            }
            match rows.last().filter(|_| rows.len() == PAGE) {
                Some((key, _)) => after = Some(Tenant::from_bytes(id_of(key)?)),
                None => return Ok(renewal),
            }
        }
    }

    /// Rotates the keys of some tenants.
    pub(crate) fn renew_some(
        &self,
        mut reader: Reader<'_>,
        due: &Due,
        now: Time,
    ) -> Result<Change<()>, CommitError> {
        let job: Renew = minicbor::decode(&due.payload).map_err(|_| StoreError::Corrupt)?;
        let range = tenants_after(job.after.map(Tenant::from_bytes))?;
        let found = keys_of(reader.scan(&range, Direction::Forward, STEP)?);
        let last = found.last().filter(|_| found.len() == STEP).map(id_of).transpose()?;
        let (roots, rows) = self.roots(&mut reader, found)?;
        let why = Because { caller: &Caller::system(), reason: Reason::Leak, now };
        let mut change = reader.change(());
        for (key, record) in rows {
            let row = TenantRecord::read(&record.value)?;
            if row.newest()?.under < job.root && row.intermediates.len() < VERSIONS {
                self.rotate_in(&mut change, &roots, Tenant::from_bytes(id_of(&key)?), &record, why)?;
            }
        }
        if last.is_some() {
            following(due, Renew { after: last, ..job }.payload()?).put(&mut change)?;
        }
        Ok(change)
    }
}

impl Renew {
    fn payload(&self) -> Result<Vec<u8>, StoreError> {
        minicbor::to_vec(self).map_err(|_| StoreError::Corrupt)
    }
}

impl Renewal {
    fn count(&mut self, row: &TenantRecord) -> Result<(), StoreError> {
        self.tenants += 1;
        if row.newest()?.under < self.root {
            self.waiting += 1;
        } else if row.intermediates.iter().any(|key| key.under < self.root) {
            self.resealing += 1;
        }
        Ok(())
    }
}
