use minicbor::{Decode, Encode};
use strongroom_core::{
    Action, Actor, Caller, Detail, Direction, Event, Range, RecordKey, Segment, Service, StoreError, Tenant,
    commit,
};

use crate::{
    AuditError, AuditLog, record,
    tables::{self, PRODUCERS},
};

/// A program that hands in events of its own: who may do so in its name, and which services it speaks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Producer {
    /// Its own, and no other one's of the tenant.
    pub id: [u8; 16],
    /// Whose events they are.
    pub tenant: Tenant,
    /// Who hands them in.
    pub actor: Actor,
    /// Of which services they are; of none once it may hand in no more.
    pub services: Vec<Service>,
}

/// The last number that a producer gave, and what it may do.
#[derive(Encode, Decode)]
pub(crate) struct ProducerRecord {
    #[n(0)]
    format: u8,
    #[n(1)]
    last: u64,
    #[n(2)]
    rights: Option<Rights>,
}

#[derive(Encode, Decode)]
struct Rights {
    #[n(0)]
    actor: Actor,
    #[n(1)]
    services: Vec<Service>,
}

/// Events that a producer hands in at once, at most.
const EVENTS: usize = 256;

impl AuditLog {
    /// Says who may hand in events in the name of a producer, and of which services: all others are refused. It is an
    /// event of the producer's tenant. Its numbers go on where they were.
    ///
    /// # Errors
    /// [`AuditError::Invalid`] for a service that only the log itself speaks for, and for an actor that is nobody.
    pub fn register_producer(&self, caller: &Caller, producer: &Producer) -> Result<(), AuditError> {
        let _inside = self.base().enter()?;
        let Producer { id, tenant, actor, services } = producer;
        if services.contains(&Service::Audit) {
            return Err(AuditError::Invalid("no producer speaks for the audit log"));
        }
        if matches!(actor, Actor::Anonymous | Actor::System) {
            return Err(AuditError::Invalid("a producer is the program itself, or the holder of a token"));
        }
        let (key, caller) = (ProducerRecord::key(*tenant, *id)?, Caller { tenant: *tenant, ..*caller });
        // Each once, and in one order.
        let services: Vec<_> =
            Service::ALL.iter().copied().filter(|service| services.contains(service)).collect();
        commit(self.store(), Tenant::SYSTEM, |mut reader| {
            let last = ProducerRecord::of(reader.get(&key)?)?.last;
            let rights = Some(Rights { actor: *actor, services: services.clone() });
            let mut change = reader.change(());
            change.put(&key, &record::write(&ProducerRecord { format: record::FORMAT, last, rights })?);
            let now = self.base().clock.now();
            let event = Event::allowed(&caller, now, Service::Audit, Action::Configure, None);
            self.base().outbox.put(&mut change, &event.with(Detail::Producer(*id)))?;
            Ok(change)
        })
    }

    /// The producers of a tenant, and the number that is expected next of each.
    ///
    /// # Errors
    /// [`AuditError`].
    pub fn producers(&self, tenant: Tenant) -> Result<Vec<(Producer, u64)>, AuditError> {
        let _inside = self.base().enter()?;
        let mut range = Range::under(Tenant::SYSTEM, PRODUCERS, &[Segment::Id(*tenant.as_bytes())])?;
        let mut producers = Vec::new();
        loop {
            let rows = self.store().scan(&range, Direction::Forward, 100)?;
            let Some((last, _)) = rows.last() else { return Ok(producers) };
            range = range.after(last)?;
            for (key, row) in rows {
                let ProducerRecord { last, rights, .. } = ProducerRecord::read(&row.value)?;
                let id = tables::producer_of(&key).ok_or(StoreError::Corrupt)?;
                if let Some(Rights { actor, services }) = rights {
                    producers.push((Producer { id, tenant, actor, services }, last + 1));
                }
            }
        }
    }

