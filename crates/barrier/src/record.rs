//! What lies in the store of the hierarchy itself. These rows pass the barrier as they are: all that is
//! secret in them is sealed under a key of the level above.

use minicbor::{
    Decode, Decoder, Encode, Encoder, decode,
    encode::{self, Write},
};
use strongroom_core::{Argon2Cost, Name, RecordKey, Segment, StoreError, Table, Tenant, Time};

use crate::{Reason, Resealed, Schedule};

/// The database: its id, its root's version, older roots. One row.
pub(crate) const STATE: Table = Table::new(0x0010);
/// Unseal slots, by id.
pub(crate) const SLOTS: Table = Table::new(0x0011);
/// The keys of tenants, by the tenant's id.
pub(crate) const TENANTS: Table = Table::new(0x0012);

/// A key sealed under another one.
#[derive(Debug, Clone, Encode, Decode)]
pub(crate) struct Wrapped {
    /// The version of the key inside.
    #[n(0)]
    pub(crate) version: u32,
    #[cbor(n(1), with = "minicbor::bytes")]
    pub(crate) sealed: Vec<u8>,
}

impl Wrapped {
    /// No key. The versions of keys begin with 1.
    pub(crate) const fn none() -> Self {
        Self { version: 0, sealed: Vec::new() }
    }

    fn is_none(&self) -> bool {
        self.version == 0 && self.sealed.is_empty()
    }
}

#[derive(Debug, Clone, Encode, Decode)]
pub(crate) struct State {
    #[n(0)]
    format: u8,
    #[cbor(n(1), with = "minicbor::bytes")]
    pub(crate) database: [u8; 16],
    #[n(2)]
    pub(crate) root: u32,
    #[n(3)]
    pub(crate) root_made: Time,
    /// Roots that some tenant's keys may still be wrapped under, each sealed under the current root.
    #[n(4)]
    pub(crate) old: Vec<Wrapped>,
    /// The tenant that the database begins with.
    #[cbor(n(5), with = "minicbor::bytes")]
    pub(crate) first_tenant: [u8; 16],
    /// Why the root was made.
    #[n(6)]
    pub(crate) root_reason: Reason,
    /// When the root is due to be replaced: the due row of that moment says so.
    #[n(7)]
    pub(crate) next: Time,
    #[n(8)]
    pub(crate) schedule: Schedule,
}

#[derive(Debug, Clone, Encode, Decode)]
pub(crate) struct Slot {
    #[n(0)]
    pub(crate) format: u8,
    #[n(1)]
    pub(crate) kind: Kind,
    #[n(2)]
    pub(crate) made: Time,
    /// The slot's key, sealed under what the slot's secret gives.
    #[cbor(n(3), with = "minicbor::bytes")]
    pub(crate) by_secret: Vec<u8>,
    /// The slot's key, sealed under the current root: so the root can change without the secret.
    #[cbor(n(4), with = "minicbor::bytes")]
    pub(crate) by_root: Vec<u8>,
    /// The current root, sealed under the slot's key; none in a proposed slot, so that nothing opens by it.
    #[n(5)]
    pub(crate) root: Wrapped,
    /// What people call it.
    #[n(6)]
    pub(crate) label: Option<Text>,
    /// The slot that this one is proposed to replace; nothing if it is in use.
    #[n(7)]
    pub(crate) replaces: Option<SlotId>,
}

#[derive(Debug, Clone, Encode, Decode)]
pub(crate) enum Kind {
    #[n(0)]
    SecretFile,
    #[n(1)]
    Shamir {
        #[n(0)]
        threshold: u8,
        /// One hash per share, in the order of their indices.
        #[n(1)]
        fingerprints: Vec<Fingerprint>,
    },
    #[n(2)]
    Passphrase {
        #[n(0)]
        cost: Argon2Cost,
    },
    /// A key that stays where it is, by its backend's name and its own there.
    #[n(3)]
    Key {
        #[n(0)]
        backend: Text,
        #[n(1)]
        name: Text,
    },
}

