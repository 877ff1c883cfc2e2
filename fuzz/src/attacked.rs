//! A database in the hands of one who writes to its storage.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use strongroom_barrier::{Sealed, Unlock, UnsealError, Unsealed};
use strongroom_core::{
    Batch, Caller, CommitError, RecordKey, Segment, Store, StoreError, Table, Tenant, Worker, Write,
    memory::MemoryStore, run_due,
};
use zeroize::Zeroizing;

use crate::{
    database::{
        DATABASE, NOTES, NOW, is_hierarchy, key, note, private_key, put, restored, scan, secret, try_open,
        write,
    },
    input::Input,
};

/// The barrier's table of tenants' keys.
const TENANTS: Table = Table::new(0x12);

const CANARY: &[u8] = b"written after the storage was changed";

/// The database with what the attacker did to it.
pub(crate) struct Attacked {
    store: Arc<MemoryStore>,
    touched: BTreeSet<RecordKey>,
    /// Tenants whose row held another tenant's keys when the database was unsealed.
    pub(crate) strangers: BTreeSet<Tenant>,
    /// What was put since.
    put: BTreeMap<RecordKey, Vec<u8>>,
}

impl Attacked {
    pub(crate) fn new() -> Self {
        let store = Arc::new(restored(&DATABASE.rows));
        Self { store, touched: BTreeSet::new(), strangers: BTreeSet::new(), put: BTreeMap::new() }
    }

    /// One edit of one row, behind the barrier's back.
    pub(crate) fn edit(&mut self, input: &mut Input<'_>) {
        let (what, row) = (input.byte(), usize::from(input.byte()) % DATABASE.rows.len());
        let key = key(&DATABASE.rows[row].0);
        let mut value = self.stored(&key).unwrap_or_default();
        let place = input.below(value.len());
        match what % 9 {
            0 if value.is_empty() => return,
            0 => value[place] ^= input.byte(),
            1 => value.truncate(place),
            2 => value.extend_from_slice(input.short()),
            3 => drop(value.splice(place..place, input.short().iter().copied())),
            4 => value = input.short().to_vec(),
            5 => value = DATABASE.rows[usize::from(input.byte()) % DATABASE.rows.len()].1.clone(),
            6 => value = DATABASE.older[usize::from(input.byte()) % DATABASE.older.len()].1.clone(),
            7 => return self.write(key, Write::Delete),
            _ => return self.move_row(&key, value, place, input.byte()),
        }
        self.write(key, Write::Put(Zeroizing::new(value)));
    }

    /// The value as it lies in the engine.
    fn stored(&self, key: &RecordKey) -> Option<Vec<u8>> {
        let found = self.store.get_many(std::slice::from_ref(key)).expect("reads");
        found.into_iter().next().flatten().map(|record| record.value.to_vec())
    }

    /// A copy of a row under a key that differs in one byte.
    fn move_row(&mut self, from: &RecordKey, value: Vec<u8>, place: usize, flip: u8) {
        let mut bytes = from.as_bytes().to_vec();
        let place = place % bytes.len();
        bytes[place] ^= flip;
        if let Ok(key) = RecordKey::from_bytes(bytes) {
            self.write(key, Write::Put(Zeroizing::new(value)));
        }
    }

    fn write(&mut self, key: RecordKey, write_this: Write) {
        write(&self.store, vec![(key.clone(), write_this)]);
        self.touched.insert(key);
    }

    /// Opens and unseals; nothing if that does not go any more, which takes a touched hierarchy.
    pub(crate) fn unseal(&self, by_secret: bool) -> Option<Unsealed> {
        let unsealed = self.try_unseal(by_secret);
        assert!(unsealed.is_some() || self.is_hierarchy_touched());
        unsealed
    }

