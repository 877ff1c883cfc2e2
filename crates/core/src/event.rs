use minicbor::{Decode, Encode, encode::Write};

use crate::{
    Action, Actor, Caller, Class, Credential, Detail, Hashed, Name, RequestId, Revision, Service, StoreError,
    Tenant, Time, Verdict,
};

/// What happened: who, for which tenant, what, on which name, with which outcome. Its fields cannot hold a secret, nor
/// a text of a request other than a [`Name`].
#[derive(Debug, Clone, PartialEq, Eq, Hash, Encode, Decode)]
pub struct Event {
    /// When.
    #[n(0)]
    pub time: Time,
    /// Whose data.
    #[n(1)]
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
    #[n(6)]
    pub resource: Option<Name>,
    /// How it ended.
    #[n(7)]
    pub outcome: Verdict,
    /// The commit whose record the change replaces. The commit of the change itself is the one of the event's row.
    #[n(8)]
    pub old: Option<Revision>,
    /// What stands for the token that was shown.
    #[n(9)]
    pub token: Option<Hashed>,
    /// What stands for its accessor.
    #[n(10)]
    pub accessor: Option<Hashed>,
    /// What else there is to tell, at most [`Event::DETAILS`].
    #[n(11)]
    pub details: Vec<Detail>,
}

impl Event {
    /// Details of one event.
    pub const DETAILS: usize = 8;

    /// An operation on behalf of `caller` that ended so.
    pub fn of(
        caller: &Caller,
        time: Time,
        service: Service,
        action: Action,
        resource: Option<Name>,
        outcome: Verdict,
    ) -> Self {
        let Caller { tenant, actor, request, credential } = *caller;
        let (token, accessor) = credential.map(|Credential { token, accessor }| (token, accessor)).unzip();
        let (old, details) = (None, Vec::new());
        Self {
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
        }
    }

    /// An allowed operation on behalf of `caller`.
    pub fn allowed(
        caller: &Caller,
        time: Time,
        service: Service,
        action: Action,
        resource: Option<Name>,
    ) -> Self {
        Self::of(caller, time, service, action, resource, Verdict::Allowed)
    }

    /// The event with one more detail. One that is too many is left out.
    #[must_use]
    pub fn with(mut self, detail: Detail) -> Self {
        if self.details.len() < Self::DETAILS {
            self.details.push(detail);
        }
        self
    }

    /// Whether the answer waits until the event is durable: where its action says so, and where it was refused.
    pub const fn class(&self) -> Class {
        match self.outcome {
            Verdict::Refused(_) if !matches!(self.action, Action::Knock) => Class::Strict,
            _ => self.action.class(),
        }
    }

    /// Its bytes: CBOR, and one encoding for each event.
    ///
    /// # Errors
    /// [`StoreError::Invalid`] for more details than an event may have.
    pub fn to_bytes(&self) -> Result<Vec<u8>, StoreError> {
        let mut bytes = Vec::new();
        self.write(&mut bytes)?;
        Ok(bytes)
    }

    /// Appends its bytes.
    pub(crate) fn write(&self, bytes: &mut Vec<u8>) -> Result<(), StoreError> {
        if self.details.len() > Self::DETAILS {
            return Err(StoreError::Invalid("an event has at most eight details"));
        }
        minicbor::encode(self, bytes).map_err(|_| StoreError::Invalid("an event that cannot be encoded"))
    }

    /// Reads what [`Event::to_bytes`] wrote.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] for all other bytes.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, StoreError> {
        let event: Self = minicbor::decode(bytes).map_err(|_| StoreError::Corrupt)?;
        if event.is_written_as(bytes) { Ok(event) } else { Err(StoreError::Corrupt) }
    }

    /// Whether these are its bytes.
    pub(crate) fn is_written_as(&self, bytes: &[u8]) -> bool {
        let mut rest = Expected(bytes);
        self.details.len() <= Self::DETAILS && minicbor::encode(self, &mut rest).is_ok() && rest.0.is_empty()
    }
}

/// Bytes that are expected to be written: keeps none, and fails at the first that is another one.
struct Expected<'b>(&'b [u8]);

struct Unexpected;

impl Write for Expected<'_> {
    type Error = Unexpected;

    fn write_all(&mut self, written: &[u8]) -> Result<(), Unexpected> {
        self.0 = self.0.strip_prefix(written).ok_or(Unexpected)?;
        Ok(())
    }
}
