//! Statistics and timing of the sharing.

use std::{
    hint::black_box,
    sync::atomic::{AtomicU64, Ordering},
    time::Instant,
};

use strongroom_core::Random;
use strongroom_keys::RustCrypto;

use super::*;

/// Random bytes that are the same in every run: SHA-256 of a counter. So a statistic is the same too.
struct Fixed(AtomicU64);

impl Random for Fixed {
    fn fill(&self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(32) {
            let count = self.0.fetch_add(1, Ordering::Relaxed).to_be_bytes();
            chunk.copy_from_slice(&RustCrypto::new().sha256(&[b"statistics", &count])[..chunk.len()]);
        }
    }

    fn fill_secret(&self, bytes: &mut [u8]) -> Result<(), KeyError> {
        self.fill(bytes);
        Ok(())
    }
}

fn fixed() -> RustCrypto {
    RustCrypto::with_random(Box::new(Fixed(AtomicU64::new(0))))
}

const SECRET: [u8; 32] = *b"\x00\x00\x01\xff a secret with zeroes in it.";

fn shared(provider: &RustCrypto, threshold: u8, shares: u8) -> Vec<Share> {
    split(provider, [1; 16], Split { shares, threshold }, &SECRET).unwrap()
}

/// The value of a share at each byte of the secret.
fn values(share: &Share) -> Vec<u8> {
    share.point().split_off(1)
}

/// Pearson's statistic of 256 values that should be equally frequent: 255 on average, with a deviation of 22.6.
fn chi_square(counts: &[u64; 256]) -> f64 {
    let expected = counts.iter().sum::<u64>() as f64 / 256.0;
    counts.iter().map(|count| (*count as f64 - expected).powi(2) / expected).sum()
}

fn are_uniform(what: &str, counts: &[u64; 256]) {
    let statistic = chi_square(counts);
    assert!((150.0..360.0).contains(&statistic), "{what}: {statistic}");
    let (zeroes, expected) = (counts[0] as f64, counts.iter().sum::<u64>() as f64 / 256.0);
    assert!((zeroes - expected).abs() < 5.0 * expected.sqrt(), "{what}: {zeroes} zeroes of {expected}");
}

#[test]
fn every_coefficient_is_uniform_zero_and_the_highest_one_included() {
    let provider = fixed();
    let (mut first, mut second, mut both) = ([0; 256], [0; 256], [0; 256]);
    for _ in 0..2_000 {
        let shares = shared(&provider, 3, 3);
        let [one, two, _] = [0, 1, 2].map(|n| values(&shares[n]));
        for ((secret, one), two) in SECRET.iter().zip(one).zip(two) {
            // f(x) = s + a x + b x², so f(1) - s = a + b, and (f(2) - s) / 2 = a + 2 b.
            let sum = Gf256::from(one) - Gf256::from(*secret);
            let other = (Gf256::from(two) - Gf256::from(*secret)) / Gf256::from(2_u8);
            let b = (sum - other) / (Gf256::from(1_u8) - Gf256::from(2_u8));
            let (a, b) = (u8::from(sum - b), u8::from(b));
            first[usize::from(a)] += 1;
            second[usize::from(b)] += 1;
            both[usize::from(a & 15) << 4 | usize::from(b & 15)] += 1;
        }
    }
    are_uniform("the coefficient of x", &first);
    are_uniform("the coefficient of x²", &second);
    are_uniform("both together", &both);
}

#[test]
fn every_share_of_a_fixed_secret_is_uniform() {
    for threshold in 2..=4 {
        let provider = fixed();
        let mut counts = [[0; 256]; 4];
        for _ in 0..600 {
            for (counts, share) in counts.iter_mut().zip(shared(&provider, threshold, 4)) {
                values(&share).into_iter().for_each(|value| counts[usize::from(value)] += 1);
            }
        }
        counts.iter().for_each(|counts| are_uniform(&format!("threshold {threshold}"), counts));
    }
}

/// RUSTSEC-2024-0398: coefficients that are never zero exclude one value of the secret with every sharing, until
/// only the right one is left.
#[test]
fn sharing_a_secret_again_and_again_excludes_no_value() {
    let provider = fixed();
    let mut seen = [[false; 256]; 32];
    for _ in 0..4_000 {
        let one = values(&shared(&provider, 2, 2)[0]);
        seen.iter_mut().zip(one).for_each(|(seen, value)| seen[usize::from(value)] = true);
    }
    assert!(seen.iter().all(|seen| seen.iter().all(|seen| *seen)));
}

