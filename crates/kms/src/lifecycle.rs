use strongroom_core::{Action, Algorithm, Change, Event, Name, Reader, Service, commit};

use crate::{
    KmsError, Ring, Rings, Settings,
    record::{RingRecord, key},
    uses,
};

impl Rings {
    /// Makes a ring with one version.
    ///
    /// # Errors
    /// [`KmsError::Exists`], [`KmsError::Store`], [`KmsError::Commit`].
    pub fn create(&self, name: &Name, algorithm: Algorithm) -> Result<Ring, KmsError> {
        self.commit(|reader| self.plan_create(reader, name, algorithm))
    }

    /// Gives a ring a new version, which encrypts and signs from then on; answers its number.
    ///
    /// # Errors
    /// [`KmsError::Disabled`], and [`KmsError::Invalid`] for a ring of 1,000 versions.
    pub fn rotate(&self, name: &Name) -> Result<u32, KmsError> {
        self.commit(|reader| self.plan_rotate(reader, name))
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
        mut reader: Reader<'_>,
        name: &Name,
        algorithm: Algorithm,
    ) -> Result<Change<Ring>, KmsError> {
        let _inside = self.base().enter()?;
        if reader.get(&key(self.tenant(), name)?)?.is_some() {
            return Err(KmsError::Exists);
        }
        let base = self.base();
        let ring = RingRecord::new(&*base.provider, algorithm, base.clock.now())?;
        let change = reader.change(ring.view());
        self.written(change, name, Action::Create, Some(&ring))
    }

    /// Plans [`Rings::rotate`].
    ///
    /// # Errors
    /// As for [`Rings::rotate`], but nothing is committed yet.
    pub fn plan_rotate(&self, reader: Reader<'_>, name: &Name) -> Result<Change<u32>, KmsError> {
        let base = self.base();
        self.changed(reader, name, Action::Rotate, |ring| match ring.disabled {
            true => Err(KmsError::Disabled),
            false => ring.add_version(&*base.provider, base.clock.now()),
        })
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
            ring.configure(settings)?;
            Ok(ring.view())
        })
    }

    /// Plans [`Rings::disable`].
    ///
    /// # Errors
    /// As for [`Rings::disable`], but nothing is committed yet.
    pub fn plan_disable(&self, reader: Reader<'_>, name: &Name) -> Result<Change<()>, KmsError> {
        self.changed(reader, name, Action::Disable, |ring| {
            ring.disabled = true;
            Ok(())
        })
    }

    /// Plans [`Rings::enable`].
    ///
    /// # Errors
    /// As for [`Rings::enable`], but nothing is committed yet.
    pub fn plan_enable(&self, reader: Reader<'_>, name: &Name) -> Result<Change<()>, KmsError> {
        self.changed(reader, name, Action::Enable, |ring| {
            ring.disabled = false;
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
        if !ring.deletion_allowed {
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

    fn commit<T>(&self, plan: impl Fn(Reader<'_>) -> Result<Change<T>, KmsError>) -> Result<T, KmsError> {
        commit(&*self.base().store, self.tenant(), plan)
    }

    fn changed<T>(
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
        let event = Event::allowed(self.caller(), now, Service::Kms, action, Some(name.clone()));
        base.outbox.put(&mut change, &event)?;
        let (kms, name) = (self.kms().clone(), name.clone());
        change.evict(move || kms.evict(tenant, &name));
        Ok(change)
    }
}
