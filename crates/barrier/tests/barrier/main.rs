//! What the barrier promises, promise by promise and attack by attack.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test ends at the first surprise")]

mod collector;
mod contract;
mod copy;
mod corruption;
mod db;
mod dice;
mod engines;
mod faults;
mod fsck;
mod golden;
mod golden_slots;
mod hostile;
mod hostile_slots;
mod jobs;
mod keys;
mod liars;
mod limits;
mod model;
mod processes;
mod renew;
mod replacement;
mod reseal;
mod rotation;
mod scans;
mod schedule;
mod seal;
mod secrecy;
mod share_text;
mod shares;
mod shred;
mod slot_changes;
mod slot_faults;
mod slots;
mod token;
mod ways;
