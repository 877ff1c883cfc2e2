//! Vault's `transit`: key rings, and what is done with their keys.

mod config;
mod create;
mod crypt;
mod data_keys;
mod hash_name;
mod items;
mod keys;
mod listing;
mod macs;
mod own;
mod policy;
mod sealing;
mod settings;
mod shown;
mod sign;
mod told;
mod tools;
mod transfer;
mod types;
mod using;

use strongroom_core::{Name, RequestId, from_memory};
use strongroom_kms::{Rings, VersionState};
use strongroom_serve::{Head, Limits, Method, Response};

use crate::{
    answer::{self, Reply},
    routes::{Access, SMALL_BODY, name},
};
use settings::Setting;
use tools::Tool;
use using::Use;

/// What is asked below `transit`.
#[derive(Debug)]
pub enum Operation {
    /// `LIST keys`, and by our own members of the query what fits a filter.
    List,
    /// On the ring itself.
    Ring(RingOperation, Name),
    /// With its keys.
    Use(Use, Name),
    /// Keys that come and go.
    Transfer(Transfer),
    /// With no ring.
    Tool(Tool),
    /// For all rings.
    Setting(Setting),
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
    /// `DELETE keys/NAME/soft-delete`: OpenBao's way to disable
    SoftDelete,
    /// `POST keys/NAME/versions/N/suspend`, `resume`, `deactivate`, `compromise` or `destroy`
    Version(VersionState, u32),
    /// `POST keys/NAME/trim`
    Trim,
    /// `POST keys/NAME/schedule-deletion`
    ScheduleDeletion,
    /// `POST keys/NAME/cancel-deletion`
    CancelDeletion,
    /// `POST keys/NAME/soft-delete-restore`: OpenBao's way to enable
    SoftRestore,
}

pub(crate) use listing::Page;
use transfer::Transfer;
pub use types::type_name;

impl Operation {
    pub(crate) fn route(method: Method, path: &[&str]) -> Result<Self, Response> {
        use Method::{Delete, Get, Head, List, Post, Put};
        if let Some(transfer) = Transfer::route(method, path) {
            return transfer.map(Self::Transfer);
        }
        let write = matches!(method, Post | Put);
        let ring = |operation, text: &str| Ok(Self::Ring(operation, name(text)?));
        match path {
            ["keys"] if method == List => return Ok(Self::List),
            // Vault's answer where nothing is listed.
            _ if method == List => return Err(answer::no_route()),
            ["keys", text] => {
                return match method {
                    Post | Put => ring(RingOperation::Create, text),
                    Get | Head => ring(RingOperation::Read, text),
                    Delete => ring(RingOperation::Delete, text),
                    _ => Err(answer::no_operation()),
                };
            }
            ["keys", _, "csr" | "set-certificate"] if write => {
                return Err(answer::bad_request(
                    "keys have no certificates here: sign a request elsewhere with transit/sign",
                ));
            }
            ["keys", text, verb] => {
                return match RingOperation::called(verb) {
                    Some((operation, wanted)) if wanted.is(method) => ring(operation, text),
                    Some(_) => Err(answer::no_operation()),
                    None => Err(answer::no_route()),
                };
            }
            ["keys", text, "versions", version, verb] => {
                let Some(state) = version_state(verb) else { return Err(answer::no_route()) };
                let version = version.parse().map_err(|_| answer::bad_request("a version is a number"))?;
                let operation = RingOperation::Version(state, version);
                return if write { ring(operation, text) } else { Err(answer::no_operation()) };
            }
            ["keys"] => return Err(answer::no_operation()),
            _ => {}
        }
        if let Some(tool) = Tool::route(method, path) {
            return tool.map(Self::Tool);
        }
        if let Some(setting) = Setting::route(method, path) {
            return setting.map(Self::Setting);
        }
        match Use::route(path) {
            Some((using, text)) if write => Ok(Self::Use(using?, name(text)?)),
            Some(_) => Err(answer::no_operation()),
            None => Err(answer::no_route()),
        }
    }

