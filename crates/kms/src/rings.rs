use std::{fmt, sync::Arc, time::Duration};

use strongroom_core::{
    Action, Algorithm, Base, Caller, HashAlgorithm, Key, KeyError, Name, Plaintext, Provider, SignOptions,
    StoreError, Tenant, may_read,
};
use strongroom_keys::Ahead;

use crate::{
    KmsError, Operation, Options, Ring, RingHandle,
    cache::{Cache, Used},
    limits::UseLimits,
    loaded::Loaded,
    record::load,
    states::RingUse,
};

/// The key rings of a database. Cheap to clone; lives for one unsealing.
///
/// Make one for each unsealing and clone it: what it keeps in memory is evicted by changes that went through it
/// or its clones. A second one over the same store would not hear of them, unless the store is shared: then every one
/// hears of all within a second, by its [`Lease`](strongroom_core::Lease).
#[derive(Clone)]
pub struct Kms(Arc<Inner>);

struct Inner {
    base: Base,
    cache: Cache,
    options: Options,
    ahead: Arc<Ahead>,
}

/// The rings of one tenant, for one caller.
#[derive(Clone)]
pub struct Rings {
    kms: Kms,
    caller: Caller,
    pub(crate) recording: bool,
}

/// A signature and the version that made it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signature {
    /// The version.
    pub version: u32,
    /// Ed25519: the 64 bytes of RFC 8032. ECDSA: r ‖ s, each as long as the order, or DER where the options say so. Others as
    /// their standards define it.
    pub bytes: Vec<u8>,
}

impl Kms {
    /// The rings under `base`. When its gate closes, every key in memory is wiped.
    pub fn new(base: Base) -> Self {
        Self::with_options(base, Options::default())
    }

    /// The same with what is to happen to keys that are counted.
    pub fn with_limits(base: Base, limits: UseLimits) -> Self {
        Self::with_options(base, Options { limits, ..Options::default() })
    }

    /// The same with other options.
    pub fn with_options(base: Base, options: Options) -> Self {
        let ahead = Ahead::new(base.provider, Arc::clone(&base.clock), options.keys_ahead);
        let ahead = Arc::new(ahead);
        let base = Base { provider: ahead.clone(), ..base };
        let inner = Arc::new(Inner { base, cache: Cache::new(options.cache_bytes), options, ahead });
        let weak = Arc::downgrade(&inner);
        inner.base.gate.on_wipe(move || {
            if let Some(inner) = weak.upgrade() {
                inner.cache.wipe();
                inner.ahead.wipe();
            }
        });
        let weak = Arc::downgrade(&inner);
        inner.base.caches.add(move |tenant| {
            if let Some(inner) = weak.upgrade() {
                inner.cache.evict_tenant(tenant);
            }
        });
        Self(inner)
    }

    /// A tenant's rings for the program itself, which answers for what it does: nobody's rights are checked.
    pub fn without_caller(&self, tenant: Tenant) -> Rings {
        self.on_behalf_of(Caller::application(tenant))
    }

    /// The rings of the caller's tenant, with the caller in every event: those of changes, and those of uses of keys after
    /// [`Rings::recording`].
    pub fn on_behalf_of(&self, caller: Caller) -> Rings {
        Rings { kms: self.clone(), caller, recording: false }
    }

    /// Makes RSA keys ahead of demand, for at most `budget` (the key begun is ended); answers how many. Nothing is made
    /// before the first ring of a size was: see [`Ahead`]. Call it now and then from a thread that nobody waits for; who
    /// never does has his keys made when he asks for them.
    ///
    /// # Errors
    /// [`KmsError::Store`] where the gate is closed, or the system gives no random bytes.
    pub fn make_ahead(&self, budget: Duration) -> Result<usize, KmsError> {
        // The gate is not held meanwhile: sealing does not wait for a key, which is then wiped and not kept.
        drop(self.base().gate.enter().map_err(StoreError::from)?);
        Ok(self.0.ahead.fill(budget)?)
    }

    pub(crate) fn base(&self) -> &Base {
        &self.0.base
    }

    pub(crate) fn limits(&self) -> &UseLimits {
        &self.0.options.limits
    }

    pub(crate) fn options(&self) -> &Options {
        &self.0.options
    }

    pub(crate) fn evict(&self, tenant: Tenant, name: &str) {
        self.0.cache.evict(tenant, name);
    }
}

impl Rings {
    /// What a ring shows, as the store has it.
    ///
    /// # Errors
    /// [`KmsError::NotFound`], [`KmsError::Store`].
    pub fn read(&self, name: &Name) -> Result<Ring, KmsError> {
        let _inside = self.base().enter()?;
        let base = self.base();
        Ok(load(&*base.store, self.tenant(), name)?.view(base.clock.now()))
    }

