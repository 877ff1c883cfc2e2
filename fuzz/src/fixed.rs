//! Randomness that is the same in every run.

use std::sync::{
    Mutex,
    atomic::{AtomicU64, Ordering},
};

use strongroom_core::{KeyError, Random};
use strongroom_keys::RustCrypto;

/// A provider whose randomness depends on `seed` alone.
pub(crate) fn provider(seed: u64) -> RustCrypto {
    RustCrypto::with_random(Box::new(Counted { seed, drawn: AtomicU64::new(0) }))
}

/// A provider that answers with these bytes where randomness is asked for, once.
pub(crate) fn replaying(bytes: Vec<u8>) -> RustCrypto {
    RustCrypto::with_random(Box::new(Replayed(Mutex::new(bytes))))
}

/// Splitmix64 over a counter.
struct Counted {
    seed: u64,
    drawn: AtomicU64,
}

impl Counted {
    fn next(&self) -> u64 {
        let at = self.seed ^ self.drawn.fetch_add(1, Ordering::Relaxed).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        mix(at)
    }
}

/// The output function of splitmix64: what it makes of a counter looks random.
pub(crate) fn mix(at: u64) -> u64 {
    let at = (at ^ (at >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let at = (at ^ (at >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    at ^ (at >> 31)
}

impl Random for Counted {
    fn fill(&self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(8) {
            chunk.copy_from_slice(&self.next().to_be_bytes()[..chunk.len()]);
        }
    }

    fn fill_secret(&self, bytes: &mut [u8]) -> Result<(), KeyError> {
        self.fill(bytes);
        Ok(())
    }
}

struct Replayed(Mutex<Vec<u8>>);

impl Random for Replayed {
    fn fill(&self, bytes: &mut [u8]) {
        let mut left = self.0.lock().expect("no other thread");
        let taken = bytes.len().min(left.len());
        bytes[..taken].copy_from_slice(&left[..taken]);
        left.drain(..taken);
    }

    fn fill_secret(&self, bytes: &mut [u8]) -> Result<(), KeyError> {
        self.fill(bytes);
        Ok(())
    }
}