    fn try_unseal(&self, by_secret: bool) -> Option<Unsealed> {
        let sealed: Sealed = try_open(&self.store).ok()?;
        if let Err(error) = sealed.status() {
            refused(&error);
        }
        let secret = secret();
        let unlock = if by_secret { Unlock::Secret(&secret) } else { Unlock::Shares(&DATABASE.shares[1..]) };
        match sealed.unseal(&unlock) {
            Ok(unsealed) => Some(unsealed),
            Err(UnsealError::Store(error)) => {
                refused(&error);
                None
            }
            Err(
                UnsealError::Share(_)
                | UnsealError::WrongSecret
                | UnsealError::WrongPassphrase
                | UnsealError::WrongKey,
            ) => None,
        }
    }

    fn is_hierarchy_touched(&self) -> bool {
        self.touched.iter().any(is_hierarchy)
    }

    /// What was put reads back once every key was forgotten, unless the way to the root was touched.
    pub(crate) fn lasts(&self) {
        let way = |key: &RecordKey| is_hierarchy(key) && key.table() != TENANTS;
        if self.put.is_empty() || self.touched.iter().any(way) {
            return;
        }
        let unsealed = self.try_unseal(true).expect("the way to the root is untouched");
        for (key, value) in &self.put {
            assert_eq!(self.one(&unsealed, key).as_ref(), Some(value), "{key:?} was written and is lost");
        }
    }

    /// Tenants whose row holds what is another tenant's, now or earlier.
    pub(crate) fn strangers_now(&self) -> BTreeSet<Tenant> {
        let held = |tenant: &Tenant| {
            let (key, known) = (tenant_row(*tenant), DATABASE.rows.iter().chain(&DATABASE.older));
            let value = self.stored(&key);
            let mut others = known.filter(|(other, _)| *other != key.as_bytes());
            others.any(|(other, row)| {
                crate::database::key(other).table() == key.table() && value.as_ref() == Some(row)
            })
        };
        DATABASE.tenants.into_iter().filter(held).collect()
    }

    pub(crate) fn estranged(&self, unsealed: &Unsealed) {
        for (bytes, _) in &DATABASE.rows {
            let key = key(bytes);
            let estranged = self.strangers.contains(&key.tenant()) && !is_hierarchy(&key);
            assert!(!estranged || self.one(unsealed, &key).is_none(), "{key:?} opens with another's keys");
        }
    }

    /// Every record one by one, those with a private key by their private key, and the tables as a whole.
    pub(crate) fn read(&self, unsealed: &Unsealed, all_were_there: bool) {
        let known = DATABASE.rows.iter().map(|(bytes, _)| key(bytes));
        for key in known.chain(self.touched.iter().cloned()).filter(|key| !is_hierarchy(key)) {
            let value = self.one(unsealed, &key);
            if all_were_there && !self.touched.contains(&key) && !self.is_hierarchy_touched() {
                assert!(value.is_some(), "{key:?} is untouched");
            }
        }
        for tenant in DATABASE.tenants {
            self.private(unsealed, &private_key(tenant));
            for table in [NOTES, Table::new(1), Table::new(2)] {
                match scan(unsealed, tenant, table) {
                    Ok(rows) => rows.iter().for_each(|(key, value)| self.once_put(key, value)),
                    Err(error) => refused(&error),
                }
            }
        }
    }

    fn one(&self, unsealed: &Unsealed, key: &RecordKey) -> Option<Vec<u8>> {
        match unsealed.get_many(std::slice::from_ref(key)) {
            Ok(records) => {
                let value = records.into_iter().next().expect("one answer per key")?.value.to_vec();
                self.once_put(key, &value);
                Some(value)
            }
            Err(error) => {
                refused(&error);
                None
            }
        }
    }

    fn private(&self, unsealed: &Unsealed, private: &RecordKey) {
        match unsealed.get_many(std::slice::from_ref(private)) {
            Ok(records) => {
                let Some(record) = records.into_iter().next().flatten() else { return };
                assert!(record.value.starts_with(b"private of tenant "));
            }
            Err(error) => refused(&error),
        }
    }

