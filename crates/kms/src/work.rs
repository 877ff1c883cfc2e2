//! What rings do by due work.

use strongroom_core::{
    Action, Caller, Change, CommitError, Due, Event, Name, Reader, Service, StoreError, Tenant, Time, Worker,
};

use crate::{
    Kms, KmsError, RingState, Rings, VersionState, archive, changes::AT_ONCE, record::RingRecord,
    restore::restored_key, states::RingUse, version_record::VersionRecord,
};

/// A ring gets a new version.
pub(crate) const ROTATE: &str = "kms-rotate";
/// A version that was shown before is used from now on. Nothing is written but the event.
pub(crate) const ACTIVATE: &str = "kms-activate";
/// A ring whose deletion was scheduled ends.
pub(crate) const DELETE: &str = "kms-delete";
/// Versions move to the archive that one commit could not take.
pub(crate) const ARCHIVE: &str = "kms-archive";
/// Archived versions are deleted that one commit could not.
pub(crate) const TIDY: &str = "kms-tidy";
/// A ring gets its first version.
pub(crate) const GENERATE: &str = "kms-generate";
/// What came of a ring from a backup is given up unless the ring came back.
pub(crate) const GIVE_UP: &str = "kms-restore";

/// All of them.
pub(crate) const KINDS: &[&str] = &[ROTATE, ACTIVATE, DELETE, ARCHIVE, TIDY, GENERATE, GIVE_UP];

/// Work on a version of a ring, or on all of them where that is 0, from work on the ring: its row's id may be another.
pub(crate) fn on_version(due: Due, version: u32) -> Due {
    let id = (u128::from_be_bytes(due.id) ^ u128::from(version)).to_be_bytes();
    let payload = [&version.to_be_bytes()[..], &due.id, &due.payload].concat();
    Due { id, payload, ..due }
}

/// The deletion of the archived versions of a ring, there or not, below this one.
pub(crate) fn tidying(tenant: Tenant, ring: [u8; 16], below: u32, time: Time) -> Due {
    let payload = [&below.to_be_bytes()[..], &ring].concat();
    Due { time, kind: TIDY, id: ring, tenant, payload }
}

/// The end of a time in which a ring is to come back.
pub(crate) fn giving_up(tenant: Tenant, ring: [u8; 16], time: Time) -> Due {
    Due { time, kind: GIVE_UP, id: ring, tenant, payload: ring.to_vec() }
}

/// What [`tidying`] is about: below which version, and which ring.
pub(crate) fn to_tidy(payload: &[u8]) -> Result<(u32, [u8; 16]), StoreError> {
    let (below, ring) = payload.split_first_chunk::<4>().ok_or(StoreError::Corrupt)?;
    let ring = <[u8; 16]>::try_from(ring).map_err(|_| StoreError::Corrupt)?;
    Ok((u32::from_be_bytes(*below), ring))
}

/// The row of the next step: it sorts behind this one within the same moment, so one run does all steps.
fn following(due: &Due) -> Due {
    let id = u128::from_be_bytes(due.id).wrapping_add(1).to_be_bytes();
    Due { id, ..due.clone() }
}

/// Rotates what is due to be rotated, ends what is due to end, and does what changes left to be done.
impl Worker for Kms {
    fn kinds(&self) -> &[&'static str] {
        KINDS
    }

    fn step(&self, reader: Reader<'_>, due: &Due, now: Time) -> Result<Change<()>, CommitError> {
        let rings = self.on_behalf_of(Caller { tenant: due.tenant, ..Caller::system() });
        rings.step(reader, due, now).map_err(|error| match error {
            KmsError::Store(error) => CommitError::Store(error),
            KmsError::Commit(error) => error,
            _ => StoreError::Invalid("this work on a ring cannot be done").into(),
        })
    }
}

