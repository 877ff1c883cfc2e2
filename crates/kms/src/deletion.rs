use std::time::Duration;

use minicbor::{Decode, Encode};
use strongroom_core::{
    Action, Algorithm, Change, Name, Reader, RecordKey, Segment, StoreError, Table, Tenant, Time,
};

use crate::{
    KmsError, Rings, archive,
    changes::AT_ONCE,
    record::{self, RingRecord},
    states::RingUse,
    uses, work,
};

/// What is left of rings that were deleted, by their id.
pub(crate) const TOMBSTONES: Table = Table::new(0x0104);
const FORMAT: u8 = 1;
/// How long a scheduled deletion waits at most, and where nothing else is asked for.
const LONGEST: Duration = Duration::from_secs(30 * 24 * 3_600);

/// What is left of a ring that was deleted: that there was one. Its id never comes back; its name is free.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Tombstone {
    #[n(0)]
    format: u8,
    /// Its name.
    #[n(1)]
    pub name: Name,
    /// What its keys were for.
    #[n(2)]
    pub algorithm: Algorithm,
    /// When it was made.
    #[n(3)]
    pub made: Time,
    /// When it was deleted.
    #[n(4)]
    pub destroyed: Time,
    /// The newest version that it had.
    #[n(5)]
    pub latest_version: u32,
}

pub(crate) fn key(tenant: Tenant, ring: [u8; 16]) -> Result<RecordKey, StoreError> {
    Ok(RecordKey::new(tenant, TOMBSTONES, &[Segment::Id(ring)])?)
}

impl Tombstone {
    fn of(ring: &RingRecord, name: &Name, destroyed: Time) -> Self {
        Self {
            format: FORMAT,
            name: name.clone(),
            algorithm: ring.algorithm,
            made: ring.made,
            destroyed,
            latest_version: ring.latest(),
        }
    }

    /// Reads a record, which has one encoding only.
    pub(crate) fn read(bytes: &[u8]) -> Result<Self, StoreError> {
        match record::format(bytes) {
            Some(known) if known == u64::from(FORMAT) => {}
            Some(_) => return Err(StoreError::Unsupported("read a tombstone that a newer version made")),
            None => return Err(StoreError::Corrupt),
        }
        let tombstone: Self = minicbor::decode(bytes).map_err(|_| StoreError::Corrupt)?;
        if tombstone.to_bytes()? == bytes { Ok(tombstone) } else { Err(StoreError::Corrupt) }
    }

    fn to_bytes(&self) -> Result<Vec<u8>, StoreError> {
        minicbor::to_vec(self).map_err(|_| StoreError::Corrupt)
    }
}

/// How rings end.
impl Rings {
    /// Schedules the deletion of a ring after a time to wait: 30 days where none is given, and from 7 to 30 days
    /// ([`Options::shortest_wait`](crate::Options::shortest_wait)). When this returns no operation with it begins any
    /// more; who still needs it finds out in this time, and [`Rings::cancel_deletion`] brings it back. Due work deletes it,
    /// also where [`Settings::deletion_allowed`](crate::Settings::deletion_allowed) is not set. Answers when.
    ///
    /// # Errors
    /// [`KmsError::Invalid`] for another time, [`KmsError::RingState`] where it is scheduled already.
    pub fn schedule_deletion(&self, name: &Name, wait: Option<Duration>) -> Result<Time, KmsError> {
        self.commit(|reader| self.plan_schedule_deletion(reader, name, wait))
    }

    /// Cancels the scheduled deletion of a ring, which is then as before.
    ///
    /// # Errors
    /// [`KmsError::RingState`] where none is scheduled.
    pub fn cancel_deletion(&self, name: &Name) -> Result<(), KmsError> {
        self.commit(|reader| self.plan_cancel_deletion(reader, name))
    }

