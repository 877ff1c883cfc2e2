//! Vault's `sys` and `auth/token`.

use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::{Value, json};
use strongroom_barrier::{Share, ShareError, Split, UnsealError};
use strongroom_core::RequestId;
use strongroom_serve::{Head, InvalidQuery, Limits, Method, Response, StatusCode, json};

use crate::{Node, NodeError, answer, routes::Access};

const VERSION: &str = env!("CARGO_PKG_VERSION");

/// What everybody may ask.
#[derive(Debug, Clone, Copy)]
pub enum Public {
    /// `GET sys/init`
    Initialized,
    /// `PUT sys/init`
    Initialize,
    /// `GET sys/seal-status`
    SealStatus,
    /// `PUT sys/unseal`
    Unseal,
    /// `GET sys/health`
    Health,
    /// `GET sys/leader`
    Leader,
}

/// What `sys/health` is asked to answer instead of its usual statuses.
#[derive(Debug, Default)]
pub(crate) struct Query {
    active: Option<u16>,
    sealed: Option<u16>,
    uninitialized: Option<u16>,
}

#[derive(Deserialize)]
struct InitRequest {
    #[serde(default)]
    secret_shares: i64,
    #[serde(default)]
    secret_threshold: i64,
    pgp_keys: Option<Value>,
    root_token_pgp_key: Option<Value>,
}

#[derive(Deserialize)]
struct UnsealRequest {
    key: Option<SecretText>,
    #[serde(default)]
    reset: bool,
}

/// A text of a body that is wiped.
struct SecretText(SecretString);

impl<'de> Deserialize<'de> for SecretText {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|text| Self(SecretString::from(text)))
    }
}

impl Public {
    /// The public operation of a path, or that its method is wrong; nothing for any other path.
    pub(crate) fn route(method: Method, path: &[&str]) -> Option<Result<Self, Response>> {
        use Method::{Get, Head, Post, Put};
        let ["sys", name] = path else { return None };
        Some(match (*name, method) {
            ("init", Get | Head) => Ok(Self::Initialized),
            ("init", Post | Put) => Ok(Self::Initialize),
            ("seal-status", Get | Head) => Ok(Self::SealStatus),
            ("unseal", Post | Put) => Ok(Self::Unseal),
            ("health", Get | Head) => Ok(Self::Health),
            ("leader", Get | Head) => Ok(Self::Leader),
            ("init" | "seal-status" | "unseal" | "health" | "leader", _) => {
                Err(Response::errors(StatusCode::METHOD_NOT_ALLOWED, &[]))
            }
            _ => return None,
        })
    }

    pub(crate) fn query(self, head: &Head<'_>) -> Result<Query, InvalidQuery> {
        let code = |name| {
            Ok::<_, InvalidQuery>(match head.parameter(name)? {
                Some(text) => text.parse().ok().filter(|code| (200..600).contains(code)).or(Some(400)),
                None => None,
            })
        };
        Ok(match self {
            Self::Health => Query {
                active: code("activecode")?,
                sealed: code("sealedcode")?,
                uninitialized: code("uninitcode")?,
            },
            _ => Query::default(),
        })
    }

    pub(crate) fn answer(self, node: &Node, query: &Query, body: &[u8]) -> Response {
        match self {
            Self::Initialized => {
                Response::json(StatusCode::OK, &json!({ "initialized": node.sealed().is_some() }))
            }
            Self::Initialize => initialize(node, body),
            Self::SealStatus => seal_status(node),
            Self::Unseal => unseal(node, body),
            Self::Health => health(node, query),
            Self::Leader => leader(node),
        }
    }
}

fn initialize(node: &Node, body: &[u8]) -> Response {
    let request: InitRequest = match json::parse_or_empty(body, &Limits::default()) {
        Ok(request) => request,
        Err(error) => return error.into(),
    };
    let InitRequest { secret_shares, secret_threshold, pgp_keys, root_token_pgp_key } = request;
    if pgp_keys.is_some_and(|keys| !keys.is_null()) || root_token_pgp_key.is_some_and(|key| !key.is_null()) {
        return answer::bad_request("invalid seal configuration: pgp_keys are not supported");
    }
    let number = |number: i64| u8::try_from(number).ok().filter(|number| *number > 0);
    let (Some(shares), Some(threshold)) = (number(secret_shares), number(secret_threshold)) else {
        return answer::bad_request("invalid seal configuration: ask for 1 to 255 shares and a threshold");
    };
    if threshold > shares {
        return answer::bad_request("invalid seal configuration: threshold cannot be larger than shares");
    }
    if threshold == 1 && shares > 1 {
        return answer::bad_request(
            "invalid seal configuration: threshold must be greater than one for multiple shares",
        );
    }
    let made = node
        .new_token()
        .and_then(|token| Ok((node.initialize(Some(Split { shares, threshold }), &token)?, token)));
    match made {
        Ok((shares, token)) => {
            let hex: Vec<_> = shares.iter().map(Share::expose_hex).collect();
            let base64: Vec<_> = shares.iter().map(Share::expose_base64).collect();
            let texts = |keys: &[zeroize::Zeroizing<String>]| {
                keys.iter().map(|key| key.as_str().to_owned()).collect::<Vec<_>>()
            };
            Response::json(
                StatusCode::OK,
                &json!({
                    "keys": texts(&hex),
                    "keys_base64": texts(&base64),
                    "root_token": token.secret().expose_secret(),
                }),
            )
        }
        Err(error) => node_failed(&error),
    }
}

