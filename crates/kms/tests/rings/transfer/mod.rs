//! Keys that come in, go out, and come back from backups.

mod archived;
mod backup;
mod export;
mod faults;
mod import;
mod material;
mod nodes;
mod public_only;
mod secrecy;
