use secrecy::ExposeSecret;
use serde::Serialize;
use serde_json::{Value, json};
use strongroom_core::CommitError;
use strongroom_serve::{Head, Method, Response, StatusCode};

use super::{Page, backup, node_failed, rotation, slots, tenants};
use crate::{
    Asker, Node, Serves,
    answer::{self, Reply},
    audit,
    routes::Access,
};

/// What needs the root token.
#[derive(Debug, Clone, Copy)]
pub enum Operation {
    /// `PUT sys/seal`
    Seal,
    /// `POST sys/rotate`
    Rotate,
    /// `POST sys/rotate/root`
    RotateRoot,
    /// `GET sys/key-status`
    KeyStatus,
    /// `GET sys/mounts`
    Mounts,
    /// `GET sys/internal/ui/mounts`
    UiMounts,
    /// `GET sys/internal/ui/mounts/transit` and whatever is below
    UiMount,
    /// `GET auth/token/lookup-self`
    LookupSelf,
    /// Below `sys/slots`
    Slots(slots::Operation),
    /// `sys/rotation/status`, `sys/rotation/config`, `sys/reseal`, `sys/renew`, `sys/scrub`
    Rotation(rotation::Operation),
    /// Below `sys/tenants`
    Tenants(tenants::Operation),
    /// `sys/backup`
    Backup(backup::Operation),
    /// `sys/audit` and `sys/audit-hash`
    Audit(audit::Vault),
}

impl Operation {
    pub(crate) fn route(method: Method, path: &[&str]) -> Result<Self, Response> {
        use Method::{Get, Head, List, Post, Put};
        match path {
            ["sys", "slots", below @ ..] => return slots::Operation::route(method, below).map(Self::Slots),
            ["sys", "tenants", below @ ..] => {
                return tenants::Operation::route(method, below).map(Self::Tenants);
            }
            ["sys", "backup"] if method != List => {
                return backup::Operation::route(method).map(Self::Backup);
            }
            ["sys", below @ ..] if method != List => {
                if let Some(operation) = rotation::Operation::route(method, below) {
                    return operation.map(Self::Rotation);
                }
                if let Some(operation) = audit::Vault::route(method, below) {
                    return operation.map(Self::Audit);
                }
            }
            _ => {}
        }
        let (operation, methods): (_, &[Method]) = match path {
            // Vault's answer where nothing is listed.
            _ if method == List => return Err(answer::no_route()),
            // Vault's answer to a wrong method here names no reason.
            ["sys", "seal"] if !matches!(method, Post | Put) => {
                return Err(Response::errors(StatusCode::METHOD_NOT_ALLOWED, &[]));
            }
            ["sys", "seal"] => (Self::Seal, &[Post, Put]),
            ["sys", "rotate"] | ["sys", "rotate", "keyring"] => (Self::Rotate, &[Post, Put]),
            ["sys", "rotate", "root"] => (Self::RotateRoot, &[Post, Put]),
            ["sys", "key-status"] => (Self::KeyStatus, &[Get, Head]),
            ["sys", "mounts"] => (Self::Mounts, &[Get, Head]),
            ["sys", "internal", "ui", "mounts"] => (Self::UiMounts, &[Get, Head]),
            ["sys", "internal", "ui", "mounts", "transit", ..] => (Self::UiMount, &[Get, Head]),
            // Vault's answer where nothing is mounted.
            ["sys", "internal", "ui", "mounts", ..] => return Err(answer::denied()),
            ["auth", "token", "lookup-self"] => (Self::LookupSelf, &[Get, Head]),
            _ => return Err(answer::no_route()),
        };
        if methods.contains(&method) { Ok(operation) } else { Err(answer::no_operation()) }
    }

    /// The answer to those who show no token.
    pub(crate) fn anonymous(self, reply: &Reply) -> Response {
        match self {
            // Vault shows everybody the places that they may use: none.
            Self::UiMounts => reply.data(&json!({ "secret": {}, "auth": {} })),
            _ => answer::denied(),
        }
    }

    /// The part of a listing; nothing else has one.
    pub(crate) fn page(self, head: &Head<'_>) -> Result<Page, Response> {
        match self {
            Self::Rotation(rotation::Operation::Status) | Self::Tenants(tenants::Operation::List) => {
                Page::of(head)
            }
            _ => Ok(Page::default()),
        }
    }

