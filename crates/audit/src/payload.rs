use minicbor::{Decode, Encode, Encoder};
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
    /// Appends the bytes of the payload of an event with these bytes.
    pub(crate) fn write(
        event: &[u8],
        revision: Revision,
        (producer, counter): ([u8; 16], u64),
        item: u32,
        bytes: &mut Vec<u8>,
    ) -> Result<(), StoreError> {
        let failed = |_| StoreError::Invalid("an event that cannot be encoded");
        Encoder::new(&mut *bytes).array(6).and_then(|e| e.u8(FORMAT)?.ok()).map_err(failed)?;
        bytes.extend_from_slice(event);
        let mut encoder = Encoder::new(bytes);
        let origin = encoder.u64(revision.0).and_then(|e| e.bytes(&producer)?.u64(counter)?.u32(item)?.ok());
        origin.map_err(failed)
    }

    /// Reads what [`Payload::write`] wrote; nothing for all other bytes.
    pub(crate) fn read(bytes: &[u8]) -> Option<Self> {
        let payload: Self = minicbor::decode(bytes).ok()?;
        let again = minicbor::to_vec(&payload).ok()?;
        (payload.format == FORMAT && again == bytes).then_some(payload)
    }
}

#[cfg(test)]
mod tests {
    use strongroom_core::{Action, Caller, Name, Service, Tenant, Time};

    use super::*;

    #[test]
    fn what_is_written_around_an_event_is_read_as_its_one_encoding() {
        let (caller, time) = (Caller::application(Tenant::from_bytes([1; 16])), Time::from_millis(1 << 40));
        let name = Name::parse("orders").ok();
        let event = Event::allowed(&caller, time, Service::Kms, Action::Encrypt, name);
        let event_bytes = event.to_bytes().unwrap();
        for (revision, counter, item) in [(0, 0, 0), (23, 24, 255), (1 << 40, u64::MAX, u32::MAX)] {
            let (revision, producer) = (Revision(revision), [9; 16]);
            let mut bytes = Vec::new();
            Payload::write(&event_bytes, revision, (producer, counter), item, &mut bytes).unwrap();
            let payload = Payload { format: FORMAT, event: event.clone(), revision, producer, counter, item };
            assert_eq!(Payload::read(&bytes), Some(payload));
        }
    }
}
