use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use strongroom_barrier::{Passphrase, Share, ShareError, Split};
use strongroom_core::RequestId;
use strongroom_serve::{Head, InvalidQuery, Method, Response, StatusCode};

use super::VERSION;
use super::node_failed;
use crate::{
    Asker, Node, answer,
    loose::Asked,
    payload::{SecretText, check, take},
};

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
    #[serde(default)]
    pgp_keys: Asked,
    #[serde(default)]
    root_token_pgp_key: Asked,
}

/// The secrets are lent, so that no copy is left behind.
#[derive(Serialize)]
struct Initialized<'a> {
    keys: Vec<&'a str>,
    keys_base64: Vec<&'a str>,
    root_token: &'a str,
}

#[derive(Deserialize)]
struct UnsealRequest {
    key: Option<SecretText>,
    passphrase: Option<SecretText>,
    #[serde(default)]
    reset: bool,
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

    /// Whether it changes the state of the node, so that a refusal of it is counted.
    pub(crate) const fn changes(self) -> bool {
        match self {
            Self::Initialize | Self::Unseal => true,
            Self::Initialized | Self::SealStatus | Self::Health | Self::Leader => false,
        }
    }

    pub(crate) fn answer(self, node: &Node, asker: &Asker, query: &Query, body: &[u8]) -> Response {
        match self {
            Self::Initialized => {
                Response::json(StatusCode::OK, &json!({ "initialized": node.sealed().is_some() }))
            }
            Self::Initialize => initialize(node, asker, body),
            Self::SealStatus => seal_status(node),
            Self::Unseal => unseal(node, asker, body),
            Self::Health => health(node, query),
            Self::Leader => leader(node),
        }
    }
}

fn initialize(node: &Node, asker: &Asker, body: &[u8]) -> Response {
    let request: InitRequest = match check(body).and_then(take) {
        Ok(request) => request,
        Err(refusal) => return refusal,
    };
    let InitRequest { secret_shares, secret_threshold, pgp_keys, root_token_pgp_key } = request;
    if pgp_keys.0 || root_token_pgp_key.0 {
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
    let made = node.new_token().and_then(|token| {
        Ok((node.initialize_for(asker, Some(Split { shares, threshold }), &token)?, token))
    });
    match made {
        Ok((shares, token)) => {
            let hex: Vec<_> = shares.iter().map(Share::expose_hex).collect();
            let base64: Vec<_> = shares.iter().map(Share::expose_base64).collect();
            let answer = Initialized {
                keys: hex.iter().map(|key| key.as_str()).collect(),
                keys_base64: base64.iter().map(|key| key.as_str()).collect(),
                root_token: token.secret().expose_secret(),
            };
            Response::json(StatusCode::OK, &answer)
        }
        Err(error) => node_failed(&error),
    }
}

fn unseal(node: &Node, asker: &Asker, body: &[u8]) -> Response {
    let request: UnsealRequest = match check(body).and_then(take) {
        Ok(request) => request,
        Err(refusal) => return refusal,
    };
    if node.sealed().is_none() {
        return answer::bad_request("Vault is not initialized");
    }
    match request {
        UnsealRequest { reset: true, .. } if node.open().is_some() => {
            return answer::bad_request("vault is unsealed");
        }
        UnsealRequest { reset: true, .. } => node.reset(asker),
        UnsealRequest { key: Some(SecretText(key)), .. } if !key.expose_secret().is_empty() => {
            let share = match Share::parse(node.provider(), key.expose_secret()) {
                Ok(share) => share,
                Err(ShareError::Malformed) => {
                    return answer::bad_request("'key' must be a valid hex or base64 string of a share");
                }
                Err(error) => return answer::bad_request(&error.to_string()),
            };
            if node.open().is_none()
                && let Err(error) = node.enter_share(asker, share)
            {
                return node_failed(&error);
            }
        }
        UnsealRequest { passphrase: Some(SecretText(text)), .. } => {
            let passphrase = match Passphrase::new(text.expose_secret().to_owned()) {
                Ok(passphrase) => passphrase,
                Err(error) => return answer::bad_request(&error.to_string()),
            };
            if node.open().is_none()
                && let Err(error) = node.unseal_with_passphrase(asker, &passphrase)
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
    if answer::status_with_body(status.as_u16().into()).is_none() {
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
