//! What every change of a ring has in common: the record, what moves to the archive, due work, the event, the eviction.

use strongroom_core::{Action, Change, Due, Event, Name, Reader, Service, Time, commit};

use crate::{
    KmsError, Ring, RingState, Rings,
    archive::{self, ArchivedRecord},
    record::{RingRecord, Rotation, key},
    work,
};

/// Versions that one commit moves to the archive, or deletes there.
pub(crate) const AT_ONCE: usize = 200;

/// When something is to happen to a ring by itself.
#[derive(Clone, Copy, Default)]
struct Times {
    rotation: Option<Rotation>,
    deletion: Option<Time>,
}

impl Times {
    fn of(ring: &RingRecord) -> Self {
        Self { rotation: ring.rotation, deletion: ring.deletion }
    }
}

impl Rings {
    pub(crate) fn commit<T>(
        &self,
        plan: impl Fn(Reader<'_>) -> Result<Change<T>, KmsError>,
    ) -> Result<T, KmsError> {
        commit(&*self.base().store, self.tenant(), plan)
    }

    /// Plans a change of a ring.
    pub(crate) fn changed<T>(
        &self,
        reader: Reader<'_>,
        name: &Name,
        action: Action,
        edit: impl FnOnce(&mut RingRecord) -> Result<T, KmsError>,
    ) -> Result<Change<T>, KmsError> {
        Ok(self.edited(reader, name, action, edit)?.0)
    }

    /// The same, whose value is what the ring shows then.
    pub(crate) fn shown(
        &self,
        reader: Reader<'_>,
        name: &Name,
        action: Action,
        edit: impl FnOnce(&mut RingRecord) -> Result<(), KmsError>,
    ) -> Result<Change<Ring>, KmsError> {
        let (change, ring) = self.edited(reader, name, action, edit)?;
        Ok(change.map(|()| ring.view(self.base().clock.now())))
    }

    fn edited<T>(
        &self,
        mut reader: Reader<'_>,
        name: &Name,
        action: Action,
        edit: impl FnOnce(&mut RingRecord) -> Result<T, KmsError>,
    ) -> Result<(Change<T>, RingRecord), KmsError> {
        let _inside = self.base().enter()?;
        let mut ring = self.ring_for(&mut reader, name)?;
        let (before, latest) = (Times::of(&ring), ring.latest());
        let value = edit(&mut ring)?;
        let mut change = reader.change(value);
        self.put_ring(&mut change, name, &mut ring)?;
        self.put_due(&mut change, name, &ring, before, latest)?;
        self.put_archiving(&mut change, name, &ring)?;
        Ok((self.told_of(change, name, action)?, ring))
    }

    /// The same for what is no change to whoever uses the ring: there is no event, and nobody waits.
    pub(crate) fn rewritten(
        &self,
        mut reader: Reader<'_>,
        name: &Name,
        edit: impl FnOnce(&mut RingRecord),
    ) -> Result<(Change<()>, RingRecord), KmsError> {
        let mut ring = self.ring_for(&mut reader, name)?;
        let (before, latest) = (Times::of(&ring), ring.latest());
        edit(&mut ring);
        let mut change = reader.change(());
        self.put_ring(&mut change, name, &mut ring)?;
        self.put_due(&mut change, name, &ring, before, latest)?;
        self.evicting(&mut change, name);
        self.base().lease.announce(&mut change, self.tenant())?;
        Ok((change, ring))
    }

    /// Plans the record of a ring that was not there.
    pub(crate) fn added<T>(
        &self,
        mut change: Change<T>,
        name: &Name,
        action: Action,
        ring: &mut RingRecord,
    ) -> Result<Change<T>, KmsError> {
        self.put_ring(&mut change, name, ring)?;
        self.put_due(&mut change, name, ring, Times::default(), ring.latest())?;
        self.told_of(change, name, action)
    }

    /// Plans the end of a ring's record.
    pub(crate) fn removed<T>(
        &self,
        mut change: Change<T>,
        name: &Name,
        ring: &RingRecord,
    ) -> Result<Change<T>, KmsError> {
        change.delete(&key(self.tenant(), name)?);
        let Times { rotation, deletion } = Times::of(ring);
        if let Some(Rotation { next, .. }) = rotation {
            change.delete(&Due::key(next, work::ROTATE, ring.id)?);
        }
        if let Some(time) = deletion {
            change.delete(&Due::key(time, work::DELETE, ring.id)?);
        }
        self.told_of(change, name, Action::Delete)
    }

    pub(crate) fn ring_for(&self, reader: &mut Reader<'_>, name: &Name) -> Result<RingRecord, KmsError> {
        let record = reader.get(&key(self.tenant(), name)?)?.ok_or(KmsError::NotFound)?;
        Ok(RingRecord::read(&record.value)?)
    }

    pub(crate) fn due(&self, kind: &'static str, time: Time, ring: &RingRecord, name: &Name) -> Due {
        let payload = name.as_str().as_bytes().to_vec();
        Due { time, kind, id: ring.id, tenant: self.tenant(), payload }
    }

    /// The record, without versions that have to move to the archive; of many, some.
    fn put_ring<T>(
        &self,
        change: &mut Change<T>,
        name: &Name,
        ring: &mut RingRecord,
    ) -> Result<(), KmsError> {
        let now = self.base().clock.now();
        for version in ring.outgrown(now, AT_ONCE)? {
            let key = archive::key(self.tenant(), ring.id, version.version)?;
            change.put_secret(&key, ArchivedRecord::new(version).to_bytes()?);
        }
        change.put_secret(&key(self.tenant(), name)?, ring.to_bytes()?);
        Ok(())
    }

    fn put_archiving<T>(
        &self,
        change: &mut Change<T>,
        name: &Name,
        ring: &RingRecord,
    ) -> Result<(), KmsError> {
        let now = self.base().clock.now();
        if ring.outgrows(now) {
            work::on_version(self.due(work::ARCHIVE, now, ring, name), 0).put(change)?;
        }
        Ok(())
    }

    pub(crate) fn evicting<T>(&self, change: &mut Change<T>, name: &Name) {
        let (kms, tenant, name) = (self.kms().clone(), self.tenant(), name.clone());
        change.evict(move || kms.evict(tenant, &name));
    }

    /// Due work where a time was set, moved or taken away, and for new versions that are used later.
    fn put_due<T>(
        &self,
        change: &mut Change<T>,
        name: &Name,
        ring: &RingRecord,
        before: Times,
        latest: u32,
    ) -> Result<(), KmsError> {
        let (was, is) = (before.rotation.map(|at| at.next), ring.rotation.map(|at| at.next));
        for (kind, was, is) in [(work::ROTATE, was, is), (work::DELETE, before.deletion, ring.deletion)] {
            if was == is {
                continue;
            }
            if let Some(was) = was {
                change.delete(&Due::key(was, kind, ring.id)?);
            }
            if let Some(is) = is {
                self.due(kind, is, ring, name).put(change)?;
            }
        }
        let now = self.base().clock.now();
        // What was due for a ring whose deletion was pending did nothing.
        if before.deletion.is_some() && ring.state() == RingState::Creating {
            self.due(work::GENERATE, now, ring, name).put(change)?;
        }
        let new = ring.versions.iter().filter(|version| version.version > latest && version.activates > now);
        for version in new {
            work::on_version(self.due(work::ACTIVATE, version.activates, ring, name), version.version)
                .put(change)?;
        }
        Ok(())
    }

    /// Adds the event, the eviction, and what other nodes have to hear.
    fn told_of<T>(&self, mut change: Change<T>, name: &Name, action: Action) -> Result<Change<T>, KmsError> {
        let (base, tenant) = (self.base(), self.tenant());
        let now = base.clock.now();
        let mut event = Event::allowed(self.caller(), now, Service::Kms, action, Some(name.clone()));
        event.old = change.replaced(&key(tenant, name)?);
        base.outbox.put(&mut change, &event)?;
        self.evicting(&mut change, name);
        match action {
            // Nobody has it in memory.
            Action::Create | Action::Restore => {}
            // A node that has not heard of it yet does a little longer what was allowed before.
            Action::Rotate
            | Action::Enable
            | Action::Resume
            | Action::CancelDeletion
            | Action::Activate
            | Action::Import
            | Action::Trim => base.lease.announce(&mut change, tenant)?,
            _ => base.lease.revoke(&mut change, tenant)?,
        }
        Ok(change)
    }
}
