use std::fmt;

use minicbor::{Decode, Decoder, Encode, decode::Error as Malformed};
use zeroize::Zeroizing;

use crate::{Action, Actor, Event, Name, Refusal, RequestId, Service, StoreError, Tenant, Time, Verdict};

/// The events of one row.
pub(crate) const EVENTS: usize = 512;

/// Bytes of one row, a little less than a value may have.
pub(crate) const BYTES: usize = 256 << 10;

const FORMAT: u8 = 2;

/// The bytes of a row with these events, and how many of them it holds: as many from the first on as there is room for.
pub(crate) fn write(events: &[Event]) -> Result<(Vec<u8>, usize), StoreError> {
    let mut encoded = Vec::with_capacity(USUAL * events.len().min(EVENTS));
    let mut taken = 0;
    for event in events.iter().take(EVENTS) {
        let before = encoded.len();
        event.write(&mut encoded)?;
        if encoded.len() + HEADER > BYTES {
            encoded.truncate(before);
            break;
        }
        taken += 1;
    }
    let mut row = Vec::with_capacity(encoded.len() + HEADER);
    write_head(&mut row, taken)?;
    row.extend_from_slice(&encoded);
    Ok((row, taken))
}

fn write_head(row: &mut Vec<u8>, events: usize) -> Result<(), StoreError> {
    let failed = |_| StoreError::Invalid("an event that cannot be encoded");
    let length = u64::try_from(events).map_err(|_| StoreError::Corrupt)?;
    minicbor::Encoder::new(row).array(2).and_then(|e| e.u8(FORMAT)?.array(length)).map_err(failed)?;
    Ok(())
}

/// Bytes of an event of a request.
const USUAL: usize = 192;

/// Two arrays' heads and the number of the format, at most.
const HEADER: usize = 16;

/// The bytes of the events of a row, each in its one encoding.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Encoded {
    bytes: Zeroizing<Vec<u8>>,
    /// Where the first begins, and where each ends.
    bounds: Vec<usize>,
}

impl Encoded {
    /// The bytes of the event at this place.
    pub(crate) fn event(&self, at: usize) -> Option<&[u8]> {
        let (from, to) = (self.bounds.get(at)?, self.bounds.get(at + 1)?);
        self.bytes.get(*from..*to)
    }

    fn one(event: &Event) -> Result<Self, StoreError> {
        let bytes = event.to_bytes()?;
        Ok(Self { bounds: vec![0, bytes.len()], bytes: bytes.into() })
    }
}

impl fmt::Debug for Encoded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Encoded({} bytes)", self.bytes.len())
    }
}

/// The events of a row, and their bytes. Rows of the first format held one event and no number of a format.
pub(crate) fn read(bytes: Zeroizing<Vec<u8>>) -> Result<(Vec<Event>, Encoded), StoreError> {
    let corrupt = |_: Malformed| StoreError::Corrupt;
    let mut decoder = Decoder::new(&bytes);
    if decoder.array().map_err(corrupt)? != Some(2) {
        let event = First::read(&bytes)?;
        let encoded = Encoded::one(&event)?;
        return Ok((vec![event], encoded));
    }
    if decoder.u64().map_err(corrupt)? != u64::from(FORMAT) {
        return Err(StoreError::Unsupported("read events that a newer version wrote"));
    }
    let length = decoder.array().map_err(corrupt)?.and_then(|length| usize::try_from(length).ok());
    let length = length.filter(|length| (1..=EVENTS).contains(length)).ok_or(StoreError::Corrupt)?;
    let (events, bounds) = read_events(&bytes, &mut decoder, length)?;
    Ok((events, Encoded { bytes, bounds }))
}

/// So many events, from where the decoder stands to the end, and where each begins and ends. No row but the one that
/// [`write`] makes of them is read.
fn read_events(
    bytes: &[u8],
    decoder: &mut Decoder<'_>,
    length: usize,
) -> Result<(Vec<Event>, Vec<usize>), StoreError> {
    let (head, mut expected) = (bytes.split_at_checked(decoder.position()), Vec::with_capacity(HEADER));
    write_head(&mut expected, length)?;
    if head.is_none_or(|(head, rest)| head != expected || rest.len() + HEADER > BYTES) {
        return Err(StoreError::Corrupt);
    }
    let (mut events, mut bounds) = (Vec::with_capacity(length), vec![decoder.position()]);
    for _ in 0..length {
        let from = decoder.position();
        let event: Event = decoder.decode().map_err(|_| StoreError::Corrupt)?;
        let own = bytes.get(from..decoder.position()).unwrap_or_default();
        if !event.is_written_as(own) {
            return Err(StoreError::Corrupt);
        }
        events.push(event);
        bounds.push(decoder.position());
    }
    if decoder.position() == bytes.len() { Ok((events, bounds)) } else { Err(StoreError::Corrupt) }
}

/// An event as the first format had it.
#[derive(Encode, Decode)]
struct First {
    #[n(0)]
    time: Time,
    #[n(1)]
    tenant: Tenant,
    #[n(2)]
    actor: Actor,
    #[n(3)]
    request: Option<RequestId>,
    #[n(4)]
    service: Service,
    #[n(5)]
    action: Action,
    #[n(6)]
    resource: Option<Name>,
    #[n(7)]
    refused: Option<Refusal>,
}

impl First {
    fn read(bytes: &[u8]) -> Result<Event, StoreError> {
        let first: Self = minicbor::decode(bytes).map_err(|_| StoreError::Corrupt)?;
        if minicbor::to_vec(&first).map_err(|_| StoreError::Corrupt)? != bytes {
            return Err(StoreError::Corrupt);
        }
        let Self { time, tenant, actor, request, service, action, resource, refused } = first;
        let outcome = refused.map_or(Verdict::Allowed, Verdict::Refused);
        let (old, token, accessor, details) = (None, None, None, Vec::new());
        Ok(Event {
            time,
            tenant,
            actor,
            request,
            service,
            action,
            resource,
            outcome,
            old,
            token,
            accessor,
            details,
        })
    }
}
