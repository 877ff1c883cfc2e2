use minicbor::{Decode, Encode};
use strongroom_core::{Algorithm, Name, UseLimit};

use crate::{
    KmsError, Policy, Rings,
    record::{RingRecord, load},
    uses::{self, Meter, Usage, UsesRecord},
};

/// What holds for keys whose uses are counted: those with random nonces of 96 bits
/// ([`Algorithm::use_limit`](strongroom_core::Algorithm::use_limit)).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct UseLimits {
    /// A lower limit than the algorithm's.
    pub lower: Option<UseLimit>,
    /// What happens when one is reached.
    pub at_limit: AtLimit,
}

/// What happens when a key encrypted as many messages as it may.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum AtLimit {
    /// It encrypts no more: [`KmsError::Exhausted`].
    #[default]
    #[n(1)]
    Stop,
    /// The ring gets a new version, on behalf of the caller who needs it. A version that was asked for stops all the
    /// same.
    #[n(2)]
    Rotate,
}

impl UseLimits {
    /// The lowest of the limits of the algorithm, of all rings and of this one.
    fn of(&self, algorithm: Algorithm, policy: &Policy) -> Option<UseLimit> {
        let least = |limit: UseLimit, lower: Option<UseLimit>| match lower {
            Some(lower) => UseLimit { warn: limit.warn.min(lower.warn), stop: limit.stop.min(lower.stop) },
            None => limit,
        };
        Some(least(least(algorithm.use_limit()?, self.lower), policy.use_limit))
    }
}

impl Rings {
    /// How often each version of a ring may have encrypted, oldest first: those that did, of a ring whose keys are
    /// counted.
    ///
    /// # Errors
    /// [`KmsError::NotFound`], [`KmsError::Store`].
    pub fn usage(&self, name: &Name) -> Result<Vec<Usage>, KmsError> {
        let _inside = self.base().enter()?;
        let ring = load(&*self.base().store, self.tenant(), name)?;
        let Some(limit) = self.kms().limits().of(ring.algorithm, &ring.policy) else { return Ok(Vec::new()) };
        let key = uses::key(self.tenant(), ring.id)?;
        match self.base().store.get_many(&[key])?.pop().flatten() {
            Some(record) => Ok(UsesRecord::read(&record.value)?.usage(limit)),
            None => Ok(Vec::new()),
        }
    }

    pub(crate) fn meter(&self, name: &Name, ring: &RingRecord) -> Option<Meter> {
        let limit = self.kms().limits().of(ring.algorithm, &ring.policy)?;
        let (base, tenant, name) = (self.base().clone(), self.tenant(), name.clone());
        Some(Meter { base, tenant, name, ring: ring.id, limit })
    }

    /// Encrypts, and where a rotation is what is to happen at the limit, again after it.
    pub(crate) fn rotating<T>(
        &self,
        name: &Name,
        version: Option<u32>,
        encrypt: impl Fn() -> Result<T, KmsError>,
    ) -> Result<T, KmsError> {
        let newest = version.is_none_or(|version| version == 0);
        loop {
            match encrypt() {
                Err(KmsError::Exhausted(version)) if newest && self.rotates_at_limit(name)? => {
                    self.rotate_from(name, version)?;
                }
                done => return done,
            }
        }
    }

    fn rotates_at_limit(&self, name: &Name) -> Result<bool, KmsError> {
        let at_limit = self.loaded(name)?.view.policy.at_limit.unwrap_or(self.kms().limits().at_limit);
        Ok(at_limit == AtLimit::Rotate)
    }
}
