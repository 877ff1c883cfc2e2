//! Parameters and columns in PostgreSQL's text format, and the parameters of a commit as the first release gave them.

use std::collections::BTreeMap;

use strongroom_core::{Batch, Expect, RecordKey, Write};

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold("\\x".to_owned(), |text, byte| text + &format!("{byte:02x}"))
}

/// The bytes as an element of an array.
pub(super) fn quoted(bytes: &[u8]) -> String {
    format!("\"\\{}\"", hex(bytes))
}

pub(super) fn array(elements: impl IntoIterator<Item = String>) -> String {
    format!("{{{}}}", elements.into_iter().collect::<Vec<_>>().join(","))
}

pub(super) fn bytes(text: &str) -> Vec<u8> {
    let digits = text.strip_prefix("\\x").unwrap().as_bytes();
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
    digits.chunks(2).map(byte).collect()
}

pub(super) fn long(text: &str) -> i64 {
    text.parse().unwrap()
}

pub(super) fn longs(text: &str) -> Vec<i64> {
    text.trim_matches(['{', '}']).split(',').map(long).collect()
}

/// The parameters of `strongroom_commit_1`.
pub(super) fn parameters(lane: &str, call: i64, batches: &[&Batch]) -> Vec<String> {
    let mut columns: [Vec<String>; 8] = Default::default();
    for (batch, number) in batches.iter().zip(1..) {
        for (key, expect) in &batch.expectations {
            columns[0].push(number.to_string());
            columns[1].push(quoted(key.as_bytes()));
            columns[2].push(match expect {
                Expect::Absent => "NULL".to_owned(),
                Expect::At(revision) => revision.0.to_string(),
            });
        }
        for (key, write) in &batch.writes {
            let from = match write {
                Write::Put(value) => {
                    columns[5].push(quoted(value));
                    3
                }
                Write::Delete => 6,
            };
            columns[from].push(number.to_string());
            columns[from + 1].push(quoted(key.as_bytes()));
        }
    }
    let head = [lane.to_owned(), call.to_string(), batches.len().to_string(), locks(batches)];
    head.into_iter().chain(columns.map(array)).collect()
}

/// The locks of all keys in ascending order: the number of a bucket, negative where nothing in it is written.
fn locks(batches: &[&Batch]) -> String {
    let mut buckets = BTreeMap::new();
    let expected = batches.iter().flat_map(|batch| &batch.expectations).map(|(key, _)| (key, false));
    let written = batches.iter().flat_map(|batch| &batch.writes).map(|(key, _)| (key, true));
    for (key, exclusive) in expected.chain(written) {
        *buckets.entry(bucket(key)).or_insert(false) |= exclusive;
    }
    array(
        buckets.into_iter().map(|(bucket, exclusive)| (if exclusive { bucket } else { -bucket }).to_string()),
    )
}

/// From 1 to 1,024, by FNV-1a and the last step of MurmurHash3.
fn bucket(key: &RecordKey) -> i32 {
    let hash = key.as_bytes().iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    });
    let mixed = (hash ^ (hash >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    i32::try_from((mixed >> 33) % 1_024 + 1).unwrap()
}
