use minicbor::{Decode, Encode};
use strongroom_core::{
    Action, Base, Caller, Change, Detail, Event, Name, RecordKey, Segment, Service, StoreError, Table,
    Tenant, Time, UseLimit, commit,
};

use crate::{
    KmsError,
    record::{self, RingRecord},
    states::{KeyUse, RingUse},
};

/// How often versions of rings encrypted, by the ring's id: of rings whose keys are to be counted.
pub(crate) const USES: Table = Table::new(0x0102);
const FORMAT: u8 = 1;

/// How often one version of a ring may have encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Usage {
    /// The version.
    pub version: u32,
    /// The uses that were reserved for it: as many as there were, or somewhat more.
    pub reserved: u64,
    /// Whether it is time to rotate: they are from [`UseLimit::warn`] on.
    pub near_limit: bool,
}

/// What is on disk of a ring's uses: never less than there were.
#[derive(Debug, PartialEq, Encode, Decode)]
pub(crate) struct UsesRecord {
    #[n(0)]
    format: u8,
    /// By version, which grows.
    #[n(1)]
    versions: Vec<VersionUses>,
}

#[derive(Debug, PartialEq, Encode, Decode)]
struct VersionUses {
    #[n(0)]
    version: u32,
    #[n(1)]
    reserved: u64,
}

pub(crate) fn key(tenant: Tenant, ring: [u8; 16]) -> Result<RecordKey, StoreError> {
    Ok(RecordKey::new(tenant, USES, &[Segment::Id(ring)])?)
}

impl UsesRecord {
    const fn new() -> Self {
        Self { format: FORMAT, versions: Vec::new() }
    }

    /// Reads a record, which has one encoding only.
    pub(crate) fn read(bytes: &[u8]) -> Result<Self, StoreError> {
        match record::format(bytes) {
            Some(known) if known == u64::from(FORMAT) => {}
            Some(_) => return Err(StoreError::Unsupported("read uses that a newer version counted")),
            None => return Err(StoreError::Corrupt),
        }
        let uses: Self = minicbor::decode(bytes).map_err(|_| StoreError::Corrupt)?;
        let sorted = uses.versions.is_sorted_by(|before, after| before.version < after.version);
        if sorted && uses.to_bytes()? == bytes { Ok(uses) } else { Err(StoreError::Corrupt) }
    }

    fn to_bytes(&self) -> Result<Vec<u8>, StoreError> {
        minicbor::to_vec(self).map_err(|_| StoreError::Corrupt)
    }

    /// Forgets the versions below this one, which encrypt no more.
    fn forget_below(&mut self, version: u32) {
        self.versions.retain(|uses| uses.version >= version);
    }

    fn reserved(&self, version: u32) -> u64 {
        self.versions.iter().find(|uses| uses.version == version).map_or(0, |uses| uses.reserved)
    }

    /// Reserves up to `wanted` uses; answers how many.
    fn reserve(&mut self, version: u32, wanted: u64, stop: u64) -> u64 {
        let place = self.versions.binary_search_by_key(&version, |uses| uses.version);
        let place = place.unwrap_or_else(|place| {
            self.versions.insert(place, VersionUses { version, reserved: 0 });
            place
        });
        self.versions.get_mut(place).map_or(0, |uses| {
            let granted = wanted.min(stop.saturating_sub(uses.reserved));
            uses.reserved += granted;
            granted
        })
    }

    pub(crate) fn usage(&self, limit: UseLimit) -> Vec<Usage> {
        let shown = |uses: &VersionUses| Usage {
            version: uses.version,
            reserved: uses.reserved,
            near_limit: uses.reserved >= limit.warn,
        };
        self.versions.iter().map(shown).collect()
    }
}

/// Reserves uses of one ring's versions on disk.
pub(crate) struct Meter {
    pub(crate) base: Base,
    pub(crate) tenant: Tenant,
    pub(crate) name: Name,
    pub(crate) ring: [u8; 16],
    pub(crate) limit: UseLimit,
}

impl Meter {
    /// Reserves up to `wanted` uses of a version, at least one. Expects the ring as it is: one that was deleted in between
    /// gets no row, and one that was disabled no uses.
    pub(crate) fn reserve(&self, version: u32, wanted: u64) -> Result<u64, KmsError> {
        commit(&*self.base.store, self.tenant, |mut reader| {
            let ring = reader.get(&record::key(self.tenant, &self.name)?)?.ok_or(KmsError::NotFound)?;
            let ring = RingRecord::read(&ring.value)?;
            if ring.id != self.ring {
                return Err(KmsError::NotFound);
            }
            ring.state().check(RingUse::UseKeys)?;
            let now = self.base.clock.now();
            match ring.version(version) {
                Some(version) => version.state(now).check(KeyUse::Protect)?,
                None => return Err(KmsError::TooOld),
            }
            let key = key(self.tenant, self.ring)?;
            let mut uses = match reader.get(&key)? {
                Some(uses) => UsesRecord::read(&uses.value)?,
                None => UsesRecord::new(),
            };
            uses.forget_below(ring.first_live());
            let before = uses.reserved(version);
            let granted = uses.reserve(version, wanted, self.limit.stop);
            if granted == 0 {
                return Err(KmsError::Exhausted(version));
            }
            let mut change = reader.change(granted);
            change.put(&key, &uses.to_bytes()?);
            if (before..before + granted).contains(&(self.limit.warn.saturating_sub(1))) {
                self.warn(&mut change, version, now)?;
            }
            Ok(change)
        })
    }

    /// Tells, once for each version, that it is time to rotate.
    fn warn<T>(&self, change: &mut Change<T>, version: u32, now: Time) -> Result<(), KmsError> {
        let caller = Caller { tenant: self.tenant, ..Caller::system() };
        let name = Some(self.name.clone());
        let event = Event::allowed(&caller, now, Service::Kms, Action::NearLimit, name);
        Ok(self.base.outbox.put(change, &event.with(Detail::Version(version)))?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_has_one_encoding_and_no_version_twice() {
        let mut uses = UsesRecord::new();
        assert_eq!([uses.reserve(2, 10, 100), uses.reserve(1, 10, 100)], [10, 10]);
        let bytes = uses.to_bytes().unwrap();
        assert_eq!(UsesRecord::read(&bytes).unwrap(), uses);
        uses.versions.reverse();
        let unsorted = uses.to_bytes().unwrap();
        uses.versions[0].version = 1;
        let twice = uses.to_bytes().unwrap();
        for bad in [&unsorted[..], &twice, &bytes[1..], &[], &[&bytes[..], &[0]].concat()] {
            assert!(matches!(UsesRecord::read(bad), Err(StoreError::Corrupt)), "{bad:?}");
        }
        let newer = UsesRecord { format: 2, versions: Vec::new() }.to_bytes().unwrap();
        assert!(matches!(UsesRecord::read(&newer), Err(StoreError::Unsupported(_))));
    }

    #[test]
    fn no_more_is_granted_than_is_left() {
        let mut uses = UsesRecord::new();
        let granted = [7, 7, 7, 7].map(|wanted| uses.reserve(1, wanted, 16));
        assert_eq!(granted, [7, 7, 2, 0]);
        assert_eq!(uses.reserve(1, 1, 10), 0, "also where the limit was lowered");
        let near = |warn| uses.usage(UseLimit { warn, stop: 16 }).iter().any(|usage| usage.near_limit);
        assert!(near(16) && !near(17));
    }
}
