//! What hostile bytes may and may not do to Strongroom: one function per parser, which takes any bytes and
//! panics where a promise does not hold. It drives no fuzzer itself.
//!
//! ```
//! let target = strongroom_fuzz::target("store_key").unwrap();
//! (target.run)(b"any bytes at all");
//! for seed in (target.seeds)() {
//!     (target.run)(&seed.bytes);
//! }
//! ```
//!
//! The programs in `fuzz_targets/` hand these functions to libFuzzer; the tests run them over the seeds and over
//! mutations of those. Everything is repeatable: the same bytes meet the same keys, ids and times.
#![forbid(unsafe_code)]

mod attacked;
pub mod ciphertext_text;
mod database;
pub mod envelope;
mod fixed;
pub mod http_path;
pub mod import;
mod input;
pub mod json_body;
mod mutate;
pub mod ring_record;
mod seed;
pub mod share;
pub mod store_key;
pub mod store_record;

pub use mutate::Mutator;
pub use seed::Seed;

/// A function that states what must hold for any bytes, and inputs to begin with.
#[derive(Debug, Clone, Copy)]
pub struct Target {
    /// The name of the program and of the folder with the seeds.
    pub name: &'static str,
    /// Panics where a promise does not hold.
    pub run: fn(&[u8]),
    /// What lies in `seeds/<name>/`, but for the inputs that a fuzzer once found.
    pub seeds: fn() -> Vec<Seed>,
}

/// All of them.
pub const TARGETS: [Target; 9] = [
    Target { name: "ciphertext_text", run: ciphertext_text::run, seeds: ciphertext_text::seeds },
    Target { name: "envelope", run: envelope::run, seeds: envelope::seeds },
    Target { name: "http_path", run: http_path::run, seeds: http_path::seeds },
    Target { name: "import", run: import::run, seeds: import::seeds },
    Target { name: "json_body", run: json_body::run, seeds: json_body::seeds },
    Target { name: "ring_record", run: ring_record::run, seeds: ring_record::seeds },
    Target { name: "share", run: share::run, seeds: share::seeds },
    Target { name: "store_key", run: store_key::run, seeds: store_key::seeds },
    Target { name: "store_record", run: store_record::run, seeds: store_record::seeds },
];

/// The target with this name.
pub fn target(name: &str) -> Option<&'static Target> {
    TARGETS.iter().find(|target| target.name == name)
}
