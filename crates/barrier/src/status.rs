use minicbor::{Decode, Encode};
use strongroom_core::{Range, RecordKey, StoreError, Tenant, Time};

use crate::{
    ResealProgress, Unsealed,
    keyring::{NO_TENANT, read_one},
    record::{Intermediate, Row, State, TENANTS, TenantRecord, id_of},
};

/// Why a version of a key was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
#[non_exhaustive]
pub enum Reason {
    /// It is the first one.
    #[n(1)]
    Created,
    /// The one before it had been used for as long as the [`Schedule`](crate::Schedule) says.
    #[n(2)]
    Scheduled,
    /// Somebody asked for it.
    #[n(3)]
    Asked,
    /// The one before it, or what it hangs under, may be known to others.
    #[n(4)]
    Leak,
}

/// One version of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyVersion {
    /// Its number, from 1.
    pub version: u32,
    /// When it was made.
    pub made: Time,
    /// Why.
    pub reason: Reason,
}

/// What is known of the root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RootStatus {
    /// The root.
    pub newest: KeyVersion,
    /// When due work replaces it.
    pub next_rotation: Time,
    /// Older roots that are kept until every tenant's keys are wrapped under the newest one.
    pub older: Vec<u32>,
}

/// What is known of a tenant's key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TenantStatus {
    /// Every version that is kept, oldest first; the last one seals.
    pub versions: Vec<KeyVersion>,
    /// When due work replaces it.
    pub next_rotation: Time,
    /// The job that seals the tenant's records anew, while there is one.
    pub reseal: Option<ResealProgress>,
    /// What the last such job found when it was done.
    pub resealed: Option<Resealed>,
}

/// The proof by which older versions of a tenant's key were destroyed: a pass over all its records met none that lay
/// under one of them. Nothing new can land under them, as each commit expects the version that it is sealed under to
/// be the newest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub struct Resealed {
    /// Versions older than this one were counted, and then destroyed.
    #[n(0)]
    pub below: u32,
    /// Records of the tenant that the pass looked at.
    #[n(1)]
    pub examined: u64,
    /// How many of them lay under an older version: 0, else nothing would have been destroyed.
    #[n(2)]
    pub found: u64,
    /// When.
    #[n(3)]
    pub at: Time,
}

impl Unsealed {
    /// What is known of the root.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn root_status(&self) -> Result<RootStatus, StoreError> {
        let State { root, root_made, root_reason, next, old, .. } = self.state()?;
        let newest = KeyVersion { version: root, made: root_made, reason: root_reason };
        let older = old.iter().map(|wrapped| wrapped.version).collect();
        Ok(RootStatus { newest, next_rotation: next, older })
    }

    /// What is known of a tenant's key.
    ///
    /// # Errors
    /// [`StoreError`], also where there is no such tenant.
    pub fn tenant_status(&self, tenant: Tenant) -> Result<TenantStatus, StoreError> {
        let _inside = self.enter()?;
        let record = read_one(self, &TenantRecord::key(tenant)?)?.ok_or(NO_TENANT)?;
        let row = TenantRecord::read(&record.value)?;
        let reseal = row.reseal.map(|since| self.reseal_progress(tenant, since)).transpose()?.flatten();
        let versions = row.intermediates.iter().map(Intermediate::status).collect();
        Ok(TenantStatus { versions, next_rotation: row.next, reseal, resealed: row.resealed })
    }

    /// All tenants in the order of their ids, the system's own among them: those after `after`, at most `limit`.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn tenants(&self, after: Option<Tenant>, limit: usize) -> Result<Vec<Tenant>, StoreError> {
        let _inside = self.enter()?;
        let rows = self.raw_page(&tenants_after(after)?, limit)?;
        rows.iter().map(|(key, _)| Ok(Tenant::from_bytes(id_of(key)?))).collect()
    }

    pub(crate) fn state(&self) -> Result<State, StoreError> {
        State::read(&read_one(self, &State::key()?)?.ok_or(StoreError::Corrupt)?.value)
    }
}

impl Intermediate {
    fn status(&self) -> KeyVersion {
        KeyVersion { version: self.version, made: self.made, reason: self.reason }
    }
}

/// The records of tenants after this one.
pub(crate) fn tenants_after(after: Option<Tenant>) -> Result<Range, StoreError> {
    let range = Range::under(Tenant::SYSTEM, TENANTS, &[])?;
    let after: Option<RecordKey> = after.map(TenantRecord::key).transpose()?;
    Ok(match after {
        Some(key) => range.after(&key)?,
        None => range,
    })
}