#[test]
fn the_order_of_shares_makes_no_difference() {
    let shares = shared(&RustCrypto::new(), 4, 4);
    let mut orders = 0;
    for order in 0..256_usize {
        let places = [order & 3, order >> 2 & 3, order >> 4 & 3, order >> 6 & 3];
        if BTreeSet::from(places).len() == 4 {
            let ordered = places.map(|place| shares[place].clone());
            assert_eq!(*combine(&ordered).unwrap(), SECRET);
            orders += 1;
        }
    }
    assert_eq!(orders, 24);
}

#[test]
fn with_a_threshold_of_1_every_share_is_the_secret() {
    for share in shared(&RustCrypto::new(), 1, 5) {
        assert_eq!(values(&share), SECRET);
        assert_eq!(*combine(&[share]).unwrap(), SECRET);
    }
}

#[test]
fn a_sharing_with_a_wrong_share_is_not_given_out() {
    let provider = RustCrypto::new();
    let good = shared(&provider, 2, 5);
    assert!(give_the_secret(&good, 2, &SECRET).is_ok());
    for at in 0..5 {
        let mut bad = good.clone();
        bad[at] = Share::new(&provider, [1; 16], 2, at as u8 + 1, &[7; 32]);
        assert!(give_the_secret(&bad, 2, &SECRET).is_err(), "{at}");
    }
}

/// Multiplication as FIPS 197, section 4.2, has it: modulo x⁸ + x⁴ + x³ + x + 1. It stops early, as it must not.
fn early(a: u8, mut b: u8) -> u8 {
    let (mut a, mut product) = (u16::from(a), 0);
    while b != 0 {
        if b & 1 == 1 {
            product ^= a;
        }
        b >>= 1;
        a <<= 1;
        if a & 0x100 != 0 {
            a ^= 0x11b;
        }
    }
    product as u8
}

#[test]
fn the_field_is_that_of_fips_197() {
    for (a, b) in (0..=255_u8).flat_map(|a| (0..=255_u8).map(move |b| (a, b))) {
        assert_eq!(u8::from(Gf256::from(a) * Gf256::from(b)), early(a, b));
    }
}

/// How much longer `work` takes for one of zeroes and random values than for the other, as a share of the
/// shorter time: by the medians of both classes, in random order.
fn difference(work: impl Fn(&[u8; 32])) -> f64 {
    let random = fixed();
    let draw = |_| {
        let (mut input, mut class) = ([0; 32], [0]);
        random.random().fill(&mut input);
        random.random().fill(&mut class);
        if class[0] & 1 == 0 { ([0; 32], true) } else { (input, false) }
    };
    // All are drawn before any is measured: what was done to draw one does not show in its time.
    let inputs: Vec<([u8; 32], bool)> = (0..8_000).map(draw).collect();
    let mut timed: Vec<(u64, bool)> = Vec::with_capacity(inputs.len());
    for (input, is_zero) in &inputs {
        let start = Instant::now();
        work(black_box(input));
        timed.push((start.elapsed().as_nanos() as u64, *is_zero));
    }
    timed.sort_unstable();
    let median = |class: bool| {
        let times: Vec<u64> =
            timed.iter().filter(|(_, is_zero)| *is_zero == class).map(|(time, _)| *time).collect();
        times[times.len() / 2] as f64
    };
    let (one, two) = (median(true), median(false));
    (one - two).abs() / one.min(two)
}

/// After dudect (Reparaz, Balasch, Verbauwhede, 2017): fixed against random values. A loaded machine may disturb
/// one measurement, so the quietest of several counts.
#[test]
fn combining_takes_as_long_for_zeroes_as_for_random_values() {
    let quietest = |work: &dyn Fn(&[u8; 32])| (0..5).map(|_| difference(work)).fold(f64::MAX, f64::min);
    let multiplied = quietest(&|values| {
        let product = values.iter().fold(Gf256::from(0x53_u8), |product, value| {
            Gf256::from(0x53_u8) * black_box(Gf256::from(*value)) + product
        });
        black_box(product);
    });
    let leaky = quietest(&|values| {
        let product = values.iter().fold(0x53, |product, value| early(0x53, black_box(*value)) ^ product);
        black_box(product);
    });
    let provider = RustCrypto::new();
    let combined = quietest(&|values| {
        let shares = [1, 2, 3].map(|index| Share::new(&provider, [1; 16], 3, index, values));
        let _ = black_box(combine(&shares));
    });
    assert!(leaky > 0.5, "the measurement sees a multiplication that stops early: {leaky}");
    assert!(multiplied < 0.05 && combined < 0.05, "multiplied: {multiplied}, combined: {combined}");
}
