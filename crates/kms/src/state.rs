use minicbor::{Decode, Encode};

/// In which state a ring is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Encode, Decode)]
#[cbor(index_only)]
pub enum RingState {
    /// Its first key is still to be made.
    #[n(1)]
    Creating,
    /// It waits for a key from elsewhere.
    #[n(2)]
    PendingImport,
    /// It does what its policy allows.
    #[n(3)]
    Active,
    /// It does nothing until it is enabled.
    #[n(4)]
    Disabled,
    /// It does nothing, and ends at [`Ring::deletion`](crate::Ring::deletion) unless that is cancelled.
    #[n(5)]
    PendingDeletion,
    /// It is gone; of its id, [`Tombstone`](crate::Tombstone) tells.
    #[n(6)]
    Destroyed,
}

impl RingState {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Creating,
        Self::PendingImport,
        Self::Active,
        Self::Disabled,
        Self::PendingDeletion,
        Self::Destroyed,
    ];
}

/// In which state a version's key is: those of NIST SP 800-57 part 1 revision 5, section 7.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Encode, Decode)]
#[cbor(index_only)]
pub enum VersionState {
    /// Not used yet (section 7.1): only its public half is shown.
    #[n(1)]
    PreActive,
    /// In use (section 7.2).
    #[n(2)]
    Active,
    /// Its use is suspended, and may be resumed (section 7.3).
    #[n(3)]
    Suspended,
    /// It protects nothing new, and processes what it protected (section 7.4).
    #[n(4)]
    Deactivated,
    /// Somebody else may have it (section 7.5).
    #[n(5)]
    Compromised,
    /// Its bytes are gone (section 7.6).
    #[n(6)]
    Destroyed,
}

impl VersionState {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::PreActive,
        Self::Active,
        Self::Suspended,
        Self::Deactivated,
        Self::Compromised,
        Self::Destroyed,
    ];
}

/// Where a version's key comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Encode, Decode)]
#[cbor(index_only)]
pub enum Origin {
    /// It was made here.
    #[n(1)]
    Generated,
    /// It was brought in.
    #[n(2)]
    Imported,
}
