use minicbor::{Decode, Encode};
use strongroom_core::{Action, Caller, Event, Name, Reader, Service, Tenant, Time, commit};

use crate::{
    AuditError, AuditLog, Month, record,
    tables::{self, HOLDS},
};

/// A legal hold: events that stay whatever the retention says, until it is released.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Hold {
    /// What it is called.
    #[n(0)]
    pub name: Name,
    /// Whose events.
    #[n(1)]
    pub tenant: Tenant,
    /// Only those on this name.
    #[n(2)]
    pub resource: Option<Name>,
    /// Only those that were logged then or later.
    #[n(3)]
    pub from: Option<Time>,
    /// Only those that were logged before.
    #[n(4)]
    pub until: Option<Time>,
}

#[derive(Encode, Decode)]
struct HoldsRecord {
    #[n(0)]
    format: u8,
    #[n(1)]
    holds: Vec<Hold>,
}

/// Holds that a database may have: they are one row.
const MAX: usize = 1_000;

impl AuditLog {
    /// Places a hold. It is an event of its tenant.
    ///
    /// # Errors
    /// [`AuditError::Exists`] if there is one of this name, [`AuditError::Invalid`] for more than 1,000.
    pub fn place_hold(&self, caller: &Caller, hold: &Hold) -> Result<(), AuditError> {
        self.change_holds(caller, Action::Create, hold.tenant, &hold.name, |holds| {
            if holds.iter().any(|other| other.name == hold.name) {
                return Err(AuditError::Exists);
            }
            if holds.len() >= MAX {
                return Err(AuditError::Invalid("a database has at most 1,000 holds"));
            }
            holds.push(hold.clone());
            Ok(())
        })
    }

    /// Releases the hold of a tenant with this name. It is an event of that tenant.
    ///
    /// # Errors
    /// [`AuditError::NotFound`].
    pub fn release_hold(&self, caller: &Caller, tenant: Tenant, name: &Name) -> Result<(), AuditError> {
        self.change_holds(caller, Action::Delete, tenant, name, |holds| {
            let before = holds.len();
            holds.retain(|hold| hold.tenant != tenant || hold.name != *name);
            if holds.len() < before { Ok(()) } else { Err(AuditError::NotFound) }
        })
    }

    /// All holds.
    ///
    /// # Errors
    /// [`AuditError`].
    pub fn holds(&self) -> Result<Vec<Hold>, AuditError> {
        let _inside = self.base().enter()?;
        read_all(&mut Reader::new(self.store(), Tenant::SYSTEM))
    }

    fn change_holds(
        &self,
        caller: &Caller,
        action: Action,
        tenant: Tenant,
        name: &Name,
        edit: impl Fn(&mut Vec<Hold>) -> Result<(), AuditError>,
    ) -> Result<(), AuditError> {
        let _inside = self.base().enter()?;
        let caller = Caller { tenant, ..*caller };
        commit(self.store(), Tenant::SYSTEM, |mut reader| {
            let mut holds = read_all(&mut reader)?;
            edit(&mut holds)?;
            let mut change = reader.change(());
            let record = HoldsRecord { format: record::FORMAT, holds };
            change.put(&tables::single(HOLDS)?, &record::write(&record)?);
            let now = self.base().clock.now();
            let event = Event::allowed(&caller, now, Service::Audit, action, Some(name.clone()));
            self.base().outbox.put(&mut change, &event)?;
            Ok(change)
        })
    }
}

impl Hold {
    /// Whether it keeps this event, which was logged then.
    pub(crate) fn keeps(&self, event: &Event, logged: Time) -> bool {
        self.tenant == event.tenant
            && self.resource.as_ref().is_none_or(|name| event.resource.as_ref() == Some(name))
            && self.from.is_none_or(|from| logged >= from)
            && self.until.is_none_or(|until| logged < until)
    }

    /// Whether it may keep an event of this month.
    pub(crate) fn concerns_month(&self, tenant: Tenant, month: Month) -> bool {
        self.tenant == tenant
            && self.from.is_none_or(|from| Month::of(from) <= month)
            && self.until.is_none_or(|until| Month::of(until) >= month)
    }
}

/// All holds; a change will expect that there are no others.
pub(crate) fn read_all(reader: &mut Reader<'_>) -> Result<Vec<Hold>, AuditError> {
    let row = reader.get(&tables::single(HOLDS)?)?;
    Ok(row.map(|row| parse(&row.value)).transpose()?.unwrap_or_default())
}

pub(crate) fn parse(bytes: &[u8]) -> Result<Vec<Hold>, strongroom_core::StoreError> {
    Ok(record::read::<HoldsRecord>(bytes)?.holds)
}
