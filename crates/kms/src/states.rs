//! What may be done in which state: the one place that says so.

use strongroom_core::Purpose;

use crate::{KmsError, Operation, RingState, VersionState};

/// What an operation does with a version's key, as NIST SP 800-57 part 1 distinguishes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum KeyUse {
    /// Protects something new: encrypts, signs, computes a code, encapsulates, derives or agrees with the newest version.
    Protect,
    /// Processes with the secret what was protected before: decrypts, verifies a code, decapsulates, derives or agrees again.
    Process,
    /// Verifies a signature, which takes the public half alone.
    Verify,
    /// Decrypts only to encrypt anew under another version: the plaintext is not shown.
    MoveAway,
    /// Hands the secret out.
    Export,
    /// Shows the public half.
    Show,
}

impl KeyUse {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Protect, Self::Process, Self::Verify, Self::MoveAway, Self::Export, Self::Show];
}

/// What is done with a ring itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RingUse {
    /// Something with a key.
    UseKeys,
    /// A new version is made.
    Rotate,
    /// A key is brought in.
    Import,
    /// Its settings are changed, or old versions are trimmed.
    Configure,
    /// It is disabled or enabled.
    Switch,
    /// A version goes to another state.
    ChangeVersion,
    /// Its deletion is scheduled.
    ScheduleDeletion,
    /// Its scheduled deletion is cancelled.
    CancelDeletion,
    /// It is deleted.
    Delete,
}

impl RingUse {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::UseKeys,
        Self::Rotate,
        Self::Import,
        Self::Configure,
        Self::Switch,
        Self::ChangeVersion,
        Self::ScheduleDeletion,
        Self::CancelDeletion,
        Self::Delete,
    ];
}

impl RingState {
    /// Whether this may be done with a ring in this state.
    pub const fn allows(self, what: RingUse) -> bool {
        use RingUse::{
            CancelDeletion, ChangeVersion, Configure, Delete, Import, Rotate, ScheduleDeletion, UseKeys,
        };
        match self {
            Self::Creating => matches!(what, Configure | ScheduleDeletion | Delete),
            Self::PendingImport => matches!(what, Import | Configure | ScheduleDeletion | Delete),
            Self::Active => !matches!(what, CancelDeletion),
            // A minimum can be raised and a version be given up before anybody uses the ring again.
            Self::Disabled => !matches!(what, UseKeys | Rotate | Import | CancelDeletion),
            // What is found out about a key in this time holds if the deletion is cancelled.
            Self::PendingDeletion => matches!(what, ChangeVersion | CancelDeletion | Delete),
            Self::Destroyed => false,
        }
    }

    /// The same as an error.
    pub(crate) const fn check(self, what: RingUse) -> Result<(), KmsError> {
        match self {
            _ if self.allows(what) => Ok(()),
            Self::Disabled => Err(KmsError::Disabled),
            Self::Destroyed => Err(KmsError::NotFound),
            Self::Creating | Self::PendingImport | Self::Active | Self::PendingDeletion => {
                Err(KmsError::RingState(self))
            }
        }
    }
}

impl VersionState {
    /// Whether this may be done with a version in this state (NIST SP 800-57 part 1 revision 5, section 7). Where the
    /// standard leaves a choice, this is the safer one:
    ///
    /// - 7.1, pre-activation: nothing but proofs of possession, of which there are none here.
    /// - 7.3, suspended: shall not protect. Processing is at the recipient's risk: nothing is done with the secret, and
    ///   signatures still verify, as a signer who is away did sign.
    /// - 7.4, deactivated: shall not protect, and processes.
    /// - 7.5, compromised: shall not protect, and processes under controlled conditions only: what was encrypted can be
    ///   moved to another version and is not shown. A signature, or a code, of a key that somebody else has proves nothing.
    /// - 7.6, destroyed: there is no key.
    pub const fn allows(self, what: KeyUse) -> bool {
        match self {
            Self::PreActive => matches!(what, KeyUse::Show),
            Self::Active => true,
            Self::Suspended => matches!(what, KeyUse::Verify | KeyUse::Show),
            Self::Deactivated => !matches!(what, KeyUse::Protect),
            Self::Compromised => matches!(what, KeyUse::MoveAway | KeyUse::Show),
            Self::Destroyed => false,
        }
    }

    /// Whether a version may go from this state to that one by a call (the transitions of section 7). It becomes active
    /// by itself, at its time.
    pub const fn may_become(self, next: Self) -> bool {
        match self {
            Self::PreActive => matches!(next, Self::Compromised | Self::Destroyed),
            Self::Active => {
                matches!(next, Self::Suspended | Self::Deactivated | Self::Compromised | Self::Destroyed)
            }
            Self::Suspended => {
                matches!(next, Self::Active | Self::Deactivated | Self::Compromised | Self::Destroyed)
            }
            Self::Deactivated => matches!(next, Self::Compromised | Self::Destroyed),
            Self::Compromised => matches!(next, Self::Destroyed),
            Self::Destroyed => false,
        }
    }

    /// The same as an error.
    pub(crate) const fn check(self, what: KeyUse) -> Result<(), KmsError> {
        if self.allows(what) { Ok(()) } else { Err(KmsError::VersionState(self)) }
    }

    /// Whether any use of a key of this purpose is allowed in this state that takes its bytes into memory.
    pub(crate) const fn needs_key(self, purpose: Purpose) -> bool {
        let verifies = matches!(purpose, Purpose::Sign | Purpose::SignAndOpen);
        let opens = matches!(purpose, Purpose::Open | Purpose::SignAndOpen);
        let moves = opens || matches!(purpose, Purpose::Envelope | Purpose::Aead);
        self.allows(KeyUse::Process)
            || verifies && self.allows(KeyUse::Verify)
            || moves && self.allows(KeyUse::MoveAway)
    }
}

impl Operation {
    /// What it does with a key: of one whose version was asked for, of which there are two kinds, `again` says that it only
    /// repeats what was done before.
    pub(crate) const fn key_use(self, again: bool) -> KeyUse {
        match self {
            Self::Encrypt | Self::DataKey | Self::Sign | Self::Mac | Self::Encapsulate => KeyUse::Protect,
            Self::Derive | Self::Agree if again => KeyUse::Process,
            Self::Derive | Self::Agree => KeyUse::Protect,
            Self::Decrypt | Self::VerifyMac | Self::Decapsulate => KeyUse::Process,
            Self::Verify => KeyUse::Verify,
            Self::Rewrap => KeyUse::MoveAway,
            Self::Export => KeyUse::Export,
        }
    }
}
