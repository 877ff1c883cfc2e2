use std::{
    ops::Deref,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicUsize, Ordering},
    },
};

use strongroom_core::{Base, Clock, Key, KeyError, Plaintext, Provider, Purpose, Stored, Tenant, Time};
use strongroom_keys::envelope::{self, Context, Header, KeyId};

use crate::{
    KmsError, Operation, Origin, Ring, RingVersion, Signature, VersionState,
    archive::{self, Archive},
    budget::Budget,
    clock::Weigh,
    raw,
    record::RingRecord,
    states::KeyUse,
    uses::Meter,
    weight,
};

/// A ring in memory: its state as of one moment, and the keys that this state allows to be used. An operation
/// takes one of these and looks at no other, so that it sees one state from its beginning to its end.
pub(crate) struct Loaded {
    pub(crate) view: Ring,
    /// As `view.versions`.
    keys: Vec<VersionKey>,
    archive: Archive,
    clock: Arc<dyn Clock>,
    loaded: Time,
    /// Whether anything changes by itself as time goes by.
    timed: bool,
    /// The context of a ciphertext without additional data.
    empty: Context,
    /// Where the uses of a key are reserved, if they are counted.
    meter: Option<Meter>,
    /// The memory of all this without the archive, with the keys that are ready.
    bytes: AtomicUsize,
}

/// One version's key, parsed and expanded once: at its first use, so that a ring of many versions costs no more
/// than the versions that are used.
struct VersionKey {
    /// Nothing below the least version that opens, nor in a state in which nobody may use it.
    stored: Option<Stored>,
    ready: OnceLock<Arc<dyn Key>>,
    /// The uses that it may still make, if they are counted.
    budget: Budget,
}

/// A version's key: of one that the ring in memory has, with its budget, or of an archived one.
enum Found<'l> {
    Live(&'l dyn Key, &'l Budget),
    Archived(Arc<dyn Key>),
}

impl<'l> Deref for Found<'l> {
    type Target = dyn Key + 'l;
    fn deref(&self) -> &Self::Target {
        match self {
            Self::Live(key, _) => *key,
            Self::Archived(key) => &**key,
        }
    }
}

impl Loaded {
    pub(crate) fn new(
        base: &Base,
        tenant: Tenant,
        ring: &RingRecord,
        meter: Option<Meter>,
    ) -> Result<Self, KmsError> {
        let loaded = base.clock.now();
        let view = ring.view(loaded);
        let waits = |version: &RingVersion| version.state == VersionState::PreActive;
        let timed = view.policy.not_after.is_some() || view.versions.iter().any(waits);
        let key = |stored| VersionKey { stored, ready: OnceLock::new(), budget: Budget::new() };
        let keys: Vec<_> = ring.usable(loaded).map(key).collect();
        let secrets = keys.iter().flat_map(|key| &key.stored).map(|stored| stored.expose().len());
        let bytes = size_of::<Self>() + weight::ring(&view, secrets, size_of::<VersionKey>());
        Ok(Self {
            view,
            keys,
            archive: Archive::new(base.clone(), tenant, ring),
            clock: Arc::clone(&base.clock),
            loaded,
            timed,
            empty: Context::new(&*base.provider, &[b"kms", b""])?,
            meter,
            bytes: bytes.into(),
        })
    }

    pub(crate) fn encrypt(
        &self,
        provider: &dyn Provider,
        operation: Operation,
        version: Option<u32>,
        plaintext: &[u8],
        additional: &[u8],
    ) -> Result<Vec<u8>, KmsError> {
        let raw = self.encrypts_itself()?;
        let now = self.admit(operation, Some(additional))?;
        let version = self.protecting(version, now)?;
        let key = self.key(provider, version, KeyUse::Protect, now)?;
        if raw {
            self.take_use(version, &key)?;
            return raw::encrypt(&*key, version, plaintext, additional);
        }
        let mac = key.mac().ok_or(KmsError::WrongType)?;
        let context = self.context(provider, additional)?;
        let id = KeyId { id: self.view.id, version };
        Ok(envelope::seal(provider, mac, id, &context, plaintext)?)
    }

