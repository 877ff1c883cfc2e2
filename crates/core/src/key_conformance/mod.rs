//! What every [`KeyBackend`] must do: a backend's test file is one call of [`run`].

#![expect(clippy::expect_used, clippy::panic, reason = "a broken contract ends the test")]

mod aead;
mod agree;
mod decapsulate;
mod derive;
mod envelope;
mod lifecycle;
mod mac;
mod open;
mod operation;
mod sign;

use std::{sync::Arc, thread};

use crate::{Algorithm, Key, KeyBackend, KeyError, Purpose, Stored};

/// Runs the suite for every algorithm. Those that the backend does not support it has to refuse.
///
/// # Panics
/// At the first rule of the contract that is broken.
pub fn run(backend: &dyn KeyBackend) {
    run_on(backend, &Algorithm::ALL);
}

/// Runs the suite for some algorithms: for a backend that takes long over others.
///
/// # Panics
/// At the first rule of the contract that is broken.
pub fn run_on(backend: &dyn KeyBackend, algorithms: &[Algorithm]) {
    assert!(!backend.name().is_empty(), "a backend has a name");
    for algorithm in algorithms {
        if backend.supports(*algorithm) {
            Subject::new(backend, *algorithm).check();
        } else {
            lifecycle::an_algorithm_that_is_not_supported_is_refused(backend, *algorithm);
        }
    }
}

/// One algorithm of a backend, and two of its keys, so that one that takes long to make is made twice only.
struct Subject<'b> {
    backend: &'b dyn KeyBackend,
    algorithm: Algorithm,
    stored: Stored,
    key: Arc<dyn Key>,
    /// Another key of the same algorithm.
    other: Arc<dyn Key>,
}

impl<'b> Subject<'b> {
    fn new(backend: &'b dyn KeyBackend, algorithm: Algorithm) -> Self {
        let make = || backend.generate(algorithm).unwrap_or_else(|error| panic!("{algorithm:?}: {error}"));
        let (stored, other) = (make(), make());
        let (key, other) = (load(backend, &stored), load(backend, &other));
        Self { backend, algorithm, stored, key, other }
    }

    fn check(&self) {
        lifecycle::a_key_is_what_was_asked_for(self);
        lifecycle::a_key_that_is_loaded_again_is_the_same(self);
        lifecycle::a_key_that_left_comes_back_the_same(self);
        lifecycle::a_public_half_alone_does_its_part_and_no_more(self);
        lifecycle::a_secret_of_another_length_is_refused(self);
        lifecycle::stored_bytes_that_are_not_its_own_are_refused(self);
        lifecycle::debug_output_holds_no_secret(self);
        operation::what_its_keys_are_not_for_is_unsupported(self);
        self.computes_as_it_should();
        self.many_threads_use_one_key();
    }

    fn computes_as_it_should(&self) {
        match self.algorithm.purpose() {
            Purpose::Envelope => envelope::check(self),
            Purpose::Aead => aead::check(self),
            Purpose::Mac => mac::check(self),
            Purpose::Derive => derive::check(self),
            Purpose::Sign => sign::check(self),
            Purpose::SignAndOpen => {
                sign::check(self);
                open::check(self);
            }
            Purpose::Open => open::check(self),
            Purpose::Agree => agree::check(self),
            Purpose::Decapsulate => decapsulate::check(self),
        }
    }

    fn many_threads_use_one_key(&self) {
        thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| (0..8).for_each(|_| self.alike(&*self.key)));
            }
        });
    }

    /// Fails unless what one key makes the other one takes.
    fn alike(&self, key: &dyn Key) {
        assert!(self.takes(key), "{:?}: two keys should be the same", self.algorithm);
    }

    /// Whether `key` takes what ours makes.
    fn takes(&self, key: &dyn Key) -> bool {
        match self.algorithm.purpose() {
            Purpose::Envelope => envelope::takes(self, key),
            Purpose::Aead => aead::takes(self, key),
            Purpose::Mac => mac::takes(self, key),
            Purpose::Derive => derive::takes(self, key),
            Purpose::Sign => sign::takes(self, key),
            Purpose::SignAndOpen => sign::takes(self, key) && open::takes(self, key),
            Purpose::Open => open::takes(self, key),
            Purpose::Agree => agree::takes(self, key),
            Purpose::Decapsulate => decapsulate::takes(self, key),
        }
    }
}

fn load(backend: &dyn KeyBackend, stored: &Stored) -> Arc<dyn Key> {
    backend.load(stored).expect("what was generated or imported loads")
}

/// What `operation` answers unless it is refused.
fn done<T>(outcome: Result<T, KeyError>) -> T {
    outcome.unwrap_or_else(|error| panic!("an operation of its own failed: {error}"))
}

/// The same bytes with each bit changed in turn, and each length below.
fn damaged(bytes: &[u8]) -> impl Iterator<Item = Vec<u8>> + '_ {
    let flipped = (0..bytes.len() * 8).map(|bit| {
        let mut copy = bytes.to_vec();
        copy.iter_mut().skip(bit / 8).take(1).for_each(|byte| *byte ^= 1 << (bit % 8));
        copy
    });
    let cut = (0..bytes.len()).map(|length| bytes.iter().take(length).copied().collect());
    let longer = [[bytes, &[0]].concat(), [&[0], bytes].concat()];
    flipped.chain(cut).chain(longer)
}

/// A sample of those, and always one byte fewer and one more at the end.
fn sampled(bytes: &[u8]) -> impl Iterator<Item = Vec<u8>> + '_ {
    let step = (bytes.len() / 9).max(7);
    let shorter = bytes.iter().take(bytes.len().saturating_sub(1)).copied().collect();
    damaged(bytes).step_by(step).chain([shorter, [bytes, &[0]].concat()])
}
