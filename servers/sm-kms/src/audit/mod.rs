//! The audit log over HTTP: what the suite's own routes below `audit` are, and Vault's `sys/audit`.
//!
//! A path may name the log before anything else: `audit/system/…` is the log of the database itself, `audit/global/…`
//! the one of all heads; without that, it is the log of the token's tenant. Checkpoints, tiles and entries are bytes of
//! C2SP tlog-tiles, so that a reader of those needs nothing but the prefix.

mod append;
mod asked;
mod files;
mod producers;
mod refused;
mod retention;
mod shown;
mod vault;
mod words;

use serde_json::json;
use strongroom::audit::{AuditLog, LogId};
use strongroom_core::{Action, Detail, Name, Service, Tenant};
use strongroom_serve::{Method, Response};

pub(crate) use asked::{Asked, moment};
pub(crate) use refused::failed;
pub use shown::{event_shown, found_shown};
pub(crate) use vault::Vault;

use crate::{
    Node,
    answer::{self, Reply},
    routes::{Access, name},
    sys::id,
    told::Told,
};

/// What is asked below `audit`.
#[derive(Debug, Clone)]
pub struct Operation {
    log: Which,
    verb: Verb,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Which {
    Own,
    System,
    Global,
}

#[derive(Debug, Clone)]
enum Verb {
    /// `POST events`
    Append,
    /// `GET producer`
    Producers,
    /// `POST producer/ID`
    RegisterProducer(id::Id),
    /// `GET events`
    Events,
    /// `GET tail`
    Tail,
    /// `GET export`
    Export,
    /// `GET checkpoint`
    Checkpoint,
    /// `GET key`
    Key,
    /// `GET tile/…`, `GET events/…`
    File(files::File),
    /// `GET proof/INDEX`
    Proof(u64),
    /// `GET consistency`
    Consistency,
    /// `POST consistency`
    ProveSince,
    /// `GET retention`
    Retention,
    /// `POST retention`
    SetRetention,
    /// `GET hold`
    Holds,
    /// `POST hold/NAME`
    PlaceHold(Name),
    /// `DELETE hold/NAME`
    ReleaseHold(Name),
    /// `POST prune`
    Prune,
}

impl Operation {
    pub(crate) fn route(method: Method, below: &[&str]) -> Result<Self, Response> {
        let (log, below) = match below {
            ["system", below @ ..] => (Which::System, below),
            ["global", below @ ..] => (Which::Global, below),
            below => (Which::Own, below),
        };
        let (verb, good) = Verb::route(method, below)?;
        // The global log has heads and no events: what concerns those is not there.
        let there = match verb {
            Verb::Checkpoint | Verb::Key | Verb::File(_) | Verb::Consistency | Verb::ProveSince => true,
            Verb::Append | Verb::Producers | Verb::RegisterProducer(_) => log == Which::Own,
            Verb::Retention | Verb::SetRetention => log == Which::Own,
            _ => log != Which::Global,
        };
        match (there, good) {
            (true, true) => Ok(Self { log, verb }),
            (true, false) => Err(answer::no_operation()),
            (false, _) => Err(answer::no_route()),
        }
    }

    /// The row of this operation.
    pub(crate) fn told(&self) -> Told {
        let change = |action| Told::change(Service::Audit, action);
        let after = |action| Told::after(Service::Audit, action);
        match &self.verb {
            // What is handed in are the events.
            Verb::Append => change(Action::Create),
            Verb::RegisterProducer(id) => change(Action::Configure).with(Detail::Producer(*id)),
            Verb::SetRetention => change(Action::Configure),
            Verb::PlaceHold(name) => change(Action::Create).on(name),
            Verb::ReleaseHold(name) => change(Action::Delete).on(name),
            Verb::Prune => change(Action::Destroy),
            Verb::Events | Verb::Tail | Verb::Holds | Verb::Producers => after(Action::List),
            _ => after(Action::Read),
        }
    }