    /// Takes over events of another program, on behalf of whom it was recognised as; they are durable when this returns,
    /// and logged with the next step of [`AuditLog::drain`], each with [`Detail::Producer`]. A producer numbers what it
    /// hands in from 1 on, without a gap, and hands it in again until it hears an answer: nothing is logged twice.
    /// Answers whether it was new.
    ///
    /// # Errors
    /// [`AuditError::Denied`] for a producer that is not registered for this caller, and where it speaks for another
    /// tenant, actor or service than it may; [`AuditError::Gap`]; [`AuditError::Invalid`] for no events or more than 256,
    /// and for one with eight details. Nothing of what was handed in is taken over then.
    pub fn append(
        &self,
        caller: &Caller,
        producer: [u8; 16],
        number: u64,
        events: &[Event],
    ) -> Result<bool, AuditError> {
        let _inside = self.base().enter()?;
        if events.is_empty() || events.len() > EVENTS {
            return Err(AuditError::Invalid("hand in 1 to 256 events"));
        }
        let key = ProducerRecord::key(caller.tenant, producer)?;
        commit(self.store(), Tenant::SYSTEM, |mut reader| {
            let ProducerRecord { last, rights, .. } = ProducerRecord::of(reader.get(&key)?)?;
            let rights = rights
                .filter(|rights| rights.actor == caller.actor)
                .ok_or(AuditError::Denied("no such producer is registered for this caller"))?;
            let events = events
                .iter()
                .map(|event| rights.marked(caller, producer, event))
                .collect::<Result<Vec<_>, _>>()?;
            if number <= last {
                return Ok(reader.change(false));
            }
            if number != last + 1 {
                return Err(AuditError::Gap { expected: last + 1 });
            }
            let mut change = reader.change(true);
            let next = ProducerRecord { format: record::FORMAT, last: number, rights: Some(rights) };
            change.put(&key, &record::write(&next)?);
            events.iter().try_for_each(|event| self.base().outbox.put(&mut change, event))?;
            Ok(change)
        })
    }
}

impl Rights {
    /// An event that may be handed in, with the mark of its producer, so that none looks like one of this database.
    fn marked(&self, caller: &Caller, producer: [u8; 16], event: &Event) -> Result<Event, AuditError> {
        // Who hands in an event is the one that it tells of: nobody speaks for the suite itself, or for another token.
        if event.tenant != caller.tenant || event.actor != caller.actor {
            return Err(AuditError::Denied("a producer hands in events of its own tenant and actor"));
        }
        let Caller { credential, .. } = caller;
        if event.token != credential.map(|it| it.token) || event.accessor != credential.map(|it| it.accessor)
        {
            return Err(AuditError::Denied("a producer names its own token"));
        }
        if !self.services.contains(&event.service) {
            return Err(AuditError::Denied("the producer may not speak for that service"));
        }
        if producer_of(event).is_some() {
            return Err(AuditError::Denied("a producer names no producer"));
        }
        if event.details.len() >= Event::DETAILS {
            return Err(AuditError::Invalid("an event that is handed in has at most seven details"));
        }
        Ok(event.clone().with(Detail::Producer(producer)))
    }
}

/// By which producer an event was handed in; nothing for one of this database.
pub(crate) fn producer_of(event: &Event) -> Option<[u8; 16]> {
    event.details.iter().find_map(|detail| match detail {
        Detail::Producer(id) if event.service != Service::Audit => Some(*id),
        _ => None,
    })
}

impl ProducerRecord {
    fn key(tenant: Tenant, producer: [u8; 16]) -> Result<RecordKey, StoreError> {
        let segments = [Segment::Id(*tenant.as_bytes()), Segment::Id(producer)];
        Ok(RecordKey::new(Tenant::SYSTEM, PRODUCERS, &segments)?)
    }

    /// A producer that was never heard of gave no number, and may do nothing.
    fn of(row: Option<strongroom_core::Record>) -> Result<Self, StoreError> {
        let never = Self { format: record::FORMAT, last: 0, rights: None };
        row.map_or(Ok(never), |row| Self::read(&row.value))
    }

    pub(crate) fn read(bytes: &[u8]) -> Result<Self, StoreError> {
        record::read(bytes)
    }
}
