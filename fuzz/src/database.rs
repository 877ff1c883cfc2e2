//! A database with everything in it, made once and the same in every run.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, LazyLock},
    time::Duration,
};

use strongroom_barrier::{NewSlot, Sealed, Share, Split, Unlock, UnsealSecret, Unsealed};
use strongroom_core::{
    Batch, Caller, CommitError, Direction, FixedClock, Range, RecordKey, Segment, Store, Table, Tenant, Time,
    Worker, Write, commit, memory::MemoryStore, run_due,
};
use zeroize::Zeroizing;

use crate::fixed;

/// A table of the application.
pub(crate) const NOTES: Table = Table::new(0x7f01);

/// The rows of a store: key and value.
pub(crate) type Rows = Vec<(Vec<u8>, Vec<u8>)>;

/// A database, as it lies in its store, and what only its owner knows.
pub(crate) struct Database {
    /// As it is now.
    pub(crate) rows: Rows,
    /// As it was in between: before keys were rotated and a record was overwritten.
    pub(crate) older: Rows,
    /// What may come out under each key as the engine has it.
    pub(crate) plaintexts: BTreeMap<Vec<u8>, BTreeSet<Vec<u8>>>,
    /// Three, of which two are enough.
    pub(crate) shares: Vec<Share>,
    /// The tenants with records: the system's, then two others, then one that came after the root's rotation.
    pub(crate) tenants: [Tenant; 4],
}

/// The one that all runs begin with.
pub(crate) static DATABASE: LazyLock<Database> = LazyLock::new(Database::create);

/// What the slot's file holds.
pub(crate) fn secret() -> UnsealSecret {
    UnsealSecret::new(b"thirty-two bytes in a file: 0123".to_vec()).expect("long enough")
}

/// A moment at which all due work is due.
pub(crate) const NOW: Time = Time::from_millis(1_800_000_000_000);

/// A key with a private segment.
pub(crate) fn private_key(tenant: Tenant) -> RecordKey {
    RecordKey::new(tenant, NOTES, &[Segment::Blind(b"me@example.org")]).expect("a short key")
}

impl Database {
    fn create() -> Self {
        let store = Arc::new(MemoryStore::new());
        let (provider, clock) = (Arc::new(fixed::provider(10)), Arc::new(FixedClock::at(NOW)));
        let slots = [
            NewSlot::Secret(&secret()),
            NewSlot::Shamir(Split { shares: 3, threshold: 2 }),
            NewSlot::Shamir(Split { shares: 2, threshold: 1 }),
        ];
        let first = note(Tenant::SYSTEM, &[Segment::Name("first")]);
        let created = Sealed::create(
            store.clone(),
            provider,
            clock,
            &slots,
            vec![(first, Zeroizing::new(b"put by the commit that makes the database".to_vec()))],
        )
        .expect("an empty store takes a database");
        let unsealed = created.sealed.unseal(&Unlock::Secret(&secret())).expect("the slot's own secret");
        let (tenants, older) = fill(&unsealed, &store).expect("a store in memory takes all of it");
        let mut database = Self {
            rows: store.dump(),
            older,
            plaintexts: BTreeMap::new(),
            shares: created.shares.into_iter().next().expect("of the first slot with shares"),
            tenants,
        };
        for rows in [database.older.clone(), database.rows.clone()] {
            database.learn(&rows);
        }
        database
    }

    /// Notes the plaintext of every record.
    fn learn(&mut self, rows: &Rows) {
        let store = Arc::new(restored(rows));
        let unsealed = open(&store).unseal(&Unlock::Secret(&secret())).expect("the slot's own secret");
        for (key, _) in rows {
            let key = self::key(key);
            if !is_hierarchy(&key) {
                let found = unsealed.get_many(std::slice::from_ref(&key)).expect("reads");
                let value = found.into_iter().next().flatten().expect("there").value.to_vec();
                self.plaintexts.entry(key.as_bytes().to_vec()).or_default().insert(value);
            }
        }
    }
}

/// The key that these bytes of a row are.
pub(crate) fn key(bytes: &[u8]) -> RecordKey {
    RecordKey::from_bytes(bytes.to_vec()).expect("a store's own key")
}

