use serde::Deserialize;
use serde_json::json;
use strongroom_core::{Action, Refusal, Service, Verdict};
use strongroom_serve::{Method, Response};

use super::shown::hash_shown;
use crate::{
    answer::{self, Reply},
    payload::{SecretText, check, take},
    routes::Access,
    told::Told,
};
use secrecy::ExposeSecret;

/// Vault's face of the log: one device, which is always on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Vault {
    /// `GET sys/audit`
    List,
    /// `POST sys/audit/PATH`, `DELETE sys/audit/PATH`
    Change,
    /// `POST sys/audit-hash/log`
    Hash,
}

#[derive(Deserialize)]
struct HashRequest {
    input: SecretText,
}

impl Vault {
    /// Nothing for a path that is none of these.
    pub(crate) fn route(method: Method, below: &[&str]) -> Option<Result<Self, Response>> {
        use Method::{Delete, Get, Head, Post, Put};
        let (operation, methods): (_, &[Method]) = match below {
            ["audit"] => (Self::List, &[Get, Head]),
            ["audit", _] => (Self::Change, &[Post, Put, Delete]),
            ["audit-hash", "log"] => (Self::Hash, &[Post, Put]),
            _ => return None,
        };
        let good = methods.contains(&method);
        Some(if good { Ok(operation) } else { Err(answer::no_operation()) })
    }

    pub(crate) fn told(self) -> Told {
        match self {
            Self::List => Told::after(Service::Audit, Action::List),
            Self::Change => Told::after(Service::Audit, Action::Configure),
            Self::Hash => Told::after(Service::Audit, Action::Check),
        }
    }

    pub(crate) fn answer(self, access: &Access, reply: &Reply, body: &[u8]) -> Result<Response, Response> {
        match self {
            Self::List => Ok(reply.data_twice(&json!({
                "log/": {
                    "type": "strongroom",
                    "description": "tamper-evident log of events",
                    "options": {},
                    "path": "log/",
                    "local": false,
                },
            }))),
            Self::Change => {
                check(body)?;
                let why =
                    "the log is always on and there is no other device: events are exported below audit/";
                Err(answer::bad_request(why).told(Verdict::Refused(Refusal::State)))
            }
            Self::Hash => {
                let HashRequest { input: SecretText(input) } = check(body).and_then(take)?;
                let hash = access.open.tokens.hash_for_events(input.expose_secret());
                let hash = hash.map_err(|error| answer::store_failed(&error))?;
                Ok(reply.data_twice(&json!({ "hash": hash_shown(&hash) })))
            }
        }
    }
}
