use strongroom_core::{Action, Algorithm, Change, Event, Name, Reader, Service, commit};

use crate::{
    KmsError, NewRing, Ring, RingState, Rings, Settings, Source,
    record::{RingRecord, key},
    states::RingUse,
    uses,
};

impl Rings {
    /// Makes a ring with one version.
    ///
    /// # Errors
    /// [`KmsError::Exists`], [`KmsError::Store`], [`KmsError::Commit`].
    pub fn create(&self, name: &Name, algorithm: Algorithm) -> Result<Ring, KmsError> {
        self.create_with(name, &NewRing::of(algorithm))
    }

    /// Makes a ring with settings of its own.
    ///
    /// # Errors
    /// As for [`Rings::create`], and [`KmsError::Invalid`] for settings that make no sense.
    pub fn create_with(&self, name: &Name, new: &NewRing) -> Result<Ring, KmsError> {
        self.commit(|reader| self.plan_create_with(reader, name, new))
    }

    /// Gives a ring a new version, which encrypts and signs from then on; answers its number.
    ///
    /// # Errors
    /// [`KmsError::Disabled`], and [`KmsError::Invalid`] for a ring of 1,000 versions.
    pub fn rotate(&self, name: &Name) -> Result<u32, KmsError> {
        self.commit(|reader| self.plan_rotate(reader, name))
    }

    /// The same, and answers what the ring shows then.
    ///
    /// # Errors
    /// As for [`Rings::rotate`].
    pub fn rotate_and_read(&self, name: &Name) -> Result<Ring, KmsError> {
        self.commit(|reader| {
            self.changed(reader, name, Action::Rotate, |ring| {
                self.add_version(ring)?;
                Ok(ring.view(self.base().clock.now()))
            })
        })
    }

    /// Changes settings of a ring, also of a disabled one: a minimum can be raised and the deletion be allowed
    /// before anybody uses it again.
    ///
    /// # Errors
    /// [`KmsError::Invalid`] for a minimum that makes no sense; nothing has changed.
    pub fn configure(&self, name: &Name, settings: &Settings) -> Result<Ring, KmsError> {
        self.commit(|reader| self.plan_configure(reader, name, settings))
    }

    /// Forbids every use of a ring, and its rotation. When this returns no operation with it begins any more.
    /// Disabling a disabled ring is no error.
    ///
    /// # Errors
    /// [`KmsError`].
    pub fn disable(&self, name: &Name) -> Result<(), KmsError> {
        self.commit(|reader| self.plan_disable(reader, name))
    }

    /// Allows the use of a ring again.
    ///
    /// # Errors
    /// [`KmsError`].
    pub fn enable(&self, name: &Name) -> Result<(), KmsError> {
        self.commit(|reader| self.plan_enable(reader, name))
    }

    /// Deletes a ring with all its keys: what they encrypted is lost, and does not come back with a new ring of
    /// the same name. When this returns no operation with it begins any more. What the engine's files and backups
    /// still hold of it is sealed; [`Store::scrub`](strongroom_core::Store::scrub) ends it in the files.
    ///
    /// # Errors
    /// [`KmsError::NotDeletable`] unless its settings allow it.
    pub fn delete(&self, name: &Name) -> Result<(), KmsError> {
        self.commit(|reader| self.plan_delete(reader, name))
    }

    /// Plans [`Rings::create`].
    ///
    /// # Errors
    /// As for [`Rings::create`], but nothing is committed yet.
    pub fn plan_create(
        &self,
        reader: Reader<'_>,
        name: &Name,
        algorithm: Algorithm,
    ) -> Result<Change<Ring>, KmsError> {
        self.plan_create_with(reader, name, &NewRing::of(algorithm))
    }

    /// Plans [`Rings::create_with`].
    ///
    /// # Errors
    /// As for [`Rings::create_with`], but nothing is committed yet.
    pub fn plan_create_with(
        &self,
        mut reader: Reader<'_>,
        name: &Name,
        new: &NewRing,
    ) -> Result<Change<Ring>, KmsError> {
        let _inside = self.base().enter()?;
        if reader.get(&key(self.tenant(), name)?)?.is_some() {
            return Err(KmsError::Exists);
        }
        let (base, now) = (self.base(), self.base().clock.now());
        let mut ring = match new.source {
            Source::Generated => RingRecord::new(&*base.provider, new.algorithm, now)?,
            Source::GeneratedLater => {
                RingRecord::empty(&*base.provider, new.algorithm, RingState::Creating, now)?
            }
            Source::Imported => {
                RingRecord::empty(&*base.provider, new.algorithm, RingState::PendingImport, now)?
            }
        };
        ring.begin(new, |period| now + period)?;
        let change = reader.change(ring.view(base.clock.now()));
        self.written(change, name, Action::Create, Some(&ring))
    }

    /// Plans [`Rings::rotate`].
    ///
    /// # Errors
    /// As for [`Rings::rotate`], but nothing is committed yet.
    pub fn plan_rotate(&self, reader: Reader<'_>, name: &Name) -> Result<Change<u32>, KmsError> {
        self.changed(reader, name, Action::Rotate, |ring| self.add_version(ring))
    }

