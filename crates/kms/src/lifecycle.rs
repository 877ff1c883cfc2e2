use std::time::Duration;

use strongroom_core::{Action, Algorithm, Change, Expect, Name, Reader, Time};

use crate::{
    KmsError, NewRing, Ring, RingState, Rings, Settings, Source, deletion,
    record::{RingRecord, key},
    states::RingUse,
    work,
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
            self.shown(reader, name, Action::Rotate, |ring| self.add_version(ring).map(drop))
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
        ring.begin(new, |period| self.next_rotation(now, period))?;
        let mut change = reader.change(ring.view(now));
        // An id that was used does not come back.
        change.expect(&deletion::key(self.tenant(), ring.id)?, Expect::Absent);
        if new.source == Source::GeneratedLater {
            self.due(work::GENERATE, now, &ring, name).put(&mut change)?;
        }
        self.added(change, name, Action::Create, &mut ring)
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
        self.shown(reader, name, Action::Configure, |ring| {
            ring.state().check(RingUse::Configure)?;
            ring.configure(settings, |period| self.next_rotation(self.base().clock.now(), period))
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

    /// Gives a ring another version to protect with in the place of an exhausted one, at once, unless it has one already:
    /// whoever comes second finds it.
    pub(crate) fn rotate_from(&self, name: &Name, exhausted: u32) -> Result<(), KmsError> {
        self.commit(|mut reader| {
            let now = self.base().clock.now();
            if self.ring_for(&mut reader, name)?.current(now) > exhausted {
                let mut change = reader.change(());
                self.evicting(&mut change, name);
                return Ok(change);
            }
            self.changed(reader, name, Action::Rotate, |ring| {
                if ring.latest() == exhausted {
                    self.add_version(ring)?;
                }
                ring.activate_after(exhausted, now);
                Ok(())
            })
        })
    }

    fn add_version(&self, ring: &mut RingRecord) -> Result<u32, KmsError> {
        ring.state().check(RingUse::Rotate)?;
        if !ring.makes_versions() {
            return Err(KmsError::Policy("this key was brought in: allow its rotation first"));
        }
        let now = self.base().clock.now();
        self.put_off_rotation(ring, now);
        ring.add_version(self.provider(), now)
    }

    /// Lets the period of a ring that is rotated by itself begin anew.
    pub(crate) fn put_off_rotation(&self, ring: &mut RingRecord, now: Time) {
        if let Some(rotation) = &mut ring.rotation {
            rotation.next = self.next_rotation(now, Duration::from_millis(rotation.period));
        }
    }

    /// A period from now, give or take a twentieth of it, and at most an hour: rings that were made together are not rotated
    /// together.
    fn next_rotation(&self, now: Time, period: Duration) -> Time {
        let spread = (period / 20).min(Duration::from_secs(3_600));
        let mut random = [0; 8];
        self.provider().random().fill(&mut random);
        let share = u64::from_be_bytes(random) % 1_001;
        let jitter = spread * 2 * u32::try_from(share).unwrap_or(500) / 1_000;
        now + (period - spread + jitter)
    }

    fn switch(&self, ring: &mut RingRecord, state: RingState) -> Result<(), KmsError> {
        ring.state().check(RingUse::Switch)?;
        if ring.state != state {
            (ring.state, ring.changed) = (state, self.base().clock.now());
        }
        Ok(())
    }
}
