//! Who calls, and what they may do.
#![expect(clippy::unwrap_used, reason = "a test ends at the first surprise")]

mod policy_acl;
mod policy_language;
mod policy_path;
mod policy_reference;
mod policy_store;
