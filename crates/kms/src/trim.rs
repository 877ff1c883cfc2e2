use strongroom_core::{Action, Change, Direction, Name, Reader};

use crate::{
    KmsError, Ring, RingVersion, Rings,
    archive::{self, ArchivedRecord},
    changes::AT_ONCE,
    record::load,
    states::RingUse,
    work,
};

/// Archived versions that one call shows at most.
const PAGE: usize = 1_000;

/// Old versions.
impl Rings {
    /// Deletes the versions below `min_available` for good: their keys are erased, and what they encrypted is lost. Of many
    /// archived versions, due work deletes the records.
    ///
    /// # Errors
    /// [`KmsError::Invalid`] unless the ring's minimums, both set, are not below it already, and for a lower number than
    /// before.
    pub fn trim(&self, name: &Name, min_available: u32) -> Result<Ring, KmsError> {
        self.commit(|reader| self.plan_trim(reader, name, min_available))
    }

    /// The archived versions of a ring after this one, oldest first, at most `limit` (up to 1,000).
    ///
    /// # Errors
    /// [`KmsError::NotFound`], [`KmsError::Store`].
    pub fn archived(&self, name: &Name, after: u32, limit: usize) -> Result<Vec<RingVersion>, KmsError> {
        let (_inside, base) = (self.base().enter()?, self.base());
        let (ring, now) = (load(&*base.store, self.tenant(), name)?, base.clock.now());
        let from = after.max(ring.min_available.saturating_sub(1));
        let range = archive::after(self.tenant(), ring.id, from)?;
        let rows = base.store.scan(&range, Direction::Forward, limit.min(PAGE))?;
        let shown = rows.iter().map(|(key, row)| {
            let (_, version) = archive::parts(key).ok_or(strongroom_core::StoreError::Corrupt)?;
            Ok(ArchivedRecord::read(&row.value, version)?.version.view(ring.algorithm, now))
        });
        shown.collect()
    }

    /// Plans [`Rings::trim`].
    ///
    /// # Errors
    /// As for [`Rings::trim`], but nothing is committed yet.
    pub fn plan_trim(
        &self,
        mut reader: Reader<'_>,
        name: &Name,
        min_available: u32,
    ) -> Result<Change<Ring>, KmsError> {
        let ring = self.ring_for(&mut reader, name)?;
        let archived = self.archived_below(&mut reader, &ring, min_available)?;
        let mut change = self.shown(reader, name, Action::Trim, |ring| {
            ring.state().check(RingUse::Configure)?;
            ring.trim(min_available)
        })?;
        archived.iter().for_each(|key| change.delete(key));
        if archived.len() == AT_ONCE {
            let now = self.base().clock.now();
            work::tidying(self.tenant(), ring.id, min_available, now).put(&mut change)?;
        }
        Ok(change)
    }
}
