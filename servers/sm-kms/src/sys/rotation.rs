use std::time::Duration;

use serde::{Deserialize, de::IgnoredAny};
use serde_json::{Value, json};
use strongroom_barrier::{KeyVersion, Reason, RootStatus, Schedule, Unsealed};
use strongroom_core::{Store, StoreError, Tenant};
use strongroom_serve::{Method, Response, StatusCode};

use super::{id, page::Page, tenants::tenant_shown, under_way};
use crate::{
    answer::{self, Reply},
    loose::{Flag, Number},
    payload::{check, take},
    routes::Access,
};

/// What is asked of rotation.
#[derive(Debug, Clone, Copy)]
pub enum Operation {
    /// `GET sys/rotation/status`
    Status,
    /// `GET sys/rotation/config`
    Schedule,
    /// `POST sys/rotation/config`
    SetSchedule,
    /// `POST sys/reseal`
    Reseal,
    /// `POST sys/scrub`
    Scrub,
    /// `POST sys/renew`
    Renew,
    /// `GET sys/renew`, `GET sys/renew/ROOT`
    Renewal(Option<u32>),
}

#[derive(Deserialize)]
struct NewSchedule {
    root_seconds: Option<Number>,
    tenant_seconds: Option<Number>,
    reseal: Option<Flag>,
}

#[derive(Deserialize)]
struct ResealRequest {
    #[serde(default)]
    tenant: Option<String>,
}

#[derive(Deserialize)]
struct RenewRequest {
    /// Whether to begin once more although it goes on.
    again: Option<Flag>,
}

impl Operation {
    /// The operation of a path; nothing for a path of somebody else.
    pub(super) fn route(method: Method, path: &[&str]) -> Option<Result<Self, Response>> {
        use Method::{Get, Head, Post, Put};
        Some(match (path, method) {
            (["rotation", "status"], Get | Head) => Ok(Self::Status),
            (["rotation", "config"], Get | Head) => Ok(Self::Schedule),
            (["rotation", "config"], Post | Put) => Ok(Self::SetSchedule),
            (["reseal"], Post | Put) => Ok(Self::Reseal),
            (["scrub"], Post | Put) => Ok(Self::Scrub),
            (["renew"], Post | Put) => Ok(Self::Renew),
            (["renew"], Get | Head) => Ok(Self::Renewal(None)),
            (["renew", root], method) => match (root.parse(), method) {
                (Ok(number), Get | Head) => Ok(Self::Renewal(Some(number))),
                (Ok(_), _) => Err(answer::no_operation()),
                (Err(_), _) => Err(answer::no_route()),
            },
            (["rotation", "status" | "config"] | ["reseal" | "scrub" | "renew"], _) => {
                Err(answer::no_operation())
            }
            _ => return None,
        })
    }

    pub(super) fn answer(
        self,
        access: &Access,
        page: &Page,
        reply: &Reply,
        body: &[u8],
    ) -> Result<Response, Response> {
        let unsealed = &access.open.unsealed;
        match self {
            Self::Status => status(unsealed, page, reply),
            Self::Schedule => Ok(reply.data(&schedule_shown(&stored(unsealed.schedule())?))),
            Self::SetSchedule => set_schedule(access, body),
            Self::Reseal => reseal(access, body),
            Self::Scrub => scrub(unsealed, body),
            Self::Renew => renew(access, reply, body),
            Self::Renewal(root) => renewal(unsealed, reply, root),
        }
    }
}

pub(super) fn stored<T>(outcome: Result<T, StoreError>) -> Result<T, Response> {
    outcome.map_err(|error| answer::store_failed(&error))
}

fn status(unsealed: &Unsealed, page: &Page, reply: &Reply) -> Result<Response, Response> {
    let (tenants, next) = page.tenants(unsealed)?;
    let shown = tenants.into_iter().filter_map(|tenant| match tenant_shown(unsealed, tenant) {
        // Shredded since it was listed.
        Err(StoreError::Invalid(_)) => None,
        shown => Some(stored(shown)),
    });
    let shown = shown.collect::<Result<Vec<_>, _>>()?;
    let root = root_shown(&stored(unsealed.root_status())?);
    let schedule = schedule_shown(&stored(unsealed.schedule())?);
    Ok(reply.data(&json!({ "root": root, "schedule": schedule, "tenants": shown, "next": next })))
}

fn root_shown(status: &RootStatus) -> Value {
    let RootStatus { newest, next_rotation, older } = status;
    let mut shown = version_shown(newest);
    if let Some(members) = shown.as_object_mut() {
        members.insert("next_rotation".into(), answer::rfc3339(*next_rotation).into());
        members.insert("older".into(), json!(older));
    }
    shown
}

