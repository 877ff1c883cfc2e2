use std::{
    cell::RefCell,
    process, thread,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use chacha20::ChaCha20Rng;
use rand_core::{Rng, SeedableRng};
use strongroom_core::{KeyError, Random};
use zeroize::Zeroizing;

/// A seed serves for so many bytes,
const SEED_BYTES: usize = 64 << 10;

/// and for so many nanoseconds.
const SEED_NANOS: u64 = 1_000_000_000;

/// The process id is compared again after so many nanoseconds: less than a fork takes.
const PROCESS_NANOS: u64 = 10_000;

/// Fills from this length on look at the clock.
const TIMED: usize = 16;

/// Fills from this length on have the clock mixed in.
const SALT: usize = 24;

/// The default source of randomness: the system's generator, and for public bytes a ChaCha20 generator (RFC 8439)
/// in each thread, seeded by the system, as asking the system for a salt costs half as much as sealing.
///
/// `fill_secret` is answered by the system alone. What `fill` does so that no two fills are the same:
/// - A generator is seeded anew after a second and after 64 KiB.
/// - A forked process notices: the process id is compared, unless the same thread did so less than 10 µs before. The
///   shortest fork measured took 40 µs. (Comparing is a system call of 150–220 ns, a whole small envelope takes 700.)
/// - Of a virtual machine resumed twice from one snapshot, both repeat at most what they draw until the second is
///   over. The clock's nanoseconds, mixed into the last 8 bytes of every fill of 24 bytes and more, keep the
///   salts apart.
/// - Fills of less than 16 bytes, as the nonce of an envelope, do not look at clock and process, but rely on the
///   longer fills between them. A forked process that draws only short ones repeats the other until 64 KiB are
///   drawn.
///
/// While the system has no randomness to give, `fill` waits for it, asking every 10 ms: it never answers with
/// predictable bytes. It is not for keys: who reads the memory of the process learns what a thread drew since its
/// last seed.
///
/// ```
/// use strongroom_core::Random;
///
/// let mut id = [0; 16];
/// strongroom_keys::SystemRandom.fill(&mut id);
/// assert_ne!(id, [0; 16]);
/// ```
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemRandom;

impl Random for SystemRandom {
    fn fill(&self, bytes: &mut [u8]) {
        let filled = GENERATOR.try_with(|generator| {
            let mut generator = generator.try_borrow_mut().ok()?;
            generator.get_or_insert_with(Generator::new).fill(bytes, now);
            Some(())
        });
        // A thread that is ending has no generator any more.
        if !matches!(filled, Ok(Some(()))) {
            fill_by_system(bytes);
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
    /// Wiped on drop.
    rng: ChaCha20Rng,
    /// Bytes drawn since it was seeded.
    drawn: usize,
    /// When it was seeded.
    seeded: u64,
    /// The process that seeded it,
    process: u32,
    /// and when that was last compared.
    compared: u64,
}

impl Generator {
    fn new() -> Self {
        let mut seed = Zeroizing::new([0; 32]);
        fill_by_system(seed.as_mut_slice());
        let (rng, time) = (ChaCha20Rng::from_seed(*seed), now());
        Self { rng, drawn: 0, seeded: time, process: process::id(), compared: time }
    }

    fn fill(&mut self, bytes: &mut [u8], clock: impl FnOnce() -> u64) {
        let time = if bytes.len() >= TIMED { clock() } else { self.compared };
        if self.is_stale(time) {
            *self = Self::new();
        }
        for chunk in bytes.chunks_mut(SEED_BYTES) {
            if chunk.len() > SEED_BYTES - self.drawn {
                *self = Self::new();
            }
            self.drawn += chunk.len();
            self.rng.fill_bytes(chunk);
        }
        if bytes.len() >= SALT
            && let Some(end) = bytes.last_chunk_mut()
        {
            *end = (u64::from_be_bytes(*end) ^ time).to_be_bytes();
        }
    }

    /// Whether the seed is too old, or was drawn in another process. A clock set back makes it too old as well.
    fn is_stale(&mut self, time: u64) -> bool {
        if time.abs_diff(self.compared) >= PROCESS_NANOS {
            self.compared = time;
            if process::id() != self.process {
                return true;
            }
        }
        time.abs_diff(self.seeded) >= SEED_NANOS
    }
}

/// Nanoseconds of the wall clock, the one that is set right when a virtual machine resumes.
fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_nanos() as u64)
}

fn fill_by_system(bytes: &mut [u8]) {
    while getrandom::fill(bytes).is_err() {
        thread::sleep(Duration::from_millis(10));
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    /// A generator with a known seed, at the time 0.
    fn known() -> Generator {
        let rng = ChaCha20Rng::from_seed([7; 32]);
        Generator { rng, drawn: 0, seeded: 0, process: process::id(), compared: 0 }
    }

    fn expected(length: usize) -> Vec<u8> {
        let mut bytes = vec![0; length];
        ChaCha20Rng::from_seed([7; 32]).fill_bytes(&mut bytes);
        bytes
    }

    fn drawn(generator: &mut Generator, length: usize, time: u64) -> Vec<u8> {
        let mut bytes = vec![0; length];
        generator.fill(&mut bytes, || time);
        bytes
    }

    #[test]
    fn a_resumed_snapshot_draws_other_salts() {
        let (first, second) = (drawn(&mut known(), 24, 1), drawn(&mut known(), 24, 2));
        assert_eq!(first[..16], expected(24)[..16]);
        assert_eq!(first[..16], second[..16]);
        assert_ne!(first[16..], second[16..]);
    }

    #[test]
    fn a_forked_process_draws_other_bytes() {
        let mut forked = Generator { process: process::id() ^ 1, ..known() };
        assert_ne!(drawn(&mut forked, 16, PROCESS_NANOS), expected(16));
        assert_eq!(forked.process, process::id());
        assert_eq!(drawn(&mut known(), 16, PROCESS_NANOS), expected(16));
    }

    #[test]
    fn a_seed_serves_for_a_second_and_not_longer() {
        assert_eq!(drawn(&mut known(), 16, SEED_NANOS - 1), expected(16));
        assert_ne!(drawn(&mut known(), 16, SEED_NANOS), expected(16));
        let mut set_back = Generator { seeded: 2 * SEED_NANOS, ..known() };
        assert_ne!(drawn(&mut set_back, 16, 0), expected(16));
    }

    #[test]
    fn a_seed_serves_for_64_kib_and_not_more() {
        let mut generator = known();
        let all = expected(SEED_BYTES + 8);
        for piece in all[..SEED_BYTES].chunks(8) {
            assert_eq!(drawn(&mut generator, 8, 0), piece);
        }
        assert_ne!(drawn(&mut generator, 8, 0), all[SEED_BYTES..]);
        assert_ne!(drawn(&mut known(), SEED_BYTES + 8, 0)[SEED_BYTES..], all[SEED_BYTES..]);
    }

    #[test]
    fn no_two_fills_are_the_same_in_one_thread_or_in_several() {
        let fills = || -> Vec<[u8; 12]> {
            let fill = |_| {
                let mut bytes = [0; 12];
                SystemRandom.fill(&mut bytes);
                bytes
            };
            (0..20_000).map(fill).collect()
        };
        let others: Vec<_> = (0..3).map(|_| thread::spawn(fills)).collect();
        let mut all = fills();
        all.extend(others.into_iter().flat_map(|thread| thread.join().unwrap()));
        assert_eq!(all.iter().collect::<HashSet<_>>().len(), all.len());
    }

    #[test]
    fn every_length_is_filled() {
        for length in [1, 8, 15, 16, 23, 24, 25, 100, 3 * SEED_BYTES + 1] {
            let (mut public, mut secret) = (vec![0; length + 8], vec![0; length + 8]);
            SystemRandom.fill(&mut public[..length]);
            SystemRandom.fill_secret(&mut secret[..length]).unwrap();
            for bytes in [public, secret] {
                assert_eq!(bytes[length..], [0; 8]);
                let end = &bytes[..length][length.saturating_sub(16)..];
                assert!(end.len() < 16 || end.iter().any(|byte| *byte != 0), "{length}");
            }
        }
        SystemRandom.fill(&mut []);
    }
}
