use strongroom_core::{Algorithm, PublicKey, Time};

/// What a ring shows: all but its secrets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ring {
    /// The id that stands in its ciphertexts.
    pub id: [u8; 16],
    /// What its keys are for.
    pub algorithm: Algorithm,
    /// The oldest version that decrypts and verifies.
    pub min_decryption_version: u32,
    /// The oldest version that encrypts and signs for whoever asks for a version; 0 means each that decrypts.
    /// Without asking it is the newest.
    pub min_encryption_version: u32,
    /// Whether it may be deleted.
    pub deletion_allowed: bool,
    /// Whether it is disabled: then it encrypts, decrypts, signs and verifies nothing and gets no new version.
    pub disabled: bool,
    /// All versions, oldest first.
    pub versions: Vec<RingVersion>,
}

/// One version of a ring.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RingVersion {
    /// Its number, from 1.
    pub version: u32,
    /// When it was made.
    pub made: Time,
    /// Its public half, where it has one.
    pub public: Option<PublicKey>,
}

/// What is to change in a ring; nothing where it stays.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Settings {
    /// The oldest version that decrypts and verifies: from 1 to the newest.
    pub min_decryption_version: Option<u32>,
    /// The oldest version that encrypts and signs where a version is asked for: 0 for each that decrypts, else
    /// from `min_decryption_version` to the newest.
    pub min_encryption_version: Option<u32>,
    /// Whether the ring may be deleted.
    pub deletion_allowed: Option<bool>,
}