    pub(crate) fn decrypt(
        &self,
        provider: &dyn Provider,
        operation: Operation,
        ciphertext: &[u8],
        additional: &[u8],
    ) -> Result<Plaintext, KmsError> {
        let raw = self.encrypts_itself()?;
        let (now, what) = (self.admit(operation, Some(additional))?, operation.key_use(true));
        if raw {
            let (version, sealed) = raw::parse(self.view.algorithm, ciphertext)?;
            return raw::decrypt(&*self.processing(provider, version, what, now)?, sealed, additional);
        }
        let named = Header::parse(ciphertext)?.key;
        if named.id != self.view.id {
            return Err(KmsError::OpenFailed);
        }
        let key = self.processing(provider, named.version, what, now)?;
        let mac = key.mac().ok_or(KmsError::WrongType)?;
        let context = self.context(provider, additional)?;
        Ok(envelope::open(provider, mac, named, &context, ciphertext)?)
    }

    pub(crate) fn sign(
        &self,
        provider: &dyn Provider,
        version: Option<u32>,
        sign: impl FnOnce(&dyn Key) -> Result<Vec<u8>, KeyError>,
    ) -> Result<Signature, KmsError> {
        self.signs()?;
        let now = self.admit(Operation::Sign, None)?;
        let version = self.protecting(version, now)?;
        self.has_secret(version)?;
        let key = self.key(provider, version, KeyUse::Protect, now)?;
        Ok(Signature { version, bytes: sign(&*key)? })
    }

    /// What the newest version, or the one asked for, makes, and its number.
    pub(crate) fn make<T>(
        &self,
        provider: &dyn Provider,
        (operation, purpose): (Operation, Purpose),
        context: Option<&[u8]>,
        version: Option<u32>,
        make: impl FnOnce(&dyn Key) -> Result<T, KeyError>,
    ) -> Result<(u32, T), KmsError> {
        self.is_for(purpose)?;
        let now = self.admit(operation, context)?;
        let version = self.protecting(version, now)?;
        if !matches!(operation, Operation::Encrypt | Operation::Rewrap | Operation::Encapsulate) {
            self.has_secret(version)?;
        }
        Ok((version, make(&*self.key(provider, version, KeyUse::Protect, now)?)?))
    }

    /// Does something with the version that made what is looked at.
    pub(crate) fn look<T>(
        &self,
        provider: &dyn Provider,
        (operation, purpose): (Operation, Purpose),
        context: Option<&[u8]>,
        version: u32,
        look: impl FnOnce(&dyn Key) -> Result<T, KeyError>,
    ) -> Result<T, KmsError> {
        self.is_for(purpose)?;
        let now = self.admit(operation, context)?;
        self.has_secret(version)?;
        Ok(look(&*self.processing(provider, version, operation.key_use(true), now)?)?)
    }

    pub(crate) fn verify(
        &self,
        provider: &dyn Provider,
        version: u32,
        verify: impl FnOnce(&dyn Key) -> Result<bool, KeyError>,
    ) -> Result<bool, KmsError> {
        self.signs()?;
        let now = self.admit(Operation::Verify, None)?;
        Ok(verify(&*self.processing(provider, version, KeyUse::Verify, now)?)?)
    }

    /// The newest version but those that are not used yet: it is the one that signs and encrypts.
    pub(crate) fn current(&self) -> Result<&RingVersion, KmsError> {
        self.current_at(self.now())
    }

    fn current_at(&self, now: Time) -> Result<&RingVersion, KmsError> {
        let used = |version: &&RingVersion| version.state_at(now) != VersionState::PreActive;
        self.view.versions.iter().rev().find(used).ok_or(KmsError::NoVersion)
    }

    fn is_for(&self, purpose: Purpose) -> Result<(), KmsError> {
        if self.view.algorithm.purpose() == purpose { Ok(()) } else { Err(KmsError::WrongType) }
    }

    /// Whether its keys encrypt messages themselves, and not in envelopes.
    fn encrypts_itself(&self) -> Result<bool, KmsError> {
        match self.view.algorithm.purpose() {
            Purpose::Envelope => Ok(false),
            Purpose::Aead => Ok(true),
            _ => Err(KmsError::WrongType),
        }
    }

    /// Counts one encryption, if they are counted, before it happens. What is archived is not counted any more.
    fn take_use(&self, version: u32, key: &Found<'_>) -> Result<(), KmsError> {
        match (&self.meter, key) {
            (None, _) => Ok(()),
            (Some(meter), Found::Live(_, budget)) => budget.take(|block| meter.reserve(version, block)),
            (Some(_), Found::Archived(_)) => Err(KmsError::TooOld),
        }
    }

    fn signs(&self) -> Result<(), KmsError> {
        if self.view.algorithm.signs() { Ok(()) } else { Err(KmsError::WrongType) }
    }

