//! No caller chooses a nonce, and none comes twice.

use std::collections::HashSet;

use strongroom_core::{
    Algorithm::{self, RawAes128Gcm, RawAes192Gcm, RawAes256Gcm, RawChaCha20Poly1305, RawXChaCha20Poly1305},
    Provider, UseLimit,
};
use strongroom_keys::RustCrypto;

use crate::support::{encrypted, key_drawing};

const RAW: [(Algorithm, usize); 5] = [
    (RawAes128Gcm, 12),
    (RawAes192Gcm, 12),
    (RawAes256Gcm, 12),
    (RawChaCha20Poly1305, 12),
    (RawXChaCha20Poly1305, 24),
];

#[test]
fn every_message_has_another_nonce_in_all_of_its_parts() {
    let provider = RustCrypto::new();
    for (algorithm, length) in RAW {
        let stored = provider.software().generate(algorithm).unwrap();
        let key = provider.software().load(&stored).unwrap();
        let nonces: Vec<_> = (0..2_000).map(|_| encrypted(&*key, b"", b"")[..length].to_vec()).collect();
        assert_eq!(nonces.iter().collect::<HashSet<_>>().len(), nonces.len(), "{algorithm:?}");
        // Neither the beginning nor the end stands still: of 2,000 random numbers of 32 bits about one pair is equal.
        for part in [0..4, length - 4..length] {
            let different = nonces.iter().map(|nonce| &nonce[part.clone()]).collect::<HashSet<_>>().len();
            assert!(different > 1_900, "{algorithm:?} {different}");
        }
    }
}

#[test]
fn a_nonce_is_the_end_of_a_draw_that_is_long_enough_to_notice_a_fork() {
    for (algorithm, length) in RAW {
        let drawn: Vec<u8> = (1..=24).collect();
        let key_bytes = vec![7; *algorithm.secret_lengths().unwrap().start()];
        let key = key_drawing(algorithm, &key_bytes, drawn.clone()).unwrap();
        assert_eq!(encrypted(&*key, b"", b"text")[..length], drawn[24 - length..], "{algorithm:?}");
    }
}

#[test]
fn keys_with_short_random_nonces_are_to_be_counted() {
    let counted = Algorithm::ALL.into_iter().filter(|algorithm| algorithm.use_limit().is_some());
    assert_eq!(counted.collect::<Vec<_>>(), [RawAes128Gcm, RawAes192Gcm, RawAes256Gcm, RawChaCha20Poly1305]);
    assert_eq!(RawAes256Gcm.use_limit(), Some(UseLimit { warn: 1 << 31, stop: 1 << 32 }));
}
