use std::collections::BTreeSet;

use strongroom_core::{Direction, Name, Range, RecordKey, Store, StoreError, Tenant};
use strongroom_kms::KmsError;

use super::{Progress, Step};
use crate::Strongroom;

/// What was found where every record of a database was opened.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Check {
    /// How many records there are.
    pub records: u64,
    /// How many tenants they are of, the system among them.
    pub tenants: u64,
    /// How many key rings there are.
    pub rings: u64,
    /// What is wrong: the first 100 of it.
    pub flaws: Vec<Flaw>,
}

/// Something in a database that is not as it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Flaw {
    /// A record that does not open.
    Record(RecordKey),
    /// A key ring whose keys do not load.
    Ring(Tenant, Name),
}

impl Check {
    /// Whether nothing is wrong.
    pub fn is_sound(&self) -> bool {
        self.flaws.is_empty()
    }

    fn note(&mut self, flaw: Flaw) {
        if self.flaws.len() < FLAWS {
            self.flaws.push(flaw);
        }
    }
}

const FLAWS: usize = 100;
/// Records that are opened at once.
const PAGE: usize = 200;

/// Opens every record that the store of a room has, and loads every ring.
pub(super) fn check(
    room: &Strongroom,
    store: &dyn Store,
    progress: &mut dyn FnMut(Progress),
) -> Result<Check, StoreError> {
    let (mut check, mut tenants, mut range) = (Check::default(), BTreeSet::new(), Range::all());
    loop {
        let page = store.scan(&range, Direction::Forward, PAGE)?;
        let keys: Vec<_> = page.into_iter().map(|(key, _)| key).collect();
        let Some(last) = keys.last() else { break };
        range = range.after(last)?;
        open_all(room, &keys, &mut check)?;
        tenants.extend(keys.iter().map(RecordKey::tenant));
        check.records += keys.len() as u64;
        progress(Step::Check.at(check.records, None));
    }
    check.tenants = tenants.len() as u64;
    tenants.into_iter().try_for_each(|tenant| load_rings(room, tenant, &mut check))?;
    Ok(check)
}

/// Opens records together, and one by one to find those that do not open.
fn open_all(room: &Strongroom, keys: &[RecordKey], check: &mut Check) -> Result<(), StoreError> {
    match room.barrier().get_many(keys) {
        Ok(_) => Ok(()),
        Err(StoreError::Sealed) => Err(StoreError::Sealed),
        Err(_) => keys.iter().try_for_each(|key| match room.barrier().get_many(std::slice::from_ref(key)) {
            Ok(_) => Ok(()),
            Err(StoreError::Corrupt | StoreError::Unsupported(_)) => {
                check.note(Flaw::Record(key.clone()));
                Ok(())
            }
            Err(other) => Err(other),
        }),
    }
}

fn load_rings(room: &Strongroom, tenant: Tenant, check: &mut Check) -> Result<(), StoreError> {
    let rings = room.keys_of(tenant);
    let mut after: Option<Name> = None;
    loop {
        let names = match rings.list(after.as_ref(), PAGE) {
            Ok(names) => names,
            // A ring that does not open is noted as a record.
            Err(KmsError::Store(StoreError::Corrupt)) => return Ok(()),
            Err(KmsError::Store(error)) => return Err(error),
            Err(_) => return Err(StoreError::Corrupt),
        };
        for name in &names {
            // What is disabled is read, but not loaded.
            let loads =
                rings.read(name).is_ok() && matches!(rings.algorithm(name), Ok(_) | Err(KmsError::Disabled));
            check.rings += 1;
            if !loads {
                check.note(Flaw::Ring(tenant, name.clone()));
            }
        }
        match names.into_iter().next_back() {
            Some(last) => after = Some(last),
            None => return Ok(()),
        }
    }
}
