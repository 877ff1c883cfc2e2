//! Accidents, and whoever changes bytes without computing the links anew: the part and the place are named exactly,
//! also without a recovery key.

use strongroom_backup::{BackupError, Part, inspect};

use crate::{
    forge::{Parts, preamble},
    support::{CHUNK, House, stream, truncation},
};

/// The part that a byte belongs to.
fn part_at(places: &[(Part, std::ops::Range<usize>)], at: usize) -> (Part, usize) {
    let (part, range) = places.iter().find(|(_, range)| range.contains(&at)).unwrap();
    (*part, range.start)
}

#[test]
fn every_flipped_bit_of_a_small_backup_is_refused_and_named_by_its_part() {
    let house = House::new();
    let good = house.backup(b"all records");
    let places = Parts::take_apart(&good).places();
    assert_eq!(places.last().unwrap().1.end, good.len());
    for at in 0..good.len() {
        for bit in 0..8 {
            let mut bad = good.clone();
            bad[at] ^= 1 << bit;
            if at < 8 {
                assert!(matches!(house.read(&bad), Err(BackupError::NotABackup)), "byte {at}");
                assert!(matches!(house.verify(&bad), Err(BackupError::NotABackup)), "byte {at}");
                continue;
            }
            let (part, offset) = part_at(&places, at);
            house.assert_damaged(&bad, part, offset);
        }
    }
}

#[test]
fn every_truncation_is_refused_with_the_length_that_is_there() {
    let house = House::new();
    let good = house.backup(b"all records");
    let places = Parts::take_apart(&good).places();
    for length in 0..good.len() {
        let (part, _) = part_at(&places, length);
        assert_eq!(truncation(house.read(&good[..length])), (part, length));
        assert_eq!(truncation(house.verify(&good[..length])), (part, length));
    }
}

#[test]
fn a_backup_that_ends_after_any_of_its_chunks_is_truncated() {
    let house = House::new();
    let good = house.backup(&stream(3 * CHUNK));
    for (part, range) in Parts::take_apart(&good).places() {
        assert_eq!(truncation(house.read(&good[..range.start])), (part, range.start));
        assert_eq!(truncation(house.read(&good[..range.end - 1])), (part, range.end - 1));
    }
}

#[test]
fn nothing_may_follow_the_end() {
    let house = House::new();
    let good = house.backup(b"all records");
    for more in [b"\0".as_slice(), b"\n", &[7; 5000], &good] {
        house.assert_damaged(&[&good, more].concat(), Part::End, good.len());
    }
}

#[test]
fn chunks_that_are_moved_doubled_or_dropped_are_named_where_the_first_is_missing() {
    let house = House::new();
    let good = house.backup(&stream(3 * CHUNK + 9));
    let parts = Parts::take_apart(&good);
    let chunk = |index| {
        let (_, range) = parts.places().into_iter().find(|(part, _)| *part == Part::Chunk(index)).unwrap();
        good[range].to_vec()
    };
    let before = &good[..parts.place(Part::Chunk(0))];
    let after = &good[parts.place(Part::Signature)..];
    for (order, first) in [
        ([1, 0, 2, 3].as_slice(), 0),
        (&[0, 2, 1, 3], 1),
        (&[0, 0, 1, 2, 3], 1),
        (&[0, 1, 2, 2, 3], 3),
        (&[1, 2, 3], 0),
        (&[0, 2, 3], 1),
        (&[0, 1, 3], 2),
        (&[0, 1, 2, 3, 3], 4),
    ] {
        let chunks = order.iter().map(|index| chunk(*index)).collect::<Vec<_>>().concat();
        let bad = [before, &chunks, after].concat();
        // After the last chunk the signature must follow, whatever is there.
        let part = if first == 4 { Part::Signature } else { Part::Chunk(first) };
        house.assert_damaged(&bad, part, parts.place(part));
    }
}

#[test]
fn what_is_not_a_backup_is_told_from_a_damaged_one() {
    let house = House::new();
    for other in
        [b"SQLite format 3\0 and so on".as_slice(), b"x", &[0; 4096], b"srbackup", b"age-encryption.org/v1"]
    {
        assert!(matches!(house.read(other), Err(BackupError::NotABackup)));
        assert!(matches!(house.verify(other), Err(BackupError::NotABackup)));
        assert!(matches!(inspect(&house.provider, &mut &*other), Err(BackupError::NotABackup)));
    }
}

#[test]
fn a_newer_format_is_named_and_no_format_is_guessed() {
    let house = House::new();
    for format in [2, 3, u32::MAX] {
        let newer = [preamble(format).0, vec![9; 100]].concat();
        assert!(matches!(house.read(&newer), Err(BackupError::NewerFormat(found)) if found == format));
        assert!(matches!(house.verify(&newer), Err(BackupError::NewerFormat(found)) if found == format));
    }
    house.assert_damaged(&[preamble(0).0, vec![9; 100]].concat(), Part::Preamble, 0);
}
