//! A batch on its way to the engine: values sealed, private segments hashed.

use std::{
    collections::{BTreeMap, btree_map::Entry},
    sync::Arc,
};

use strongroom_core::{Batch, Expect, RecordKey, StoreError, Tenant, Write};
use zeroize::Zeroizing;

use crate::{
    Unsealed,
    keyring::TenantKeys,
    record::{TenantRecord, check_hierarchy, is_hierarchy},
    witness,
};

/// What a batch becomes. All of it is sealed under one version of each tenant's key, and expects that version
/// still to be the newest: nothing lands under a key that was replaced or destroyed meanwhile.
pub(crate) fn sealed(unsealed: &Unsealed, batch: Batch) -> Result<Batch, StoreError> {
    let mut keys = Keys { unsealed, held: BTreeMap::new() };
    let mut sealed = Batch::default();
    for (key, expect) in batch.expectations {
        sealed.expectations.push((keys.blinded(key)?, expect));
    }
    for (key, write) in batch.writes {
        let key = keys.blinded(key)?;
        if is_hierarchy(&key) {
            if let Write::Put(value) = &write {
                check_hierarchy(&key, value)?;
            }
            sealed.writes.push(keys.witness(&key, &write)?);
        }
        let write = match write {
            Write::Put(value) => Write::Put(keys.value(&key, value)?),
            Write::Delete => Write::Delete,
        };
        sealed.writes.push((key, write));
    }
    for (tenant, keys) in keys.held {
        let expectation = (TenantRecord::key(tenant)?, Expect::At(keys.revision));
        // What the batch itself expects of the record stays beside it: if they differ, the keys are stale.
        if !sealed.expectations.contains(&expectation) {
            sealed.expectations.push(expectation);
        }
    }
    Ok(sealed)
}

/// The keys that a batch is sealed under.
struct Keys<'u> {
    unsealed: &'u Unsealed,
    held: BTreeMap<Tenant, Arc<TenantKeys>>,
}

impl Keys<'_> {
    fn of(&mut self, tenant: Tenant) -> Result<&TenantKeys, StoreError> {
        match self.held.entry(tenant) {
            Entry::Occupied(held) => Ok(held.into_mut()),
            Entry::Vacant(place) => Ok(place.insert(self.unsealed.keys(tenant)?)),
        }
    }

    fn blinded(&mut self, key: RecordKey) -> Result<RecordKey, StoreError> {
        if key.has_blind() { self.of(key.tenant())?.blinded(&key) } else { Ok(key) }
    }

    /// What goes with a row of the hierarchy, so that a change of it by anybody else is noticed.
    fn witness(&mut self, row: &RecordKey, write: &Write) -> Result<(RecordKey, Write), StoreError> {
        let key = witness::key(row)?;
        let write = match write {
            Write::Put(value) => {
                let digest = witness::digest(self.unsealed.provider(), value);
                Write::Put(self.value(&key, Zeroizing::new(digest.to_vec()))?)
            }
            Write::Delete => Write::Delete,
        };
        Ok((key, write))
    }

    fn value(
        &mut self,
        key: &RecordKey,
        value: Zeroizing<Vec<u8>>,
    ) -> Result<Zeroizing<Vec<u8>>, StoreError> {
        if is_hierarchy(key) {
            return Ok(value);
        }
        let unsealed = self.unsealed;
        self.of(key.tenant())?.seal(unsealed.provider(), key, &value).map(Zeroizing::new)
    }
}
