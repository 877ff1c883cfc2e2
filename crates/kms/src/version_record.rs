use minicbor::{Decode, Encode};
use secrecy::SecretSlice;
use strongroom_core::{Algorithm, PublicKey, Stored, Time};
use zeroize::Zeroizing;

use crate::{Origin, RingVersion, VersionState};

/// A version as the record of its ring, or a record of its own, has it.
#[derive(Encode, Decode)]
pub(crate) struct VersionRecord {
    #[n(0)]
    pub(crate) version: u32,
    #[n(1)]
    pub(crate) made: Time,
    /// Never [`VersionState::PreActive`]: until `activates` it is that, whatever is written here, unless it was
    /// compromised or destroyed before.
    #[n(2)]
    state: VersionState,
    /// Since when it is in this state.
    #[n(3)]
    changed: Time,
    #[n(4)]
    pub(crate) activates: Time,
    #[n(5)]
    origin: Origin,
    /// Empty where there is none.
    #[cbor(n(6), with = "strongroom_core::secret_bytes")]
    secret: Zeroizing<Vec<u8>>,
    #[cbor(n(7), with = "minicbor::bytes")]
    public: Option<Vec<u8>>,
}

impl VersionRecord {
    pub(crate) fn new(version: u32, stored: &Stored, origin: Origin, made: Time, activates: Time) -> Self {
        Self {
            version,
            made,
            state: VersionState::Active,
            changed: activates,
            activates,
            origin,
            secret: Zeroizing::new(stored.expose().to_vec()),
            public: stored.public.as_ref().map(|public| public.bytes.clone()),
        }
    }

    pub(crate) fn state(&self, now: Time) -> VersionState {
        match self.state {
            VersionState::Active if now < self.activates => VersionState::PreActive,
            state => state,
        }
    }

    /// Its use begins now, and not later.
    pub(crate) fn activate(&mut self, now: Time) {
        (self.activates, self.changed) = (now, now);
    }

    /// Goes to another state; a destroyed one keeps nothing of its key.
    pub(crate) fn set_state(&mut self, state: VersionState, now: Time) {
        (self.state, self.changed) = (state, now);
        if state == VersionState::Destroyed {
            self.secret = Zeroizing::default();
            self.public = None;
        }
    }

    /// Ends as another record of the same version did: what is compromised or destroyed stays so. Whether that changed it.
    pub(crate) fn end_like(&mut self, other: &Self) -> bool {
        let ended = |state| match state {
            VersionState::Destroyed => 2,
            VersionState::Compromised => 1,
            _ => 0,
        };
        let ends = ended(other.state) > ended(self.state);
        if ends {
            self.set_state(other.state, other.changed);
        }
        ends
    }

    /// A number, a state that is written, a key unless it was destroyed, and of what came as a public half that half.
    pub(crate) fn is_sound(&self) -> bool {
        let empty = self.secret.is_empty() && self.public.is_none();
        self.version > 0
            && self.state != VersionState::PreActive
            && empty == (self.state == VersionState::Destroyed)
            && (self.origin != Origin::ImportedPublic || empty || self.public.is_some())
    }

    /// Whether the secret is here, and not the public half alone.
    pub(crate) fn has_secret(&self) -> bool {
        !self.secret.is_empty() && self.origin != Origin::ImportedPublic
    }

    /// Whether the public half alone was brought in, and is here.
    pub(crate) fn is_public_only(&self) -> bool {
        !self.secret.is_empty() && self.origin == Origin::ImportedPublic
    }

    /// Takes in the secret of a public half.
    pub(crate) fn complete(&mut self, stored: &Stored) {
        self.origin = Origin::Imported;
        self.secret = Zeroizing::new(stored.expose().to_vec());
    }

    /// Its key, for who may use it: where the public half alone was brought in, what that can do.
    pub(crate) fn stored(&self, algorithm: Algorithm) -> Option<Stored> {
        let secret = SecretSlice::from(self.secret.to_vec());
        (!self.secret.is_empty()).then(|| Stored { algorithm, secret, public: self.public(algorithm) })
    }

    pub(crate) fn public(&self, algorithm: Algorithm) -> Option<PublicKey> {
        let bytes = self.public.clone()?;
        Some(PublicKey { algorithm, bytes })
    }

    /// At least the length of its encoding.
    pub(crate) fn room(&self) -> usize {
        64 + self.secret.len() + self.public.as_ref().map_or(0, Vec::len)
    }

    pub(crate) fn view(&self, algorithm: Algorithm, now: Time) -> RingVersion {
        let state = self.state(now);
        RingVersion {
            version: self.version,
            made: self.made,
            state,
            since: if state == VersionState::PreActive { self.made } else { self.changed },
            activates: self.activates,
            origin: self.origin,
            has_secret: self.has_secret(),
            public: self.public(algorithm),
        }
    }
}