    /// Deletes a ring with all its keys at once: what they encrypted is lost, and does not come back with a new ring of
    /// the same name. When this returns no operation with it begins any more. What the engine's files and backups
    /// still hold of it is sealed; [`Store::scrub`](strongroom_core::Store::scrub) ends it in the files. Of many archived
    /// versions, due work deletes the records.
    ///
    /// # Errors
    /// [`KmsError::NotDeletable`] unless its settings allow it.
    pub fn delete(&self, name: &Name) -> Result<(), KmsError> {
        self.commit(|reader| self.plan_delete(reader, name))
    }

    /// What is left of the ring that had this id, if one was deleted.
    ///
    /// # Errors
    /// [`KmsError::Store`].
    pub fn tombstone(&self, ring: [u8; 16]) -> Result<Option<Tombstone>, KmsError> {
        let _inside = self.base().enter()?;
        let row = self.base().store.get_many(&[key(self.tenant(), ring)?])?.pop().flatten();
        Ok(row.map(|row| Tombstone::read(&row.value)).transpose()?)
    }

    /// Plans [`Rings::schedule_deletion`].
    ///
    /// # Errors
    /// As for [`Rings::schedule_deletion`], but nothing is committed yet.
    pub fn plan_schedule_deletion(
        &self,
        reader: Reader<'_>,
        name: &Name,
        wait: Option<Duration>,
    ) -> Result<Change<Time>, KmsError> {
        let wait = wait.unwrap_or(LONGEST);
        if !(self.kms().options().shortest_wait..=LONGEST).contains(&wait) {
            return Err(KmsError::Invalid("a deletion waits from 7 to 30 days"));
        }
        self.changed(reader, name, Action::ScheduleDeletion, |ring| {
            ring.state().check(RingUse::ScheduleDeletion)?;
            let now = self.base().clock.now();
            ring.changed = now;
            ring.deletion = Some(now + wait);
            Ok(now + wait)
        })
    }

    /// Plans [`Rings::cancel_deletion`].
    ///
    /// # Errors
    /// As for [`Rings::cancel_deletion`], but nothing is committed yet.
    pub fn plan_cancel_deletion(&self, reader: Reader<'_>, name: &Name) -> Result<Change<()>, KmsError> {
        self.changed(reader, name, Action::CancelDeletion, |ring| {
            ring.state().check(RingUse::CancelDeletion)?;
            (ring.changed, ring.deletion) = (self.base().clock.now(), None);
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
        ring.state().check(RingUse::Delete)?;
        if !ring.flags.deletion_allowed {
            return Err(KmsError::NotDeletable);
        }
        self.destroyed(reader, name, &ring)
    }

    /// Plans the end of a ring that was read.
    pub(crate) fn destroyed(
        &self,
        mut reader: Reader<'_>,
        name: &Name,
        ring: &RingRecord,
    ) -> Result<Change<()>, KmsError> {
        let (tenant, now) = (self.tenant(), self.base().clock.now());
        let archived = self.archived_below(&mut reader, ring, ring.first_live())?;
        let mut change = reader.change(());
        if ring.algorithm.use_limit().is_some() {
            change.delete(&uses::key(tenant, ring.id)?);
        }
        archived.iter().for_each(|row| change.delete(row));
        if archived.len() == AT_ONCE {
            work::tidying(tenant, ring.id, u32::MAX, now).put(&mut change)?;
        }
        change.put(&key(tenant, ring.id)?, &Tombstone::of(ring, name, now).to_bytes()?);
        self.removed(change, name, ring)
    }

    /// The keys of some archived versions below this one, if there are any at all.
    pub(crate) fn archived_below(
        &self,
        reader: &mut Reader<'_>,
        ring: &RingRecord,
        below: u32,
    ) -> Result<Vec<RecordKey>, KmsError> {
        if ring.min_available >= ring.first_live() {
            return Ok(Vec::new());
        }
        Ok(archive::keys_below(reader, self.tenant(), ring.id, below)?)
    }
}
