use serde::Deserialize;
use serde_json::{Value, json};
use strongroom_barrier::{ResealProgress, Resealed, TenantStatus, Unsealed};
use strongroom_core::{StoreError, Tenant};
use strongroom_serve::{Method, Response};

use super::{
    id::{self, Id},
    page::Page,
    rotation::{stored, version_shown},
};
use crate::{
    answer::{self, Reply},
    payload::{check, take},
    routes::Access,
};

/// What is asked below `sys/tenants`.
#[derive(Debug, Clone, Copy)]
pub enum Operation {
    /// `GET` or `LIST`
    List,
    /// `GET ID`
    Read(Id),
    /// `POST ID/shred`
    Shred(Id),
}

/// The tenant is named once more: what is erased does not come back.
#[derive(Deserialize)]
struct ShredRequest {
    confirm: String,
}

impl Operation {
    pub(super) fn route(method: Method, below: &[&str]) -> Result<Self, Response> {
        use Method::{Get, Head, List, Post, Put};
        match (below, method) {
            ([], Get | Head | List) => Ok(Self::List),
            ([], _) => Err(answer::no_operation()),
            (_, List) => Err(answer::no_route()),
            ([tenant, rest @ ..], method) => {
                let tenant = id::parse(tenant).ok_or_else(answer::no_route)?;
                match (rest, method) {
                    ([], Get | Head) => Ok(Self::Read(tenant)),
                    (["shred"], Post | Put) => Ok(Self::Shred(tenant)),
                    ([] | ["shred"], _) => Err(answer::no_operation()),
                    _ => Err(answer::no_route()),
                }
            }
        }
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
            Self::List => {
                let (tenants, next) = page.tenants(unsealed)?;
                let keys: Vec<_> = tenants.iter().map(Tenant::to_string).collect();
                let first = unsealed.first_tenant().to_string();
                let system = Tenant::SYSTEM.to_string();
                Ok(reply.data(&json!({ "keys": keys, "first": first, "system": system, "next": next })))
            }
            Self::Read(tenant) => {
                let shown = tenant_shown(unsealed, Tenant::from_bytes(tenant));
                Ok(reply.data(&stored(shown)?))
            }
            Self::Shred(tenant) => shred(access, reply, tenant, body),
        }
    }
}

fn shred(access: &Access, reply: &Reply, tenant: Id, body: &[u8]) -> Result<Response, Response> {
    let ShredRequest { confirm } = check(body).and_then(take)?;
    if id::parse(&confirm) != Some(tenant) {
        return Err(answer::bad_request("'confirm' must be the id of the tenant that is to be shredded"));
    }
    let shredded = access.open.unsealed.shred_tenant(&access.caller, Tenant::from_bytes(tenant));
    let shredded = shredded.map_err(|error| answer::commit_failed(&error))?;
    Ok(reply.data(&json!({
        "tenant": shredded.tenant.to_string(),
        "copies_before": answer::rfc3339(shredded.copies_before),
    })))
}

pub(super) fn tenant_shown(unsealed: &Unsealed, tenant: Tenant) -> Result<Value, StoreError> {
    let TenantStatus { versions, next_rotation, reseal, resealed } = unsealed.tenant_status(tenant)?;
    let role = match tenant {
        Tenant::SYSTEM => Some("system"),
        tenant if tenant == unsealed.first_tenant() => Some("first"),
        _ => None,
    };
    Ok(json!({
        "id": tenant.to_string(),
        "role": role,
        "versions": versions.iter().map(version_shown).collect::<Vec<_>>(),
        "next_rotation": answer::rfc3339(next_rotation),
        "reseal": reseal.as_ref().map(reseal_shown),
        "resealed": resealed.as_ref().map(resealed_shown),
    }))
}

/// Where in the tenant's records it is, is not told: a record's key says more than that.
fn reseal_shown(progress: &ResealProgress) -> Value {
    let ResealProgress { since, below, pass, examined, resealed, versions, last: _ } = progress;
    let versions: Vec<_> =
        versions.iter().map(|(version, records)| json!({ "version": version, "records": records })).collect();
    json!({
        "since": answer::rfc3339(*since),
        "below": below,
        "pass": pass,
        "examined": examined,
        "resealed": resealed,
        "versions": versions,
    })
}

fn resealed_shown(resealed: &Resealed) -> Value {
    let Resealed { below, examined, found, at } = resealed;
    json!({ "below": below, "examined": examined, "found": found, "at": answer::rfc3339(*at) })
}
