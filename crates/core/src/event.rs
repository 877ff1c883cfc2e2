use std::{
    fmt,
    sync::atomic::{AtomicU64, Ordering},
};

use minicbor::{Decode, Encode};

use crate::{
    Actor, Caller, Change, CommitError, Direction, Name, Range, Reader, RecordKey, RequestId, SealedStore,
    Segment, StoreError, Table, Tenant, Time,
};

/// Events that wait to be taken over by the audit log, under the system tenant: producer, then its counter.
pub(crate) const OUTBOX: Table = Table::new(0x0001);

/// Which service an event comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
#[non_exhaustive]
pub enum Service {
    /// The barrier.
    #[n(1)]
    Barrier,
    /// Key rings.
    #[n(2)]
    Kms,
    /// Tokens and people.
    #[n(3)]
    Identity,
    /// Backups.
    #[n(4)]
    Backup,
}

/// What was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
#[non_exhaustive]
pub enum Action {
    /// A thing was made.
    #[n(1)]
    Create,
    /// A key got a new version.
    #[n(2)]
    Rotate,
    /// Its settings were changed.
    #[n(3)]
    Configure,
    /// It was forbidden to be used.
    #[n(4)]
    Disable,
    /// It was allowed again.
    #[n(5)]
    Enable,
    /// It was deleted.
    #[n(6)]
    Delete,
    /// What was wrapped under an old key was wrapped under the new one.
    #[n(7)]
    Rewrap,
    /// A job began that seals every record of a tenant anew, under the newest version of its key.
    #[n(8)]
    Reseal,
    /// Versions of a key that nothing lies under any more were destroyed.
    #[n(9)]
    Destroy,
    /// A tenant's keys were erased, and with them all that they open.
    #[n(10)]
    Shred,
    /// After a leak: everything is to get new keys.
    #[n(11)]
    Renew,
}

/// Why something was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
#[non_exhaustive]
pub enum Refusal {
    /// The caller may not.
    #[n(1)]
    Denied,
    /// The state of the thing does not allow it.
    #[n(2)]
    State,
}

/// What happened: who, for which tenant, what, on which name, with which outcome. Its fields cannot hold a
/// secret.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Event {
    /// When.
    #[n(0)]
    pub time: Time,
    /// Whose data.
    #[cbor(n(1), with = "tenant_bytes")]
    pub tenant: Tenant,
    /// Who asked.
    #[n(2)]
    pub actor: Actor,
    /// In which request.
    #[n(3)]
    pub request: Option<RequestId>,
    /// The service.
    #[n(4)]
    pub service: Service,
    /// What was asked.
    #[n(5)]
    pub action: Action,
    /// On which name.
    #[cbor(n(6), with = "name_text")]
    pub resource: Option<Name>,
    /// Why it was refused, if it was.
    #[n(7)]
    pub refused: Option<Refusal>,
}

impl Event {
    /// An allowed operation on behalf of `caller`.
    pub fn allowed(
        caller: &Caller,
        time: Time,
        service: Service,
        action: Action,
        resource: Option<Name>,
    ) -> Self {
        let Caller { tenant, actor, request } = *caller;
        Self { time, tenant, actor, request, service, action, resource, refused: None }
    }
}

/// Puts events into the batches of the changes that they tell of, so that an acknowledged change without its
/// event cannot exist. One per process and store: rows are keyed by the producer and its counter, so that no
/// row is written twice.
pub struct Outbox {
    producer: [u8; 16],
    next: AtomicU64,
}

impl Outbox {
    /// An outbox under a random producer id.
    pub const fn new(producer: [u8; 16]) -> Self {
        Self { producer, next: AtomicU64::new(0) }
    }

    /// Adds the event to the change.
    ///
    /// # Errors
    /// [`StoreError`], which the limits of an event exclude.
    pub fn put<T>(&self, change: &mut Change<T>, event: &Event) -> Result<(), StoreError> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let segments = [Segment::Id(self.producer), Segment::Number(number)];
        let key = RecordKey::new(Tenant::SYSTEM, OUTBOX, &segments)?;
        let value =
            minicbor::to_vec(event).map_err(|_| StoreError::Invalid("an event that cannot be encoded"))?;
        change.put(&key, &value);
        Ok(())
    }
}

impl fmt::Debug for Outbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Outbox")
    }
}

/// Hands at most `limit` (up to 400) waiting events to `sink` and removes them, in one commit; answers how
/// many. After a crash in between, `sink` sees them again.
///
/// # Errors
/// [`CommitError`]; the events stay.
pub fn drain(
    store: &dyn SealedStore,
    limit: usize,
    sink: &mut dyn FnMut(&Event),
) -> Result<usize, CommitError> {
    let mut reader = Reader::new(store, Tenant::SYSTEM);
    let range = Range::under(Tenant::SYSTEM, OUTBOX, &[]).map_err(StoreError::from)?;
    let rows = reader.scan(&range, Direction::Forward, limit.min(400))?;
    if rows.is_empty() {
        return Ok(0);
    }
    let mut change = reader.change(rows.len());
    for (key, record) in &rows {
        let event: Event = minicbor::decode(&record.value).map_err(|_| StoreError::Corrupt)?;
        sink(&event);
        change.delete(key);
    }
    change.commit(store)
}

mod tenant_bytes {
    use minicbor::{
        Decoder, Encoder,
        decode::Error as Malformed,
        encode::{Error, Write},
    };

    use crate::Tenant;

    pub(super) fn encode<C, W: Write>(
        tenant: &Tenant,
        encoder: &mut Encoder<W>,
        _: &mut C,
    ) -> Result<(), Error<W::Error>> {
        encoder.bytes(tenant.as_bytes())?.ok()
    }

    pub(super) fn decode<C>(decoder: &mut Decoder<'_>, _: &mut C) -> Result<Tenant, Malformed> {
        let bytes = decoder.bytes()?.try_into().map_err(|_| Malformed::message("a tenant has 16 bytes"))?;
        Ok(Tenant::from_bytes(bytes))
    }
}

mod name_text {
    use minicbor::{
        Decoder, Encoder,
        decode::Error as Malformed,
        encode::{Error, Write},
    };

    use crate::Name;

    pub(super) fn encode<C, W: Write>(
        name: &Option<Name>,
        encoder: &mut Encoder<W>,
        _: &mut C,
    ) -> Result<(), Error<W::Error>> {
        match name {
            Some(name) => encoder.str(name)?.ok(),
            None => encoder.null()?.ok(),
        }
    }

    pub(super) fn decode<C>(decoder: &mut Decoder<'_>, context: &mut C) -> Result<Option<Name>, Malformed> {
        let text: Option<&str> = decoder.decode_with(context)?;
        text.map(Name::parse).transpose().map_err(|_| Malformed::message("not a name"))
    }
}