fn unseal(node: &Node, body: &[u8]) -> Response {
    let request: UnsealRequest = match json::parse_or_empty(body, &Limits::default()) {
        Ok(request) => request,
        Err(error) => return error.into(),
    };
    if node.sealed().is_none() {
        return answer::bad_request("Vault is not initialized");
    }
    match request {
        UnsealRequest { reset: true, .. } if node.open().is_some() => {
            return answer::bad_request("vault is unsealed");
        }
        UnsealRequest { reset: true, .. } => node.reset(),
        UnsealRequest { key: Some(SecretText(key)), .. } if !key.expose_secret().is_empty() => {
            let share = match Share::parse(node.provider(), key.expose_secret()) {
                Ok(share) => share,
                Err(ShareError::Malformed) => {
                    return answer::bad_request("'key' must be a valid hex or base64 string of a share");
                }
                Err(error) => return answer::bad_request(&error.to_string()),
            };
            if node.open().is_none()
                && let Err(error) = node.enter_share(share)
            {
                return node_failed(&error);
            }
        }
        UnsealRequest { .. } => {
            return answer::bad_request(
                "'key' must be specified in request body as JSON, or 'reset' set to true",
            );
        }
    }
    seal_status(node)
}

fn seal_status(node: &Node) -> Response {
    let (mut split, mut initialized, mut database) = (None, false, None);
    if let Some(sealed) = node.sealed() {
        match sealed.status() {
            Ok(status) => {
                initialized = true;
                split = status.slots.iter().find_map(|slot| slot.split);
                database = Some(RequestId(status.database).to_string());
            }
            Err(error) => return answer::store_failed(&error),
        }
    }
    let progress = node.progress();
    let split = split.unwrap_or(Split { shares: 0, threshold: 0 });
    let mut status = json!({
        "type": "shamir",
        "initialized": initialized,
        "sealed": node.open().is_none(),
        "t": split.threshold,
        "n": split.shares,
        "progress": progress,
        "nonce": "",
        "version": VERSION,
        "build_date": "",
        "migration": false,
        "recovery_seal": false,
        "storage_type": "strongroom",
    });
    if let (Some(database), Some(fields), true) = (database, status.as_object_mut(), node.open().is_some()) {
        fields.insert("cluster_name".into(), Value::from("strongroom"));
        fields.insert("cluster_id".into(), Value::from(database));
    }
    Response::json(StatusCode::OK, &status)
}

fn health(node: &Node, query: &Query) -> Response {
    let initialized = node.sealed().is_some();
    let open = node.open().is_some();
    let (code, usual) = match (initialized, open) {
        (false, _) => (query.uninitialized, 501),
        (true, false) => (query.sealed, 503),
        (true, true) => (query.active, 200),
    };
    let status = StatusCode::from_u16(code.unwrap_or(usual)).unwrap_or(StatusCode::BAD_REQUEST);
    if code == Some(400) {
        return Response::errors(StatusCode::BAD_REQUEST, &[]);
    }
    if status == StatusCode::NO_CONTENT {
        return Response::empty(status);
    }
    let (performance, recovery) = if open { ("primary", "disabled") } else { ("unknown", "unknown") };
    let body = json!({
        "initialized": initialized,
        "sealed": !open,
        "standby": !open,
        "replication_performance_mode": performance,
        "replication_dr_mode": recovery,
        "server_time_utc": node.now_seconds(),
        "version": VERSION,
    });
    Response::json(status, &body)
}

fn leader(node: &Node) -> Response {
    if node.open().is_none() {
        return answer::sealed();
    }
    let body = json!({
        "ha_enabled": false,
        "is_self": true,
        "active_time": "0001-01-01T00:00:00Z",
        "leader_address": "",
        "leader_cluster_address": "",
    });
    Response::json(StatusCode::OK, &body)
}

