//! Tells who calls: tokens, kept only as a keyed hash and checked in memory. It stores no token and shows
//! none again.
//!
//! A [`RootToken`] may do everything. A service token belongs to a tenant, names policies, and ends: with its time, its
//! uses, its creator, or when it is revoked ([`ServiceTokens`]).
//!
//! ```
//! # use std::sync::Arc;
//! # use strongroom_core::{Base, Gate, SystemClock, Tenant, memory::MemoryStore};
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let provider = Arc::new(strongroom_keys::RustCrypto::new());
//! # let base = Base::new(Arc::new(MemoryStore::new()), Arc::new(Gate::new()), provider, Arc::new(SystemClock))?;
//! use secrecy::ExposeSecret;
//! use strongroom_identity::{RootToken, Tokens};
//!
//! let tokens = Tokens::new(base.clone(), Tenant::from_bytes([1; 16]))?;
//! let root = RootToken::new(&*base.provider, base.clock.now())?;
//! tokens.install(&root)?;
//! assert!(tokens.check(root.secret().expose_secret())?.is_some());
//! assert!(tokens.check("sr.somebody-else")?.is_none());
//! # Ok(()) }
//! ```

mod policy;
mod service;
mod token;
mod tokens;

pub use policy::{
    Acl, Allowed, Capabilities, Conditions, InvalidPattern, InvalidPolicy, InvalidPolicyName,
    InvalidPolicyPath, Operation, Pattern, Piece, Policies, Policy, PolicyError, PolicyName, PolicyPath,
    PolicyProblem, Request, Rule, StoredPolicy, Unfilled,
};
pub use service::{
    Accessors, Cidr, Created, Creator, InvalidCidr, NewToken, ServiceTokens, TokenError, TokenLimits,
    TokenView, policy_name,
};
pub use token::{InvalidToken, RootToken, Token};
pub use tokens::Tokens;
