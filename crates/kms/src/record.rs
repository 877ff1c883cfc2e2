use std::time::Duration;

use minicbor::{Decode, Decoder, Encode};
use strongroom_core::{
    Algorithm, Name, Provider, Range, RecordKey, Segment, Store, StoreError, Stored, Table, Tenant, Time,
};
use zeroize::Zeroizing;

use crate::{
    KmsError, Policy, Ring, RingState, VersionState, states::RingUse, version_record::VersionRecord,
};

/// Rings, by name: one record each, with the newest versions.
pub(crate) const RINGS: Table = Table::new(0x0101);
const FORMAT: u8 = 2;
/// A ring as its record has it.
#[derive(Encode, Decode)]
pub(crate) struct RingRecord {
    #[n(0)]
    format: u8,
    #[cbor(n(1), with = "minicbor::bytes")]
    pub(crate) id: [u8; 16],
    #[n(2)]
    pub(crate) algorithm: Algorithm,
    #[n(3)]
    pub(crate) made: Time,
    /// Neither pending deletion nor destroyed: the first is told by `deletion`, and a ring that is gone has no record.
    #[n(4)]
    pub(crate) state: RingState,
    /// Since when it is in this state, or its deletion is pending.
    #[n(5)]
    pub(crate) changed: Time,
    /// When it ends; what is in `state` is what it goes back to.
    #[n(6)]
    pub(crate) deletion: Option<Time>,
    #[n(7)]
    pub(crate) flags: Flags,
    /// At most which version is decrypted, encrypted with, and there at all.
    #[n(8)]
    pub(crate) min_decryption: u32,
    #[n(9)]
    pub(crate) min_encryption: u32,
    #[n(10)]
    pub(crate) min_available: u32,
    #[n(11)]
    pub(crate) rotation: Option<Rotation>,
    /// In milliseconds.
    #[n(12)]
    pub(crate) publish_delay: u64,
    #[n(13)]
    pub(crate) policy: Policy,
    /// The newest, without gaps; those before, down to `min_available`, are archived.
    #[n(14)]
    pub(crate) versions: Vec<VersionRecord>,
}

/// What is so or not.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Encode, Decode)]
pub(crate) struct Flags {
    #[n(0)]
    pub(crate) deletion_allowed: bool,
    #[n(1)]
    pub(crate) exportable: bool,
    #[n(2)]
    pub(crate) plaintext_backup: bool,
    #[n(3)]
    pub(crate) derived: bool,
    #[n(4)]
    pub(crate) imported: bool,
    #[n(5)]
    pub(crate) allow_rotation: bool,
}

/// A rotation by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub(crate) struct Rotation {
    /// In milliseconds.
    #[n(0)]
    pub(crate) period: u64,
    #[n(1)]
    pub(crate) next: Time,
}

pub(crate) fn key(tenant: Tenant, name: &str) -> Result<RecordKey, StoreError> {
    Ok(RecordKey::new(tenant, RINGS, &[Segment::Name(name)])?)
}

/// The range of a tenant's rings.
pub(crate) fn range(tenant: Tenant) -> Result<Range, StoreError> {
    Ok(Range::under(tenant, RINGS, &[])?)
}

/// The name that a ring's key holds.
pub(crate) fn name_of(key: &RecordKey) -> Result<Name, StoreError> {
    match key.segments().next() {
        Some(Segment::Name(text)) => Name::parse(text).map_err(|_| StoreError::Corrupt),
        _ => Err(StoreError::Corrupt),
    }
}

impl RingRecord {
    /// A ring without a version.
    pub(crate) fn empty(
        provider: &dyn Provider,
        algorithm: Algorithm,
        state: RingState,
        now: Time,
    ) -> Result<Self, KmsError> {
        if !provider.software().supports(algorithm) {
            return Err(KmsError::Invalid("this build has no keys of this type"));
        }
        let mut id = [0; 16];
        provider.random().fill_secret(&mut id)?;
        Ok(Self {
            format: FORMAT,
            id,
            algorithm,
            made: now,
            state,
            changed: now,
            deletion: None,
            flags: Flags::default(),
            min_decryption: 1,
            min_encryption: 0,
            min_available: 1,
            rotation: None,
            publish_delay: 0,
            policy: Policy::default(),
            versions: Vec::new(),
        })
    }

    /// A ring with one version, made here.
    pub(crate) fn new(provider: &dyn Provider, algorithm: Algorithm, now: Time) -> Result<Self, KmsError> {
        let mut ring = Self::empty(provider, algorithm, RingState::Active, now)?;
        ring.add_version(provider, now)?;
        Ok(ring)
    }

