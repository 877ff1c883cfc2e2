//! Keys made ahead of demand: only what was asked for, as many as that, each once, and none after a wipe.
#![expect(clippy::unwrap_used, reason = "a test ends at the first surprise")]

use std::{
    collections::HashSet,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};

use secrecy::SecretSlice;
use strongroom_core::{
    Aead, Algorithm, FixedClock, HashAlgorithm, Key, KeyBackend, KeyError, Mac, Provider, Random, Stored,
    Time, key_conformance,
};
use strongroom_keys::{Ahead, RustCrypto};
use zeroize::Zeroizing;

const RSA: Algorithm = Algorithm::Rsa2048;
const HOUR: Duration = Duration::from_secs(3600);
const EVER: Duration = Duration::MAX;
/// How long a key takes by the clock.
const EACH: Duration = Duration::from_millis(100);

/// Makes keys that are numbers, and tells the time that it would take.
struct Numbers {
    inner: RustCrypto,
    clock: Arc<FixedClock>,
    made: AtomicU64,
    meanwhile: Mutex<Option<Box<dyn FnOnce() + Send>>>,
}

impl KeyBackend for Numbers {
    fn name(&self) -> &'static str {
        "numbers"
    }

    fn supports(&self, _: Algorithm) -> bool {
        true
    }

    fn generate(&self, algorithm: Algorithm) -> Result<Stored, KeyError> {
        let number = self.made.fetch_add(1, Ordering::SeqCst);
        self.clock.advance(EACH);
        if let Some(run) = self.meanwhile.lock().unwrap().take() {
            run();
        }
        let secret = SecretSlice::from(number.to_be_bytes().to_vec());
        Ok(Stored { algorithm, secret, public: None })
    }

    fn import(&self, _: Algorithm, _: &[u8]) -> Result<Stored, KeyError> {
        Err(KeyError::Unsupported)
    }

    fn load(&self, _: &Stored) -> Result<Arc<dyn Key>, KeyError> {
        Err(KeyError::Unsupported)
    }
}

impl Provider for Numbers {
    fn random(&self) -> &dyn Random {
        self.inner.random()
    }

    fn hash(&self, algorithm: HashAlgorithm, parts: &[&[u8]]) -> Vec<u8> {
        self.inner.hash(algorithm, parts)
    }

    fn sha256(&self, parts: &[&[u8]]) -> [u8; 32] {
        self.inner.sha256(parts)
    }

    fn hmac(&self, key: &[u8; 32]) -> Box<dyn Mac> {
        self.inner.hmac(key)
    }

    fn hkdf(&self, secret: &[u8], salt: &[u8], info: &[u8]) -> Zeroizing<[u8; 32]> {
        self.inner.hkdf(secret, salt, info)
    }

    fn aead(&self) -> &dyn Aead {
        self.inner.aead()
    }

    fn software(&self) -> &dyn KeyBackend {
        self
    }
}

fn ahead(most: usize) -> (Arc<Ahead>, Arc<Numbers>) {
    let clock = Arc::new(FixedClock::at(Time::from_millis(1)));
    let (inner, meanwhile) = (RustCrypto::new(), Mutex::default());
    let numbers = Arc::new(Numbers { inner, clock: clock.clone(), made: AtomicU64::new(0), meanwhile });
    (Arc::new(Ahead::new(numbers.clone(), clock, most)), numbers)
}

fn demand(ahead: &Ahead, algorithm: Algorithm, times: usize) {
    (0..times).for_each(|_| drop(ahead.software().generate(algorithm).unwrap()));
}

#[test]
fn nothing_is_made_before_it_was_asked_for_and_then_as_much_as_was() {
    let (ahead, numbers) = ahead(8);
    assert_eq!(ahead.fill(EVER).unwrap(), 0);
    assert_eq!(numbers.made.load(Ordering::SeqCst), 0);
    demand(&ahead, RSA, 3);
    assert_eq!((ahead.fill(EVER).unwrap(), ahead.ready(RSA)), (3, 3));
    assert_eq!(ahead.ready(Algorithm::Rsa4096), 0);
    // What is ready satisfies the same demand again, without more being kept.
    demand(&ahead, RSA, 3);
    assert_eq!(numbers.made.load(Ordering::SeqCst), 6);
    assert_eq!(ahead.fill(EVER).unwrap(), 3);
    demand(&ahead, RSA, 100);
    assert_eq!((ahead.fill(EVER).unwrap(), ahead.ready(RSA)), (8, 8), "the bound");
}

