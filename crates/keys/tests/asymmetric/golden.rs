//! Keys as an earlier build kept them. A line has the algorithm, what is kept, the SHA-256 of the public half, and of
//! what signs that of a signature without randomness.

use std::fmt::Write as _;

use strongroom_core::{Algorithm, HashAlgorithm, Key, Padding, Provider as _, SignOptions, Stored};

use crate::support::{PROVIDER, asymmetric, software, unhex};

const KEPT: &str = include_str!("golden/keys-1.txt");

pub(crate) fn hash(bytes: &[u8]) -> String {
    hex(&PROVIDER.hash(HashAlgorithm::Sha256, &[bytes]))
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    })
}

fn signed(key: &dyn Key) -> String {
    let options = match key.algorithm().modulus_bits() {
        Some(_) => SignOptions { padding: Padding::Pkcs1v15, ..SignOptions::default() },
        None => SignOptions { deterministic: true, ..SignOptions::default() },
    };
    key.sign(b"golden", &options).map_or("-".into(), |signature| hash(&signature))
}

/// A key as an earlier build kept it.
pub(crate) fn kept(algorithm: Algorithm) -> Stored {
    let fields = |line: &'static str| line.split(' ').collect::<Vec<_>>();
    let line = KEPT.lines().map(fields).find(|line| line[0] == format!("{algorithm:?}")).unwrap();
    Stored { algorithm, secret: unhex(line[1]).into(), public: None }
}

fn line(stored: &Stored) -> String {
    let key = software().load(stored).unwrap();
    let public = hash(&key.public().unwrap().bytes);
    format!("{:?} {} {public} {}", stored.algorithm, hex(stored.expose()), signed(&*key))
}

#[test]
fn keys_that_were_kept_are_the_same_keys_today() {
    let mut algorithms = asymmetric();
    for written in KEPT.lines() {
        let stored = kept(algorithms.next().unwrap());
        assert_eq!(line(&stored), written);
    }
    assert_eq!(algorithms.next(), None);
}