    /// What a ring's keys are for.
    ///
    /// # Errors
    /// [`KmsError`] unless the ring is there and enabled.
    pub fn algorithm(&self, name: &Name) -> Result<Algorithm, KmsError> {
        let _inside = self.base().enter()?;
        Ok(self.loaded(name)?.view.algorithm)
    }

    /// Whether what a ring encrypts has a context, always.
    ///
    /// # Errors
    /// As for [`Rings::algorithm`].
    pub fn derived(&self, name: &Name) -> Result<bool, KmsError> {
        let _inside = self.base().enter()?;
        Ok(self.loaded(name)?.view.derived)
    }

    /// Whether the ring is in memory, and its uses are not counted, so that an operation with it need not touch the store.
    /// It may be gone by then: where no store may be touched, run it [`from_memory`](strongroom_core::from_memory).
    pub fn cached(&self, name: &Name) -> bool {
        self.base().gate.enter().is_ok_and(|_inside| {
            let found = self.kms.0.cache.find(self.tenant(), name);
            found.is_some_and(|ring| ring.view.algorithm.use_limit().is_none())
        })
    }

    /// A handle on a ring for a sibling, which checks gate, tenant and state at each use. It is on this ring: once
    /// the ring is deleted it does nothing more, also if another one gets the name.
    ///
    /// # Errors
    /// [`KmsError`] unless the ring is there and enabled now.
    pub fn ring(&self, name: &Name) -> Result<RingHandle, KmsError> {
        let _inside = self.base().enter()?;
        let id = self.loaded(name)?.view.id;
        Ok(RingHandle::new(self.clone(), name.clone(), id))
    }

    /// Encrypts under the newest version. `additional` is bound, not kept: it must be the same to decrypt.
    ///
    /// # Errors
    /// [`KmsError`].
    pub fn encrypt(&self, name: &Name, plaintext: &[u8], additional: &[u8]) -> Result<Vec<u8>, KmsError> {
        self.encrypt_with(name, None, plaintext, additional)
    }

    /// Encrypts under a version that the ring's `min_encryption_version` allows.
    ///
    /// # Errors
    /// [`KmsError`].
    pub fn encrypt_with(
        &self,
        name: &Name,
        version: Option<u32>,
        plaintext: &[u8],
        additional: &[u8],
    ) -> Result<Vec<u8>, KmsError> {
        self.sealed_with(Action::Encrypt, name, version, plaintext, additional)
    }

    /// Decrypts what [`Rings::encrypt`] made with the same `additional`.
    ///
    /// # Errors
    /// [`KmsError`]; [`KmsError::OpenFailed`] for whatever does not open.
    pub fn decrypt(&self, name: &Name, envelope: &[u8], additional: &[u8]) -> Result<Plaintext, KmsError> {
        self.with_ring(Action::Decrypt, name, |ring| {
            ring.decrypt(self.provider(), Operation::Decrypt, envelope, additional)
        })
    }

    /// Encrypts anew under the newest version what an older one encrypted.
    ///
    /// # Errors
    /// As for [`Rings::decrypt`].
    pub fn rewrap(&self, name: &Name, envelope: &[u8], additional: &[u8]) -> Result<Vec<u8>, KmsError> {
        self.rewrap_with(name, None, envelope, additional)
    }

    /// The same under a version that the ring's `min_encryption_version` allows.
    ///
    /// # Errors
    /// As for [`Rings::decrypt`].
    pub fn rewrap_with(
        &self,
        name: &Name,
        version: Option<u32>,
        envelope: &[u8],
        additional: &[u8],
    ) -> Result<Vec<u8>, KmsError> {
        let _inside = self.base().enter()?;
        let done = self.rotating(name, version, || {
            self.known(name, |ring| {
                let (provider, rewrap) = (self.provider(), Operation::Rewrap);
                let plaintext = ring.decrypt(provider, rewrap, envelope, additional)?;
                ring.encrypt(provider, rewrap, version, &plaintext, additional)
            })
        });
        self.told(Action::Reencrypt, name, done)
    }

    /// Signs a message.
    ///
    /// # Errors
    /// [`KmsError`].
    pub fn sign(&self, name: &Name, version: Option<u32>, message: &[u8]) -> Result<Signature, KmsError> {
        self.signed(name, version, |key| key.sign(message, &SignOptions::default()))
    }