#[test]
fn only_keys_that_take_long_are_made_ahead() {
    let (ahead, _) = ahead(8);
    for algorithm in Algorithm::ALL {
        demand(&ahead, algorithm, 1);
    }
    ahead.fill(EVER).unwrap();
    for algorithm in Algorithm::ALL {
        let expected = usize::from(algorithm.modulus_bits().is_some());
        assert_eq!(ahead.ready(algorithm), expected, "{algorithm:?}");
    }
}

#[test]
fn what_nobody_asks_for_any_more_shrinks_to_nothing() {
    let (ahead, numbers) = ahead(8);
    demand(&ahead, RSA, 5);
    ahead.fill(EVER).unwrap();
    for expected in [2, 1, 0, 0] {
        numbers.clock.advance(HOUR);
        assert_eq!((ahead.fill(EVER).unwrap(), ahead.ready(RSA)), (0, expected));
    }
    // And grows again, from one.
    demand(&ahead, RSA, 1);
    assert_eq!(ahead.fill(EVER).unwrap(), 1);
    numbers.clock.advance(100 * HOUR);
    assert_eq!((ahead.fill(EVER).unwrap(), ahead.ready(RSA)), (0, 0));
}

#[test]
fn a_step_of_filling_ends_with_the_key_in_which_its_budget_ended() {
    let (ahead, _) = ahead(8);
    demand(&ahead, RSA, 8);
    assert_eq!(ahead.fill(Duration::ZERO).unwrap(), 0);
    assert_eq!(ahead.fill(EACH * 5 / 2).unwrap(), 3);
    assert_eq!(ahead.fill(EVER).unwrap(), 5);
}

#[test]
fn no_key_is_given_out_twice_however_many_ask_and_fill() {
    let (ahead, numbers) = ahead(16);
    demand(&ahead, RSA, 16);
    let stop = AtomicBool::new(false);
    let fill = || {
        let mut made = 0;
        while !stop.load(Ordering::SeqCst) {
            made += ahead.fill(EACH).unwrap();
            thread::yield_now();
        }
        made
    };
    let ask = || {
        let key = || ahead.software().generate(RSA).unwrap().expose().to_vec();
        (0..500).map(|_| (key(), thread::yield_now()).0).collect::<Vec<_>>()
    };
    let (got, filled): (Vec<_>, usize) = thread::scope(|scope| {
        let fills = [scope.spawn(fill), scope.spawn(fill)];
        let asks = [ask; 4].map(|ask| scope.spawn(ask));
        let got = asks.into_iter().flat_map(|ask| ask.join().unwrap()).collect();
        stop.store(true, Ordering::SeqCst);
        (got, fills.into_iter().map(|fill| fill.join().unwrap()).sum())
    });
    assert!(filled > 0);
    assert_eq!(got.iter().collect::<HashSet<_>>().len(), 2_000);
    let made = usize::try_from(numbers.made.load(Ordering::SeqCst)).unwrap();
    assert_eq!(made, 16 + 2_000 + ahead.ready(RSA), "none is made in vain");
}

#[test]
fn after_a_wipe_nothing_is_ready_nor_becomes_it_and_who_asks_gets_a_key_of_his_own() {
    let (ahead, numbers) = ahead(8);
    demand(&ahead, RSA, 3);
    ahead.fill(EVER).unwrap();
    demand(&ahead, RSA, 1);
    // The wipe comes while a key is made.
    let wiping = ahead.clone();
    *numbers.meanwhile.lock().unwrap() = Some(Box::new(move || wiping.wipe()));
    assert_eq!((ahead.fill(EVER).unwrap(), ahead.ready(RSA)), (1, 0));
    demand(&ahead, RSA, 5);
    assert_eq!((ahead.fill(EVER).unwrap(), ahead.ready(RSA)), (0, 0));
}

#[test]
fn keys_made_ahead_keep_the_contract_and_are_different() {
    let ahead = Ahead::new(Arc::new(RustCrypto::new()), Arc::new(FixedClock::at(Time::from_millis(1))), 2);
    demand(&ahead, RSA, 2);
    assert_eq!(ahead.fill(Duration::from_secs(1)).unwrap(), 2);
    let [one, other] = [0, 1].map(|_| ahead.software().generate(RSA).unwrap());
    assert_eq!(ahead.ready(RSA), 0);
    assert_ne!(one.public.unwrap().bytes, other.public.unwrap().bytes);
    ahead.fill(Duration::from_secs(1)).unwrap();
    key_conformance::run_on(&ahead, &[RSA, Algorithm::Ed25519, Algorithm::Aes256Siv]);
}
