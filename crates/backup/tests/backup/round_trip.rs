//! What goes in comes out.

use std::io::{self, Read};

use proptest::prelude::*;
use strongroom_backup::{Progress, RecoveryKey, inspect, read, verify, write};

use crate::support::{CHUNK, House, manifest, stream};

/// A reader that gives a few bytes at a time, and is interrupted in between.
struct Trickle<'s>(&'s [u8], usize, bool);

impl Read for Trickle<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.2 = !self.2;
        if self.2 {
            return Err(io::ErrorKind::Interrupted.into());
        }
        let at_most = self.1.min(buffer.len());
        self.0.read(&mut buffer[..at_most])
    }
}

#[test]
fn every_length_around_the_chunks_comes_back() {
    let house = House::new();
    for length in [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK] {
        let stream = stream(length);
        let mut backup = Vec::new();
        let written = house.write(stream.as_slice(), &mut backup).unwrap();
        assert_eq!((written.length, written.size), (length as u64, backup.len() as u64));
        let (out, verified) = house.read(&backup).unwrap();
        assert!(out == stream, "{length}");
        assert_eq!(verified, house.verify(&backup).unwrap());
        assert_eq!((verified.length, verified.size), (written.length, written.size));
        assert_eq!(verified.header.id, written.id);
        assert_eq!(verified.header.manifest, manifest(None));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(8))]
    #[test]
    fn how_the_bytes_trickle_in_makes_no_difference(
        length in prop_oneof![0..200usize, CHUNK - 3..CHUNK + 3, 0..2 * CHUNK],
        step in prop_oneof![5_000..70_000usize, Just(usize::MAX)],
    ) {
        let (house, stream) = (House::new(), stream(length));
        let mut backup = Vec::new();
        house.write(Trickle(&stream, step, false), &mut backup).unwrap();
        let mut out = Vec::new();
        let mut from = Trickle(&backup, step, false);
        read(&house.provider, &house.other, &house.trusted(), &mut from, &mut out, &mut |_| ()).unwrap();
        prop_assert!(out == stream);
    }
}

#[test]
fn one_byte_at_a_time_is_enough() {
    let (house, stream) = (House::new(), stream(300));
    let mut backup = Vec::new();
    house.write(Trickle(&stream, 1, false), &mut backup).unwrap();
    let mut out = Vec::new();
    let mut from = Trickle(&backup, 1, false);
    read(&house.provider, &house.recovery, &house.trusted(), &mut from, &mut out, &mut |_| ()).unwrap();
    assert_eq!(out, stream);
}

#[test]
fn each_of_twenty_recipients_opens_it_and_nobody_else_needs_to_be_asked() {
    let house = House::new();
    let keys: Vec<_> = (0..20).map(|_| RecoveryKey::generate(&house.provider).unwrap()).collect();
    let recipients: Vec<_> = keys.iter().map(RecoveryKey::recipient).collect();
    let mut backup = Vec::new();
    let mut from = b"all records".as_slice();
    let manifest = manifest(None);
    write(&house.provider, &house.ring, &manifest, &recipients, &mut from, &mut backup, &mut |_| ()).unwrap();
    for key in &keys {
        assert_eq!(house.read_with(key, &backup).unwrap().0, b"all records");
    }
    let header = inspect(&house.provider, &mut backup.as_slice()).unwrap().trust(&house.trusted()).unwrap();
    let fingerprints: Vec<_> = recipients.iter().map(|one| one.fingerprint(&house.provider)).collect();
    assert_eq!(header.recipients, fingerprints);
}

#[test]
fn inspect_says_what_a_backup_is_of_from_its_beginning_alone() {
    let house = House::new();
    let backup = house.backup(&stream(2 * CHUNK));
    let found = inspect(&house.provider, &mut &backup[..1024]).unwrap();
    assert_eq!(found.unproven().manifest, manifest(None));
    assert_eq!(found.unproven().signer, house.ring.key());
    assert_eq!(found.unproven(), &house.verify(&backup).unwrap().header);
    assert_eq!(found.clone().trust(&house.trusted()).unwrap(), *found.unproven());
}

#[test]
fn progress_grows_to_the_length_that_the_manifest_says() {
    let (house, stream) = (House::new(), stream(2 * CHUNK + 5));
    let total = Some(stream.len() as u64);
    let (recipients, manifest) = (house.recipients(), manifest(total));
    let (mut backup, mut written, mut was_read, mut verified) = (Vec::new(), vec![], vec![], vec![]);
    let (provider, trusted) = (&house.provider, house.trusted());
    let mut from = stream.as_slice();
    write(provider, &house.ring, &manifest, &recipients, &mut from, &mut backup, &mut |at| written.push(at))
        .unwrap();
    let mut sink = io::sink();
    read(provider, &house.recovery, &trusted, &mut backup.as_slice(), &mut sink, &mut |at| was_read.push(at))
        .unwrap();
    verify(provider, &trusted, &mut backup.as_slice(), &mut |at| verified.push(at)).unwrap();
    let expected = [CHUNK, 2 * CHUNK, 2 * CHUNK + 5].map(|done| Progress { done: done as u64, total });
    for progress in [written, was_read, verified] {
        assert_eq!(progress, expected);
    }
}