fn node_failed(error: &NodeError) -> Response {
    match error {
        NodeError::Create(strongroom_barrier::CreateError::Exists) => {
            answer::bad_request("Vault is already initialized")
        }
        NodeError::Uninitialized => answer::bad_request("Vault is not initialized"),
        NodeError::Unseal(UnsealError::Share(error)) => answer::bad_request(&error.to_string()),
        NodeError::Store(error) | NodeError::Unseal(UnsealError::Store(error)) => answer::store_failed(error),
        NodeError::Commit(error) => answer::commit_failed(error),
        NodeError::StillInside(error) => Response::busy(&error.to_string()),
        other => {
            tracing::error!(error = %other, "the state of the database could not change");
            Response::errors(StatusCode::INTERNAL_SERVER_ERROR, &["internal error: see the server's log"])
        }
    }
}

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
    /// `GET auth/token/lookup-self`
    LookupSelf,
}

impl Operation {
    pub(crate) fn route(method: Method, path: &[&str]) -> Result<Self, Response> {
        use Method::{Get, Head, Post, Put};
        let (operation, methods): (_, &[Method]) = match path {
            ["sys", "seal"] => (Self::Seal, &[Post, Put]),
            ["sys", "rotate"] | ["sys", "rotate", "keyring"] => (Self::Rotate, &[Post, Put]),
            ["sys", "rotate", "root"] => (Self::RotateRoot, &[Post, Put]),
            ["sys", "key-status"] => (Self::KeyStatus, &[Get, Head]),
            ["sys", "mounts"] => (Self::Mounts, &[Get, Head]),
            ["sys", "internal", "ui", "mounts"] => (Self::UiMounts, &[Get, Head]),
            ["auth", "token", "lookup-self"] => (Self::LookupSelf, &[Get, Head]),
            _ => return Err(answer::no_route()),
        };
        if methods.contains(&method) { Ok(operation) } else { Err(answer::no_operation()) }
    }

    pub(crate) fn answer(self, node: &Node, access: &Access, id: RequestId) -> Response {
        match self {
            Self::Seal => match node.seal() {
                Ok(()) => Response::empty(StatusCode::NO_CONTENT),
                Err(error) => node_failed(&error),
            },
            Self::Rotate => done(access.open.unsealed.rotate_tenant(&access.caller, access.caller.tenant)),
            Self::RotateRoot => done(access.open.unsealed.rotate_root(&access.caller)),
            Self::KeyStatus => key_status(node, id),
            Self::Mounts => answer::data(id, &mounts()),
            Self::UiMounts => answer::data(id, &json!({ "secret": mounts(), "auth": auth_mounts() })),
            Self::LookupSelf => lookup_self(access, id),
        }
    }
}

fn done(outcome: Result<u32, strongroom_core::CommitError>) -> Response {
    match outcome {
        Ok(_) => Response::empty(StatusCode::NO_CONTENT),
        Err(error) => answer::commit_failed(&error),
    }
}

fn key_status(node: &Node, id: RequestId) -> Response {
    let status = match node.sealed().map(|sealed| sealed.status()) {
        Some(Ok(status)) => status,
        Some(Err(error)) => return answer::store_failed(&error),
        None => return answer::sealed(),
    };
    let made = answer::rfc3339(status.root_made);
    answer::data(id, &json!({ "term": status.root, "install_time": made, "encryptions": 0 }))
}

fn mounts() -> Value {
    let mount = |kind: &str, description: &str| {
        json!({
            "accessor": format!("{kind}_strongroom"),
            "config": { "default_lease_ttl": 0, "force_no_cache": false, "max_lease_ttl": 0 },
            "deprecation_status": "supported",
            "description": description,
            "external_entropy_access": false,
            "local": false,
            "options": null,
            "plugin_version": "",
            "running_plugin_version": VERSION,
            "running_sha256": "",
            "seal_wrap": false,
            "type": kind,
            "uuid": "",
        })
    };
    json!({ "sys/": mount("system", "control, policy and status"), "transit/": mount("transit", "key rings") })
}

fn auth_mounts() -> Value {
    json!({ "token/": { "accessor": "auth_token_strongroom", "description": "tokens", "type": "token" } })
}

fn lookup_self(access: &Access, id: RequestId) -> Response {
    let accessor: String = access.token.accessor.iter().map(|byte| format!("{byte:02x}")).collect();
    let data = json!({
        "accessor": accessor,
        "creation_time": access.token.made.as_millis() / 1000,
        "creation_ttl": 0,
        "display_name": "root",
        "entity_id": "",
        "expire_time": null,
        "explicit_max_ttl": 0,
        "id": access.token_text.expose_secret(),
        "issue_time": answer::rfc3339(access.token.made),
        "meta": null,
        "num_uses": 0,
        "orphan": true,
        "path": "auth/token/root",
        "policies": ["root"],
        "renewable": false,
        "ttl": 0,
        "type": "service",
    });
    answer::data(id, &data)
}
