use minicbor::{Decode, Decoder, Encode, decode::Error as Malformed};

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
    let failed = |_| StoreError::Invalid("an event that cannot be encoded");
    let length = u64::try_from(taken).map_err(|_| StoreError::Corrupt)?;
    minicbor::Encoder::new(&mut row).array(2).and_then(|e| e.u8(FORMAT)?.array(length)).map_err(failed)?;
    row.extend_from_slice(&encoded);
    Ok((row, taken))
}

/// Bytes of an event of a request.
const USUAL: usize = 192;

/// Two arrays' heads and the number of the format, at most.
const HEADER: usize = 16;

/// The events of a row. Rows of the first format held one event and no number of a format.
pub(crate) fn read(bytes: &[u8]) -> Result<Vec<Event>, StoreError> {
    let corrupt = |_: Malformed| StoreError::Corrupt;
    let mut decoder = Decoder::new(bytes);
    if decoder.array().map_err(corrupt)? != Some(2) {
        return First::read(bytes).map(|event| vec![event]);
    }
    if decoder.u64().map_err(corrupt)? != u64::from(FORMAT) {
        return Err(StoreError::Unsupported("read events that a newer version wrote"));
    }
    let length = decoder.array().map_err(corrupt)?.and_then(|length| usize::try_from(length).ok());
    let length = length.filter(|length| (1..=EVENTS).contains(length)).ok_or(StoreError::Corrupt)?;
    let events = (0..length).map(|_| decoder.decode::<Event>()).collect::<Result<Vec<_>, _>>();
    let events = events.map_err(corrupt)?;
    if events.iter().any(|event| event.details.len() > Event::DETAILS) {
        return Err(StoreError::Corrupt);
    }
    let (again, taken) = write(&events)?;
    if again == bytes && taken == length { Ok(events) } else { Err(StoreError::Corrupt) }
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
