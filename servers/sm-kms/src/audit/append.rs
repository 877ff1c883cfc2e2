use serde::Deserialize;
use serde_json::json;
use strongroom_core::{Detail, Event, Name, Time, Verdict};
use strongroom_serve::Response;

use super::{Work, asked::moment, failed, words};
use crate::{
    answer::bad_request,
    payload::{check, take},
    sys::id,
};

/// Events that a producer hands in.
#[derive(Deserialize)]
struct Handed {
    producer: String,
    number: u64,
    events: Vec<HandedEvent>,
}

#[derive(Deserialize)]
struct HandedEvent {
    service: String,
    action: String,
    time: Option<String>,
    resource: Option<String>,
    outcome: Option<String>,
    reason: Option<String>,
    count: Option<u64>,
}

impl Work<'_> {
    /// Takes over events of another program, which is registered for this token and for their services. Each says that it
    /// was handed in, and by whose token: nobody can make one that looks like an event of this server.
    pub(super) fn append(&self) -> Result<Response, Response> {
        let Handed { producer, number, events } = check(self.body).and_then(take)?;
        let producer =
            id::parse(&producer).ok_or_else(|| bad_request("'producer' must have 32 hex digits"))?;
        let events = events.into_iter().map(|handed| self.event(handed)).collect::<Result<Vec<_>, _>>()?;
        let appended = self.log.append(&self.access.caller, producer, number, &events);
        let new = appended.map_err(|error| failed(&error).with_detail(Detail::Producer(producer)))?;
        let answer = self.reply.data(&json!({ "new": new, "next": number + 1 }));
        // What was handed in before is no event once more, but that somebody did so is one.
        Ok(if new { answer } else { answer.told(Verdict::Allowed) })
    }

    fn event(&self, handed: HandedEvent) -> Result<Event, Response> {
        let HandedEvent { service, action, time, resource, outcome, reason, count } = handed;
        let service = words::service(&service).ok_or_else(|| bad_request("'service' must be a service"))?;
        let action = words::action(&action).ok_or_else(|| bad_request("'action' must be an action"))?;
        let time = time.map(|text| moment(&text)).unwrap_or_else(|| Some(self.now()));
        let time = time.ok_or_else(|| bad_request("'time' must be a moment as in RFC 3339"))?;
        let resource = resource.map(|text| Name::parse(&text)).transpose();
        let resource = resource.map_err(|error| bad_request(&error.to_string()))?;
        let outcome = verdict(outcome.as_deref(), reason.as_deref()).ok_or_else(|| {
            bad_request("'outcome' must be allowed, or refused or failed with a known 'reason'")
        })?;
        let event = Event::of(&self.access.caller, time, service, action, resource, outcome);
        Ok(count.map_or(event.clone(), |count| event.with(Detail::Count(count))))
    }

    fn now(&self) -> Time {
        self.node.clock().now()
    }
}

fn verdict(outcome: Option<&str>, reason: Option<&str>) -> Option<Verdict> {
    match (outcome, reason) {
        (None | Some("allowed"), None) => Some(Verdict::Allowed),
        (Some("refused"), Some(reason)) => words::refusal(reason).map(Verdict::Refused),
        (Some("failed"), Some(reason)) => words::failure(reason).map(Verdict::Failed),
        _ => None,
    }
}