    /// Reads a record, which has one encoding only: what rewrites it drops nothing that it did not understand.
    pub(crate) fn read(bytes: &[u8]) -> Result<Self, StoreError> {
        check_format(bytes)?;
        let ring: Self = minicbor::decode(bytes).map_err(|_| StoreError::Corrupt)?;
        if ring.is_sound() && *ring.to_bytes()? == bytes { Ok(ring) } else { Err(StoreError::Corrupt) }
    }

    /// Versions without gaps, and minimums among them: what the rest of the code relies on.
    fn is_sound(&self) -> bool {
        let follows = |pair: &[VersionRecord]| match pair {
            [before, after] => before.version.checked_add(1) == Some(after.version),
            _ => false,
        };
        let waits = matches!(self.state, RingState::Creating | RingState::PendingImport);
        let stands = matches!(self.state, RingState::Active | RingState::Disabled);
        (waits || stands)
            && waits == self.versions.is_empty()
            && self.versions.iter().all(VersionRecord::is_sound)
            && self.versions.windows(2).all(follows)
            && (1..=self.first_live()).contains(&self.min_available)
            && self.rotation.is_none_or(|rotation| rotation.period > 0)
            && self.policy.check().is_ok()
            && self.check_minimums(self.min_decryption, self.min_encryption).is_ok()
    }

    pub(crate) fn to_bytes(&self) -> Result<Zeroizing<Vec<u8>>, StoreError> {
        // Room for all, so that no half-written copy of the secrets is left behind by a growing vector.
        let mut bytes = Zeroizing::new(Vec::with_capacity(self.room()));
        minicbor::encode(self, &mut *bytes).map_err(|_| StoreError::Corrupt)?;
        Ok(bytes)
    }

    /// At least the length of the record.
    pub(crate) fn room(&self) -> usize {
        let context = self.policy.context.as_ref().map_or(0, Vec::len);
        192 + context + self.versions.iter().map(VersionRecord::room).sum::<usize>()
    }

    /// The state that it is in, all told.
    pub(crate) fn state(&self) -> RingState {
        if self.deletion.is_some() { RingState::PendingDeletion } else { self.state }
    }

    pub(crate) fn check_minimums(&self, decryption: u32, encryption: u32) -> Result<(), KmsError> {
        let newest = self.latest().max(1);
        if !(self.min_available..=newest).contains(&decryption) {
            return Err(KmsError::Invalid(
                "min_decryption_version must be from the oldest version that is there to the newest",
            ));
        }
        if encryption != 0 && !(decryption..=newest).contains(&encryption) {
            return Err(KmsError::Invalid(
                "min_encryption_version must be 0 or from min_decryption_version to the newest version",
            ));
        }
        Ok(())
    }

    /// Of each version in the record, oldest first, its key where the state of the ring and its own allow any use of it: what
    /// nothing may use is not copied.
    pub(crate) fn usable(&self, now: Time) -> impl Iterator<Item = Option<Stored>> {
        let purpose = self.algorithm.purpose();
        let opens = self.state().allows(RingUse::UseKeys);
        let may = move |version: &VersionRecord| {
            // It becomes active while it is in memory.
            let waits = version.state(now) == VersionState::PreActive;
            opens
                && version.version >= self.min_decryption
                && (waits || version.state(now).needs_key(purpose))
        };
        let key = move |version: &VersionRecord| {
            if may(version) { version.stored(self.algorithm) } else { None }
        };
        self.versions.iter().map(key)
    }

    /// All keys in the record, whoever may use them, oldest first.
    pub(crate) fn all(&self) -> impl Iterator<Item = Stored> {
        self.versions.iter().filter_map(|version| version.stored(self.algorithm))
    }

    pub(crate) fn view(&self, now: Time) -> Ring {
        let Flags { deletion_allowed, exportable, plaintext_backup, derived, imported, allow_rotation } =
            self.flags;
        Ring {
            id: self.id,
            algorithm: self.algorithm,
            made: self.made,
            state: self.state(),
            since: self.changed,
            deletion: self.deletion,
            latest_version: self.latest(),
            min_decryption_version: self.min_decryption,
            min_encryption_version: self.min_encryption,
            min_available_version: self.min_available,
            deletion_allowed,
            exportable,
            plaintext_backup,
            derived,
            imported,
            allow_rotation,
            rotation_period: self.rotation.map(|rotation| Duration::from_millis(rotation.period)),
            next_rotation: self.rotation.map(|rotation| rotation.next),
            publish_delay: Duration::from_millis(self.publish_delay),
            policy: self.policy.clone(),
            versions: self.versions.iter().map(|version| version.view(self.algorithm, now)).collect(),
        }
    }
}

