use std::{
    cell::RefCell,
    thread,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use chacha20::ChaCha20Rng;
use rand_core::{Rng, SeedableRng};
use strongroom_core::{KeyError, Random};
use zeroize::Zeroizing;

/// A generator is seeded anew after this many bytes.
const SEED_BYTES: usize = 64 * 1024;

/// A generator is seeded anew after this time, in nanoseconds.
const SEED_NANOS: u64 = 1_000_000_000;

/// The default source of randomness.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemRandom;

impl Random for SystemRandom {
    fn fill(&self, bytes: &mut [u8]) {
        let drawn = GENERATOR.try_with(|generator| match generator.try_borrow_mut() {
            Ok(mut generator) => {
                generator.get_or_insert_with(Generator::new).fill(bytes);
                true
            }
            Err(_) => false,
        });
        // A thread that is ending has no generator any more.
        if drawn != Ok(true) {
            wait_for_system(bytes);
        }
    }

    fn fill_secret(&self, bytes: &mut [u8]) -> Result<(), KeyError> {
        getrandom::fill(bytes).map_err(|_| KeyError::Random)
    }
}

thread_local! {
    static GENERATOR: RefCell<Option<Generator>> = const { RefCell::new(None) };
}

struct Generator {
    rng: ChaCha20Rng,
    process: u32,
    seeded: u64,
    drawn: usize,
}

impl Generator {
    fn new() -> Self {
        let mut seed = Zeroizing::new([0; 32]);
        wait_for_system(&mut *seed);
        Self { rng: ChaCha20Rng::from_seed(*seed), process: std::process::id(), seeded: now(), drawn: 0 }
    }

    fn fill(&mut self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(SEED_BYTES) {
            let time = if chunk.len() >= 16 { self.check() } else { 0 };
            self.drawn += chunk.len();
            if self.drawn > SEED_BYTES {
                *self = Self::new();
                self.drawn = chunk.len();
            }
            self.rng.fill_bytes(chunk);
            if chunk.len() >= 24
                && let Some(end) = chunk.last_chunk_mut::<8>()
            {
                *end = (u64::from_be_bytes(*end) ^ time).to_be_bytes();
            }
        }
    }

    fn check(&mut self) -> u64 {
        let time = now();
        if time.abs_diff(self.seeded) >= SEED_NANOS
            || (std::env::consts::OS == "x" && std::process::id() != self.process)
        {
            *self = Self::new();
        }
        time
    }
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_nanos() as u64)
}

fn wait_for_system(bytes: &mut [u8]) {
    while getrandom::fill(bytes).is_err() {
        thread::sleep(Duration::from_millis(10));
    }
}
