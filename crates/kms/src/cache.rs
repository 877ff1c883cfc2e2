use std::{
    hash::{BuildHasher, RandomState},
    ops::Deref,
    sync::{Arc, PoisonError, RwLock},
};

use strongroom_core::{Name, Tenant};

use crate::{
    KmsError,
    clock::{Clock, Weigh},
    loaded::Loaded,
};

/// Parts that are locked apart, at most.
const SHARDS: usize = 16;
/// The least room of a part, where there are several: twice what the largest ring takes.
const ROOM: usize = 4 << 20;

/// Rings in memory, within a budget of bytes. An eviction returns only after no later look-up can find what it
/// evicted, and a fill that began before it is dropped.
pub(crate) struct Cache<V = Loaded> {
    shards: Vec<RwLock<Shard<V>>>,
    hasher: RandomState,
}

struct Shard<V> {
    clock: Clock<V>,
    generation: u64,
}

/// A ring that is being used. What the use made ready is counted when it ends.
pub(crate) struct Used<'c, V: Weigh = Loaded> {
    cache: &'c Cache<V>,
    tenant: Tenant,
    name: &'c Name,
    value: Arc<V>,
    /// What it took before.
    bytes: usize,
}

impl<V: Weigh> Cache<V> {
    /// With room for so many bytes.
    pub(crate) fn new(budget: usize) -> Self {
        let shards = (budget / ROOM).clamp(1, SHARDS);
        let shard = |_| RwLock::new(Shard { clock: Clock::new(budget / shards), generation: 0 });
        Self { shards: (0..shards).map(shard).collect(), hasher: RandomState::new() }
    }

    pub(crate) fn find(&self, tenant: Tenant, name: &str) -> Option<Arc<V>> {
        let shard = self.shard(tenant, name)?.read().unwrap_or_else(PoisonError::into_inner);
        shard.clock.find(tenant, name).cloned()
    }

    /// The ring, filled by `load` if it is not there.
    pub(crate) fn find_or<'c>(
        &'c self,
        tenant: Tenant,
        name: &'c Name,
        load: impl FnOnce() -> Result<V, KmsError>,
    ) -> Result<Used<'c, V>, KmsError> {
        let generation = match self.shard(tenant, name) {
            Some(shard) => {
                let shard = shard.read().unwrap_or_else(PoisonError::into_inner);
                if let Some(found) = shard.clock.find(tenant, name) {
                    return Ok(self.used(tenant, name, Arc::clone(found)));
                }
                shard.generation
            }
            None => 0,
        };
        let loaded = Arc::new(load()?);
        let used = self.used(tenant, name, Arc::clone(&loaded));
        self.change(tenant, name, |shard| {
            let fresh = shard.generation == generation;
            fresh.then(|| shard.clock.insert(tenant, name.clone(), loaded))
        });
        Ok(used)
    }

    pub(crate) fn evict(&self, tenant: Tenant, name: &str) {
        self.change(tenant, name, |shard| {
            shard.generation += 1;
            shard.clock.remove(tenant, name)
        });
    }

    /// Forgets a tenant's rings.
    pub(crate) fn evict_tenant(&self, tenant: Tenant) {
        self.change_all(|shard| shard.clock.remove_tenant(tenant));
    }

    /// Forgets all rings; their keys wipe themselves.
    pub(crate) fn wipe(&self) {
        self.change_all(|shard| shard.clock.clear());
    }

    fn used<'c>(&'c self, tenant: Tenant, name: &'c Name, value: Arc<V>) -> Used<'c, V> {
        let bytes = value.bytes();
        Used { cache: self, tenant, name, value, bytes }
    }

    fn shard(&self, tenant: Tenant, name: &str) -> Option<&RwLock<Shard<V>>> {
        // A place below the number of shards, which fits.
        let place = self.hasher.hash_one((tenant, name)) % (self.shards.len() as u64).max(1);
        self.shards.get(usize::try_from(place).unwrap_or(0))
    }

    /// Changes a ring's shard. What comes out is dropped, and wiped, after the lock is let go of.
    fn change<T>(&self, tenant: Tenant, name: &str, change: impl FnOnce(&mut Shard<V>) -> T) {
        let Some(shard) = self.shard(tenant, name) else { return };
        let gone = change(&mut shard.write().unwrap_or_else(PoisonError::into_inner));
        drop(gone);
    }

    /// Changes every shard, and makes fills that began before have no effect.
    fn change_all<T>(&self, change: impl Fn(&mut Shard<V>) -> T) {
        for shard in &self.shards {
            let mut shard = shard.write().unwrap_or_else(PoisonError::into_inner);
            shard.generation += 1;
            let gone = change(&mut shard);
            drop(shard);
            drop(gone);
        }
    }
}