    pub(crate) fn answer(
        self,
        node: &Node,
        access: &Access,
        page: &Page,
        reply: &Reply,
        body: &[u8],
    ) -> Response {
        if matches!(self, Self::Seal | Self::Rotate | Self::RotateRoot)
            && let Err(refusal) = rotation::empty(body)
        {
            return refusal;
        }
        match self {
            Self::Seal => match node.seal_everywhere(&Asker::holder(access.caller)) {
                Ok(()) => Response::empty(StatusCode::NO_CONTENT),
                Err(error) => node_failed(&error),
            },
            Self::Rotate => done(access.open.unsealed.rotate_tenant(&access.caller, access.caller.tenant)),
            Self::RotateRoot => done(access.open.unsealed.rotate_root(&access.caller)),
            Self::KeyStatus => key_status(node, reply),
            Self::Mounts => reply.data_twice(&mounts(node.serves())),
            Self::UiMounts => reply.data(&json!({ "secret": mounts(node.serves()), "auth": auth_mounts() })),
            Self::UiMount => {
                reply.data(&with(mount("transit", "transit_strongroom", "key rings"), "path", "transit/"))
            }
            Self::LookupSelf => lookup_self(access, reply),
            Self::Slots(operation) => either(operation.answer(node, access, reply, body)),
            Self::Rotation(operation) => either(operation.answer(access, page, reply, body)),
            Self::Tenants(operation) => either(operation.answer(access, page, reply, body)),
            Self::Backup(operation) => either(operation.answer(node, access, reply, body)),
            Self::Audit(operation) => either(operation.answer(access, reply, body)),
        }
    }
}

fn either(answered: Result<Response, Response>) -> Response {
    answered.unwrap_or_else(|refusal| refusal)
}

fn done(outcome: Result<u32, CommitError>) -> Response {
    match outcome {
        Ok(_) => Response::empty(StatusCode::NO_CONTENT),
        Err(error) => answer::commit_failed(&error),
    }
}

fn key_status(node: &Node, reply: &Reply) -> Response {
    let status = match node.sealed().map(|sealed| sealed.status()) {
        Some(Ok(status)) => status,
        Some(Err(error)) => return answer::store_failed(&error),
        None => return answer::sealed(),
    };
    let made = answer::rfc3339(status.root_made);
    reply.data_twice(&json!({ "term": status.root, "install_time": made, "encryptions": 0 }))
}

fn mounts(serves: Serves) -> Value {
    let system = mount("system", "sys_strongroom", "control and status");
    match serves {
        Serves::KeysAndLog => {
            json!({ "sys/": system, "transit/": mount("transit", "transit_strongroom", "key rings") })
        }
        Serves::Log => json!({ "sys/": system }),
    }
}

fn auth_mounts() -> Value {
    json!({ "token/": mount("token", "auth_token_strongroom", "tokens") })
}

/// A place in the tree of paths, as Vault describes one. There are always the same.
fn mount(kind: &str, accessor: &str, description: &str) -> Value {
    let options = if kind == "transit" { json!({}) } else { Value::Null };
    let config = json!({ "default_lease_ttl": 0, "force_no_cache": false, "max_lease_ttl": 0 });
    let config = if kind == "token" { with(config, "token_type", "default-service") } else { config };
    json!({
        "accessor": accessor,
        "config": config,
        "description": description,
        "external_entropy_access": false,
        "local": false,
        "options": options,
        "seal_wrap": false,
        "type": kind,
        "uuid": "",
    })
}

/// An object with one member more.
fn with(mut object: Value, name: &str, value: &str) -> Value {
    if let Some(members) = object.as_object_mut() {
        members.insert(name.to_owned(), value.into());
    }
    object
}

/// What a token is told of itself. Its text is lent, so that no copy is left behind.
#[derive(Serialize)]
struct Itself<'a> {
    accessor: String,
    creation_time: u64,
    creation_ttl: u64,
    display_name: &'a str,
    entity_id: &'a str,
    expire_time: Option<()>,
    explicit_max_ttl: u64,
    id: &'a str,
    meta: Option<()>,
    num_uses: u64,
    orphan: bool,
    path: &'a str,
    policies: [&'a str; 1],
    ttl: u64,
    r#type: &'a str,
}

fn lookup_self(access: &Access, reply: &Reply) -> Response {
    reply.data(&Itself {
        accessor: access.token.accessor_text(),
        creation_time: access.token.made.as_millis() / 1000,
        creation_ttl: 0,
        display_name: "root",
        entity_id: "",
        expire_time: None,
        explicit_max_ttl: 0,
        id: access.token_text.expose_secret(),
        meta: None,
        num_uses: 0,
        orphan: true,
        path: "auth/token/root",
        policies: ["root"],
        ttl: 0,
        r#type: "service",
    })
}