/// Refuses records that are not of this format.
fn check_format(bytes: &[u8]) -> Result<(), StoreError> {
    match format(bytes) {
        Some(known) if known == u64::from(FORMAT) => Ok(()),
        Some(1) => Err(StoreError::Unsupported("read a ring of format 1, which no release made")),
        Some(_) => Err(StoreError::Unsupported("read a ring that a newer version made")),
        None => Err(StoreError::Corrupt),
    }
}

/// What a listing shows of a ring: what stands in its record before any key.
#[derive(Decode)]
pub(crate) struct Head {
    #[n(2)]
    pub(crate) algorithm: Algorithm,
    #[n(3)]
    pub(crate) made: Time,
    #[n(4)]
    state: RingState,
    #[n(6)]
    deletion: Option<Time>,
}

impl Head {
    /// Reads the head of a record alone; whether the rest is sound is seen when the ring is used.
    pub(crate) fn read(bytes: &[u8]) -> Result<Self, StoreError> {
        check_format(bytes)?;
        minicbor::decode(bytes).map_err(|_| StoreError::Corrupt)
    }

    pub(crate) const fn state(&self) -> RingState {
        if self.deletion.is_some() { RingState::PendingDeletion } else { self.state }
    }
}

/// The number of a record's format. It comes first, so that it is understood also where all that follows has
/// another shape.
pub(crate) fn format(record: &[u8]) -> Option<u64> {
    let mut decoder = Decoder::new(record);
    decoder.array().ok()?;
    decoder.u64().ok()
}

/// The ring's record, or [`KmsError::NotFound`].
pub(crate) fn load(store: &dyn Store, tenant: Tenant, name: &str) -> Result<RingRecord, KmsError> {
    let record = store.get_many(&[key(tenant, name)?])?.pop().flatten().ok_or(KmsError::NotFound)?;
    Ok(RingRecord::read(&record.value)?)
}

#[cfg(test)]
mod tests {
    use strongroom_keys::RustCrypto;

    use super::*;

    #[test]
    fn keys_that_the_state_forbids_are_not_handed_out() {
        let (provider, now) = (RustCrypto::new(), Time::from_millis(1));
        let mut ring = RingRecord::new(&provider, Algorithm::Ed25519, now).unwrap();
        (2..=4).for_each(|version| assert_eq!(ring.add_version(&provider, now).unwrap(), version));
        let usable = |ring: &RingRecord| ring.usable(now).map(|key| key.is_some()).collect::<Vec<_>>();
        assert_eq!(usable(&ring), [true; 4]);
        ring.min_decryption = 3;
        assert_eq!(usable(&ring), [false, false, true, true]);
        ring.versions[3].set_state(VersionState::Suspended, now);
        assert_eq!(usable(&ring), [false, false, true, true], "it still verifies");
        ring.versions[3].set_state(VersionState::Compromised, now);
        assert_eq!(usable(&ring), [false, false, true, false]);
        ring.deletion = Some(now);
        assert_eq!(usable(&ring), [false; 4]);
        (ring.deletion, ring.state) = (None, RingState::Disabled);
        assert_eq!(usable(&ring), [false; 4]);
    }

    #[test]
    fn the_head_of_a_record_says_what_the_record_says() {
        let (provider, now) = (RustCrypto::new(), Time::from_millis(7));
        let mut ring = RingRecord::new(&provider, Algorithm::MlKem768, now).unwrap();
        for (state, deletion) in
            [(RingState::Active, None), (RingState::Disabled, None), (RingState::Active, Some(now))]
        {
            (ring.state, ring.deletion) = (state, deletion);
            let (head, view) = (Head::read(&ring.to_bytes().unwrap()).unwrap(), ring.view(now));
            assert_eq!((head.algorithm, head.made, head.state()), (view.algorithm, view.made, view.state));
        }
        assert!(matches!(Head::read(&[]), Err(StoreError::Corrupt)));
        assert!(matches!(Head::read(&[0x82, 9, 1]), Err(StoreError::Unsupported(_))));
    }

    #[test]
    fn a_record_is_written_without_growing_the_buffer_that_holds_its_secrets() {
        let (provider, now) = (RustCrypto::new(), Time::from_millis(u64::MAX));
        for algorithm in [Algorithm::Aes256Gcm, Algorithm::EcdsaP521, Algorithm::MlDsa87] {
            let mut ring = RingRecord::new(&provider, algorithm, now).unwrap();
            (2..=300).for_each(|_| drop(ring.add_version(&provider, now)));
            for versions in [300, 1] {
                ring.versions.truncate(versions);
                let bytes = ring.to_bytes().unwrap();
                assert!(bytes.capacity() == ring.room() && bytes.len() < bytes.capacity());
            }
        }
    }
}
