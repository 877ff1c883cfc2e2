use std::collections::BTreeMap;

use strongroom_core::{Plaintext, Provider, Record, RecordKey, Store, StoreError, Tenant};
use strongroom_keys::envelope;

use super::Flaw;
use crate::{
    keyring::{blind, context, intermediate, read_one},
    record::{Row, TenantRecord},
    reseal::version_of,
    roots::Roots,
    wrap::Named,
};

/// What can be opened of a tenant's keys, also where a part of them is damaged.
pub(super) struct Keys {
    tenant: Tenant,
    /// By version; nothing in the place of one that does not open.
    versions: BTreeMap<u32, Option<Named>>,
    /// What is wrong with the tenant's record, if something is.
    flaw: Option<Flaw>,
}

impl Keys {
    /// Reads a tenant's record and opens what opens; nothing if there is none.
    pub(super) fn load(
        provider: &dyn Provider,
        store: &dyn Store,
        roots: Option<&Roots>,
        tenant: Tenant,
    ) -> Result<Option<Self>, StoreError> {
        let Some(record) = read_one(store, &TenantRecord::key(tenant)?)? else { return Ok(None) };
        let without = |flaw| Self { tenant, versions: BTreeMap::new(), flaw: Some(flaw) };
        let Ok(row) = TenantRecord::read(&record.value) else { return Ok(Some(without(Flaw::Malformed))) };
        Ok(Some(match roots {
            Some(roots) => Self::open(provider, roots, tenant, &row)?,
            None => without(Flaw::DoesNotOpen),
        }))
    }

    /// Opens all keys that a tenant's record holds.
    pub(super) fn open(
        provider: &dyn Provider,
        roots: &Roots,
        tenant: Tenant,
        row: &TenantRecord,
    ) -> Result<Self, StoreError> {
        let mut keys = Self { tenant, versions: BTreeMap::new(), flaw: None };
        let Some(root) = whole(roots.version(provider, row.root))? else {
            keys.flaw = Some(Flaw::UnknownVersion);
            return Ok(keys);
        };
        let mut sound = true;
        for key in &row.intermediates {
            let opened = whole(root.unwrap(provider, intermediate(&tenant, key.version), &key.sealed))?;
            let named = opened
                .map(|key_material| Named::new(provider, *tenant.as_bytes(), key.version, &key_material));
            sound &= named.is_some() && keys.versions.keys().all(|before| *before < key.version);
            keys.versions.insert(key.version, named);
        }
        sound &= match keys.versions.last_key_value() {
            Some((_, Some(newest))) => whole(newest.unwrap(provider, blind(tenant), &row.blind))?.is_some(),
            _ => false,
        };
        if !sound {
            keys.flaw = Some(Flaw::DoesNotOpen);
        }
        Ok(keys)
    }

    pub(super) fn flaw(&self) -> Option<Flaw> {
        self.flaw
    }

    /// Opens a record of the tenant, under the version that it names.
    pub(super) fn record(
        &self,
        provider: &dyn Provider,
        key: &RecordKey,
        record: &Record,
    ) -> Result<(u32, Plaintext), Flaw> {
        let version = version_of(&self.tenant, record).map_err(|_| Flaw::Malformed)?;
        let named = match self.versions.get(&version) {
            Some(named) => named.as_ref().ok_or(Flaw::DoesNotOpen)?,
            None if self.versions.is_empty() => return Err(Flaw::DoesNotOpen),
            None => return Err(Flaw::UnknownVersion),
        };
        let context = context(provider, key).map_err(|_| Flaw::Malformed)?;
        let opened = envelope::open(provider, &*named.mac, named.id, &context, &record.value);
        Ok((version, opened.map_err(|_| Flaw::DoesNotOpen)?))
    }
}

/// What opens; nothing where it is damaged. Whatever else keeps it from opening is not the row's fault.
pub(super) fn whole<T>(opened: Result<T, StoreError>) -> Result<Option<T>, StoreError> {
    match opened {
        Ok(opened) => Ok(Some(opened)),
        Err(StoreError::Corrupt | StoreError::Unsupported(_) | StoreError::TooLarge(_)) => Ok(None),
        Err(error) => Err(error),
    }
}