    /// Plans [`Rings::configure`].
    ///
    /// # Errors
    /// As for [`Rings::configure`], but nothing is committed yet.
    pub fn plan_configure(
        &self,
        reader: Reader<'_>,
        name: &Name,
        settings: &Settings,
    ) -> Result<Change<Ring>, KmsError> {
        self.changed(reader, name, Action::Configure, |ring| {
            ring.state().check(RingUse::Configure)?;
            ring.configure(settings, |period| self.base().clock.now() + period)?;
            Ok(ring.view(self.base().clock.now()))
        })
    }

    /// Plans [`Rings::disable`].
    ///
    /// # Errors
    /// As for [`Rings::disable`], but nothing is committed yet.
    pub fn plan_disable(&self, reader: Reader<'_>, name: &Name) -> Result<Change<()>, KmsError> {
        self.changed(reader, name, Action::Disable, |ring| {
            self.switch(ring, RingState::Disabled)?;
            Ok(())
        })
    }

    /// Plans [`Rings::enable`].
    ///
    /// # Errors
    /// As for [`Rings::enable`], but nothing is committed yet.
    pub fn plan_enable(&self, reader: Reader<'_>, name: &Name) -> Result<Change<()>, KmsError> {
        self.changed(reader, name, Action::Enable, |ring| {
            self.switch(ring, RingState::Active)?;
            Ok(())
        })
    }

    /// Plans [`Rings::delete`].
    ///
    /// # Errors
    /// As for [`Rings::delete`], but nothing is committed yet.
    pub fn plan_delete(&self, mut reader: Reader<'_>, name: &Name) -> Result<Change<()>, KmsError> {
        let _inside = self.base().enter()?;
        let ring = self.ring_for(&mut reader, name)?;
        if !ring.flags.deletion_allowed {
            return Err(KmsError::NotDeletable);
        }
        let mut change = reader.change(());
        if ring.algorithm.use_limit().is_some() {
            change.delete(&uses::key(self.tenant(), ring.id)?);
        }
        self.written(change, name, Action::Delete, None)
    }

    /// Rotates a ring unless it was since: whoever comes second finds the new version.
    pub(crate) fn rotate_from(&self, name: &Name, exhausted: u32) -> Result<(), KmsError> {
        self.commit(|mut reader| {
            if self.ring_for(&mut reader, name)?.latest() != exhausted {
                let (kms, tenant, name) = (self.kms().clone(), self.tenant(), name.clone());
                let mut change = reader.change(());
                change.evict(move || kms.evict(tenant, &name));
                return Ok(change);
            }
            self.plan_rotate(reader, name).map(|change| change.map(drop))
        })
    }

    fn add_version(&self, ring: &mut RingRecord) -> Result<u32, KmsError> {
        ring.state().check(RingUse::Rotate)?;
        ring.add_version(self.provider(), self.base().clock.now())
    }

    fn switch(&self, ring: &mut RingRecord, state: RingState) -> Result<(), KmsError> {
        ring.state().check(RingUse::Switch)?;
        if ring.state != state {
            (ring.state, ring.changed) = (state, self.base().clock.now());
        }
        Ok(())
    }

    pub(crate) fn commit<T>(
        &self,
        plan: impl Fn(Reader<'_>) -> Result<Change<T>, KmsError>,
    ) -> Result<T, KmsError> {
        commit(&*self.base().store, self.tenant(), plan)
    }

    pub(crate) fn changed<T>(
        &self,
        mut reader: Reader<'_>,
        name: &Name,
        action: Action,
        edit: impl FnOnce(&mut RingRecord) -> Result<T, KmsError>,
    ) -> Result<Change<T>, KmsError> {
        let _inside = self.base().enter()?;
        let mut ring = self.ring_for(&mut reader, name)?;
        let value = edit(&mut ring)?;
        self.written(reader.change(value), name, action, Some(&ring))
    }

    fn ring_for(&self, reader: &mut Reader<'_>, name: &Name) -> Result<RingRecord, KmsError> {
        let record = reader.get(&key(self.tenant(), name)?)?.ok_or(KmsError::NotFound)?;
        Ok(RingRecord::read(&record.value)?)
    }

    /// Adds to a change what every mutation has: the record or its end, the event, the eviction.
    fn written<T>(
        &self,
        mut change: Change<T>,
        name: &Name,
        action: Action,
        ring: Option<&RingRecord>,
    ) -> Result<Change<T>, KmsError> {
        let (base, tenant) = (self.base(), self.tenant());
        let key = key(tenant, name)?;
        match ring {
            Some(ring) => change.put_secret(&key, ring.to_bytes()?),
            None => change.delete(&key),
        }
        let now = base.clock.now();
        let mut event = Event::allowed(self.caller(), now, Service::Kms, action, Some(name.clone()));
        event.old = change.replaced(&key);
        base.outbox.put(&mut change, &event)?;
        let (kms, name) = (self.kms().clone(), name.clone());
        change.evict(move || kms.evict(tenant, &name));
        match action {
            // Nobody has it in memory.
            Action::Create => {}
            // A node that has not heard of it yet does a little longer what was allowed before.
            Action::Rotate | Action::Enable | Action::Resume => base.lease.announce(&mut change, tenant)?,
            _ => base.lease.revoke(&mut change, tenant)?,
        }
        Ok(change)
    }
}
