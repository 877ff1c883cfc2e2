use strongroom_core::{Algorithm, Name, UseLimit};

use crate::{
    KmsError, Rings,
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
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum AtLimit {
    /// It encrypts no more: [`KmsError::Exhausted`].
    #[default]
    Stop,
    /// The ring gets a new version, on behalf of the caller who needs it. A version that was asked for stops all the
    /// same.
    Rotate,
}

impl UseLimits {
    fn of(&self, algorithm: Algorithm) -> Option<UseLimit> {
        let UseLimit { warn, stop } = algorithm.use_limit()?;
        let lower = self.lower.unwrap_or(UseLimit { warn, stop });
        Some(UseLimit { warn: warn.min(lower.warn), stop: stop.min(lower.stop) })
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
        let Some(limit) = self.kms().limits().of(ring.algorithm) else { return Ok(Vec::new()) };
        let key = uses::key(self.tenant(), ring.id)?;
        match self.base().store.get_many(&[key])?.pop().flatten() {
            Some(record) => Ok(UsesRecord::read(&record.value)?.usage(limit)),
            None => Ok(Vec::new()),
        }
    }

    pub(crate) fn meter(&self, name: &Name, ring: &RingRecord) -> Option<Meter> {
        let limit = self.kms().limits().of(ring.algorithm)?;
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
                Err(KmsError::Exhausted(version))
                    if newest && self.kms().limits().at_limit == AtLimit::Rotate =>
                {
                    self.rotate_from(name, version)?;
                }
                done => return done,
            }
        }
    }
}
