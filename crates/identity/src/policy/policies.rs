use std::{
    cell::Cell,
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use minicbor::{Decode, Decoder, Encode};
use strongroom_core::{
    Action, Base, Caller, CommitError, Direction, Event, Range, Record, RecordKey, Segment, Service,
    StoreError, Table, Tenant, Time, commit,
};

use super::{Acl, InvalidPolicy, Policy, PolicyName, Unfilled};

const POLICIES: Table = Table::new(0x0210);
const FORMAT: u8 = 1;
/// More compiled sets than this are not kept in memory together.
const KNOWN: usize = 4096;
/// A page of names has at most so many.
const PAGE: usize = 1000;

/// The policies of all tenants. Cheap to clone; lives for one unsealing.
///
/// A change holds on every node when it has returned.
#[derive(Clone)]
pub struct Policies(Arc<Inner>);

struct Inner {
    base: Base,
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    sets: HashMap<(Tenant, Vec<PolicyName>), Compiled>,
    /// Raised by whatever may have changed a policy: what was read before is not kept.
    generation: u64,
}

#[derive(Clone)]
struct Compiled {
    acl: Arc<Acl>,
    /// When one of its policies expires.
    until: Option<Time>,
}

/// A policy as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredPolicy {
    /// As it was written.
    pub text: String,
    /// Another number after each change, never the same again; 0 for a policy that nobody wrote.
    pub version: u64,
    /// From then on it allows nothing.
    pub expires: Option<Time>,
}

#[derive(Encode, Decode)]
struct PolicyRecord {
    #[n(0)]
    format: u8,
    #[n(1)]
    text: String,
    #[n(2)]
    expires: Option<Time>,
}