    /// Signs the digest that this hash made of a message; Ed25519, ML-DSA and SLH-DSA cannot.
    ///
    /// # Errors
    /// [`KmsError`].
    pub fn sign_digest(
        &self,
        name: &Name,
        version: Option<u32>,
        hash: HashAlgorithm,
        digest: &[u8],
    ) -> Result<Signature, KmsError> {
        self.signed(name, version, |key| key.sign(digest, &SignOptions::digest(hash)))
    }

    /// Whether a signature is this ring's for this message.
    ///
    /// # Errors
    /// [`KmsError`]; a wrong signature is `Ok(false)`.
    pub fn verify(&self, name: &Name, message: &[u8], signature: &Signature) -> Result<bool, KmsError> {
        self.verified(name, signature, |key| key.verify(message, &signature.bytes, &SignOptions::default()))
    }

    /// Whether a signature is this ring's for the digest that this hash made.
    ///
    /// # Errors
    /// [`KmsError`]; a wrong signature is `Ok(false)`.
    pub fn verify_digest(
        &self,
        name: &Name,
        hash: HashAlgorithm,
        digest: &[u8],
        signature: &Signature,
    ) -> Result<bool, KmsError> {
        self.verified(name, signature, |key| key.verify(digest, &signature.bytes, &SignOptions::digest(hash)))
    }

    pub(crate) fn base(&self) -> &Base {
        self.kms.base()
    }

    pub(crate) fn provider(&self) -> &dyn Provider {
        &*self.base().provider
    }

    pub(crate) fn kms(&self) -> &Kms {
        &self.kms
    }

    pub(crate) fn caller(&self) -> &Caller {
        &self.caller
    }

    pub(crate) fn tenant(&self) -> Tenant {
        self.caller.tenant
    }

    /// Encrypts for an event of this action.
    pub(crate) fn sealed_with(
        &self,
        action: Action,
        name: &Name,
        version: Option<u32>,
        plaintext: &[u8],
        additional: &[u8],
    ) -> Result<Vec<u8>, KmsError> {
        let _inside = self.base().enter()?;
        let operation = if action == Action::DataKey { Operation::DataKey } else { Operation::Encrypt };
        let encrypt =
            |ring: &Loaded| ring.encrypt(self.provider(), operation, version, plaintext, additional);
        let done = self.rotating(name, version, || self.known(name, encrypt));
        self.told(action, name, done)
    }

    /// Does something with a ring as of one moment, and tells of it.
    pub(crate) fn with_ring<T>(
        &self,
        action: Action,
        name: &Name,
        work: impl Fn(&Loaded) -> Result<T, KmsError>,
    ) -> Result<T, KmsError> {
        let _inside = self.base().enter()?;
        self.told(action, name, self.known(name, work))
    }

    /// Does something with a ring as of one moment; once more as the store has it, where another node may have given it
    /// a version that is not known here yet.
    fn known<T>(&self, name: &Name, work: impl Fn(&Loaded) -> Result<T, KmsError>) -> Result<T, KmsError> {
        match self.loaded(name).and_then(|ring| work(&ring)) {
            Err(KmsError::NoVersion) if self.base().lease.shared() => {
                may_read()?;
                self.kms.evict(self.tenant(), name);
                self.loaded(name).and_then(|ring| work(&ring))
            }
            done => done,
        }
    }

    /// The ring from memory, or filled from the store; every use of a key comes through here.
    pub(crate) fn loaded<'r>(&'r self, name: &'r Name) -> Result<Used<'r>, KmsError> {
        let base = self.base();
        let ring = self.kms.0.cache.find_or(self.tenant(), name, || {
            base.lease.follow(self.tenant())?;
            let ring = load(&*base.store, self.tenant(), name)?;
            Loaded::new(base, self.tenant(), &ring, self.meter(name, &ring))
        })?;
        ring.view.state.check(RingUse::UseKeys)?;
        Ok(ring)
    }

    pub(crate) fn signed(
        &self,
        name: &Name,
        version: Option<u32>,
        sign: impl Fn(&dyn Key) -> Result<Vec<u8>, KeyError>,
    ) -> Result<Signature, KmsError> {
        self.with_ring(Action::Sign, name, |ring| ring.sign(self.provider(), version, &sign))
    }

    pub(crate) fn verified(
        &self,
        name: &Name,
        signature: &Signature,
        verify: impl Fn(&dyn Key) -> Result<bool, KeyError>,
    ) -> Result<bool, KmsError> {
        self.with_ring(Action::Verify, name, |ring| ring.verify(self.provider(), signature.version, &verify))
    }
}

impl fmt::Debug for Kms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Kms")
    }
}

impl fmt::Debug for Rings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rings").field("caller", &self.caller).finish_non_exhaustive()
    }
}
