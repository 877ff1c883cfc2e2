//! The key of a record: one encoding per list of parts, in the order of the parts.

use std::cmp::Ordering;

use strongroom_core::{InvalidRecordKey, Range, RecordKey, Segment, Table, Tenant};

use crate::{Seed, input::Input};

const SYSTEM: [u8; 18] = [0; 18];

/// The first byte tells what the others are: an encoding, or two lists of parts.
pub fn run(data: &[u8]) {
    let mut input = Input::new(data);
    match input.byte() {
        0 => {
            encoded(input.rest());
        }
        1 => {
            let one = input.short();
            if let (Some(one), Some(other)) = (encoded(one), encoded(input.rest())) {
                compared(&one, &other);
            }
        }
        _ => {
            if let (Some(one), Some(other)) = (made(&mut input), made(&mut input)) {
                compared(&one, &other);
            }
        }
    }
}

/// - Bytes that are read as a key are what its parts encode to.
/// - Blinding leaves nothing private and everything else; the private part does not print.
fn encoded(bytes: &[u8]) -> Option<RecordKey> {
    let key = match RecordKey::from_bytes(bytes.to_vec()) {
        Ok(key) => key,
        Err(error) => {
            assert_eq!(error == InvalidRecordKey::TooLong, bytes.len() > RecordKey::MAX);
            return None;
        }
    };
    assert_eq!(key.as_bytes(), bytes);
    let segments: Vec<Segment<'_>> = key.segments().collect();
    assert_eq!(RecordKey::new(key.tenant(), key.table(), &segments).as_ref(), Ok(&key));
    blinded(&key);
    Some(key)
}

fn blinded(key: &RecordKey) {
    let mut places = Vec::new();
    let blinded = key.blinded(|place, private| {
        places.push((place.to_vec(), private.to_vec()));
        Ok::<_, InvalidRecordKey>([0xbb; 32])
    });
    let private = key.segments().filter(|segment| matches!(segment, Segment::Blind(_))).count();
    assert_eq!((places.len(), key.has_blind()), (private, private > 0));
    let Ok(blinded) = blinded else {
        // A hash is longer than what it stands for, so a key may grow too long.
        return assert!(key.as_bytes().len() + private * 33 > RecordKey::MAX);
    };
    assert!(!blinded.has_blind());
    for (before, after) in key.segments().zip(blinded.segments()) {
        match before {
            Segment::Blind(_) => assert_eq!(format!("{before:?} {after:?}"), "<blind> <blinded>"),
            other => assert_eq!(other, after),
        }
    }
    assert!(places.iter().all(|(place, _)| blinded.as_bytes().starts_with(place)));
}

/// Parts from bytes, encoded and read back.
fn made(input: &mut Input<'_>) -> Option<RecordKey> {
    let (tenant, table) = (Tenant::from_bytes([input.byte(); 16]), Table::new(input.byte().into()));
    let texts: Vec<(u8, &[u8])> = (0..input.byte() % 8).map(|_| (input.byte(), input.short())).collect();
    let segments: Vec<Segment<'_>> = texts.iter().map(|(kind, bytes)| segment(*kind, bytes)).collect();
    let nul = segments.iter().any(|segment| matches!(segment, Segment::Name(name) if name.contains('\0')));
    match RecordKey::new(tenant, table, &segments) {
        Ok(key) => {
            assert!(!nul && key.tenant() == tenant && key.table() == table);
            assert_eq!(key.segments().collect::<Vec<_>>(), segments);
            encoded(key.as_bytes())
        }
        Err(error) => {
            assert!(nul || error == InvalidRecordKey::TooLong);
            None
        }
    }
}

fn segment(kind: u8, bytes: &[u8]) -> Segment<'_> {
    let mut input = Input::new(bytes);
    match kind % 5 {
        0 => Segment::Number(u64::from_be_bytes(input.array())),
        1 => Segment::Id(input.array()),
        2 => Segment::Blinded(input.array()),
        3 => Segment::Blind(bytes),
        _ => Segment::Name(std::str::from_utf8(bytes).unwrap_or("not UTF-8")),
    }
}

/// - The order of the bytes is the order of the parts, and equal bytes are equal parts.
/// - One encoding begins with another exactly if its parts do; a range holds exactly the keys below its prefix.
fn compared(one: &RecordKey, other: &RecordKey) {
    let (parts, other_parts) = (Parts::of(one), Parts::of(other));
    assert_eq!(one.cmp(other), parts.cmp(&other_parts), "{one:?} {other:?}");
    let below = parts.below(&other_parts);
    assert_eq!(one.as_bytes().starts_with(other.as_bytes()), below || one == other);
    let prefix: Vec<Segment<'_>> = other.segments().collect();
    let range = Range::under(other.tenant(), other.table(), &prefix).expect("a key already");
    assert_eq!(within(&range, one), below);
    assert_eq!((range.clone().after(one).is_ok(), range.clone().before(one).is_ok()), (below, below));
    if let (Ok(after), Ok(before)) = (range.clone().after(one), range.before(one)) {
        assert!(!within(&after, one) && !within(&before, one));
    }
}