/// A policy was not changed or not read.
#[derive(Debug, thiserror::Error)]
pub enum PolicyError {
    /// The text is no policy.
    #[error(transparent)]
    Invalid(#[from] InvalidPolicy),
    /// Its name is reserved.
    #[error("this policy is part of the system: it cannot be changed or deleted")]
    Reserved,
    /// It has another version than the change expects.
    #[error("the policy has another version: read it again")]
    Version,
    /// A template has no value.
    #[error(transparent)]
    Unfilled(#[from] Unfilled),
    /// The store.
    #[error(transparent)]
    Commit(#[from] CommitError),
}

impl From<StoreError> for PolicyError {
    fn from(error: StoreError) -> Self {
        Self::Commit(error.into())
    }
}

impl Policies {
    /// The policies of the database under `base`.
    pub fn new(base: Base) -> Self {
        let inner = Arc::new(Inner { base, known: Mutex::default() });
        let weak = Arc::downgrade(&inner);
        inner.base.gate.on_wipe(move || {
            if let Some(inner) = weak.upgrade() {
                inner.forget(None);
            }
        });
        let weak = Arc::downgrade(&inner);
        inner.base.caches.add(move |tenant| {
            if let Some(inner) = weak.upgrade() {
                inner.forget(Some(tenant));
            }
        });
        Self(inner)
    }

    /// Writes a policy of the caller's tenant. With `version`, only if it has this version now; 0 stands for none.
    ///
    /// # Errors
    /// [`PolicyError`].
    pub fn write(
        &self,
        caller: &Caller,
        name: &PolicyName,
        text: &str,
        version: Option<u64>,
        expires: Option<Time>,
    ) -> Result<(), PolicyError> {
        Policy::parse(text)?;
        let record = PolicyRecord { format: FORMAT, text: text.to_owned(), expires };
        let value =
            minicbor::to_vec(&record).map_err(|_| StoreError::Invalid("a policy that cannot be encoded"))?;
        self.change(caller, name, version, Some(value))
    }

    /// Deletes a policy of the caller's tenant, and answers the same if there is none.
    ///
    /// # Errors
    /// [`PolicyError`]; [`PolicyError::Reserved`] also for `default`.
    pub fn delete(&self, caller: &Caller, name: &PolicyName) -> Result<(), PolicyError> {
        if name.built_in().is_some() {
            return Err(PolicyError::Reserved);
        }
        self.change(caller, name, None, None)
    }

    /// A policy as it is kept, if there is one.
    ///
    /// # Errors
    /// [`PolicyError::Commit`].
    pub fn read(&self, tenant: Tenant, name: &PolicyName) -> Result<Option<StoredPolicy>, PolicyError> {
        let _inside = self.0.base.enter()?;
        Ok(self.0.load(tenant, std::slice::from_ref(name))?.pop().flatten())
    }

    /// The names of policies that somebody wrote, sorted, at most `limit` and a thousand, after a name.
    ///
    /// # Errors
    /// [`PolicyError::Commit`].
    pub fn list(
        &self,
        tenant: Tenant,
        after: Option<&PolicyName>,
        limit: usize,
    ) -> Result<Vec<PolicyName>, PolicyError> {
        let _inside = self.0.base.enter()?;
        let mut range = Range::under(tenant, POLICIES, &[]).map_err(StoreError::from)?;
        if let Some(after) = after {
            range = range.after(&key(tenant, after)?).map_err(StoreError::from)?;
        }
        let rows = self.0.base.store.scan(&range, Direction::Forward, limit.min(PAGE))?;
        let name = |(key, _): &(RecordKey, Record)| match key.segments().next() {
            Some(Segment::Name(name)) => PolicyName::parse(name).map_err(|_| StoreError::Corrupt.into()),
            _ => Err(StoreError::Corrupt.into()),
        };
        rows.iter().map(name).collect()
    }

    /// What policies of a tenant allow together, now. A name without a policy adds nothing. `value` is as for
    /// [`Acl::of`]; what does not depend on it is kept in memory.
    ///
    /// # Errors
    /// [`PolicyError`].
    pub fn acl(
        &self,
        tenant: Tenant,
        names: &[PolicyName],
        value: impl Fn(&str) -> Option<String>,
    ) -> Result<Arc<Acl>, PolicyError> {
        let base = &self.0.base;
        let _inside = base.enter()?;
        let now = base.clock.now();
        let mut names = names.to_vec();
        names.sort_unstable();
        names.dedup();
        let set = (tenant, names);
        let known = self.0.known().sets.get(&set).cloned();
        if let Some(known) = known.filter(|known| known.until.is_none_or(|until| now < until)) {
            return Ok(known.acl);
        }
        let generation = self.0.known().generation;
        base.lease.follow(tenant)?;
        let stored = self.0.load(tenant, &set.1)?;
        let filled = Cell::new(false);
        let compiled = compile(stored.into_iter().flatten(), now, |name| {
            filled.set(true);
            value(name)
        })?;
        if !filled.get() {
            self.0.keep(set, compiled.clone(), generation);
        }
        Ok(compiled.acl)
    }

    fn change(
        &self,
        caller: &Caller,
        name: &PolicyName,
        version: Option<u64>,
        value: Option<Vec<u8>>,
    ) -> Result<(), PolicyError> {
        let base = &self.0.base;
        let _inside = base.enter()?;
        if name.is_fixed() {
            return Err(PolicyError::Reserved);
        }
        let (tenant, key) = (caller.tenant, key(caller.tenant, name)?);
        commit(&*base.store, tenant, |mut reader| {
            let old = reader.get(&key)?.map(|record| record.revision);
            if version.is_some_and(|version| version != old.map_or(0, |old| old.0)) {
                return Err(PolicyError::Version);
            }
            let mut change = reader.change(());
            let action = match (&value, old) {
                (None, None) => return Ok(change),
                (None, Some(_)) => Action::Delete,
                (Some(_), None) => Action::Create,
                (Some(_), Some(_)) => Action::Configure,
            };
            match &value {
                Some(value) => change.put(&key, value),
                None => change.delete(&key),
            }
            let resource = Some(name.name().clone());
            let event = Event::allowed(caller, base.clock.now(), Service::Identity, action, resource);
            base.outbox.put(&mut change, &Event { old, ..event })?;
            base.lease.revoke(&mut change, tenant)?;
            let inner = Arc::clone(&self.0);
            change.evict(move || inner.forget(Some(tenant)));
            Ok(change)
        })
    }
}

impl Inner {
    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Forgets what is in memory of a tenant, or of all.
    fn forget(&self, tenant: Option<Tenant>) {
        let mut known = self.known();
        known.generation += 1;
        known.sets.retain(|(of, _), _| tenant.is_some_and(|tenant| *of != tenant));
    }

    fn keep(&self, set: (Tenant, Vec<PolicyName>), compiled: Compiled, generation: u64) {
        let mut known = self.known();
        if known.sets.len() >= KNOWN {
            known.sets.clear();
        }
        if known.generation == generation {
            known.sets.insert(set, compiled);
        }
    }

    fn load(&self, tenant: Tenant, names: &[PolicyName]) -> Result<Vec<Option<StoredPolicy>>, StoreError> {
        let keys = names.iter().map(|name| key(tenant, name)).collect::<Result<Vec<_>, _>>()?;
        let records = self.base.store.get_many(&keys)?;
        let built_in = |name: &PolicyName| {
            name.built_in().map(|text| StoredPolicy { text: text.to_owned(), version: 0, expires: None })
        };
        let stored = |(name, record): (_, &Option<Record>)| match record {
            Some(record) => read(record).map(Some),
            None => Ok(built_in(name)),
        };
        names.iter().zip(&records).map(stored).collect()
    }
}

fn compile(
    stored: impl Iterator<Item = StoredPolicy>,
    now: Time,
    value: impl Fn(&str) -> Option<String>,
) -> Result<Compiled, PolicyError> {
    let valid: Vec<_> = stored.filter(|policy| policy.expires.is_none_or(|expires| now < expires)).collect();
    let until = valid.iter().filter_map(|policy| policy.expires).min();
    let policies = valid.iter().map(|policy| Policy::parse(&policy.text)).collect::<Result<Vec<_>, _>>()?;
    Ok(Compiled { acl: Arc::new(Acl::of(&policies, value)?), until })
}

fn key(tenant: Tenant, name: &PolicyName) -> Result<RecordKey, StoreError> {
    Ok(RecordKey::new(tenant, POLICIES, &[Segment::Name(name.as_str())])?)
}

fn read(record: &Record) -> Result<StoredPolicy, StoreError> {
    let format = |mut decoder: Decoder<'_>| decoder.array().and_then(|_| decoder.u8());
    if format(Decoder::new(&record.value)).map_err(|_| StoreError::Corrupt)? != FORMAT {
        return Err(StoreError::Unsupported("read a policy that a newer version wrote"));
    }
    let stored = minicbor::decode(&record.value).map_err(|_| StoreError::Corrupt)?;
    let PolicyRecord { format: _, text, expires } = stored;
    Ok(StoredPolicy { text, version: record.revision.0, expires })
}

impl fmt::Debug for Policies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Policies")
    }
}