impl<V: Weigh> Deref for Used<'_, V> {
    type Target = V;
    fn deref(&self) -> &V {
        &self.value
    }
}

impl<V: Weigh> Drop for Used<'_, V> {
    fn drop(&mut self) {
        if self.value.bytes() != self.bytes {
            let (tenant, name) = (self.tenant, self.name);
            self.cache.change(tenant, name, |shard| shard.clock.weigh(tenant, name, &self.value));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{
        sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering},
        thread,
    };

    use super::*;

    /// What a load read; counts how many of its kind live.
    struct Read<'l>(u64, &'l AtomicI64);

    impl<'l> Read<'l> {
        fn new(value: u64, alive: &'l AtomicI64) -> Self {
            alive.fetch_add(1, Ordering::SeqCst);
            Self(value, alive)
        }
    }

    impl Drop for Read<'_> {
        fn drop(&mut self) {
            self.1.fetch_sub(1, Ordering::SeqCst);
        }
    }

    impl Weigh for Read<'_> {
        fn bytes(&self) -> usize {
            0
        }
    }

    fn name(number: u64) -> Name {
        Name::parse(&number.to_string()).unwrap()
    }

    #[test]
    fn no_look_up_finds_what_was_evicted_before_it_while_others_fill_and_push_out() {
        const NAMES: u64 = 12;
        let (alive, stop) = (AtomicI64::new(0), AtomicBool::new(false));
        // Room for half of them.
        let cache = Cache::new(6 * crate::clock::ENTRY);
        let rows = || (0..NAMES).map(|_| AtomicU64::new(0)).collect::<Vec<_>>();
        // What a load reads, and of that what was evicted for.
        let (stored, answered) = (rows(), rows());
        let tenant = Tenant::from_bytes([1; 16]);
        let look = |seed: u64| {
            let mut at = seed;
            while !stop.load(Ordering::SeqCst) {
                at = at.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                let number = (at >> 33) % NAMES;
                let row = &stored[number as usize];
                let (before, name) = (answered[number as usize].load(Ordering::SeqCst), name(number));
                let load = || {
                    let value = row.load(Ordering::SeqCst);
                    thread::yield_now();
                    Ok(Read::new(value, &alive))
                };
                let found = cache.find_or(tenant, &name, load).unwrap();
                assert!(found.0 >= before, "{} and not {before}", found.0);
            }
        };
        thread::scope(|scope| {
            (1..=3).for_each(|seed| drop(scope.spawn(move || look(seed))));
            for round in 0..50_000 {
                let number = round % NAMES;
                let value = stored[number as usize].fetch_add(1, Ordering::SeqCst) + 1;
                match round % 1_000 {
                    0 => cache.evict_tenant(tenant),
                    _ => cache.evict(tenant, &name(number)),
                }
                answered[number as usize].store(value, Ordering::SeqCst);
                thread::yield_now();
            }
            stop.store(true, Ordering::SeqCst);
        });
        assert!(alive.load(Ordering::SeqCst) <= 6);
        cache.wipe();
        assert_eq!(alive.load(Ordering::SeqCst), 0);
    }

    #[test]
    fn a_fill_that_began_before_a_wipe_leaves_nothing_behind() {
        let alive = AtomicI64::new(0);
        let (cache, tenant, name) = (Cache::new(1 << 20), Tenant::from_bytes([1; 16]), name(1));
        let forget: [&dyn Fn(); 3] =
            [&|| cache.wipe(), &|| cache.evict_tenant(tenant), &|| cache.evict(tenant, &name)];
        for forget in forget {
            let load = || {
                forget();
                Ok(Read::new(1, &alive))
            };
            assert_eq!(cache.find_or(tenant, &name, load).unwrap().0, 1);
            assert_eq!(alive.load(Ordering::SeqCst), 0);
        }
    }
}
