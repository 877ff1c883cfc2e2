//! Too many, too few, and lengths that lie.

use std::io::{self, Read};

use strongroom_backup::{BackupError, Part, Recipient, RecoveryKey, verify, write};
use strongroom_core::{Algorithm, KeyError, Provider, PublicKey, Signer, UseError};

use crate::{
    forge::{Parts, head},
    support::{CHUNK, House, Ring, damage, manifest, stream},
};

fn write_to(house: &House, recipients: &[Recipient]) -> Result<usize, BackupError> {
    let (mut from, mut to) = (b"all records".as_slice(), Vec::new());
    let result =
        write(&house.provider, &house.ring, &manifest(None), recipients, &mut from, &mut to, &mut |_| ());
    result.map(|_| to.len())
}

#[test]
fn there_are_one_to_twenty_recipients_and_no_one_twice() {
    let house = House::new();
    let key = || RecoveryKey::generate(&house.provider).unwrap().recipient();
    let twenty_one: Vec<_> = (0..21).map(|_| key()).collect();
    assert!(write_to(&house, &twenty_one[..20]).is_ok());
    assert!(write_to(&house, &twenty_one[..1]).is_ok());
    let [first, .., last] = twenty_one[..3] else { unreachable!() };
    for bad in [&twenty_one[..], &vec![first; 300], &[], &[first, first], &[first, last, first]] {
        assert!(matches!(write_to(&house, bad), Err(BackupError::Recipients)), "{}", bad.len());
    }
}

/// Notes the longest buffer that it was asked to fill.
struct Watched<'s>(&'s [u8], usize);

impl Read for Watched<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.1 = self.1.max(buffer.len());
        self.0.read(buffer)
    }
}

#[test]
fn a_length_that_lies_allocates_nothing_even_if_its_check_fits() {
    let house = House::new();
    let good = house.backup(&stream(9));
    let parts = Parts::take_apart(&good);
    for (position, (part, range)) in parts.places().into_iter().skip(1).enumerate() {
        let (kind, link) = (parts.0[position].kind, parts.link_before(position));
        let sealed = CHUNK as u32 + 108;
        for length in [0, sealed + 1, 1 << 24, u32::MAX] {
            let bad = [&good[..range.start], &head(&link, kind, length), &good[range.start + 8..]].concat();
            let mut watched = Watched(&bad, 0);
            let result = verify(&house.provider, &house.trusted(), &mut watched, &mut |_| ());
            assert_eq!(damage(result), (part, range.start), "{length}");
            assert!(watched.1 <= 1024, "asked for {} bytes", watched.1);
        }
    }
}

#[test]
fn a_manifest_counts_one_to_twenty_recipients() {
    let house = House::new();
    let parts = Parts::take_apart(&house.backup(b""));
    let body = &parts.0[0].body;
    let at = (0..body.len()).rfind(|at| body[*at..].starts_with(&[2, 0x50])).unwrap();
    for count in [0, 21, 23] {
        let mut forged = parts.clone();
        forged.0[0].body[at] = count;
        house.assert_damaged(&forged.signed(&house.ring), Part::Manifest, 16);
    }
}

#[test]
fn a_stream_of_another_length_than_the_manifest_says_is_refused() {
    let house = House::new();
    let recipients = house.recipients();
    for (said, length, found) in [(10, 9, 9), (10, 11, 11), (0, 1, 1), (1, 0, 0), (10, 3 * CHUNK, CHUNK)] {
        let (stream, mut to) = (stream(length), Vec::new());
        let mut from = stream.as_slice();
        let manifest = manifest(Some(said));
        let result =
            write(&house.provider, &house.ring, &manifest, &recipients, &mut from, &mut to, &mut |_| ());
        let Err(BackupError::Length { said: s, found: f }) = result else { panic!("{result:?}") };
        assert_eq!((s, f), (said, found as u64));
    }
}

/// Signs with another key from the second time on, as a ring does that is rotated.
struct Rotated(Ring, Ring, std::sync::atomic::AtomicU8, u8);

impl Signer for Rotated {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, UseError> {
        let signed = self.2.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        if signed < self.3 { self.0.sign(message) } else { self.1.sign(message) }
    }

    fn public(&self) -> Result<PublicKey, UseError> {
        self.0.public()
    }
}

#[test]
fn a_ring_that_is_rotated_meanwhile_makes_no_backup_that_fails_to_verify() {
    let house = House::new();
    for signatures in [0, 1] {
        let signer = Rotated(Ring::new(1), Ring::new(2), 0.into(), signatures);
        let (mut from, mut to) = (b"all records".as_slice(), Vec::new());
        let (manifest, recipients) = (manifest(None), house.recipients());
        let result = write(&house.provider, &signer, &manifest, &recipients, &mut from, &mut to, &mut |_| ());
        assert!(matches!(result, Err(BackupError::Key(UseError::Key(KeyError::Failed)))));
    }
}

/// A signer with a key of another algorithm.
struct P256(std::sync::Arc<dyn strongroom_core::Key>);

impl Signer for P256 {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, UseError> {
        Ok(self.0.sign(message, &strongroom_core::SignOptions::default())?)
    }

    fn public(&self) -> Result<PublicKey, UseError> {
        self.0.public().cloned().ok_or(UseError::Unavailable)
    }
}

#[test]
fn a_signer_of_another_algorithm_is_refused_at_once() {
    let house = House::new();
    let stored = house.provider.software().generate(Algorithm::EcdsaP256).unwrap();
    let signer = P256(house.provider.software().load(&stored).unwrap());
    let (mut from, mut to) = (b"all records".as_slice(), Vec::new());
    let (manifest, recipients) = (manifest(None), house.recipients());
    let result = write(&house.provider, &signer, &manifest, &recipients, &mut from, &mut to, &mut |_| ());
    assert!(matches!(result, Err(BackupError::Key(UseError::Key(KeyError::Unsupported)))));
    assert!(to.is_empty());
}
