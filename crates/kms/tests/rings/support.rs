//! Rings over a memory store, alone or under a barrier that can be restarted.

use std::sync::Arc;

use strongroom_barrier::{NewSlot, Sealed, Unlock, UnsealSecret, Unsealed};
use strongroom_core::{
    Base, CommitError, Event, FixedClock, Gate, Name, Provider, SealedStore, StoreError, Tenant, Time, drain,
};
use strongroom_keys::RustCrypto;
use strongroom_kms::{Kms, KmsError, RingState, Rings, Settings, VersionState};
use strongroom_store_postgres::testing::Engine;

pub(crate) const TENANT: Tenant = Tenant::from_bytes([1; 16]);
pub(crate) const OTHER_TENANT: Tenant = Tenant::from_bytes([2; 16]);
pub(crate) const NOW: Time = Time::from_millis(1_700_000_000_000);

pub(crate) fn name(text: &str) -> Name {
    Name::parse(text).unwrap()
}

/// What a failure is called in tables.
pub(crate) fn kind(error: &KmsError) -> &'static str {
    match error {
        KmsError::NotFound => "not found",
        KmsError::Exists => "exists",
        KmsError::Disabled => "disabled",
        KmsError::RingState(RingState::Creating) => "creating",
        KmsError::RingState(RingState::PendingImport) => "pending import",
        KmsError::RingState(RingState::PendingDeletion) => "pending deletion",
        KmsError::RingState(_) => "other state",
        KmsError::VersionState(VersionState::PreActive) => "not active yet",
        KmsError::VersionState(VersionState::Suspended) => "suspended",
        KmsError::VersionState(VersionState::Deactivated) => "deactivated",
        KmsError::VersionState(VersionState::Compromised) => "compromised",
        KmsError::VersionState(VersionState::Destroyed) => "destroyed",
        KmsError::VersionState(VersionState::Active) => "active",
        KmsError::Policy(_) => "policy",
        KmsError::NoSecret => "no secret",
        KmsError::NotDeletable => "not deletable",
        KmsError::WrongType => "wrong type",
        KmsError::TooOld => "too old",
        KmsError::NoVersion => "no version",
        KmsError::Exhausted(_) => "exhausted",
        KmsError::Invalid(_) => "invalid",
        KmsError::OpenFailed => "does not open",
        KmsError::Store(StoreError::Sealed) => "sealed",
        KmsError::Store(_) => "store",
        KmsError::Commit(CommitError::Unknown) => "unknown",
        KmsError::Commit(_) => "commit",
        KmsError::Full(_) => "full",
    }
}

pub(crate) fn verdict<T>(result: Result<T, KmsError>) -> &'static str {
    result.as_ref().map_or_else(kind, |_| "ok")
}

pub(crate) const DELETABLE: Settings = Settings { deletion_allowed: Some(true), ..Settings::NONE };

pub(crate) fn minimums(decryption: u32, encryption: u32) -> Settings {
    Settings {
        min_decryption_version: Some(decryption),
        min_encryption_version: Some(encryption),
        ..Settings::NONE
    }
}

/// Rotates a ring so often; answers its newest version.
pub(crate) fn rotated(rings: &Rings, ring: &Name, times: u32) -> u32 {
    (0..times).fold(0, |_, _| rings.rotate(ring).unwrap())
}

/// What rings stand on over a store that takes everything as it is.
pub(crate) fn base_with(store: Arc<dyn SealedStore>, provider: Arc<dyn Provider>) -> Base {
    Base::new(store, Arc::new(Gate::new()), provider, Arc::new(FixedClock::at(NOW))).unwrap()
}

pub(crate) fn base_over(store: Arc<dyn SealedStore>) -> Base {
    base_with(store, Arc::new(RustCrypto::new()))
}

pub(crate) fn rings_over(store: Arc<dyn SealedStore>) -> Rings {
    Kms::new(base_over(store)).without_caller(TENANT)
}

pub(crate) fn rings() -> Rings {
    rings_over(Arc::new(Engine::new()))
}

/// Takes all waiting events out of a store.
pub(crate) fn drained(store: &dyn SealedStore) -> Vec<Event> {
    let mut events = Vec::new();
    while drain(store, 100, &mut |event| events.push(event.clone())).unwrap() > 0 {}
    events
}

/// An engine with a barrier's database in it, which processes start on one after the other.
pub(crate) struct Disk {
    pub(crate) engine: Arc<Engine>,
    sealed: Sealed,
}

impl Disk {
    pub(crate) fn new() -> Self {
        Self::with(Arc::new(RustCrypto::new()))
    }

    pub(crate) fn with(provider: Arc<dyn Provider>) -> Self {
        let (engine, clock) = (Arc::new(Engine::new()), Arc::new(FixedClock::at(NOW)));
        let slots = [NewSlot::Secret(&secret())];
        let created = Sealed::create(engine.clone(), provider, clock, &slots, Vec::new()).unwrap();
        Self { engine, sealed: created.sealed }
    }

    /// What the next process has: nothing in memory, everything from the engine.
    pub(crate) fn start(&self) -> Unsealed {
        self.sealed.unseal(&Unlock::Secret(&secret())).unwrap()
    }

    /// The rings of the first tenant in a new process.
    pub(crate) fn rings(&self) -> Rings {
        let unsealed = self.start();
        Kms::new(unsealed.base()).without_caller(unsealed.first_tenant())
    }
}

fn secret() -> UnsealSecret {
    UnsealSecret::new(vec![7; 32]).unwrap()
}
