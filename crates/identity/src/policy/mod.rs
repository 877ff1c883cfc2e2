//! Who may do what: policies as people write them, and the one evaluator.

mod acl;
mod language;
mod name;
mod path;
mod pattern;
mod policies;
mod request;
mod rule;
mod syntax;

pub use acl::{Acl, Allowed, Unfilled};
pub use language::{InvalidPolicy, PolicyProblem};
pub use name::{InvalidPolicyName, PolicyName};
pub use path::{InvalidPolicyPath, PolicyPath};
pub use pattern::{InvalidPattern, Pattern, Piece};
pub use policies::{Policies, PolicyError, StoredPolicy};
pub use request::{Operation, Request};
pub use rule::{Capabilities, Conditions, Policy, Rule};
