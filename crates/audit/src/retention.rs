use minicbor::{Decode, Encode};
use std::time::Duration;
use strongroom_core::{
    Action, Caller, Class, Detail, Event, Name, Reader, Service, StoreError, Tenant, Time, commit,
};

use crate::{
    AuditError, AuditLog, record,
    tables::{self, RETENTION},
};

/// How long which events are kept; what no rule is for, seven years from when it was logged.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Retention {
    /// The first that fits an event counts. At most 100.
    pub rules: Vec<Rule>,
}

/// How long events of a kind are kept. After that their payload may be erased, and is by [`Pruner`](crate::Pruner).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rule {
    /// Only events of this service.
    pub service: Option<Service>,
    /// Only events of this class.
    pub class: Option<Class>,
    /// From when on.
    pub trigger: Trigger,
    /// How many days.
    pub days: u32,
}

/// When the time begins for which an event is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum Trigger {
    /// When it was logged.
    #[n(0)]
    Logged,
    /// When its resource was deleted or destroyed: until then it is kept. Where an event has no resource, when it was
    /// logged.
    #[n(1)]
    ResourceEnd,
    /// When what it tells of expires by itself, as it says with [`Detail::Expires`]; where it does not, when it was
    /// logged.
    #[n(2)]
    Expiry,
}

#[derive(Encode, Decode)]
struct RetentionRecord {
    #[n(0)]
    format: u8,
    #[n(1)]
    rules: Vec<RuleRecord>,
}

#[derive(Encode, Decode)]
struct RuleRecord {
    #[n(0)]
    service: Option<Service>,
    #[n(1)]
    strict: Option<bool>,
    #[n(2)]
    trigger: Trigger,
    #[n(3)]
    days: u32,
}

const RULES: usize = 100;

/// Seven years, with their leap days.
const DEFAULT: Rule = Rule { service: None, class: None, trigger: Trigger::Logged, days: 7 * 365 + 2 };

const DAY: Duration = Duration::from_secs(86_400);

impl AuditLog {
    /// How long which events are kept.
    ///
    /// # Errors
    /// [`AuditError`].
    pub fn retention(&self) -> Result<Retention, AuditError> {
        let _inside = self.base().enter()?;
        Retention::read(&mut Reader::new(self.store(), Tenant::SYSTEM))
    }

    /// Says how long which events are kept from now on. It is an event of the system.
    ///
    /// # Errors
    /// [`AuditError::Invalid`] for more than 100 rules.
    pub fn set_retention(&self, caller: &Caller, retention: &Retention) -> Result<(), AuditError> {
        let _inside = self.base().enter()?;
        if retention.rules.len() > RULES {
            return Err(AuditError::Invalid("a retention has at most 100 rules"));
        }
        let name = Name::parse("audit-retention").map_err(|_| AuditError::Invalid("a name"))?;
        let caller = Caller { tenant: Tenant::SYSTEM, ..*caller };
        commit(self.store(), Tenant::SYSTEM, |mut reader| {
            // What is replaced was read: of two that change it at once, both are logged in their order.
            Retention::read(&mut reader)?;
            let mut change = reader.change(());
            change.put(&tables::single(RETENTION)?, &retention.to_bytes()?);
            let now = self.base().clock.now();
            let event = Event::allowed(&caller, now, Service::Audit, Action::Configure, Some(name.clone()));
            self.base().outbox.put(&mut change, &event)?;
            Ok(change)
        })
    }
}

impl Retention {
    /// The rule for an event.
    pub fn rule(&self, event: &Event) -> Rule {
        let fits = |rule: &&Rule| {
            rule.service.is_none_or(|service| service == event.service)
                && rule.class.is_none_or(|class| class == event.class())
        };
        self.rules.iter().find(fits).copied().unwrap_or(DEFAULT)
    }

    /// How long which events are kept; a change will expect that it is still so.
    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<Self, AuditError> {
        let row = reader.get(&tables::single(RETENTION)?)?;
        Ok(row.map(|row| Self::parse(&row.value)).transpose()?.unwrap_or_default())
    }

    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, StoreError> {
        let class = |strict| if strict { Class::Strict } else { Class::Buffered };
        let rule = |RuleRecord { service, strict, trigger, days }: RuleRecord| Rule {
            service,
            class: strict.map(class),
            trigger,
            days,
        };
        let rules = record::read::<RetentionRecord>(bytes)?.rules;
        Ok(Self { rules: rules.into_iter().map(rule).collect() })
    }

    fn to_bytes(&self) -> Result<Vec<u8>, StoreError> {
        let rule = |Rule { service, class, trigger, days }: &Rule| {
            let strict = class.map(|class| class == Class::Strict);
            RuleRecord { service: *service, strict, trigger: *trigger, days: *days }
        };
        let rules = self.rules.iter().map(rule).collect();
        Ok(record::write(&RetentionRecord { format: record::FORMAT, rules })?.to_vec())
    }
}

impl Rule {
    /// Until when an event is kept that was logged then; nothing if that has not begun to run. `ended` tells when its
    /// resource ended.
    pub(crate) fn until<E>(
        &self,
        event: &Event,
        logged: Time,
        ended: impl FnOnce(&Name) -> Result<Option<Time>, E>,
    ) -> Result<Option<Time>, E> {
        let begins = match (self.trigger, &event.resource) {
            (Trigger::ResourceEnd, Some(name)) => ended(name)?,
            (Trigger::Expiry, _) => Some(expiry(event).map_or(logged, |expiry| expiry.max(logged))),
            (Trigger::Logged | Trigger::ResourceEnd, _) => Some(logged),
        };
        Ok(begins.map(|begins| begins + DAY * self.days))
    }
}

fn expiry(event: &Event) -> Option<Time> {
    event.details.iter().find_map(|detail| match detail {
        Detail::Expires(time) => Some(*time),
        _ => None,
    })
}