/// A [`Name`] in a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Text(pub(crate) Name);

impl<C> Encode<C> for Text {
    fn encode<W: Write>(&self, to: &mut Encoder<W>, _: &mut C) -> Result<(), encode::Error<W::Error>> {
        to.str(&self.0)?.ok()
    }
}

impl<'b, C> Decode<'b, C> for Text {
    fn decode(from: &mut Decoder<'b>, _: &mut C) -> Result<Self, decode::Error> {
        Name::parse(from.str()?).map(Self).map_err(|_| decode::Error::message("not a name"))
    }
}

/// The id of another slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(transparent)]
pub(crate) struct SlotId(#[cbor(n(0), with = "minicbor::bytes")] pub(crate) [u8; 16]);

#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(transparent)]
pub(crate) struct Fingerprint(#[cbor(n(0), with = "minicbor::bytes")] pub(crate) [u8; 32]);

#[derive(Debug, Clone, Encode, Decode)]
pub(crate) struct TenantRecord {
    #[n(0)]
    format: u8,
    /// Which root the intermediates are wrapped under.
    #[n(1)]
    pub(crate) root: u32,
    /// All intermediates; the last one is current.
    #[n(2)]
    pub(crate) intermediates: Vec<Intermediate>,
    /// The key of blind segments, sealed under the current intermediate. It never changes.
    #[cbor(n(3), with = "minicbor::bytes")]
    pub(crate) blind: Vec<u8>,
    /// When the key is due to be replaced: the due row of that moment says so.
    #[n(4)]
    pub(crate) next: Time,
    /// When the job began that seals the tenant's records anew, while there is one: its due row has this time.
    #[n(5)]
    pub(crate) reseal: Option<Time>,
    /// What the last such job found.
    #[n(6)]
    pub(crate) resealed: Option<Resealed>,
}

/// One version of a tenant's key.
#[derive(Debug, Clone, Encode, Decode)]
pub(crate) struct Intermediate {
    #[n(0)]
    pub(crate) version: u32,
    /// The key, sealed under the root that the record names.
    #[cbor(n(1), with = "minicbor::bytes")]
    pub(crate) sealed: Vec<u8>,
    #[n(2)]
    pub(crate) made: Time,
    #[n(3)]
    pub(crate) reason: Reason,
    /// The root that was current when it was made: nobody who had only older ones ever had it.
    #[n(4)]
    pub(crate) under: u32,
}

impl State {
    /// The state of a new database.
    pub(crate) fn new(database: [u8; 16], root: u32, now: Time, first_tenant: Tenant) -> Self {
        let schedule = Schedule::default();
        Self {
            format: Self::FORMAT,
            database,
            root,
            root_made: now,
            old: Vec::new(),
            first_tenant: *first_tenant.as_bytes(),
            root_reason: Reason::Created,
            next: schedule.next_root(now),
            schedule,
        }
    }

    pub(crate) fn key() -> Result<RecordKey, StoreError> {
        Ok(RecordKey::new(Tenant::SYSTEM, STATE, &[])?)
    }
}

impl Slot {
    pub(crate) fn new(kind: Kind, made: Time, by_secret: Vec<u8>, by_root: Vec<u8>, root: Wrapped) -> Self {
        Self { format: Self::FORMAT, kind, made, by_secret, by_root, root, label: None, replaces: None }
    }

    pub(crate) fn key(id: [u8; 16]) -> Result<RecordKey, StoreError> {
        Ok(RecordKey::new(Tenant::SYSTEM, SLOTS, &[Segment::Id(id)])?)
    }
}

impl TenantRecord {
    pub(crate) fn new(root: u32, intermediates: Vec<Intermediate>, blind: Vec<u8>, next: Time) -> Self {
        Self { format: Self::FORMAT, root, intermediates, blind, next, reseal: None, resealed: None }
    }

    pub(crate) fn key(tenant: Tenant) -> Result<RecordKey, StoreError> {
        Ok(RecordKey::new(Tenant::SYSTEM, TENANTS, &[Segment::Id(*tenant.as_bytes())])?)
    }

    /// The intermediate that seals now.
    pub(crate) fn newest(&self) -> Result<&Intermediate, StoreError> {
        self.intermediates.last().ok_or(StoreError::Corrupt)
    }

    /// Its version.
    pub(crate) fn current(&self) -> Result<u32, StoreError> {
        Ok(self.newest()?.version)
    }
}

/// A row of the hierarchy: an array whose first item is the format's number.
pub(crate) trait Row: Sized + for<'b> Decode<'b, ()> + Encode<()> {
    /// The number of the format that this version writes.
    const FORMAT: u8;

    /// Reads a row, which has one encoding only: what rewrites it drops nothing that it did not understand.
    fn read(bytes: &[u8]) -> Result<Self, StoreError> {
        if format(bytes).map_err(|_| StoreError::Corrupt)? != u64::from(Self::FORMAT) {
            return Err(StoreError::Unsupported(
                "read a database of a format that this version does not know",
            ));
        }
        let row: Self = minicbor::decode(bytes).map_err(|_| StoreError::Corrupt)?;
        if row.is_sound() && row.to_bytes()? == bytes { Ok(row) } else { Err(StoreError::Corrupt) }
    }

    /// Whether the values fit together and are within their bounds.
    fn is_sound(&self) -> bool {
        true
    }

    fn to_bytes(&self) -> Result<Vec<u8>, StoreError> {
        minicbor::to_vec(self).map_err(|_| StoreError::Corrupt)
    }
}

impl Row for State {
    const FORMAT: u8 = 2;
}

impl Row for Slot {
    const FORMAT: u8 = 1;

    fn is_sound(&self) -> bool {
        let kind = match &self.kind {
            Kind::SecretFile | Kind::Key { .. } => true,
            Kind::Shamir { threshold, fingerprints } => {
                (1..=255).contains(&fingerprints.len())
                    && (1..=fingerprints.len()).contains(&usize::from(*threshold))
            }
            // Whoever wrote the row may have asked for all memory, or for a year.
            Kind::Passphrase { cost } => cost.checked().is_ok(),
        };
        // Only shares are proposed, and a proposed slot knows no root.
        let proposed = self.replaces.is_some();
        kind && proposed == self.root.is_none() && (!proposed || matches!(self.kind, Kind::Shamir { .. }))
    }
}

impl Row for TenantRecord {
    const FORMAT: u8 = 2;
}

/// The format's number, whatever follows it.
fn format(bytes: &[u8]) -> Result<u64, minicbor::decode::Error> {
    let mut decoder = Decoder::new(bytes);
    decoder.array()?;
    decoder.u64()
}

/// The id that the last segment of a row's key holds.
pub(crate) fn id_of(key: &RecordKey) -> Result<[u8; 16], StoreError> {
    match key.segments().last() {
        Some(Segment::Id(id)) => Ok(id),
        _ => Err(StoreError::Corrupt),
    }
}

/// Whether this row is one of the hierarchy, which the barrier passes as it is.
pub(crate) fn is_hierarchy(key: &RecordKey) -> bool {
    key.tenant() == Tenant::SYSTEM && matches!(key.table(), STATE | SLOTS | TENANTS)
}

/// Refuses a value that is no row of the hierarchy, as it would lie in the engine in the clear.
pub(crate) fn check_hierarchy(key: &RecordKey, value: &[u8]) -> Result<(), StoreError> {
    let mut segments = key.segments();
    let (first, further) = (segments.next(), segments.next());
    let checked = match (key.table(), first, further) {
        (STATE, None, _) => State::read(value).map(drop),
        (SLOTS, Some(Segment::Id(_)), None) => Slot::read(value).map(drop),
        (TENANTS, Some(Segment::Id(_)), None) => TenantRecord::read(value).map(drop),
        _ => Err(StoreError::Corrupt),
    };
    checked.map_err(|_| StoreError::Invalid("only the barrier writes its own tables"))
}
