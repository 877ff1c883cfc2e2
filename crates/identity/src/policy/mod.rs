//! Who may do what: policies as people write them, and the one evaluator.

mod language;
mod path;
mod pattern;
mod rule;
mod syntax;

pub use language::{InvalidPolicy, PolicyProblem};
pub use path::{InvalidPolicyPath, PolicyPath};
pub use pattern::{InvalidPattern, Pattern, Piece};
pub use rule::{Capabilities, Conditions, Policy, Rule};
