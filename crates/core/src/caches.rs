use std::{
    fmt,
    sync::{PoisonError, RwLock},
};

use crate::Tenant;

/// What capabilities keep in memory of a tenant, so that all of it can be forgotten at once: when the tenant is
/// shredded, or when another node may have changed it.
#[derive(Default)]
pub struct Caches(RwLock<Vec<Forget>>);

type Forget = Box<dyn Fn(Tenant) + Send + Sync>;

impl Caches {
    /// Without any cache.
    pub const fn new() -> Self {
        Self(RwLock::new(Vec::new()))
    }

    /// Adds a cache. `forget` returns when no later look-up finds anything of the tenant, and a fill that began before
    /// has no effect.
    pub fn add(&self, forget: impl Fn(Tenant) + Send + Sync + 'static) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).push(Box::new(forget));
    }

    /// Forgets all that is in memory of a tenant.
    pub fn forget(&self, tenant: Tenant) {
        self.0.read().unwrap_or_else(PoisonError::into_inner).iter().for_each(|forget| forget(tenant));
    }
}

impl fmt::Debug for Caches {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Caches")
    }
}
