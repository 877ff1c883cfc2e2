use std::fmt;

use crate::Tenant;

/// A kind of record. Its number stands in the key; the crate that owns the table documents it.
///
/// `0x00xx` core and barrier, `0x01xx` kms, `0x02xx` identity, `0x03xx` the facade, `0x04xx` audit, `0x7fxx` free for
/// tests and applications.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Table(u16);

impl Table {
    /// The table with this number.
    pub const fn new(number: u16) -> Self {
        Self(number)
    }

    /// The number.
    pub const fn number(self) -> u16 {
        self.0
    }
}

/// One typed part of a [`RecordKey`].
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Segment<'a> {
    /// A number; numbers sort by value.
    Number(u64),
    /// A 16-byte identifier.
    Id([u8; 16]),
    /// A name in the clear, without NUL; names sort by their bytes.
    Name(&'a str),
    /// Something private that is looked up exactly: a barrier replaces it by a keyed hash, so that the
    /// engine never sees it.
    Blind(&'a [u8]),
    /// What a barrier made of a [`Segment::Blind`].
    Blinded([u8; 32]),
}

impl fmt::Debug for Segment<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => write!(f, "{number}"),
            Self::Id(id) => write!(f, "{}", Tenant::from_bytes(*id)),
            Self::Name(name) => write!(f, "{name:?}"),
            Self::Blind(_) => f.write_str("<blind>"),
            Self::Blinded(_) => f.write_str("<blinded>"),
        }
    }
}

/// The key of a record: a tenant, a table, then typed segments, encoded so that byte order is the order of
/// the parts.
///
/// The encoding, all integers big-endian: tenant (16 bytes) ‖ table (2) ‖ for each segment a tag byte and
/// `01` u64 | `02` 16 bytes | `03` UTF-8 ‖ `00` | `04` 32 bytes | `05` u16 length ‖ bytes. No two lists of
/// parts have the same encoding, and no encoding is a prefix of another except at a border between segments.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RecordKey(Vec<u8>);

/// These parts or bytes make no record key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidRecordKey {
    /// The encoding would be longer than [`RecordKey::MAX`] bytes.
    #[error("a record key is at most 512 bytes long")]
    TooLong,
    /// A name has a NUL.
    #[error("a name in a record key has no NUL")]
    Nul,
    /// Bytes that no key encodes to.
    #[error("these bytes are no record key")]
    Malformed,
}

const HEAD: usize = 18;

impl RecordKey {
    /// The longest encoding, in bytes.
    pub const MAX: usize = 512;

    /// The key with these parts.
    ///
    /// # Errors
    /// [`InvalidRecordKey`] where a name has a NUL or the whole is too long.
    pub fn new(tenant: Tenant, table: Table, segments: &[Segment<'_>]) -> Result<Self, InvalidRecordKey> {
        let mut bytes = Vec::with_capacity(96);
        bytes.extend_from_slice(tenant.as_bytes());
        bytes.extend_from_slice(&table.0.to_be_bytes());
        for segment in segments {
            encode(&mut bytes, segment)?;
        }
        if bytes.len() > Self::MAX { Err(InvalidRecordKey::TooLong) } else { Ok(Self(bytes)) }
    }

    /// Reads an encoding, as an engine returns it.
    ///
    /// # Errors
    /// [`InvalidRecordKey`] for bytes that [`RecordKey::new`] never makes.
    pub fn from_bytes(bytes: Vec<u8>) -> Result<Self, InvalidRecordKey> {
        if bytes.len() > Self::MAX {
            return Err(InvalidRecordKey::TooLong);
        }
        let mut rest = bytes.get(HEAD..).ok_or(InvalidRecordKey::Malformed)?;
        while !rest.is_empty() {
            (_, rest) = decode(rest).ok_or(InvalidRecordKey::Malformed)?;
        }
        Ok(Self(bytes))
    }

    /// The encoding.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Whose record it is.
    pub fn tenant(&self) -> Tenant {
        Tenant::from_bytes(self.0.first_chunk().copied().unwrap_or_default())
    }

    /// The table.
    pub fn table(&self) -> Table {
        Table(self.0.get(16..HEAD).and_then(|bytes| bytes.try_into().ok()).map_or(0, u16::from_be_bytes))
    }

    /// The segments in order.
    pub fn segments(&self) -> impl Iterator<Item = Segment<'_>> {
        let mut rest = self.0.get(HEAD..).unwrap_or_default();
        std::iter::from_fn(move || {
            let (segment, after) = decode(rest)?;
            rest = after;
            Some(segment)
        })
    }

    /// Whether a [`Segment::Blind`] is left in it.
    pub fn has_blind(&self) -> bool {
        self.segments().any(|segment| matches!(segment, Segment::Blind(_)))
    }

    /// The same key with each [`Segment::Blind`] replaced by what `hash` makes of the key so far (which binds
    /// the hash to its place) and of the private bytes.
    ///
    /// # Errors
    /// What `hash` answers, or [`InvalidRecordKey::TooLong`].
    pub fn blinded<E: From<InvalidRecordKey>>(
        &self,
        mut hash: impl FnMut(&[u8], &[u8]) -> Result<[u8; 32], E>,
    ) -> Result<Self, E> {
        let mut bytes = self.0.get(..HEAD).unwrap_or_default().to_vec();
        for segment in self.segments() {
            let segment = match segment {
                Segment::Blind(private) => Segment::Blinded(hash(&bytes, private)?),
                other => other,
            };
            encode(&mut bytes, &segment)?;
        }
        if bytes.len() > Self::MAX { Err(InvalidRecordKey::TooLong.into()) } else { Ok(Self(bytes)) }
    }
}

