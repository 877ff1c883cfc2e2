use minicbor::{Decode, Encode};
use strongroom_core::{Event, Revision, StoreError};

/// An event, and where it came from: together with the blind, what a leaf commits to.
///
/// Its bytes are a CBOR array of format 1, the event, the commit of its row in the outbox, the producer, its counter,
/// and the event's place in that row.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Payload {
    #[n(0)]
    format: u8,
    /// What happened.
    #[n(1)]
    pub event: Event,
    /// The commit that wrote the event: that of the change that it tells of, if it tells of one. The order of commits is
    /// the order of what happened, also across logs.
    #[n(2)]
    pub revision: Revision,
    /// Which process wrote it.
    #[cbor(n(3), with = "minicbor::bytes")]
    pub producer: [u8; 16],
    /// The number that the producer gave it: so a gap shows, and nothing is there twice.
    #[n(4)]
    pub counter: u64,
    /// Its place among those that the producer wrote under one number.
    #[n(5)]
    pub item: u32,
}

const FORMAT: u8 = 1;

impl Payload {
    pub(crate) const fn new(
        event: Event,
        revision: Revision,
        (producer, counter): ([u8; 16], u64),
        item: u32,
    ) -> Self {
        Self { format: FORMAT, event, revision, producer, counter, item }
    }

    pub(crate) fn write(&self, bytes: &mut Vec<u8>) -> Result<(), StoreError> {
        minicbor::encode(self, bytes).map_err(|_| StoreError::Invalid("an event that cannot be encoded"))
    }

    /// Reads what [`Payload::write`] wrote; nothing for all other bytes.
    pub(crate) fn read(bytes: &[u8]) -> Option<Self> {
        let payload: Self = minicbor::decode(bytes).ok()?;
        let mut again = Vec::with_capacity(bytes.len());
        payload.write(&mut again).ok()?;
        (payload.format == FORMAT && again == bytes).then_some(payload)
    }
}
