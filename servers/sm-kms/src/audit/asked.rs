use std::{borrow::Cow, time::UNIX_EPOCH};

use serde_json::json;
use strongroom::audit::{Cursor, Ending, LogId, Order, Page, Query};
use strongroom_core::{Actor, Name, RequestId, Time};
use strongroom_serve::{Head, Response, StatusCode};

use super::{Work, failed, found_shown, words};
use crate::{answer::bad_request, sys::id};

/// The query of a request.
#[derive(Debug, Clone, Default)]
pub(crate) struct Asked {
    query: Query,
    after: Option<Cursor>,
    limit: usize,
    /// Sizes of the log.
    pub(super) sizes: (Option<u64>, Option<u64>),
}

/// Events of one answer, unless another number is asked for; 1,000 at most.
const LIMIT: usize = 100;
const MOST: usize = 1_000;

impl Asked {
    /// Reads `service`, `action`, `actor`, `resource`, `request`, `outcome`, `from`, `to`, `order`, `after` and `limit`.
    pub(crate) fn of(head: &Head<'_>) -> Result<Self, Response> {
        let one = |name: &'static str| head.parameter(name).map_err(Response::from);
        let order = match one("order")?.as_deref() {
            None | Some("newest") => Order::NewestFirst,
            Some("oldest") => Order::OldestFirst,
            Some(_) => return Err(bad_request("'order' must be newest or oldest")),
        };
        let (from, to) = (one("from")?, one("to")?);
        // Of a consistency these are sizes, of events moments.
        let size = |text: &Option<Cow<'_, str>>| text.as_deref().and_then(|text| text.parse::<u64>().ok());
        let sizes = (size(&from), size(&to));
        let query = Query {
            service: taken(one("service")?, words::service, "'service' must be a service")?,
            action: taken(one("action")?, words::action, "'action' must be an action")?,
            actor: taken(
                one("actor")?,
                actor,
                "'actor' must be an accessor, system, application or anonymous",
            )?,
            resource: taken(one("resource")?, |text| Name::parse(text).ok(), "'resource' must be a name")?,
            request: taken(one("request")?, request, "'request' must be the id of a request")?,
            ending: taken(one("outcome")?, ending, "'outcome' must be allowed, refused or failed")?,
            from: taken(from, |text| moment(text).or(sizes.0.map(Time::from_millis)), MOMENT)?,
            until: taken(to, |text| moment(text).or(sizes.1.map(Time::from_millis)), MOMENT)?,
            order,
        };
        let limit = |text: &str| text.parse().ok().filter(|limit| (1..=MOST).contains(limit));
        Ok(Self {
            query,
            after: taken(
                one("after")?,
                |text| Cursor::parse(text).ok(),
                "'after' must be 'next' of an answer",
            )?,
            limit: taken(one("limit")?, limit, "'limit' must be a number from 1 to 1000")?.unwrap_or(LIMIT),
            sizes,
        })
    }
}

const MOMENT: &str = "'from' and 'to' must be moments as in RFC 3339, or milliseconds since 1970";

fn taken<T>(
    text: Option<Cow<'_, str>>,
    parse: impl FnOnce(&str) -> Option<T>,
    wrong: &'static str,
) -> Result<Option<T>, Response> {
    text.map(|text| parse(&text).ok_or_else(|| bad_request(wrong))).transpose()
}

/// A moment as RFC 3339 has it, in UTC.
pub(crate) fn moment(text: &str) -> Option<Time> {
    let moment = humantime::parse_rfc3339(text).ok()?.duration_since(UNIX_EPOCH).ok()?;
    u64::try_from(moment.as_millis()).ok().map(Time::from_millis)
}

fn actor(text: &str) -> Option<Actor> {
    match text {
        "system" => Some(Actor::System),
        "application" => Some(Actor::Application),
        "anonymous" => Some(Actor::Anonymous),
        accessor => id::parse(accessor).map(Actor::Token),
    }
}

/// As [`RequestId`] displays.
fn request(text: &str) -> Option<RequestId> {
    let id = id::parse(&text.replace('-', "")).map(RequestId)?;
    (id.to_string() == text).then_some(id)
}

fn ending(text: &str) -> Option<Ending> {
    match text {
        "allowed" => Some(Ending::Allowed),
        "refused" => Some(Ending::Refused),
        "failed" => Some(Ending::Failed),
        _ => None,
    }
}

impl Work<'_> {
    /// A page of events, and where to go on.
    pub(super) fn events(&self) -> Result<Response, Response> {
        self.catch_up();
        let Page { found, next } = self.page(&self.asked.query, self.asked.after.as_ref())?;
        let events: Vec<_> = found.iter().map(found_shown).collect();
        let next = next.map(|next| next.to_string());
        Ok(self.reply.data(&json!({ "events": events, "next": next })))
    }

    /// What came in after a place, oldest first, and the place to ask for next; without a place, only that.
    pub(super) fn tail(&self) -> Result<Response, Response> {
        self.catch_up();
        let size = self.size()?;
        let query = Query { order: Order::OldestFirst, ..self.asked.query.clone() };
        let end = |index| Cursor::at(self.tenant, Order::OldestFirst, index);
        let Some(after) = &self.asked.after else {
            return Ok(self.reply.data(&json!({ "events": [], "next": end(size).to_string() })));
        };
        let Page { found, next } = self.page(&query, Some(after))?;
        // At the end of the log: everything that it had before the page was asked for has been looked at.
        let next = next.unwrap_or_else(|| end(found.last().map_or(size, |last| size.max(last.index + 1))));
        let events: Vec<_> = found.iter().map(found_shown).collect();
        Ok(self.reply.data(&json!({ "events": events, "next": next.to_string() })))
    }

    /// A page of events as lines of JSON, oldest first; the last line says where to go on.
    pub(super) fn export(&self) -> Result<Response, Response> {
        self.catch_up();
        let query = Query { order: Order::OldestFirst, ..self.asked.query.clone() };
        let Page { found, next } = self.page(&query, self.asked.after.as_ref())?;
        let next = next.map(|next| next.to_string());
        let lines = found.iter().map(found_shown).chain([json!({ "next": next })]);
        let text: String = lines.map(|line| format!("{line}\n")).collect();
        Ok(Response::bytes(StatusCode::OK, "application/jsonl", text.into_bytes()))
    }

    fn page(&self, query: &Query, after: Option<&Cursor>) -> Result<Page, Response> {
        self.log.query(self.tenant, query, after, self.asked.limit).map_err(|error| failed(&error))
    }

    /// How many entries the tenant's log has.
    fn size(&self) -> Result<u64, Response> {
        use strongroom::audit::AuditError;
        let id = LogId::Tenant(self.tenant);
        let size = || -> Result<u64, AuditError> {
            match self.log.checkpoint(id) {
                Ok(signed) => Ok(signed.verify(&self.log.verifier_key(id)?)?.size),
                Err(AuditError::NotFound) => Ok(0),
                Err(error) => Err(error),
            }
        };
        size().map_err(|error| failed(&error))
    }
}
