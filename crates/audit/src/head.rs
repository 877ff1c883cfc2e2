use minicbor::{Decode, Encode, bytes::ByteVec};
use strongroom_core::{RecordKey, StoreError, Time};

use crate::{
    Hash, LogId, SignedCheckpoint,
    frontier::Frontier,
    hash::{concat, hashes},
    record,
    tables::{self, HEADS},
};

/// What appending to a log needs to know of it, and its newest checkpoint.
#[derive(Debug, Clone)]
pub(crate) struct Head {
    pub(crate) frontier: Frontier,
    /// That of the last entry.
    pub(crate) time: Time,
    /// The number of this head in the global log; of the global log itself 0.
    pub(crate) at: u64,
    pub(crate) note: SignedCheckpoint,
    /// Of the global log: rows of the outbox of which some events are taken over, and how many.
    pub(crate) begun: Vec<(Vec<u8>, u32)>,
}

#[derive(Encode, Decode)]
struct HeadRecord {
    #[n(0)]
    format: u8,
    #[n(1)]
    size: u64,
    #[n(2)]
    peaks: ByteVec,
    #[n(3)]
    time: Time,
    #[n(4)]
    at: u64,
    #[n(5)]
    note: String,
    #[n(6)]
    begun: Vec<Begun>,
}

#[derive(Encode, Decode)]
struct Begun {
    #[n(0)]
    key: ByteVec,
    #[n(1)]
    taken: u32,
}

impl Head {
    pub(crate) fn key(log: LogId) -> Result<RecordKey, StoreError> {
        Ok(tables::of_log(HEADS, log, &[])?)
    }

    /// Reads a head whose parts agree with each other.
    pub(crate) fn read(bytes: &[u8]) -> Result<Self, StoreError> {
        let HeadRecord { format: _, size, peaks, time, at, note, begun } = record::read(bytes)?;
        let peaks: Option<Vec<Hash>> = hashes(&peaks);
        let frontier = peaks.and_then(|peaks| Frontier::new(size, peaks)).ok_or(StoreError::Corrupt)?;
        let note = SignedCheckpoint::parse(&note).map_err(|_| StoreError::Corrupt)?;
        let checkpoint = note.unverified();
        if checkpoint.size != size || checkpoint.root != frontier.root() {
            return Err(StoreError::Corrupt);
        }
        let begun = begun.into_iter().map(|Begun { key, taken }| (key.into(), taken)).collect();
        Ok(Self { frontier, time, at, note, begun })
    }

    pub(crate) fn to_bytes(&self) -> Result<Vec<u8>, StoreError> {
        let Self { frontier, time, at, note, begun } = self;
        let begun =
            begun.iter().map(|(key, taken)| Begun { key: key.clone().into(), taken: *taken }).collect();
        let record = HeadRecord {
            format: record::FORMAT,
            size: frontier.size(),
            peaks: concat(frontier.peaks()).into(),
            time: *time,
            at: *at,
            note: note.to_string(),
            begun,
        };
        Ok(record::write(&record)?.to_vec())
    }
}
