//! What the barrier promises, promise by promise and attack by attack.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test ends at the first surprise")]

mod collector;
mod contract;
mod db;
mod engines;
mod faults;
mod fsck;
mod golden;
mod hostile;
mod jobs;
mod keys;
mod liars;
mod limits;
mod processes;
mod renew;
mod reseal;
mod rotation;
mod scans;
mod schedule;
mod seal;
mod secrecy;
mod shares;
mod shred;
mod slots;
