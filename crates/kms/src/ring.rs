use std::time::Duration;

use strongroom_core::{Algorithm, PublicKey, Time};

use crate::{Origin, Policy, RingState, VersionState};

/// What a ring shows: all but its secrets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ring {
    /// The id that stands in its ciphertexts.
    pub id: [u8; 16],
    /// What its keys are for.
    pub algorithm: Algorithm,
    /// When it was made.
    pub made: Time,
    /// Its state.
    pub state: RingState,
    /// Since when.
    pub since: Time,
    /// When it ends, if that was scheduled.
    pub deletion: Option<Time>,
    /// The number of its newest version; 0 for a ring that has none yet.
    pub latest_version: u32,
    /// The oldest version that decrypts and verifies.
    pub min_decryption_version: u32,
    /// The oldest version that encrypts and signs for whoever asks for a version; 0 means each that decrypts.
    /// Without asking it is the newest.
    pub min_encryption_version: u32,
    /// The oldest version that is still there: those below were trimmed.
    pub min_available_version: u32,
    /// Whether it may be deleted at once.
    pub deletion_allowed: bool,
    /// Whether its keys may be handed out.
    pub exportable: bool,
    /// Whether a backup of it may be in the clear.
    pub plaintext_backup: bool,
    /// Whether what it encrypts has additional data, always.
    pub derived: bool,
    /// Whether its first key came from elsewhere.
    pub imported: bool,
    /// Whether an imported ring gets further versions that are made here.
    pub allow_rotation: bool,
    /// How often it gets a new version by itself.
    pub rotation_period: Option<Duration>,
    /// When it gets the next one so.
    pub next_rotation: Option<Time>,
    /// How long a version of a rotation is shown before it is used.
    pub publish_delay: Duration,
    /// What its keys may be used for.
    pub policy: Policy,
    /// The newest versions, oldest first. Those between `min_available_version` and the first of these are archived, and
    /// [`Rings::archived`](crate::Rings::archived) shows them.
    pub versions: Vec<RingVersion>,
}

/// One version of a ring.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RingVersion {
    /// Its number, from 1.
    pub version: u32,
    /// When it was made.
    pub made: Time,
    /// Its state, when this was read.
    pub state: VersionState,
    /// Since when.
    pub since: Time,
    /// When its use begins or began.
    pub activates: Time,
    /// Where its key comes from.
    pub origin: Origin,
    /// Whether its secret is here: not of one that was destroyed, nor where only the public half was brought in.
    pub has_secret: bool,
    /// Its public half, where it has one.
    pub public: Option<PublicKey>,
}

impl RingVersion {
    /// Its state later: one that was not active yet becomes it at its time.
    pub(crate) fn state_at(&self, now: Time) -> VersionState {
        match self.state {
            VersionState::PreActive if self.activates <= now => VersionState::Active,
            state => state,
        }
    }
}

/// What is to change in a ring; nothing where it stays.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Settings {
    /// The oldest version that decrypts and verifies: from 1 to the newest.
    pub min_decryption_version: Option<u32>,
    /// The oldest version that encrypts and signs where a version is asked for: 0 for each that decrypts, else
    /// from `min_decryption_version` to the newest.
    pub min_encryption_version: Option<u32>,
    /// Whether the ring may be deleted at once.
    pub deletion_allowed: Option<bool>,
    /// Whether its keys may be handed out. Once allowed, it stays allowed.
    pub exportable: Option<bool>,
    /// Whether a backup of it may be in the clear. Once allowed, it stays allowed.
    pub plaintext_backup: Option<bool>,
    /// Whether an imported ring gets further versions that are made here.
    pub allow_rotation: Option<bool>,
    /// How often it gets a new version by itself: an hour at least, or zero for never.
    pub rotation_period: Option<Duration>,
    /// How long the version of a rotation is shown before it is used, at most a year.
    pub publish_delay: Option<Duration>,
    /// What its keys may be used for.
    pub policy: Option<Policy>,
}

impl Settings {
    /// Nothing changes.
    pub const NONE: Self = Self {
        min_decryption_version: None,
        min_encryption_version: None,
        deletion_allowed: None,
        exportable: None,
        plaintext_backup: None,
        allow_rotation: None,
        rotation_period: None,
        publish_delay: None,
        policy: None,
    };
}

/// Where the first key of a new ring comes from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Source {
    /// It is made at once.
    #[default]
    Generated,
    /// It is made by due work, soon: the ring is [`RingState::Creating`] until then.
    GeneratedLater,
    /// It will be brought in: the ring is [`RingState::PendingImport`] until then.
    Imported,
}

/// A ring to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewRing {
    /// What its keys are for.
    pub algorithm: Algorithm,
    /// Where its first key comes from.
    pub source: Source,
    /// Whether what it encrypts has additional data, always: nothing is encrypted or decrypted without. For rings that
    /// encrypt, and it stays so.
    pub derived: bool,
    /// All else that can be changed later.
    pub settings: Settings,
}

impl NewRing {
    /// A ring whose first key is made at once, with all else as it is without being asked for.
    pub const fn of(algorithm: Algorithm) -> Self {
        Self { algorithm, source: Source::Generated, derived: false, settings: Settings::NONE }
    }
}
