//! Dice that fall the same way in every run with the same seed.

use std::sync::{Arc, Mutex};

use strongroom_core::{KeyError, Random};
use strongroom_keys::RustCrypto;

pub(crate) struct Dice(u64);

/// A provider whose ids and keys are the same in every run with the same seed.
pub(crate) fn seeded(seed: u64) -> Arc<RustCrypto> {
    Arc::new(RustCrypto::with_random(Box::new(Thrown(Mutex::new(Dice::new(seed))))))
}

struct Thrown(Mutex<Dice>);

impl Random for Thrown {
    fn fill(&self, bytes: &mut [u8]) {
        let mut dice = self.0.lock().unwrap();
        bytes.iter_mut().for_each(|byte| *byte = dice.below(256) as u8);
    }

    fn fill_secret(&self, bytes: &mut [u8]) -> Result<(), KeyError> {
        self.fill(bytes);
        Ok(())
    }
}

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// A number below `limit`, by xorshift64*.
    pub(crate) fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) as usize % limit
    }

    /// True once in so many throws.
    pub(crate) fn one_in(&mut self, so_many: usize) -> bool {
        self.below(so_many) == 0
    }

    /// One of these.
    pub(crate) fn of<'a, T>(&mut self, these: &'a [T]) -> Option<&'a T> {
        if these.is_empty() { None } else { these.get(self.below(these.len())) }
    }
}
