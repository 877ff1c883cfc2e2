//! Who may do what: policies as people write them, and the one evaluator.

mod acl;
mod language;
mod path;
mod pattern;
mod request;
mod rule;
mod syntax;

pub use acl::{Acl, Allowed, Unfilled};
pub use language::{InvalidPolicy, PolicyProblem};
pub use path::{InvalidPolicyPath, PolicyPath};
pub use pattern::{InvalidPattern, Pattern, Piece};
pub use request::{Operation, Request};
pub use rule::{Capabilities, Conditions, Policy, Rule};
