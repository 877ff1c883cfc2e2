use minicbor::{Decode, Encode};

/// Which service an event comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Encode, Decode)]
#[cbor(index_only)]
#[non_exhaustive]
pub enum Service {
    /// The barrier.
    #[n(1)]
    Barrier,
    /// Key rings.
    #[n(2)]
    Kms,
    /// Tokens and people.
    #[n(3)]
    Identity,
    /// Backups.
    #[n(4)]
    Backup,
    /// What a server does before it knows which service is meant.
    #[n(5)]
    Server,
    /// The events themselves.
    #[n(6)]
    Audit,
}

impl Service {
    /// Every service.
    pub const ALL: &[Self] =
        &[Self::Barrier, Self::Kms, Self::Identity, Self::Backup, Self::Server, Self::Audit];
}

/// Whether an answer waits until its event is durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Class {
    /// It waits.
    Strict,
    /// It does not: the event is kept in memory, counted and bounded, until the next flush.
    Buffered,
}

/// Makes the enum and the one table of classes, so that no action is without its class.
macro_rules! actions {
    ($($(#[doc = $doc:literal])+ $number:literal $name:ident $class:ident,)+) => {
        /// What was done.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Encode, Decode)]
        #[cbor(index_only)]
        #[non_exhaustive]
        pub enum Action {
            $($(#[doc = $doc])+ #[n($number)] $name,)+
        }

        impl Action {
            /// Every action.
            pub const ALL: &[Self] = &[$(Self::$name,)+];

            /// The class of an event that tells of this action, unless it was refused.
            pub const fn class(self) -> Class {
                match self {
                    $(Self::$name => Class::$class,)+
                }
            }
        }
    };
}

actions! {
    /// A thing was made.
    1 Create Strict,
    /// A key got a new version.
    2 Rotate Strict,
    /// Its settings were changed.
    3 Configure Strict,
    /// It was forbidden to be used.
    4 Disable Strict,
    /// It was allowed again.
    5 Enable Strict,
    /// It was deleted.
    6 Delete Strict,
    /// What was wrapped under an old key was wrapped under the new one.
    7 Rewrap Strict,
    /// A job began that seals every record of a tenant anew, under the newest version of its key.
    8 Reseal Strict,
    /// Versions of a key that nothing lies under any more were destroyed.
    9 Destroy Strict,
    /// A tenant's keys were erased, and with them all that they open.
    10 Shred Strict,
    /// After a leak: everything is to get new keys.
    11 Renew Strict,
    /// A database was made.
    12 Initialize Strict,
    /// The database was sealed.
    13 Seal Strict,
    /// The database was unsealed, or somebody tried to.
    14 Unseal Strict,
    /// A share, or another secret of a slot, was handed in.
    15 Submit Strict,
    /// Shares that waited were forgotten.
    16 Reset Strict,
    /// Somebody logged in.
    17 Login Strict,
    /// A backup was taken.
    18 BackUp Strict,
    /// What was deleted or overwritten was removed from the files.
    19 Scrub Strict,
    /// It was tried whether a secret opens a slot.
    20 Check Strict,
    /// Something else was asked for that only its caller's token allows.
    21 Ask Strict,
    /// Its use was suspended.
    22 Suspend Strict,
    /// Its use was resumed.
    23 Resume Strict,
    /// It protects nothing new any more.
    24 Deactivate Strict,
    /// Somebody else may have it.
    25 Compromise Strict,
    /// It is to be deleted at a time.
    26 ScheduleDeletion Strict,
    /// It is not to be deleted at that time.
    27 CancelDeletion Strict,
    /// Its use began, by itself.
    28 Activate Strict,
    /// Old versions of it were deleted.
    29 Trim Strict,
    /// It was used so often that it is time to rotate it.
    30 NearLimit Strict,
    /// Something was encrypted.
    32 Encrypt Buffered,
    /// Something was decrypted.
    33 Decrypt Buffered,
    /// Something was decrypted and encrypted under a newer version.
    34 Reencrypt Buffered,
    /// Something was signed.
    35 Sign Buffered,
    /// A signature was checked.
    36 Verify Buffered,
    /// It was read.
    37 Read Buffered,
    /// Names were listed.
    38 List Buffered,
    /// The code of a message was computed.
    39 Mac Buffered,
    /// The code of a message was checked.
    40 VerifyMac Buffered,
    /// Bytes were derived from a key.
    41 Derive Buffered,
    /// A key for data was made, and encrypted.
    42 DataKey Buffered,
    /// A secret was agreed on.
    43 Agree Buffered,
    /// A secret was made for a ring.
    44 Encapsulate Buffered,
    /// A ring got the secret that was made for it.
    45 Decapsulate Buffered,
    /// Random bytes were drawn.
    46 Random Buffered,
    /// Something was hashed.
    47 Hash Buffered,
    /// Requests by nobody that was recognised: they are counted.
    48 Knock Buffered,
    /// Events that could not be kept: they are counted.
    49 Lose Buffered,
    /// It was brought in.
    50 Import Strict,
    /// It was handed out.
    51 Export Strict,
    /// It came back from a backup.
    52 Restore Strict,
}