fn within(range: &Range, key: &RecordKey) -> bool {
    let (start, end) = range.bounds();
    start.as_slice() <= key.as_bytes() && key.as_bytes() < end.as_slice()
}

/// The parts of a key, ordered as they are declared.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Parts(Tenant, Table, Vec<Part>);

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Part {
    Number(u64),
    Id([u8; 16]),
    Name(String),
    Blinded([u8; 32]),
    Blind(usize, Vec<u8>),
}

impl Parts {
    fn of(key: &RecordKey) -> Self {
        let part = |segment: Segment<'_>| match segment {
            Segment::Number(number) => Part::Number(number),
            Segment::Id(id) => Part::Id(id),
            Segment::Name(name) => Part::Name(name.to_owned()),
            Segment::Blinded(hash) => Part::Blinded(hash),
            Segment::Blind(private) => Part::Blind(private.len(), private.to_vec()),
        };
        Self(key.tenant(), key.table(), key.segments().map(part).collect())
    }

    /// Whether it has the parts of `prefix` and then more.
    fn below(&self, prefix: &Self) -> bool {
        (self.0, self.1) == (prefix.0, prefix.1)
            && self.2.len() > prefix.2.len()
            && self.2.starts_with(&prefix.2)
            && self.cmp(prefix) == Ordering::Greater
    }
}

/// Keys of every kind of segment, at the limits, and encodings that are none.
pub fn seeds() -> Vec<Seed> {
    let encoding = |name: &str, segments: &[u8]| Seed::new(name, [&[0], &SYSTEM[..], segments].concat());
    let two = |name: &str, one: &[u8], other: &[u8]| {
        let length = u8::try_from(18 + one.len()).expect("a short key");
        Seed::new(name, [&[1, length], &SYSTEM[..], one, &SYSTEM[..], other].concat())
    };
    let all = [
        &[1, 0, 0, 0, 0, 0, 0, 0, 7, 2][..],
        &[0xaa; 16],
        b"\x03name\0\x04",
        &[0xbb; 32],
        b"\x05\0\x07private",
    ]
    .concat();
    let name = |length: usize| [&[3][..], &vec![b'n'; length], &[0]].concat();
    let made = |name: &str, one: &[u8], other: &[u8]| Seed::new(name, [&[2], one, other].concat());
    vec![
        encoding("valid-every-segment", &all),
        encoding("valid-no-segment", b""),
        encoding("valid-longest", &name(RecordKey::MAX - 20)),
        encoding("too-long", &name(RecordKey::MAX - 19)),
        Seed::new("head-truncated", [&[0], &SYSTEM[..17]].concat()),
        encoding("number-truncated", &[1, 0, 0, 0]),
        encoding("id-truncated", &[2, 0xaa]),
        encoding("name-without-its-end", b"\x03name"),
        encoding("name-not-utf-8", b"\x03\xff\0"),
        encoding("name-empty", b"\x03\0"),
        encoding("blinded-truncated", &[4, 0xbb]),
        encoding("blind-longer-than-the-key", b"\x05\xff\xffprivate"),
        encoding("blind-too-long-once-blinded", &b"\x05\0\0".repeat(20)),
        encoding("unknown-tag", &[6]),
        encoding("tag-zero", &[0]),
        two("two-names", b"\x03a\0", b"\x03b\0"),
        two("two-where-one-begins-the-other", b"\x03a\0\x03b\0", b"\x03a\0"),
        two("two-where-a-name-begins-the-other", b"\x03ab\0", b"\x03a\0"),
        two("two-kinds", b"\x05\0\0", b"\x03\0"),
        made("parts-and-the-same", &[1, 9, 1, 4, 2, b'a', b'b'], &[1, 9, 1, 4, 2, b'a', b'b']),
        made("parts-of-two-tenants", &[1, 9, 2, 0, 1, 7, 3, 2, b'x', b'y'], &[0xff, 0xff, 1, 1, 1, 1]),
        made("parts-with-nul-in-a-name", &[1, 9, 1, 4, 2, b'a', 0], &[1, 9, 0]),
        made("parts-of-ff", &[0xff, 0xff, 0], &[0xff, 0xff, 1, 2, 1, 0xff]),
    ]
}
