use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};
use strongroom::audit::{Hold, Month, Retention, Rule, Trigger};
use strongroom_core::{Action, Class, Event, Name, Service, Time};
use strongroom_serve::{Response, StatusCode};

use super::{Work, asked::moment, failed, words};
use crate::{
    answer::{bad_request, rfc3339},
    payload::{check, take},
};

#[derive(Deserialize)]
struct RetentionRequest {
    rules: Vec<RuleRequest>,
}

#[derive(Deserialize)]
struct RuleRequest {
    service: Option<String>,
    class: Option<String>,
    trigger: Option<String>,
    days: u32,
}

#[derive(Deserialize)]
struct HoldRequest {
    resource: Option<String>,
    from: Option<String>,
    to: Option<String>,
}

#[derive(Deserialize)]
struct PruneRequest {
    month: String,
    confirm: String,
}

const CLASSES: &[Class] = &[Class::Strict, Class::Buffered];
const TRIGGERS: &[Trigger] = &[Trigger::Logged, Trigger::ResourceEnd, Trigger::Expiry];
const DAY: Duration = Duration::from_secs(86_400);

impl Work<'_> {
    pub(super) fn retention(&self) -> Result<Response, Response> {
        let retention = self.log.retention().map_err(|error| failed(&error))?;
        let rules: Vec<_> = retention.rules.iter().map(rule_shown).collect();
        Ok(self.reply.data(&json!({ "rules": rules, "otherwise": rule_shown(&self.otherwise()) })))
    }

    pub(super) fn set_retention(&self) -> Result<Response, Response> {
        let RetentionRequest { rules } = check(self.body).and_then(take)?;
        let rules = rules.into_iter().map(rule).collect::<Result<Vec<_>, _>>()?;
        let set = self.log.set_retention(&self.access.caller, &Retention { rules });
        done(set.map_err(|error| failed(&error)))
    }

    pub(super) fn holds(&self) -> Result<Response, Response> {
        let holds = self.log.holds().map_err(|error| failed(&error))?;
        let own = holds.iter().filter(|hold| hold.tenant == self.tenant);
        Ok(self.reply.data(&json!({ "holds": own.map(hold_shown).collect::<Vec<_>>() })))
    }

    pub(super) fn place_hold(&self, name: &Name) -> Result<Response, Response> {
        let HoldRequest { resource, from, to } = check(self.body).and_then(take)?;
        let resource = resource.map(|text| Name::parse(&text)).transpose();
        let resource = resource.map_err(|error| bad_request(&error.to_string()))?;
        let time = |text: Option<String>| {
            let wrong = || bad_request("'from' and 'to' must be moments as in RFC 3339");
            text.map(|text| moment(&text).ok_or_else(wrong)).transpose()
        };
        let (from, until) = (time(from)?, time(to)?);
        let hold = Hold { name: name.clone(), tenant: self.tenant, resource, from, until };
        done(self.log.place_hold(&self.access.caller, &hold).map_err(|error| failed(&error)))
    }

    pub(super) fn release_hold(&self, name: &Name) -> Result<Response, Response> {
        let released = self.log.release_hold(&self.access.caller, self.tenant, name);
        done(released.map_err(|error| failed(&error)))
    }

    /// Erases the keys of a month that no rule keeps any more.
    pub(super) fn prune(&self) -> Result<Response, Response> {
        let PruneRequest { month, confirm } = check(self.body).and_then(take)?;
        let parsed = parse_month(&month).ok_or_else(|| bad_request("'month' must read like 2019-01"))?;
        if confirm != month {
            return Err(bad_request("'confirm' must be the month whose events are to be erased"));
        }
        if !self.is_over(parsed)? {
            let why = "the retention keeps events of this month";
            return Err(Response::errors(StatusCode::CONFLICT, &[why]));
        }
        let erased = self.log.erase_month(&self.access.caller, self.tenant, parsed);
        done(erased.map_err(|error| failed(&error)))
    }

    /// Whether the time of every rule is over for all events of a month. A rule with another beginning than the logging
    /// of an event keeps it for nobody knows how long.
    fn is_over(&self, month: Month) -> Result<bool, Response> {
        let Retention { mut rules } = self.log.retention().map_err(|error| failed(&error))?;
        match rules.iter().position(|rule| rule.service.is_none() && rule.class.is_none()) {
            Some(last) => rules.truncate(last + 1),
            None => rules.push(self.otherwise()),
        }
        let end = moment(&format!("{}-01T00:00:00Z", month.next()));
        let now = self.node.clock().now();
        let over = |rule: &Rule| {
            let until = end.map(|end| end + DAY * rule.days);
            rule.trigger == Trigger::Logged && until.is_some_and(|until| until <= now)
        };
        Ok(rules.iter().all(over))
    }

    /// The rule for what no rule is for.
    fn otherwise(&self) -> Rule {
        let (caller, now) = (&self.access.caller, Time::from_millis(0));
        Retention::default().rule(&Event::allowed(caller, now, Service::Audit, Action::Read, None))
    }
}

fn done(outcome: Result<(), Response>) -> Result<Response, Response> {
    outcome.map(|()| Response::empty(StatusCode::NO_CONTENT))
}

fn rule(RuleRequest { service, class, trigger, days }: RuleRequest) -> Result<Rule, Response> {
    let service = service.map(|text| words::service(&text).ok_or_else(|| bad_request("no such 'service'")));
    let class = class.map(|text| {
        words::named(CLASSES, &text).ok_or_else(|| bad_request("'class' must be strict or buffered"))
    });
    let trigger = trigger.map(|text| {
        let wrong = || bad_request("'trigger' must be logged, resource_end or expiry");
        words::named(TRIGGERS, &text).ok_or_else(wrong)
    });
    let trigger = trigger.transpose()?.unwrap_or(Trigger::Logged);
    Ok(Rule { service: service.transpose()?, class: class.transpose()?, trigger, days })
}

fn rule_shown(rule: &Rule) -> Value {
    let Rule { service, class, trigger, days } = rule;
    json!({
        "service": service.map(words::word),
        "class": class.map(words::word),
        "trigger": words::word(trigger),
        "days": days,
    })
}

fn hold_shown(hold: &Hold) -> Value {
    let Hold { name, tenant: _, resource, from, until } = hold;
    json!({
        "name": name.as_str(),
        "resource": resource.as_ref().map(Name::as_str),
        "from": from.map(rfc3339),
        "to": until.map(rfc3339),
    })
}

/// A month in its one spelling.
fn parse_month(text: &str) -> Option<Month> {
    let (year, month) = text.split_once('-')?;
    let month = Month::new(year.parse().ok()?, month.parse().ok()?)?;
    (month.to_string() == text).then_some(month)
}
