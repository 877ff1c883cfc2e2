//! What an operator does without a server.

mod damage;
mod drill;
mod fsck;
pub(crate) mod house;
mod recovery_key;
mod restore;
mod terminal;
