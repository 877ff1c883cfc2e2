//! Rows of entries: `format 0x01 ‖ for each entry u16 length ‖ leaf ‖ the first 4 bytes of its hash ‖ u32 length ‖ sealed
//! payload`. An entry whose payload was erased has one of length 0. A row lies within one bundle of 256. The four bytes
//! name a damaged entry where no tile has its hash yet; what proves it is the tree.

use strongroom_core::{Direction, RecordKey, Store, StoreError};

use crate::{
    Hash, LogId,
    leaf::take,
    tables::{self, ENTRIES},
    tile::TILE_WIDTH,
};

/// An entry of a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) leaf: Vec<u8>,
    pub(crate) sealed: Vec<u8>,
}

const FORMAT: u8 = 1;

/// The length of a row after which the next one begins: half of what a value may have.
const ROW: usize = 512 << 10;

/// Rows that are being filled.
#[derive(Debug, Default)]
pub(crate) struct Rows(Vec<(u64, Vec<u8>)>);

impl Rows {
    pub(crate) fn push(
        &mut self,
        index: u64,
        leaf: &[u8],
        hash: &Hash,
        sealed: &[u8],
    ) -> Result<(), StoreError> {
        let too_long = |_| StoreError::TooLarge("an entry of the audit log");
        let leaf_length = u16::try_from(leaf.len()).map_err(too_long)?;
        let sealed_length = u32::try_from(sealed.len()).map_err(too_long)?;
        if index.is_multiple_of(TILE_WIDTH) || self.0.last().is_none_or(|(_, row)| row.len() > ROW) {
            self.0.push((index, vec![FORMAT]));
        }
        if let Some((_, row)) = self.0.last_mut() {
            let (leaf_length, sealed_length) = (leaf_length.to_be_bytes(), sealed_length.to_be_bytes());
            let parts: [&[u8]; 5] = [&leaf_length, leaf, &mark(hash), &sealed_length, sealed];
            parts.iter().for_each(|part| row.extend_from_slice(part));
        }
        Ok(())
    }

    /// The keys and values.
    pub(crate) fn into_writes(self, log: LogId) -> Result<Vec<(RecordKey, Vec<u8>)>, StoreError> {
        self.0.into_iter().map(|(first, row)| Ok((tables::of_log(ENTRIES, log, &[first])?, row))).collect()
    }
}

/// The entries of a row.
pub(crate) fn read(row: &[u8]) -> Result<Vec<Entry>, StoreError> {
    match read_while_sound(row) {
        (entries, true) => Ok(entries),
        (_, false) if row.first().is_some_and(|format| *format > FORMAT) => {
            Err(StoreError::Unsupported("read entries of the audit log that a newer version wrote"))
        }
        (_, false) => Err(StoreError::Corrupt),
    }
}

/// The entries of a row up to the first that cannot be read; whether that is all.
pub(crate) fn read_while_sound(row: &[u8]) -> (Vec<Entry>, bool) {
    let mut entries = Vec::new();
    let Some((&FORMAT, mut rest)) = row.split_first() else { return (entries, false) };
    while !rest.is_empty() {
        match entry(&mut rest) {
            Some(entry) => entries.push(entry),
            None => return (entries, false),
        }
    }
    let any = !entries.is_empty();
    (entries, any)
}

fn entry(rest: &mut &[u8]) -> Option<Entry> {
    let leaf = u16::from_be_bytes(take(rest)?);
    let leaf = split(rest, leaf.into())?;
    (take::<4>(rest)? == mark(&Hash::leaf(&leaf))).then_some(())?;
    let sealed = u32::from_be_bytes(take(rest)?);
    Some(Entry { leaf, sealed: split(rest, usize::try_from(sealed).ok()?)? })
}

/// What stands beside a leaf of its hash.
fn mark(hash: &Hash) -> [u8; 4] {
    let [a, b, c, d, ..] = *hash.as_bytes();
    [a, b, c, d]
}

fn split(rest: &mut &[u8], length: usize) -> Option<Vec<u8>> {
    let (bytes, after) = rest.split_at_checked(length)?;
    *rest = after;
    Some(bytes.to_vec())
}

/// The number of the first entry that a row's key says.
pub(crate) fn first(key: &RecordKey) -> Result<u64, StoreError> {
    match tables::parts(key) {
        Some((_, numbers)) => match numbers.as_slice() {
            [first] => Ok(*first),
            _ => Err(StoreError::Corrupt),
        },
        None => Err(StoreError::Corrupt),
    }
}

/// The rows of a bundle, as they lie in the store.
pub(crate) fn bundle_rows<S: Store + ?Sized>(
    store: &S,
    log: LogId,
    bundle: u64,
) -> Result<Vec<(RecordKey, strongroom_core::Record)>, StoreError> {
    let start = bundle * TILE_WIDTH;
    let mut range =
        tables::under_log(ENTRIES, log)?.before(&tables::of_log(ENTRIES, log, &[start + TILE_WIDTH])?)?;
    if let Some(before) = start.checked_sub(1) {
        range = range.after(&tables::of_log(ENTRIES, log, &[before])?)?;
    }
    store.scan(&range, Direction::Forward, TILE_WIDTH as usize)
}

/// The entries of a bundle, of which the first has the number 256 times the bundle's.
///
/// # Errors
/// [`StoreError::Corrupt`] where one is missing between others.
pub(crate) fn bundle<S: Store + ?Sized>(
    store: &S,
    log: LogId,
    bundle: u64,
) -> Result<Vec<Entry>, StoreError> {
    let mut entries = Vec::new();
    for (key, record) in bundle_rows(store, log, bundle)? {
        if first(&key)? != bundle * TILE_WIDTH + entries.len() as u64 {
            return Err(StoreError::Corrupt);
        }
        entries.extend(read(&record.value)?);
    }
    if entries.len() as u64 <= TILE_WIDTH { Ok(entries) } else { Err(StoreError::Corrupt) }
}
