//! Who calls, and what they may do.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test ends at the first surprise")]

mod bounds;
mod life;
mod model;
mod nodes;
mod policy_acl;
mod policy_language;
mod policy_path;
mod policy_reference;
mod policy_store;
mod tree;
mod world;
