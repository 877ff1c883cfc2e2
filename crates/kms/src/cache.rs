use std::{
    collections::HashMap,
    hash::{BuildHasher, RandomState},
    sync::{Arc, PoisonError, RwLock},
};

use strongroom_core::{Name, Tenant};

use crate::{KmsError, loaded::Loaded};

const SHARDS: usize = 16;
/// Rings that a shard keeps; when it is full it begins anew.
const ROOM: usize = 8_192;

/// Rings in memory. An eviction returns only after no later look-up can find what it evicted, and a fill that
/// began before it is dropped.
pub(crate) struct Cache {
    shards: [RwLock<Shard>; SHARDS],
    hasher: RandomState,
}

#[derive(Default)]
struct Shard {
    tenants: HashMap<Tenant, HashMap<Name, Arc<Loaded>>>,
    rings: usize,
    generation: u64,
}

impl Cache {
    pub(crate) fn new() -> Self {
        Self { shards: Default::default(), hasher: RandomState::new() }
    }

    pub(crate) fn find(&self, tenant: Tenant, name: &str) -> Option<Arc<Loaded>> {
        let shard = self.shard(tenant, name)?.read().unwrap_or_else(PoisonError::into_inner);
        shard.tenants.get(&tenant)?.get(name).cloned()
    }

    /// The ring, filled by `load` if it is not there.
    pub(crate) fn find_or(
        &self,
        tenant: Tenant,
        name: &Name,
        load: impl FnOnce() -> Result<Loaded, KmsError>,
    ) -> Result<Arc<Loaded>, KmsError> {
        let generation = match self.shard(tenant, name) {
            Some(shard) => {
                let shard = shard.read().unwrap_or_else(PoisonError::into_inner);
                if let Some(found) = shard.tenants.get(&tenant).and_then(|rings| rings.get(name)) {
                    return Ok(Arc::clone(found));
                }
                shard.generation
            }
            None => 0,
        };
        let loaded = Arc::new(load()?);
        if let Some(shard) = self.shard(tenant, name) {
            let mut shard = shard.write().unwrap_or_else(PoisonError::into_inner);
            if shard.generation == generation {
                shard.insert(tenant, name.clone(), Arc::clone(&loaded));
            }
        }
        Ok(loaded)
    }

    pub(crate) fn evict(&self, tenant: Tenant, name: &str) {
        let Some(shard) = self.shard(tenant, name) else { return };
        let mut shard = shard.write().unwrap_or_else(PoisonError::into_inner);
        shard.generation += 1;
        let Some(rings) = shard.tenants.get_mut(&tenant) else { return };
        let (removed, empty) = (rings.remove(name).is_some(), rings.is_empty());
        if empty {
            shard.tenants.remove(&tenant);
        }
        shard.rings -= usize::from(removed);
    }

    /// Forgets a tenant's rings.
    pub(crate) fn evict_tenant(&self, tenant: Tenant) {
        for shard in &self.shards {
            let mut shard = shard.write().unwrap_or_else(PoisonError::into_inner);
            shard.generation += 1;
            let removed = shard.tenants.remove(&tenant);
            shard.rings -= removed.map_or(0, |rings| rings.len());
        }
    }

    /// Forgets all rings; their keys wipe themselves.
    pub(crate) fn wipe(&self) {
        for shard in &self.shards {
            let mut shard = shard.write().unwrap_or_else(PoisonError::into_inner);
            let generation = shard.generation + 1;
            *shard = Shard { generation, ..Shard::default() };
        }
    }

    fn shard(&self, tenant: Tenant, name: &str) -> Option<&RwLock<Shard>> {
        let hash = self.hasher.hash_one((tenant, name));
        self.shards.get(usize::try_from(hash % 16).unwrap_or(0))
    }
}

impl Shard {
    fn insert(&mut self, tenant: Tenant, name: Name, loaded: Arc<Loaded>) {
        if self.rings >= ROOM {
            self.tenants.clear();
            self.rings = 0;
        }
        let before = self.tenants.entry(tenant).or_default().insert(name, loaded);
        self.rings += usize::from(before.is_none());
    }
}
