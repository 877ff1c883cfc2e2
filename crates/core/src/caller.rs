use std::fmt;

use minicbor::{Decode, Encode};

use crate::{Hashed, Tenant};

/// On whose behalf an operation runs; it goes into the events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Caller {
    /// Whose data it works on.
    pub tenant: Tenant,
    /// Who asked.
    pub actor: Actor,
    /// Which request it belongs to, if it came by one.
    pub request: Option<RequestId>,
    /// What stands in events for the token that was shown.
    pub credential: Option<Credential>,
}

/// What stands for a token and its accessor in events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Credential {
    /// For the token.
    pub token: Hashed,
    /// For its accessor.
    pub accessor: Hashed,
}

impl Caller {
    /// The program itself, which links the crates.
    pub const fn application(tenant: Tenant) -> Self {
        Self { tenant, actor: Actor::Application, request: None, credential: None }
    }

    /// The suite itself, as in due work.
    pub const fn system() -> Self {
        Self { tenant: Tenant::SYSTEM, actor: Actor::System, request: None, credential: None }
    }
}

/// Who asked for something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Encode, Decode)]
pub enum Actor {
    /// The suite itself.
    #[n(0)]
    System,
    /// The program that links the crates.
    #[n(1)]
    Application,
    /// Whoever holds the token with this accessor. The accessor names a token and cannot be used as one.
    #[n(2)]
    Token(#[cbor(n(0), with = "minicbor::bytes")] [u8; 16]),
    /// Nobody that was recognised.
    #[n(3)]
    Anonymous,
}

/// Names one request in answers and events.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Encode, Decode)]
#[cbor(transparent)]
pub struct RequestId(#[cbor(n(0), with = "minicbor::bytes")] pub [u8; 16]);

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, byte) in self.0.iter().enumerate() {
            write!(f, "{}{byte:02x}", if matches!(at, 4 | 6 | 8 | 10) { "-" } else { "" })?;
        }
        Ok(())
    }
}

impl fmt::Debug for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RequestId({self})")
    }
}