    /// Whether the ring's policy allows an operation with this additional data or context now; answers the time.
    pub(crate) fn admit(&self, operation: Operation, context: Option<&[u8]>) -> Result<Time, KmsError> {
        let now = self.now();
        self.view.policy.admit(operation, context, now)?;
        if self.view.derived && context.is_some_and(<[u8]>::is_empty) {
            return Err(KmsError::Policy(
                "this key needs a context, or additional data, for every operation",
            ));
        }
        Ok(now)
    }

    /// The present, where it matters.
    fn now(&self) -> Time {
        if self.timed { self.clock.now().max(self.loaded) } else { self.loaded }
    }

    /// The version that encrypts and signs: the one asked for if the ring allows it, else the newest that is used already.
    pub(crate) fn protecting(&self, asked: Option<u32>, now: Time) -> Result<u32, KmsError> {
        let version = match asked.filter(|version| *version != 0) {
            Some(version) => version,
            None => self.current_at(now)?.version,
        };
        let lowest = self.view.min_encryption_version.max(self.view.min_decryption_version);
        if version < lowest { Err(KmsError::TooOld) } else { Ok(version) }
    }

    /// The key that made a ciphertext or signature, if the ring still allows it.
    fn processing(
        &self,
        provider: &dyn Provider,
        version: u32,
        what: KeyUse,
        now: Time,
    ) -> Result<Found<'_>, KmsError> {
        if version < self.view.min_decryption_version {
            return Err(KmsError::TooOld);
        }
        self.key(provider, version, what, now)
    }

    /// Whether the secret of a version is here, and not the public half alone.
    fn has_secret(&self, version: u32) -> Result<(), KmsError> {
        let half = |shown: &RingVersion| !shown.has_secret && shown.origin == Origin::ImportedPublic;
        let lacks = match self.place(version) {
            Some(place) => self.view.versions.get(place).is_some_and(half),
            // What is too old is refused for that, whatever it is.
            None if version < self.view.min_decryption_version => false,
            None => self.archive.is_public_only(version)?,
        };
        if lacks { Err(KmsError::NoSecret) } else { Ok(()) }
    }

    /// Does something with a version's key as it is kept: for a key that is derived from it.
    pub(crate) fn with_stored<T>(
        &self,
        version: u32,
        what: KeyUse,
        now: Time,
        work: impl FnOnce(&Stored) -> Result<T, KmsError>,
    ) -> Result<T, KmsError> {
        let Some(place) = self.place(version) else {
            return work(&self.archive.stored(version, what, now)?);
        };
        let shown = self.view.versions.get(place).ok_or(KmsError::NoVersion)?;
        shown.state_at(now).check(what)?;
        let found = self.keys.get(place).ok_or(KmsError::NoVersion)?;
        work(found.stored.as_ref().ok_or(KmsError::NoSecret)?)
    }

    fn place(&self, version: u32) -> Option<usize> {
        let first = self.view.versions.first()?.version;
        usize::try_from(version.checked_sub(first)?).ok()
    }

    fn key(
        &self,
        provider: &dyn Provider,
        version: u32,
        what: KeyUse,
        now: Time,
    ) -> Result<Found<'_>, KmsError> {
        let Some(place) = self.place(version) else {
            return Ok(Found::Archived(self.archive.key(version, what, now)?));
        };
        let shown = self.view.versions.get(place).ok_or(KmsError::NoVersion)?;
        shown.state_at(now).check(what)?;
        let found = self.keys.get(place).ok_or(KmsError::NoVersion)?;
        if let Some(ready) = found.ready.get() {
            return Ok(Found::Live(&**ready, &found.budget));
        }
        let ready = archive::parse(provider, found.stored.as_ref().ok_or(KmsError::NoSecret)?)?;
        let ready = found.ready.get_or_init(|| {
            self.bytes.fetch_add(weight::key(self.view.algorithm), Ordering::Relaxed);
            ready
        });
        Ok(Found::Live(&**ready, &found.budget))
    }

    fn context(&self, provider: &dyn Provider, additional: &[u8]) -> Result<Context, KmsError> {
        if additional.is_empty() {
            return Ok(self.empty);
        }
        Ok(Context::new(provider, &[b"kms", additional])?)
    }
}

impl Weigh for Loaded {
    fn bytes(&self) -> usize {
        self.bytes.load(Ordering::Relaxed) + self.archive.bytes()
    }
}
