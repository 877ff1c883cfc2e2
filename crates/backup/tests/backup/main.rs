//! What a backup promises, and the attacks on it.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test ends at the first surprise")]

mod crash;
mod damage;
mod durable;
mod forge;
mod forgery;
mod golden;
mod input_output;
mod key_text;
mod large;
mod limits;
mod new_file;
mod round_trip;
mod secrecy;
mod support;
