//! Vault's `transit`: key rings.

mod crypt;
mod items;
mod keys;
mod sign;
mod told;
mod transfer;

use strongroom_core::{Name, RequestId};
use strongroom_kms::Rings;
use strongroom_serve::{Head, Limits, Method, Response};

use crate::{
    answer::{self, Reply},
    routes::{Access, SMALL_BODY, name},
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
    /// Keys that come and go.
    Transfer(Transfer),
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

pub use keys::type_name;
pub(crate) use sign::HashName;
use transfer::Transfer;

/// Which part of a listing is asked for.
#[derive(Debug, Default)]
pub(crate) struct Page {
    after: Option<Name>,
    limit: usize,
}

impl Page {
    /// Vault's `after` and `limit`.
    fn of(head: &Head<'_>) -> Result<Self, Response> {
        let after = match head.parameter("after").map_err(Response::from)? {
            Some(text) if !text.is_empty() => {
                Some(Name::parse(&text).map_err(|_| answer::bad_request("a listing goes on after a name"))?)
            }
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
    pub(crate) fn route(method: Method, path: &[&str]) -> Result<Self, Response> {
        use Method::{Delete, Get, Head, List, Post, Put};
        if let Some(transfer) = Transfer::route(method, path) {
            return transfer.map(Self::Transfer);
        }
        let write = matches!(method, Post | Put);
        let ring = |operation, text: &str| Ok(Self::Ring(operation, name(text)?));
        match path {
            ["keys"] if method == List => Ok(Self::List),
            // Vault's answer where nothing is listed.
            _ if method == List => Err(answer::no_route()),
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

    /// Whether the answer needs memory only, and little time.
    pub(crate) fn inline(&self, access: &Access, length: usize) -> bool {
        match self {
            Self::Use(using, name) => length <= using.inline() && rings(access).cached(name),
            Self::List | Self::Ring(..) | Self::Transfer(_) => false,
        }
    }

    /// The part of a listing; nothing else has one.
    pub(crate) fn page(&self, head: &Head<'_>) -> Result<Page, Response> {
        if matches!(self, Self::List) { Page::of(head) } else { Ok(Page::default()) }
    }

    /// The most bytes that the body may have.
    pub(crate) fn body_limit(&self, limits: &Limits) -> usize {
        match self {
            Self::Use(..) => limits.body,
            Self::List | Self::Ring(..) => SMALL_BODY,
            Self::Transfer(transfer) => transfer.body_limit(limits),
        }
    }

    pub(crate) fn answer(&self, access: &Access, page: &Page, id: RequestId, body: &[u8]) -> Response {
        let (rings, reply) = (rings(access), Reply::new(id));
        let answered = match self {
            Self::List => keys::list(&rings, page, reply),
            Self::Ring(operation, name) => keys::answer(&rings, *operation, name, reply, body),
            Self::Use(using, name) => items::answer(&rings, *using, name, reply, body),
            Self::Transfer(transfer) => transfer.answer(&rings, reply, body),
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
    pub(crate) const fn signs(self) -> bool {
        matches!(self, Self::Sign(_) | Self::Verify(_))
    }

    /// Bodies up to this size are worked on at once; larger ones go to the pool. A batch of signatures takes
    /// some 100 µs for each 60 bytes.
    const fn inline(self) -> usize {
        if self.signs() { 4 << 10 } else { 64 << 10 }
    }

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
