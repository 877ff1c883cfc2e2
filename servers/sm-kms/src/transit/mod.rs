//! Vault's `transit`: key rings.

mod crypt;
mod items;
mod keys;
mod sign;

use strongroom_core::Name;
use strongroom_kms::Rings;
use strongroom_serve::{Head, Method, Response};

use crate::{
    answer::{self, Reply},
    routes::{Access, name},
};

/// What is asked below `transit`.
#[derive(Debug)]
pub enum Operation {
    /// `LIST keys`
    List,
    /// On the ring itself.
    Ring(RingOperation, Name),
    /// With its keys.
    Use(Use, Name),
}

/// What is done to a ring.
#[derive(Debug, Clone, Copy)]
pub enum RingOperation {
    /// `POST keys/NAME`
    Create,
    /// `GET keys/NAME`
    Read,
    /// `DELETE keys/NAME`
    Delete,
    /// `POST keys/NAME/rotate`
    Rotate,
    /// `POST keys/NAME/config`
    Configure,
    /// `POST keys/NAME/disable`
    Disable,
    /// `POST keys/NAME/enable`
    Enable,
}

/// What is done with a ring.
#[derive(Debug, Clone, Copy)]
pub enum Use {
    /// `POST encrypt/NAME`
    Encrypt,
    /// `POST decrypt/NAME`
    Decrypt,
    /// `POST rewrap/NAME`
    Rewrap,
    /// `POST sign/NAME` and `POST sign/NAME/HASH`
    Sign(Option<HashName>),
    /// `POST verify/NAME` and `POST verify/NAME/HASH`
    Verify(Option<HashName>),
}

pub(crate) use sign::HashName;

/// Which part of a listing is asked for.
#[derive(Debug)]
pub(crate) struct Page {
    after: Option<Name>,
    limit: usize,
}

/// Bodies up to this size are worked on at once; larger ones go to the pool.
const INLINE: usize = 64 << 10;

impl Page {
    /// Vault's `after` and `limit` of a listing.
    pub(crate) fn of(head: &Head<'_>) -> Result<Self, Response> {
        let after = match head.parameter("after").map_err(Response::from)? {
            Some(text) if !text.is_empty() => Some(name(&text)?),
            _ => None,
        };
        let limit = match head.parameter("limit").map_err(Response::from)? {
            Some(text) => text.parse().ok().filter(|limit| *limit > 0),
            None => Some(usize::MAX),
        };
        let limit = limit.ok_or_else(|| answer::bad_request("limit must be a positive number"))?;
        Ok(Self { after, limit })
    }
}

impl Operation {
    pub(crate) fn route(method: Method, lists: bool, path: &[&str]) -> Result<Self, Response> {
        use Method::{Delete, Get, Head, Post, Put};
        let write = matches!(method, Post | Put);
        let ring = |operation, text: &str| Ok(Self::Ring(operation, name(text)?));
        match path {
            ["keys"] if lists => Ok(Self::List),
            ["keys", _] if lists => Err(answer::no_route()),
            ["keys", text] => match method {
                Post | Put => ring(RingOperation::Create, text),
                Get | Head => ring(RingOperation::Read, text),
                Delete => ring(RingOperation::Delete, text),
                _ => Err(answer::no_operation()),
            },
            ["keys", text, verb] => match RingOperation::posted(verb) {
                Some(operation) if write => ring(operation, text),
                Some(_) => Err(answer::no_operation()),
                None => Err(answer::no_route()),
            },
            ["keys"] => Err(answer::no_operation()),
            [verb, text, hash @ ..] => match Use::posted(verb, hash) {
                Some(using) if write => Ok(Self::Use(using?, name(text)?)),
                Some(_) => Err(answer::no_operation()),
                None => Err(answer::no_route()),
            },
            _ => Err(answer::no_route()),
        }
    }

    /// Whether the answer needs memory only.
    pub(crate) fn inline(&self, access: &Access, length: usize) -> bool {
        match self {
            Self::Use(_, name) => length <= INLINE && rings(access).cached(name),
            Self::List | Self::Ring(..) => false,
        }
    }

    pub(crate) fn answer(self, access: &Access, page: &Page, reply: Reply, body: &[u8]) -> Response {
        let rings = rings(access);
        let answered = match self {
            Self::List => keys::list(&rings, page, reply),
            Self::Ring(operation, name) => keys::answer(&rings, operation, &name, reply, body),
            Self::Use(using, name) => items::answer(&rings, using, &name, reply, body),
        };
        answered.unwrap_or_else(|refusal| refusal)
    }
}

impl RingOperation {
    fn posted(verb: &str) -> Option<Self> {
        Some(match verb {
            "rotate" => Self::Rotate,
            "config" => Self::Configure,
            "disable" => Self::Disable,
            "enable" => Self::Enable,
            _ => return None,
        })
    }
}

impl Use {
    fn posted(verb: &str, hash: &[&str]) -> Option<Result<Self, Response>> {
        let hash = match hash {
            [] => None,
            [name] => Some(HashName::parse(name).map_err(answer::bad_request)),
            _ => return None,
        };
        Some(match (verb, hash) {
            ("encrypt", None) => Ok(Self::Encrypt),
            ("decrypt", None) => Ok(Self::Decrypt),
            ("rewrap", None) => Ok(Self::Rewrap),
            ("sign", hash) => hash.transpose().map(Self::Sign),
            ("verify", hash) => hash.transpose().map(Self::Verify),
            _ => return None,
        })
    }
}

fn rings(access: &Access) -> Rings {
    access.open.kms.on_behalf_of(access.caller)
}
