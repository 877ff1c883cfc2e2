use minicbor::{Decode, Encode};
use strongroom_core::{Caller, Event, RecordKey, Segment, StoreError, Tenant, commit};

use crate::{AuditError, AuditLog, record, tables::PRODUCERS};

/// The last number that a producer gave.
#[derive(Encode, Decode)]
pub(crate) struct ProducerRecord {
    #[n(0)]
    format: u8,
    #[n(1)]
    last: u64,
}

/// Events that a producer hands in at once, at most.
const EVENTS: usize = 256;

impl AuditLog {
    /// Takes over events of another program, on behalf of whom it was recognised as; they are durable when this returns,
    /// and logged with the next step of [`AuditLog::drain`]. A producer numbers what it hands in from 1 on, without a
    /// gap, and hands it in again until it hears an answer: nothing is logged twice. Answers whether it was new.
    ///
    /// # Errors
    /// [`AuditError::Gap`]; [`AuditError::Invalid`] for an event of another tenant or actor than the caller, for none or
    /// more than 256.
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
        // Who hands in an event is the one that it tells of: nobody speaks for the suite itself, or for another token.
        if events.iter().any(|event| event.tenant != caller.tenant || event.actor != caller.actor) {
            return Err(AuditError::Invalid("events of another tenant or actor"));
        }
        let key = ProducerRecord::key(caller.tenant, producer)?;
        commit(self.store(), Tenant::SYSTEM, |mut reader| {
            let row = reader.get(&key)?;
            let last =
                row.map(|row| ProducerRecord::read(&row.value)).transpose()?.map_or(0, |record| record.last);
            if number <= last {
                return Ok(reader.change(false));
            }
            if number != last + 1 {
                return Err(AuditError::Gap { expected: last + 1 });
            }
            let mut change = reader.change(true);
            change.put(&key, &record::write(&ProducerRecord { format: record::FORMAT, last: number })?);
            events.iter().try_for_each(|event| self.base().outbox.put(&mut change, event))?;
            Ok(change)
        })
    }
}

impl ProducerRecord {
    fn key(tenant: Tenant, producer: [u8; 16]) -> Result<RecordKey, StoreError> {
        let segments = [Segment::Id(*tenant.as_bytes()), Segment::Id(producer)];
        Ok(RecordKey::new(Tenant::SYSTEM, PRODUCERS, &segments)?)
    }

    pub(crate) fn read(bytes: &[u8]) -> Result<Self, StoreError> {
        record::read(bytes)
    }
}