    pub(crate) fn answer(
        &self,
        node: &Node,
        access: &Access,
        asked: &Asked,
        reply: &Reply,
        body: &[u8],
    ) -> Response {
        let answered = access.open.audit().map_err(|error| failed(&error)).and_then(|log| {
            let work = Work { node, access, asked, reply, body, log, tenant: self.tenant(access) };
            work.answer(self.log, &self.verb)
        });
        answered.unwrap_or_else(|refusal| refusal)
    }

    fn tenant(&self, access: &Access) -> Tenant {
        match self.log {
            Which::Own => access.caller.tenant,
            Which::System | Which::Global => Tenant::SYSTEM,
        }
    }
}

impl Verb {
    /// What a path is, and whether it has this method.
    fn route(method: Method, below: &[&str]) -> Result<(Self, bool), Response> {
        use Method::{Delete, Get, Head, Post, Put};
        let (read, write) = (matches!(method, Get | Head), matches!(method, Post | Put));
        let number = |text: &str| text.parse().ok().filter(|number: &u64| number.to_string() == text);
        Ok(match below {
            ["events"] if write => (Self::Append, true),
            ["events"] => (Self::Events, read),
            ["producer"] => (Self::Producers, read),
            ["producer", id] => (Self::RegisterProducer(id::parse(id).ok_or_else(answer::no_route)?), write),
            ["tail"] => (Self::Tail, read),
            ["export"] => (Self::Export, read),
            ["checkpoint"] => (Self::Checkpoint, read),
            ["key"] => (Self::Key, read),
            ["tile" | "events", ..] => {
                (Self::File(files::File::parse(below).ok_or_else(answer::no_route)?), read)
            }
            ["proof", index] => (Self::Proof(number(index).ok_or_else(answer::no_route)?), read),
            ["consistency"] if write => (Self::ProveSince, true),
            ["consistency"] => (Self::Consistency, read),
            ["retention"] if write => (Self::SetRetention, true),
            ["retention"] => (Self::Retention, read),
            ["hold"] => (Self::Holds, read),
            ["hold", hold] if write => (Self::PlaceHold(name(hold)?), true),
            ["hold", hold] => (Self::ReleaseHold(name(hold)?), method == Delete),
            ["prune"] => (Self::Prune, write),
            _ => return Err(answer::no_route()),
        })
    }
}

/// All that one operation works with.
struct Work<'a> {
    node: &'a Node,
    access: &'a Access,
    asked: &'a Asked,
    reply: &'a Reply,
    body: &'a [u8],
    log: AuditLog,
    tenant: Tenant,
}

impl Work<'_> {
    fn answer(&self, which: Which, verb: &Verb) -> Result<Response, Response> {
        let id = if which == Which::Global { LogId::Global } else { LogId::Tenant(self.tenant) };
        match verb {
            Verb::Append => self.append(),
            Verb::Producers => self.producers(),
            Verb::RegisterProducer(id) => self.register_producer(*id),
            Verb::Events => self.events(),
            Verb::Tail => self.tail(),
            Verb::Export => self.export(),
            Verb::Checkpoint => self.checkpoint(id),
            Verb::Key => {
                let key = self.log.verifier_key(id).map_err(|error| failed(&error))?;
                Ok(self.reply.data(&json!({ "origin": key.origin().to_string(), "key": key.to_string() })))
            }
            Verb::File(file) => file.read(&self.log, id),
            Verb::Proof(index) => self.proof(*index),
            Verb::Consistency => self.consistency(id),
            Verb::ProveSince => self.prove_since(id),
            Verb::Retention => self.retention(),
            Verb::SetRetention => self.set_retention(),
            Verb::Holds => self.holds(),
            Verb::PlaceHold(name) => self.place_hold(name),
            Verb::ReleaseHold(name) => self.release_hold(name),
            Verb::Prune => self.prune(),
        }
    }

    /// Has the log take over all that was answered so far. Where it cannot, what it has is shown all the same.
    fn catch_up(&self) {
        if let Err(error) = self.node.log_all(&self.access.open) {
            tracing::warn!(error = &error as &dyn std::error::Error, "a listing of events is not up to date");
        }
    }
}