fn encode(bytes: &mut Vec<u8>, segment: &Segment<'_>) -> Result<(), InvalidRecordKey> {
    match segment {
        Segment::Number(number) => {
            bytes.push(1);
            bytes.extend_from_slice(&number.to_be_bytes());
        }
        Segment::Id(id) => {
            bytes.push(2);
            bytes.extend_from_slice(id);
        }
        Segment::Name(name) => {
            if name.contains('\0') {
                return Err(InvalidRecordKey::Nul);
            }
            bytes.push(3);
            bytes.extend_from_slice(name.as_bytes());
            bytes.push(0);
        }
        Segment::Blinded(hash) => {
            bytes.push(4);
            bytes.extend_from_slice(hash);
        }
        Segment::Blind(private) => {
            let length = u16::try_from(private.len()).map_err(|_| InvalidRecordKey::TooLong)?;
            bytes.push(5);
            bytes.extend_from_slice(&length.to_be_bytes());
            bytes.extend_from_slice(private);
        }
    }
    Ok(())
}

/// The first segment of an encoding and the rest; nothing where there is none or it is malformed.
fn decode(bytes: &[u8]) -> Option<(Segment<'_>, &[u8])> {
    let (tag, rest) = bytes.split_first()?;
    match tag {
        1 => rest.split_first_chunk().map(|(n, rest)| (Segment::Number(u64::from_be_bytes(*n)), rest)),
        2 => rest.split_first_chunk().map(|(id, rest)| (Segment::Id(*id), rest)),
        3 => {
            let end = rest.iter().position(|byte| *byte == 0)?;
            let (name, rest) = rest.split_at_checked(end)?;
            Some((Segment::Name(std::str::from_utf8(name).ok()?), rest.get(1..)?))
        }
        4 => rest.split_first_chunk().map(|(hash, rest)| (Segment::Blinded(*hash), rest)),
        5 => {
            let (length, rest) = rest.split_first_chunk()?;
            let (private, rest) = rest.split_at_checked(usize::from(u16::from_be_bytes(*length)))?;
            Some((Segment::Blind(private), rest))
        }
        _ => None,
    }
}

impl fmt::Debug for RecordKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{:04x}", self.tenant(), self.table().0)?;
        self.segments().try_for_each(|segment| write!(f, "/{segment:?}"))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
    enum Part {
        Number(u64),
        Id([u8; 16]),
        Name(String),
    }

    fn segments(parts: &[Part]) -> Vec<Segment<'_>> {
        parts
            .iter()
            .map(|part| match part {
                Part::Number(number) => Segment::Number(*number),
                Part::Id(id) => Segment::Id(*id),
                Part::Name(name) => Segment::Name(name),
            })
            .collect()
    }

    fn parts() -> impl Strategy<Value = Vec<Part>> {
        let part = prop_oneof![
            any::<u64>().prop_map(Part::Number),
            any::<[u8; 16]>().prop_map(Part::Id),
            "[^\0]{0,6}".prop_map(Part::Name),
        ];
        proptest::collection::vec(part, 0..5)
    }

    fn key(parts: &[Part]) -> RecordKey {
        RecordKey::new(Tenant::SYSTEM, Table::new(9), &segments(parts)).unwrap()
    }

    proptest! {
        #[test]
        fn byte_order_is_the_order_of_the_parts(a in parts(), b in parts()) {
            prop_assert_eq!(key(&a).cmp(&key(&b)), a.cmp(&b));
        }

        #[test]
        fn an_encoding_reads_back_as_its_parts(a in parts()) {
            let read = RecordKey::from_bytes(key(&a).as_bytes().to_vec()).unwrap();
            prop_assert_eq!(read.segments().collect::<Vec<_>>(), segments(&a));
        }

        #[test]
        fn bytes_that_read_as_a_key_are_its_only_encoding(bytes in proptest::collection::vec(0u8..7, 0..60)) {
            if let Ok(read) = RecordKey::from_bytes(bytes.clone()) {
                let again = RecordKey::new(read.tenant(), read.table(), &read.segments().collect::<Vec<_>>()).unwrap();
                prop_assert_eq!(again.as_bytes(), &bytes[..]);
            }
        }
    }

    #[test]
    fn a_delimiter_in_a_name_makes_no_other_key() {
        let one = RecordKey::new(Tenant::SYSTEM, Table::new(1), &[Segment::Name("a\u{3}b")]).unwrap();
        let two = RecordKey::new(Tenant::SYSTEM, Table::new(1), &[Segment::Name("a"), Segment::Name("b")]);
        assert_ne!(one, two.unwrap());
        let nul = RecordKey::new(Tenant::SYSTEM, Table::new(1), &[Segment::Name("a\0\u{3}b")]);
        assert_eq!(nul, Err(InvalidRecordKey::Nul));
    }

    #[test]
    fn blinding_replaces_private_bytes_and_depends_on_the_place() {
        let hash = |place: &[u8], private: &[u8]| {
            Ok::<_, InvalidRecordKey>([(place.len() + private.len()) as u8; 32])
        };
        let key = RecordKey::new(
            Tenant::SYSTEM,
            Table::new(1),
            &[Segment::Blind(b"me@example"), Segment::Number(1)],
        );
        let blinded = key.clone().unwrap().blinded(hash).unwrap();
        assert!(key.unwrap().has_blind() && !blinded.has_blind());
        assert!(!blinded.as_bytes().windows(10).any(|window| window == b"me@example"));
        assert!(!format!("{:?}", Segment::Blind(b"me@example")).contains("me@"));
    }
}