    /// Nothing comes out under a key but what was put there.
    fn once_put(&self, key: &RecordKey, value: &[u8]) {
        let before = DATABASE.plaintexts.get(key.as_bytes()).is_some_and(|known| known.contains(value));
        let now = self.put.get(key).is_some_and(|known| known == value);
        // Events of this run's operations are new, and nobody else's; so are its due work and what tells of the hierarchy.
        let event = key.table() == Table::new(1) && !self.touched.contains(key);
        let witness = key.table() == Table::new(0x13) && value.len() == 32;
        let own = key.tenant() == Tenant::SYSTEM && (key.table() == Table::new(2) || witness);
        assert!(before || now || event || own, "{key:?} gives {} bytes that never were there", value.len());
    }

    /// Something that writes, as a program would that does not know of the attack.
    pub(crate) fn operate(&mut self, unsealed: &Unsealed, which: u8, bytes: &[u8]) {
        let (caller, [_, first, second, third]) = (Caller::system(), DATABASE.tenants);
        let done = match which % 7 {
            0 => self.write_through(unsealed, &note(first, &[Segment::Name("a")])),
            1 => self.write_through(unsealed, &note(third, &[Segment::Name("new")])),
            2 => unsealed.rotate_root(&caller).map(drop),
            3 => unsealed.rotate_tenant(&caller, second).map(drop),
            4 => unsealed.create_tenant(&caller).and_then(|tenant| {
                self.write_through(unsealed, &note(tenant, &[Segment::Name("of a new tenant")]))
            }),
            5 => run_due(unsealed, &[unsealed as &dyn Worker], NOW, Duration::from_secs(60)).map(|report| {
                // A step is tried once a run: one that met the attacker's write stays due.
                let failed = report.failed.iter().map(|(_, error)| error);
                failed.filter(|error| !matches!(error, CommitError::Conflict(_))).for_each(not_committed);
            }),
            _ => return in_the_clear(unsealed, bytes),
        };
        if let Err(error) = done {
            not_committed(&error);
        }
        let clear = |(_, value): &(Vec<u8>, Vec<u8>)| value.windows(CANARY.len()).any(|part| part == CANARY);
        assert!(!self.store.dump().iter().any(clear));
    }

    fn write_through(&mut self, unsealed: &Unsealed, key: &RecordKey) -> Result<(), CommitError> {
        let estranged =
            self.strangers.intersection(&self.strangers_now()).any(|tenant| *tenant == key.tenant());
        put(unsealed, key, CANARY)?;
        assert!(!estranged, "{key:?} was sealed with another tenant's keys");
        self.put.insert(key.clone(), CANARY.to_vec());
        assert_eq!(self.one(unsealed, key).as_deref(), Some(CANARY), "{key:?} was written");
        Ok(())
    }
}

/// The tables that pass the barrier as they are take nothing along.
fn in_the_clear(unsealed: &Unsealed, bytes: &[u8]) {
    for (bytes_of_key, value) in &DATABASE.rows {
        let key = key(bytes_of_key);
        if is_hierarchy(&key) && !bytes.is_empty() {
            let value = Zeroizing::new([value, bytes].concat());
            let batch = Batch { expectations: Vec::new(), writes: vec![(key, Write::Put(value))] };
            let lowered = unsealed.lower(batch);
            assert!(matches!(lowered, Err(StoreError::Invalid(_))), "{lowered:?}");
        }
    }
}

fn tenant_row(tenant: Tenant) -> RecordKey {
    RecordKey::new(Tenant::SYSTEM, TENANTS, &[Segment::Id(*tenant.as_bytes())]).expect("a short key")
}

/// What a damaged store may answer.
fn refused(error: &StoreError) {
    let known = matches!(
        error,
        StoreError::Corrupt
            | StoreError::Unsupported(_)
            | StoreError::Invalid(
                "no such tenant: create it first"
                    | "the slot that this process was unsealed with is gone: seal, and unseal another way"
            )
    );
    assert!(known, "{error:?}");
}

fn not_committed(error: &CommitError) {
    match error {
        CommitError::Store(StoreError::TooLarge(_)) => {}
        CommitError::Store(error) => refused(error),
        other => panic!("{other:?}"),
    }
}
