use minicbor::{Decode, Encode};

/// How what was asked for ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Encode, Decode)]
pub enum Verdict {
    /// It was allowed, and done.
    #[n(0)]
    Allowed,
    /// It was not allowed.
    #[n(1)]
    Refused(#[n(0)] Refusal),
    /// It was allowed, and could not be done.
    #[n(2)]
    Failed(#[n(0)] Failure),
}

/// Why something was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Encode, Decode)]
#[cbor(index_only)]
#[non_exhaustive]
pub enum Refusal {
    /// The caller may not.
    #[n(1)]
    Denied,
    /// The state of the thing does not allow it.
    #[n(2)]
    State,
    /// The caller showed no token, or none that is good.
    #[n(3)]
    Unknown,
    /// The request is none of this service.
    #[n(4)]
    Malformed,
    /// A secret that was handed in opens nothing.
    #[n(5)]
    WrongSecret,
    /// Too much is going on.
    #[n(6)]
    Busy,
}

impl Refusal {
    /// Every reason.
    pub const ALL: &[Self] =
        &[Self::Denied, Self::State, Self::Unknown, Self::Malformed, Self::WrongSecret, Self::Busy];
}

/// Why something that was allowed could not be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Encode, Decode)]
#[cbor(index_only)]
#[non_exhaustive]
pub enum Failure {
    /// What was sent with it cannot be used.
    #[n(1)]
    Input,
    /// There is no such thing.
    #[n(2)]
    NotFound,
    /// It conflicts with what is there.
    #[n(3)]
    Conflict,
    /// A cryptographic check failed.
    #[n(4)]
    Cryptography,
    /// Nothing was done, because the store failed, or the database is sealed.
    #[n(5)]
    Unavailable,
    /// It is not known whether it was done.
    #[n(6)]
    Unknown,
    /// Part of it was done: some items of a batch failed.
    #[n(7)]
    Partly,
}

impl Failure {
    /// Every reason.
    pub const ALL: &[Self] = &[
        Self::Input,
        Self::NotFound,
        Self::Conflict,
        Self::Cryptography,
        Self::Unavailable,
        Self::Unknown,
        Self::Partly,
    ];
}