impl Rings {
    fn step(&self, mut reader: Reader<'_>, due: &Due, now: Time) -> Result<Change<()>, KmsError> {
        let _inside = self.base().enter()?;
        if due.kind == TIDY {
            return self.tidy(reader, due);
        }
        if due.kind == GIVE_UP {
            return self.give_up(reader, due);
        }
        let (version, id, name) = subject(due)?;
        let ring = match self.ring_for(&mut reader, &name) {
            Ok(ring) if ring.id == id => ring,
            // It is gone, or another one has its name.
            Ok(_) | Err(KmsError::NotFound) => return Ok(reader.change(())),
            Err(error) => return Err(error),
        };
        match due.kind {
            ROTATE if ring.rotation.is_some_and(|at| at.next == due.time) => {
                self.rotation_due(reader, &name, &ring, now)
            }
            ACTIVATE => self.activation_due(reader, &name, &ring, (version, due.time), now),
            DELETE if ring.deletion == Some(due.time) => self.destroyed(reader, &name, &ring),
            ARCHIVE => self.archive_some(reader, &name, due, now),
            GENERATE if ring.state == RingState::Creating && ring.deletion.is_none() => {
                self.changed(reader, &name, Action::Activate, |ring| {
                    ring.add_version(self.provider(), now)?;
                    (ring.state, ring.changed) = (RingState::Active, now);
                    Ok(())
                })
            }
            // What it was for has changed since.
            _ => Ok(reader.change(())),
        }
    }

    /// One rotation, however many were missed. A ring that cannot be rotated now is looked at again after its period.
    fn rotation_due(
        &self,
        reader: Reader<'_>,
        name: &Name,
        ring: &RingRecord,
        now: Time,
    ) -> Result<Change<()>, KmsError> {
        if ring.state().allows(RingUse::Rotate) && ring.makes_versions() {
            return self.plan_rotate(reader, name).map(|change| change.map(drop));
        }
        let (change, _) = self.rewritten(reader, name, |ring| self.put_off_rotation(ring, now))?;
        Ok(change)
    }

    fn activation_due(
        &self,
        reader: Reader<'_>,
        name: &Name,
        ring: &RingRecord,
        (version, at): (u32, Time),
        now: Time,
    ) -> Result<Change<()>, KmsError> {
        let mut change = reader.change(());
        // Not if it was given up meanwhile, nor if it had to be used earlier.
        let begins =
            |version: &VersionRecord| version.activates == at && version.state(now) == VersionState::Active;
        if ring.version(version).is_some_and(begins) {
            let (caller, action) = (self.caller(), Action::Activate);
            let event = Event::allowed(caller, now, Service::Kms, action, Some(name.clone()));
            self.base().outbox.put(&mut change, &event)?;
        }
        Ok(change)
    }

    fn tidy(&self, mut reader: Reader<'_>, due: &Due) -> Result<Change<()>, KmsError> {
        let (below, ring) = to_tidy(&due.payload)?;
        // A ring of which all was to be deleted is coming back, or came back.
        if below == u32::MAX && reader.get(&restored_key(self.tenant(), ring)?)?.is_some() {
            return Ok(reader.change(()));
        }
        let keys = archive::keys_below(&mut reader, self.tenant(), ring, below)?;
        let mut change = reader.change(());
        keys.iter().for_each(|key| change.delete(key));
        if keys.len() == AT_ONCE {
            following(due).put(&mut change)?;
        }
        Ok(change)
    }

    fn archive_some(
        &self,
        reader: Reader<'_>,
        name: &Name,
        due: &Due,
        now: Time,
    ) -> Result<Change<()>, KmsError> {
        let (mut change, ring) = self.rewritten(reader, name, |_| {})?;
        if ring.outgrows(now) {
            following(due).put(&mut change)?;
        }
        Ok(change)
    }
}

/// The version, if the work is on one, the ring's id and its name.
fn subject(due: &Due) -> Result<(u32, [u8; 16], Name), StoreError> {
    let text = |bytes: &[u8]| {
        let text = str::from_utf8(bytes).map_err(|_| StoreError::Corrupt)?;
        Name::parse(text).map_err(|_| StoreError::Corrupt)
    };
    if !matches!(due.kind, ACTIVATE | ARCHIVE) {
        return Ok((0, due.id, text(&due.payload)?));
    }
    let (version, rest) = due.payload.split_first_chunk::<4>().ok_or(StoreError::Corrupt)?;
    let (id, name) = rest.split_first_chunk::<16>().ok_or(StoreError::Corrupt)?;
    Ok((u32::from_be_bytes(*version), *id, text(name)?))
}
