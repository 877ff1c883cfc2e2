use std::time::Duration;

use strongroom_core::{Provider, Stored, Time};

use crate::{KmsError, Origin, VersionState, record::RingRecord, version_record::VersionRecord};

/// Versions that a ring's record holds, and about how many bytes: what is older is archived.
const VERSIONS: usize = 1_000;
const ROOM: usize = 256 * 1_024;

/// The versions in a ring's record: how they come, and how they leave it.
impl RingRecord {
    pub(crate) fn latest(&self) -> u32 {
        self.versions.last().map_or(0, |version| version.version)
    }

    /// The oldest version in the record.
    pub(crate) fn first_live(&self) -> u32 {
        self.versions.first().map_or(1, |version| version.version)
    }

    /// A version in the record.
    pub(crate) fn version(&self, version: u32) -> Option<&VersionRecord> {
        self.versions.get(self.place(version)?)
    }

    /// The same, to be changed.
    pub(crate) fn version_mut(&mut self, version: u32) -> Option<&mut VersionRecord> {
        let place = self.place(version)?;
        self.versions.get_mut(place)
    }

    fn place(&self, version: u32) -> Option<usize> {
        usize::try_from(version.checked_sub(self.first_live())?).ok()
    }

    /// Makes the next version; answers its number.
    pub(crate) fn add_version(&mut self, provider: &dyn Provider, made: Time) -> Result<u32, KmsError> {
        let stored = provider.software().generate(self.algorithm)?;
        self.push_version(&stored, Origin::Generated, made)
    }

    /// Adds the next version; answers its number. The first one is used at once, and others after the publish delay.
    pub(crate) fn push_version(
        &mut self,
        stored: &Stored,
        origin: Origin,
        made: Time,
    ) -> Result<u32, KmsError> {
        let version = self.latest().checked_add(1);
        let version = version.ok_or(KmsError::Invalid("a key has no further number for a version"))?;
        let delay = if version == 1 { 0 } else { self.publish_delay };
        let activates = made + Duration::from_millis(delay);
        self.versions.push(VersionRecord::new(version, stored, origin, made, activates));
        Ok(version)
    }

    /// Whether further versions of it are made here.
    pub(crate) fn makes_versions(&self) -> bool {
        !self.flags.imported || self.flags.allow_rotation
    }

    /// The newest version but those that are not used yet; 0 where there is none.
    pub(crate) fn current(&self, now: Time) -> u32 {
        let used = |version: &&VersionRecord| version.state(now) != VersionState::PreActive;
        self.versions.iter().rev().find(used).map_or(0, |version| version.version)
    }

    /// Lets the use of the version behind this one begin now, if it did not yet.
    pub(crate) fn activate_after(&mut self, version: u32, now: Time) {
        let next = version.checked_add(1).and_then(|next| self.version_mut(next));
        if let Some(next) = next.filter(|next| next.state(now) == VersionState::PreActive) {
            next.activate(now);
        }
    }

    /// Whether its oldest version has to move to the archive: it may not decrypt any more, or there are too many. The one that
    /// encrypts stays, and those behind it.
    pub(crate) fn outgrows(&self, now: Time) -> bool {
        let Some(first) = self.versions.first() else { return false };
        let needless = first.version < self.min_decryption;
        let many = self.versions.len() > VERSIONS || self.room() > ROOM;
        (needless || many) && first.version < self.current(now)
    }

    /// Takes out versions that have to move to the archive, some of them where there are many.
    pub(crate) fn outgrown(&mut self, now: Time, limit: usize) -> Result<Vec<VersionRecord>, KmsError> {
        let mut moved = Vec::new();
        while moved.len() < limit && self.outgrows(now) {
            moved.push(self.versions.remove(0));
        }
        if self.versions.len() > VERSIONS + limit || self.room() > 3 * ROOM {
            return Err(KmsError::Invalid("too many versions of this key wait for their use to begin"));
        }
        Ok(moved)
    }

    /// Gives up the versions below this one; those that are archived are for the caller to delete.
    pub(crate) fn trim(&mut self, min_available: u32) -> Result<(), KmsError> {
        let encryption = if self.min_encryption == 0 { self.min_decryption } else { self.min_encryption };
        let highest = self.min_decryption.min(encryption);
        if !(self.min_available..=highest).contains(&min_available) {
            return Err(KmsError::Invalid(
                "min_available_version is not lowered, nor above the minimums of decryption and encryption",
            ));
        }
        self.min_available = min_available;
        self.versions.retain(|version| version.version >= min_available);
        Ok(())
    }
}