pub(super) fn version_shown(version: &KeyVersion) -> Value {
    let KeyVersion { version, made, reason } = version;
    let reason = match reason {
        Reason::Created => "created",
        Reason::Scheduled => "scheduled",
        Reason::Asked => "asked",
        Reason::Leak => "leak",
        _ => "unknown",
    };
    json!({ "version": version, "made": answer::rfc3339(*made), "reason": reason })
}

fn schedule_shown(schedule: &Schedule) -> Value {
    json!({
        "root_seconds": schedule.root().as_secs(),
        "tenant_seconds": schedule.tenant().as_secs(),
        "reseal": schedule.reseals(),
    })
}

/// What is not named stays.
fn set_schedule(access: &Access, body: &[u8]) -> Result<Response, Response> {
    let NewSchedule { root_seconds, tenant_seconds, reseal } = check(body).and_then(take)?;
    // Vault's own members mean another schedule: they are not taken silently for this one.
    if root_seconds.is_none() && tenant_seconds.is_none() && reseal.is_none() {
        return Err(answer::bad_request("name 'root_seconds', 'tenant_seconds' or 'reseal'"));
    }
    let unsealed = &access.open.unsealed;
    let now = stored(unsealed.schedule())?;
    let period = |seconds: Option<Number>, now: Duration| {
        seconds.map_or(now, |Number(seconds)| Duration::from_secs(u64::try_from(seconds).unwrap_or(0)))
    };
    let schedule = Schedule::new(period(root_seconds, now.root()), period(tenant_seconds, now.tenant()))
        .map_err(|error| answer::bad_request(&error.to_string()))?;
    let reseals = reseal.map_or(now.reseals(), |Flag(reseal)| reseal);
    let schedule = if reseals { schedule } else { schedule.without_reseal() };
    unsealed.set_schedule(&access.caller, schedule).map_err(|error| answer::commit_failed(&error))?;
    Ok(Response::empty(StatusCode::NO_CONTENT))
}

fn reseal(access: &Access, body: &[u8]) -> Result<Response, Response> {
    let ResealRequest { tenant } = check(body).and_then(take)?;
    let tenant = match tenant.as_deref().filter(|text| !text.is_empty()) {
        None => access.caller.tenant,
        Some(text) => {
            let id = id::parse(text).ok_or_else(|| answer::bad_request("'tenant' must be a tenant's id"))?;
            Tenant::from_bytes(id)
        }
    };
    let unsealed = &access.open.unsealed;
    if stored(unsealed.tenant_status(tenant))?.reseal.is_some() {
        return Err(under_way("the tenant's records are being resealed already: see sys/tenants/ID"));
    }
    unsealed.reseal(&access.caller, tenant).map_err(|error| answer::commit_failed(&error))?;
    Ok(Response::empty(StatusCode::NO_CONTENT))
}

/// Has the engine forget what was deleted or written anew.
fn scrub(unsealed: &Unsealed, body: &[u8]) -> Result<Response, Response> {
    empty(body)?;
    match unsealed.scrub() {
        Ok(()) => Ok(Response::empty(StatusCode::NO_CONTENT)),
        Err(StoreError::Unsupported(_)) => Err(answer::bad_request("this engine does not scrub its files")),
        Err(error) => Err(answer::store_failed(&error)),
    }
}

fn renew(access: &Access, reply: &Reply, body: &[u8]) -> Result<Response, Response> {
    let RenewRequest { again } = check(body).and_then(take)?;
    let unsealed = &access.open.unsealed;
    let root = stored(unsealed.root_status())?.newest;
    let goes_on = root.reason == Reason::Leak && !stored(unsealed.renewal(root.version))?.is_done();
    if goes_on && again != Some(Flag(true)) {
        return Err(under_way(
            "everything is being renewed already: see sys/renew, or ask with 'again' set to true",
        ));
    }
    let root = unsealed.renew(&access.caller).map_err(|error| answer::commit_failed(&error))?;
    Ok(reply.data(&json!({ "root": root })))
}

/// How far it is since a root; without a number since the newest one, if that was made after a leak.
fn renewal(unsealed: &Unsealed, reply: &Reply, root: Option<u32>) -> Result<Response, Response> {
    let newest = stored(unsealed.root_status())?.newest;
    let root = match root {
        None if newest.reason == Reason::Leak => newest.version,
        Some(root) if (1..=newest.version).contains(&root) => root,
        _ => return Err(answer::nothing()),
    };
    let renewal = stored(unsealed.renewal(root))?;
    Ok(reply.data(&json!({
        "root": renewal.root,
        "old_roots": renewal.old_roots,
        "tenants": renewal.tenants,
        "waiting": renewal.waiting,
        "resealing": renewal.resealing,
        "done": renewal.is_done(),
    })))
}

/// For bodies that hold nothing.
pub(super) fn empty(body: &[u8]) -> Result<(), Response> {
    check(body).and_then(take::<IgnoredAny>).map(drop)
}
