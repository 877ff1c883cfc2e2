use serde_json::{Map, Value, json};
use strongroom::audit::{Found, Payload};
use strongroom_core::{Actor, Detail, Event, Hashed, Verdict};

use super::words::word;
use crate::{answer::rfc3339, sys::id};

/// An event that a listing found, as JSON.
pub fn found_shown(found: &Found) -> Value {
    let mut shown = event_shown(&found.payload);
    if let Some(members) = shown.as_object_mut() {
        members.insert("index".to_owned(), found.index.into());
        members.insert("logged".to_owned(), rfc3339(found.time).into());
    }
    shown
}

/// An event as JSON. What is not there is left out.
pub fn event_shown(payload: &Payload) -> Value {
    let Event {
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
    } = &payload.event;
    let (ending, reason) = outcome_shown(*outcome);
    let members = [
        ("time", Some(rfc3339(*time).into())),
        ("tenant", Some(tenant.to_string().into())),
        ("actor", Some(actor_shown(*actor).into())),
        ("request", request.map(|request| request.to_string().into())),
        ("service", Some(word(service).into())),
        ("action", Some(word(action).into())),
        ("resource", resource.as_ref().map(|name| name.as_str().into())),
        ("outcome", Some(ending.into())),
        ("reason", reason.map(Value::from)),
        ("revision", Some(payload.revision.0.into())),
        ("old_revision", old.map(|revision| revision.0.into())),
        ("token", token.as_ref().map(|hash| hash_shown(hash).into())),
        ("accessor", accessor.as_ref().map(|hash| hash_shown(hash).into())),
        ("details", (!details.is_empty()).then(|| details_shown(details))),
        ("producer", Some(id::text(&payload.producer).into())),
        ("counter", Some(payload.counter.into())),
        ("item", Some(payload.item.into())),
    ];
    let there = members.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
    Value::Object(there.collect::<Map<_, _>>())
}

/// What stands for a secret in events, as Vault shows it.
pub(super) fn hash_shown(hash: &Hashed) -> String {
    format!("hmac-sha256:{hash}")
}

/// An actor: the accessor of a token in hexadecimal, or a word.
pub(super) fn actor_shown(actor: Actor) -> String {
    match actor {
        Actor::System => "system".into(),
        Actor::Application => "application".into(),
        Actor::Anonymous => "anonymous".into(),
        Actor::Token(accessor) => id::text(&accessor),
    }
}

fn outcome_shown(outcome: Verdict) -> (&'static str, Option<String>) {
    match outcome {
        Verdict::Allowed => ("allowed", None),
        Verdict::Refused(why) => ("refused", Some(word(why))),
        Verdict::Failed(why) => ("failed", Some(word(why))),
    }
}

fn details_shown(details: &[Detail]) -> Value {
    let shown = |detail: &Detail| match detail {
        Detail::Version(version) => json!({ "version": version }),
        Detail::Count(count) => json!({ "count": count }),
        Detail::Failed(count) => json!({ "failed": count }),
        Detail::Tenant(tenant) => json!({ "tenant": tenant.to_string() }),
        Detail::Slot(slot) => json!({ "slot": id::text(slot) }),
        Detail::Source(address) => json!({ "source": address.to_string() }),
        Detail::Until(time) => json!({ "until": rfc3339(*time) }),
        Detail::Spooled(time) => json!({ "spooled": rfc3339(*time) }),
        Detail::Others => json!({ "others": true }),
        Detail::Expires(time) => json!({ "expires": rfc3339(*time) }),
        Detail::Producer(producer) => json!({ "handed_in_by": id::text(producer) }),
        _ => json!({ "newer": true }),
    };
    details.iter().map(shown).collect()
}
