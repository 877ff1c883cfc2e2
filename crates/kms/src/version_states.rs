use strongroom_core::{Action, Change, Name, Reader, RecordKey, StoreError, Time};

use crate::{
    KmsError, Rings, VersionState,
    archive::{self, ArchivedRecord},
    record::RingRecord,
    states::RingUse,
    version_record::VersionRecord,
};

/// The states of versions. What takes something away holds everywhere when it returns.
impl Rings {
    /// Suspends a version: until it is resumed it protects and decrypts nothing, and its signatures still verify.
    ///
    /// # Errors
    /// [`KmsError::NoVersion`], and [`KmsError::VersionState`] for one that is not active.
    pub fn suspend(&self, name: &Name, version: u32) -> Result<(), KmsError> {
        self.set_version_state(name, version, VersionState::Suspended)
    }

    /// Ends the suspension of a version.
    ///
    /// # Errors
    /// As for [`Rings::suspend`], for one that is not suspended.
    pub fn resume(&self, name: &Name, version: u32) -> Result<(), KmsError> {
        self.set_version_state(name, version, VersionState::Active)
    }

    /// Deactivates a version for good: it protects nothing new, and opens and verifies what it protected.
    ///
    /// # Errors
    /// As for [`Rings::suspend`], for one that is neither active nor suspended.
    pub fn deactivate(&self, name: &Name, version: u32) -> Result<(), KmsError> {
        self.set_version_state(name, version, VersionState::Deactivated)
    }

    /// Notes that somebody else may have a version's key: what it encrypted can be moved to another version by
    /// [`Rings::rewrap`], and nothing else is done with it any more.
    ///
    /// # Errors
    /// As for [`Rings::suspend`], for one that is compromised or destroyed already.
    pub fn compromise(&self, name: &Name, version: u32) -> Result<(), KmsError> {
        self.set_version_state(name, version, VersionState::Compromised)
    }

    /// Destroys a version: its key is erased from the record, and what it encrypted is lost. What the engine's files and
    /// backups still hold of it is sealed; [`Store::scrub`](strongroom_core::Store::scrub) ends it in the files.
    ///
    /// # Errors
    /// As for [`Rings::suspend`], for one that was destroyed already.
    pub fn destroy_version(&self, name: &Name, version: u32) -> Result<(), KmsError> {
        self.set_version_state(name, version, VersionState::Destroyed)
    }

    /// Brings a version into another state, by one of the transitions of [`VersionState::may_become`].
    ///
    /// # Errors
    /// [`KmsError::NoVersion`]; [`KmsError::VersionState`] where it cannot go from its state to that one.
    pub fn set_version_state(&self, name: &Name, version: u32, state: VersionState) -> Result<(), KmsError> {
        self.commit(|reader| self.plan_version_state(reader, name, version, state))
    }

    /// Plans [`Rings::set_version_state`].
    ///
    /// # Errors
    /// As for [`Rings::set_version_state`], but nothing is committed yet.
    pub fn plan_version_state(
        &self,
        mut reader: Reader<'_>,
        name: &Name,
        version: u32,
        state: VersionState,
    ) -> Result<Change<()>, KmsError> {
        let ring = self.ring_for(&mut reader, name)?;
        let archived = self.archived_version(&mut reader, &ring, version)?;
        let now = self.base().clock.now();
        if let Some((key, mut archived)) = archived {
            let mut change = self.changed(reader, name, action(state), |ring| {
                ring.state().check(RingUse::ChangeVersion)?;
                enter(&mut archived.version, state, now)
            })?;
            change.put_secret(&key, archived.to_bytes()?);
            return Ok(change);
        }
        self.changed(reader, name, action(state), |ring| {
            ring.state().check(RingUse::ChangeVersion)?;
            enter(ring.version_mut(version).ok_or(KmsError::NoVersion)?, state, now)
        })
    }

    /// A version in a record of its own.
    fn archived_version(
        &self,
        reader: &mut Reader<'_>,
        ring: &RingRecord,
        version: u32,
    ) -> Result<Option<(RecordKey, ArchivedRecord)>, KmsError> {
        if !(ring.min_available..ring.first_live()).contains(&version) {
            return Ok(None);
        }
        let key = archive::key(self.tenant(), ring.id, version)?;
        let row = reader.get(&key)?.ok_or(StoreError::Corrupt)?;
        Ok(Some((key, ArchivedRecord::read(&row.value, version)?)))
    }
}

fn enter(version: &mut VersionRecord, next: VersionState, now: Time) -> Result<(), KmsError> {
    let is = version.state(now);
    if !is.may_become(next) {
        return Err(KmsError::VersionState(is));
    }
    version.set_state(next, now);
    Ok(())
}

/// What an event calls it.
const fn action(state: VersionState) -> Action {
    match state {
        VersionState::PreActive | VersionState::Active => Action::Resume,
        VersionState::Suspended => Action::Suspend,
        VersionState::Deactivated => Action::Deactivate,
        VersionState::Compromised => Action::Compromise,
        VersionState::Destroyed => Action::Destroy,
    }
}
