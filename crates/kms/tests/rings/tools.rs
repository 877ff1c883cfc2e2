//! Random bytes and hashes, which need no ring.

use strongroom_core::HashAlgorithm;
use strongroom_kms::MAX_RANDOM;

use crate::support::{rings, verdict};

#[test]
fn random_bytes_have_the_length_that_is_asked_for_within_bounds() {
    let rings = rings();
    for length in [1, 31, 32, 4_096, MAX_RANDOM] {
        assert_eq!(rings.random(length).unwrap().len(), length);
    }
    for length in [0, MAX_RANDOM + 1, usize::MAX] {
        assert_eq!(verdict(rings.random(length)), "invalid");
    }
    let (one, two) = (rings.random(32).unwrap(), rings.random(32).unwrap());
    assert_ne!(*one, *two);
}

#[test]
fn a_hash_is_as_long_as_it_says() {
    for hash in HashAlgorithm::ALL {
        assert_eq!(rings().hash(hash, b"abc").unwrap().len(), hash.size());
    }
}
