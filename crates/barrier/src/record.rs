//! What lies in the store of the hierarchy itself. These rows pass the barrier as they are: all that is
//! secret in them is sealed under a key of the level above.

use minicbor::{Decode, Encode};
use strongroom_core::{RecordKey, Segment, StoreError, Table, Tenant, Time};

/// The database: its id, its root's version, older roots. One row.
pub(crate) const STATE: Table = Table::new(0x0010);
/// Unseal slots, by id.
pub(crate) const SLOTS: Table = Table::new(0x0011);
/// The keys of tenants, by the tenant's id.
pub(crate) const TENANTS: Table = Table::new(0x0012);

const FORMAT: u8 = 1;

/// A key sealed under another one.
#[derive(Debug, Clone, Encode, Decode)]
pub(crate) struct Wrapped {
    /// The version of the key inside.
    #[n(0)]
    pub(crate) version: u32,
    #[cbor(n(1), with = "minicbor::bytes")]
    pub(crate) sealed: Vec<u8>,
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
}

#[derive(Debug, Clone, Encode, Decode)]
pub(crate) struct Slot {
    #[n(0)]
    format: u8,
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
    /// The current root, sealed under the slot's key.
    #[n(5)]
    pub(crate) root: Wrapped,
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
}

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
    pub(crate) intermediates: Vec<Wrapped>,
    /// The key of blind segments, sealed under the current intermediate. It never changes.
    #[cbor(n(3), with = "minicbor::bytes")]
    pub(crate) blind: Vec<u8>,
}

impl State {
    pub(crate) fn new(database: [u8; 16], root: u32, root_made: Time, first_tenant: Tenant) -> Self {
        let first_tenant = *first_tenant.as_bytes();
        Self { format: FORMAT, database, root, root_made, old: Vec::new(), first_tenant }
    }

    pub(crate) fn key() -> Result<RecordKey, StoreError> {
        Ok(RecordKey::new(Tenant::SYSTEM, STATE, &[])?)
    }
}

impl Slot {
    pub(crate) fn new(kind: Kind, made: Time, by_secret: Vec<u8>, by_root: Vec<u8>, root: Wrapped) -> Self {
        Self { format: FORMAT, kind, made, by_secret, by_root, root }
    }

    pub(crate) fn key(id: [u8; 16]) -> Result<RecordKey, StoreError> {
        Ok(RecordKey::new(Tenant::SYSTEM, SLOTS, &[Segment::Id(id)])?)
    }
}

impl TenantRecord {
    pub(crate) fn new(root: u32, intermediates: Vec<Wrapped>, blind: Vec<u8>) -> Self {
        Self { format: FORMAT, root, intermediates, blind }
    }

    pub(crate) fn key(tenant: Tenant) -> Result<RecordKey, StoreError> {
        Ok(RecordKey::new(Tenant::SYSTEM, TENANTS, &[Segment::Id(*tenant.as_bytes())])?)
    }

    /// The version of the intermediate that seals now.
    pub(crate) fn current(&self) -> Result<u32, StoreError> {
        self.intermediates.last().map(|wrapped| wrapped.version).ok_or(StoreError::Corrupt)
    }
}

/// A row of the hierarchy.
pub(crate) trait Row: Sized + for<'b> Decode<'b, ()> + Encode<()> {
    fn format(&self) -> u8;

    /// Reads a row, which has one encoding only: what rewrites it drops nothing that it did not understand.
    fn read(bytes: &[u8]) -> Result<Self, StoreError> {
        let row: Self = minicbor::decode(bytes).map_err(|_| StoreError::Corrupt)?;
        match row.format() {
            FORMAT if row.to_bytes()? == bytes => Ok(row),
            FORMAT => Err(StoreError::Corrupt),
            _ => Err(StoreError::Unsupported("read a database that a newer version made")),
        }
    }

    fn to_bytes(&self) -> Result<Vec<u8>, StoreError> {
        minicbor::to_vec(self).map_err(|_| StoreError::Corrupt)
    }
}

impl Row for State {
    fn format(&self) -> u8 {
        self.format
    }
}

impl Row for Slot {
    fn format(&self) -> u8 {
        self.format
    }
}

impl Row for TenantRecord {
    fn format(&self) -> u8 {
        self.format
    }
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
    let checked = match key.table() {
        STATE => State::read(value).map(drop),
        SLOTS => Slot::read(value).map(drop),
        _ => TenantRecord::read(value).map(drop),
    };
    checked.map_err(|_| StoreError::Invalid("only the barrier writes its own tables"))
}