/// Whether the barrier passes this row as it is.
pub(crate) fn is_hierarchy(key: &RecordKey) -> bool {
    key.tenant() == Tenant::SYSTEM && (0x10..=0x12).contains(&key.table().number())
}

/// A store with these rows.
pub(crate) fn restored(rows: &Rows) -> MemoryStore {
    let store = MemoryStore::new();
    let put = |(key, value): &(Vec<u8>, Vec<u8>)| (self::key(key), Write::Put(Zeroizing::new(value.clone())));
    write(&store, rows.iter().map(put).collect());
    store
}

/// Writes to an engine behind the barrier's back.
pub(crate) fn write(store: &MemoryStore, writes: Vec<(RecordKey, Write)>) {
    let lowered = store.lower(Batch { expectations: Vec::new(), writes }).expect("within limits");
    store.commit(&lowered).expect("a store in memory");
}

/// The database in a store, with randomness of its own.
pub(crate) fn open(store: &Arc<MemoryStore>) -> Sealed {
    try_open(store).expect("holds a database")
}

/// The same for a store that may be damaged.
pub(crate) fn try_open(store: &Arc<MemoryStore>) -> Result<Sealed, strongroom_barrier::OpenError> {
    Sealed::open(store.clone(), Arc::new(fixed::provider(11)), Arc::new(FixedClock::at(NOW)))
}

/// Records of all kinds, both rotations, and the rewrapping half way.
fn fill(unsealed: &Unsealed, store: &MemoryStore) -> Result<([Tenant; 4], Rows), CommitError> {
    let caller = Caller::system();
    let tenants = [Tenant::SYSTEM, unsealed.first_tenant(), unsealed.create_tenant(&caller)?];
    for (number, tenant) in (0u8..).zip(tenants) {
        put(unsealed, &note(tenant, &[Segment::Name("a")]), &[b"name of tenant ", &[number][..]].concat())?;
        put(unsealed, &note(tenant, &[Segment::Number(7)]), &[b"number of tenant ", &[number][..]].concat())?;
        put(unsealed, &private_key(tenant), &[b"private of tenant ", &[number][..]].concat())?;
    }
    let [system, first, second] = tenants;
    unsealed.rotate_root(&caller)?;
    run_due(unsealed, &[unsealed as &dyn Worker], NOW, Duration::from_secs(60))?;
    let older = store.dump();
    unsealed.rotate_tenant(&caller, first)?;
    put(unsealed, &note(first, &[Segment::Name("b")]), b"under the newest key")?;
    put(unsealed, &note(first, &[Segment::Name("a")]), b"written over")?;
    unsealed.rotate_root(&caller)?;
    let third = unsealed.create_tenant(&caller)?;
    put(unsealed, &note(third, &[Segment::Id([3; 16])]), b"under the newest root")?;
    put(unsealed, &note(third, &[Segment::Name("empty")]), b"")?;
    Ok(([system, first, second, third], older))
}

/// A key in the application's table.
pub(crate) fn note(tenant: Tenant, segments: &[Segment<'_>]) -> RecordKey {
    RecordKey::new(tenant, NOTES, segments).expect("a short key")
}

/// Puts a record through the barrier.
pub(crate) fn put(unsealed: &Unsealed, key: &RecordKey, value: &[u8]) -> Result<(), CommitError> {
    commit(unsealed, key.tenant(), |mut reader| {
        reader.get(key)?;
        let mut change = reader.change(());
        change.put(key, value);
        Ok::<_, CommitError>(change)
    })
}

/// Every row of a tenant's table, through the barrier.
pub(crate) fn scan(
    unsealed: &Unsealed,
    tenant: Tenant,
    table: Table,
) -> Result<Vec<(RecordKey, Vec<u8>)>, strongroom_core::StoreError> {
    let range = Range::under(tenant, table, &[])?;
    let rows = unsealed.scan(&range, Direction::Forward, 1_000)?;
    Ok(rows.into_iter().map(|(key, record)| (key, record.value.to_vec())).collect())
}