    /// Whether the answer needs memory only, and little time.
    pub(crate) fn inline(&self, access: &Access, length: usize) -> bool {
        match self {
            Self::Use(using, name) => {
                // What counts its uses writes them down now and then.
                matches!(from_memory(|| rings(access).algorithm(name)),
                    Some(Ok(algorithm)) if algorithm.use_limit().is_none() && length <= using.inline(algorithm))
            }
            // A hash of 16 KiB takes 10 µs and more, and random bytes are asked of the system.
            Self::Tool(Tool::Hash(_)) => length <= 16 << 10,
            Self::Setting(setting) => !setting.writes(),
            Self::Tool(Tool::Random(_)) | Self::List | Self::Ring(..) | Self::Transfer(_) => false,
        }
    }

    /// The part of a listing, which nothing else has; a query that cannot be met is refused.
    pub(crate) fn page(&self, head: &Head<'_>) -> Result<Page, Response> {
        match self {
            Self::List => Page::of(head),
            Self::Transfer(transfer) => transfer.check_query(head).map(|()| Page::default()),
            _ => Ok(Page::default()),
        }
    }

    /// The most bytes that the body may have.
    pub(crate) fn body_limit(&self, limits: &Limits) -> usize {
        match self {
            Self::Transfer(transfer) => transfer.body_limit(limits),
            Self::Use(..) | Self::Tool(Tool::Hash(_)) => limits.body,
            Self::List | Self::Ring(..) | Self::Setting(_) | Self::Tool(Tool::Random(_)) => SMALL_BODY,
        }
    }

    pub(crate) fn answer(&self, access: &Access, page: &Page, id: RequestId, body: &[u8]) -> Response {
        let (rings, reply) = (rings(access), Reply::new(id));
        let answered = match self {
            Self::List => page.answer(&rings, &reply),
            Self::Ring(operation, name) => keys::answer(&rings, *operation, name, reply, body),
            Self::Use(using, name) => items::answer(&rings, *using, name, reply, body),
            Self::Transfer(transfer) => transfer.answer(&rings, reply, body),
            Self::Tool(tool) => tool.answer(&rings, reply, body),
            Self::Setting(setting) => setting.answer(reply, body),
        };
        answered.unwrap_or_else(|refusal| refusal)
    }
}

/// The state into which a verb brings a version.
fn version_state(verb: &str) -> Option<VersionState> {
    Some(match verb {
        "suspend" => VersionState::Suspended,
        "resume" => VersionState::Active,
        "deactivate" => VersionState::Deactivated,
        "compromise" => VersionState::Compromised,
        "destroy" => VersionState::Destroyed,
        _ => return None,
    })
}

/// How a verb below a ring is called.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Called {
    Posted,
    Deleted,
}

impl Called {
    const fn is(self, method: Method) -> bool {
        match self {
            Self::Posted => matches!(method, Method::Post | Method::Put),
            Self::Deleted => matches!(method, Method::Delete),
        }
    }
}

impl RingOperation {
    fn called(verb: &str) -> Option<(Self, Called)> {
        Some(match verb {
            "rotate" => (Self::Rotate, Called::Posted),
            "config" => (Self::Configure, Called::Posted),
            "disable" => (Self::Disable, Called::Posted),
            "enable" => (Self::Enable, Called::Posted),
            "soft-delete" => (Self::SoftDelete, Called::Deleted),
            "trim" => (Self::Trim, Called::Posted),
            "schedule-deletion" => (Self::ScheduleDeletion, Called::Posted),
            "cancel-deletion" => (Self::CancelDeletion, Called::Posted),
            "soft-delete-restore" => (Self::SoftRestore, Called::Posted),
            _ => return None,
        })
    }
}

fn rings(access: &Access) -> Rings {
    access.open.kms.on_behalf_of(access.caller)
}
