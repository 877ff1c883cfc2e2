//! `transit/config/keys` and `transit/cache-config`: what Vault lets one set for all keys.

use serde::Deserialize;
use serde_json::json;
use strongroom_serve::{Method, Response};

use crate::{
    answer::{self, Reply, bad_request},
    loose::{Flag, Number},
    payload::{check, take},
};

/// Which settings, and whether they are to change.
#[derive(Debug, Clone, Copy)]
pub enum Setting {
    /// `GET cache-config`
    ReadCache,
    /// `POST cache-config`
    WriteCache,
    /// `GET config/keys`
    ReadKeys,
    /// `POST config/keys`
    WriteKeys,
}

#[derive(Deserialize)]
struct CacheRequest {
    size: Option<Number>,
}

#[derive(Deserialize)]
struct KeysRequest {
    disable_upsert: Option<Flag>,
}

impl Setting {
    /// What a path asks for, if it is one of these.
    pub(super) fn route(method: Method, path: &[&str]) -> Option<Result<Self, Response>> {
        let [read, write] = match path {
            ["cache-config"] => [Self::ReadCache, Self::WriteCache],
            ["config", "keys"] => [Self::ReadKeys, Self::WriteKeys],
            _ => return None,
        };
        Some(match method {
            Method::Get | Method::Head => Ok(read),
            Method::Post | Method::Put => Ok(write),
            _ => Err(answer::no_operation()),
        })
    }

    /// Whether it asks for a change.
    pub(super) const fn writes(self) -> bool {
        matches!(self, Self::WriteCache | Self::WriteKeys)
    }

    pub(super) fn answer(self, mut reply: Reply, body: &[u8]) -> Result<Response, Response> {
        if self.writes() {
            let body = check(body)?;
            match self {
                Self::WriteCache => {
                    reply.ignored(body, &["size"]);
                    let CacheRequest { size } = take(body)?;
                    if !matches!(size, None | Some(Number(0))) {
                        return Err(bad_request("the cache has a budget of bytes, and no size: 0"));
                    }
                }
                _ => {
                    reply.ignored(body, &["disable_upsert"]);
                    let KeysRequest { disable_upsert } = take(body)?;
                    if disable_upsert == Some(Flag(false)) {
                        return Err(bad_request("keys are made by name, never by their first use"));
                    }
                }
            }
        }
        let shown = match self {
            Self::ReadCache | Self::WriteCache => json!({ "size": 0 }),
            Self::ReadKeys | Self::WriteKeys => json!({ "disable_upsert": true }),
        };
        Ok(reply.data(&shown))
    }
}
